"""Searching on a server with several workers that indexes as mail comes in."""

import asyncio
import base64
import json
import re
import time
from pathlib import Path

from kit.documents import word
from kit.live import LiveServer, live_server
from kit.wire import ImapWire, SmtpWire

ALICE = "alice@example.test"
WAIT_S = 60.0


def _with_document(text: str) -> bytes:
    content = base64.encodebytes(word(text)).replace(b"\n", b"\r\n")
    return (
        b"Subject: see attached\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b"
        b"\r\n\r\n--b\r\n\r\nhere you are\r\n--b\r\nContent-Type: application/vnd.openxmlformats-"
        b"officedocument.wordprocessingml.document; name=plan.docx\r\nContent-Transfer-Encoding:"
        b" base64\r\nContent-Disposition: attachment; filename=plan.docx\r\n\r\n"
        + content
        + b"--b--\r\n"
    )


def _status(server: LiveServer) -> dict[str, int]:
    (row,) = json.loads(server.command("index", "status", ALICE, "--json"))
    found: dict[str, int] = row
    return found


async def _found(imap: ImapWire, keys: str) -> list[int]:
    lines = [pieces[0] for pieces in await imap.ok(f"UID SEARCH {keys}")]
    (answer,) = [line for line in lines if line.startswith(b"* SEARCH")]
    return [int(number) for number in re.findall(rb" (\d+)", answer)]


async def test_as_mail_comes_in(tmp_path: Path) -> None:
    with live_server(tmp_path, {"WORKERS": "2"}) as server:
        smtp = await SmtpWire.open(server.port("SMTP"))
        imap = await ImapWire.open(
            server.port("IMAPS"), ALICE, server.password, tls=True, select="INBOX"
        )
        answer = await smtp.data("x@outside.test", (ALICE,), _with_document("Zugvogel inside"))
        assert answer[0] == 250
        # At once, before anything is indexed, and what is inside a document too.
        assert await _found(imap, "BODY zugvog") == [1]
        assert await _found(imap, "BODY plan.docx") == [1]
        for number in range(2, 62):
            content = f"Subject: number {number}\r\n\r\nbird{number:03} in flight\r\n".encode()
            assert (await smtp.data("x@outside.test", (ALICE,), content))[0] == 250
            assert await _found(imap, f"TEXT bird{number:03}") == [number]
        deadline_s = time.monotonic() + WAIT_S
        while (status := await asyncio.to_thread(_status, server))["to_do"]:
            assert time.monotonic() < deadline_s, status
        assert status["indexed"] == 61
        assert await _found(imap, "BODY zugvog") == [1]
        assert await _found(imap, "TEXT bird01") == list(range(10, 20))
        assert await _found(imap, 'SUBJECT "number 33"') == [33]
        assert await _found(imap, 'NOT BODY "in flight"') == [1]
        rebuilt = await asyncio.to_thread(server.command, "index", "rebuild", ALICE)
        assert rebuilt == f"Indexed 61 messages of {ALICE}.\n"
        assert await _found(imap, "BODY zugvog") == [1]
        await imap.wire.close()
        await smtp.wire.close()
        assert server.stop() == 0
        assert "rror" not in server.log(), server.log()
