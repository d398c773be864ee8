"""What was sent is what is read, byte for byte."""

import asyncio
import base64
import os
import re
import shutil
from collections import Counter

import pytest

from kit.app import PASSWORD, AppUnderTest
from kit.wire import ImapWire, SmtpWire
from scenarios.relay import relay_to, without_trace

SENDER = "someone@outside.test"
ALICE = "alice@example.test"
MESSAGES = 1000
SOURCE = shutil.which("smtp-source", path=os.environ.get("PATH", "") + ":/usr/sbin")


def _attachment(size_bytes: int) -> bytes:
    head = (
        b"Subject: large\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    )
    lines = base64.encodebytes(os.urandom(size_bytes)).replace(b"\n", b"\r\n")
    return head + lines


ODD = {
    "eight bit": "Subject: Grüße\r\n\r\nÄpfel und Öl\r\n".encode("latin-1"),
    "utf-8": "Subject: Grüße 📮\r\n\r\nÄpfel\r\n".encode(),
    "every byte": b"Subject: b\r\n\r\n" + bytes(set(range(1, 256)) - {10, 13}) + b"\r\n",
    "long line": b"Subject: l\r\n\r\n" + b"x" * 65_530 + b"\r\n",
    "long header": b"Subject: " + b"y " * 30_000 + b"\r\n\r\nb\r\n",
    "dots": b".\r\n..\r\n.x\r\n\r\n.\r\n..\r\n...\r\n.\r\n.end\r\n",
    "header only": b"Subject: none\r\n",
    "empty body": b"Subject: none\r\n\r\n",
    "empty header": b"\r\nbody\r\n",
    "no header": b"this is no header\r\nat all\r\n",
    "blank lines": b"\r\n\r\n\r\n",
    "one line end": b"\r\n",
    "mbox line": b"From someone Sat Jan  1 00:00:00 2026\r\nSubject: x\r\n\r\nFrom here\r\n",
    "folded": b"Subject: a\r\n b\r\n\tc\r\nX-Empty:\r\n \r\n\r\nbody\r\n",
    "spaces": b"Subject: s  \r\n\r\nends with spaces   \r\n\t\r\n   \r\n",
    "own trace": b"Received: from a\r\n\tby b; now\r\nReceived: from c\r\n\r\nb\r\n",
    "open multipart": b'Content-Type: multipart/mixed; boundary="q"\r\n\r\n--q\r\n\r\nno end\r\n',
    "compressible": b"Subject: z\r\n\r\n" + b"0" * 60 + b"\r\n" + (b"a" * 70 + b"\r\n") * 50_000,
    "5 MB": _attachment(5_000_000 * 3 // 4),
}
OPEN_END = {
    "no newline at the end": b"Subject: n\r\n\r\nlast line",
    "one byte": b"x",
    "one dot": b".",
}
NOT_BY_SMTP = {
    "bare line feeds": b"Subject: n\n\na\nb\n",
    "bare returns": b"Subject: n\r\rb\r\n\r\n",
    "NUL": b"Subject: n\r\n\r\na\0b\r\n\0\r\n",
}


async def _inbox(server: AppUnderTest) -> ImapWire:
    return await ImapWire.open(server.ports["imap"], ALICE, PASSWORD, select="INBOX")


async def _stored(server: AppUnderTest) -> list[bytes]:
    imap = await _inbox(server)
    found = await imap.bodies()
    await imap.wire.close()
    return list(found.values())


@pytest.mark.skipif(SOURCE is None, reason="needs smtp-source")
async def test_a_thousand_messages_of_smtp_source(server: AppUnderTest) -> None:
    assert SOURCE is not None
    async with relay_to(server.ports["smtp"]) as relay:
        process = await asyncio.create_subprocess_exec(
            SOURCE,
            *("-s", "10", "-m", str(MESSAGES), "-l", "6000", "-M", "client.test"),
            *("-f", SENDER, "-t", ALICE, f"127.0.0.1:{relay.port}"),
        )
        assert await asyncio.wait_for(process.wait(), 100) == 0
    sent = relay.contents()
    assert len(sent) == len(set(sent)) == MESSAGES
    stored = await _stored(server)
    assert Counter(map(without_trace, stored)) == Counter(sent)


async def test_odd_messages_by_data_and_bdat(server: AppUnderTest) -> None:
    smtp = await SmtpWire.open(server.ports["smtp"])
    sent: list[bytes] = []
    for name, content in (ODD | OPEN_END).items():
        if content.endswith(b"\r\n"):
            answer = await smtp.data(SENDER, (ALICE,), content)
            assert answer[0] == 250, (name, answer)
            sent.append(content)
        for pieces in (1, 3):
            step = -(-len(content) // pieces)
            chunks = [content[at : at + step] for at in range(0, len(content), step)]
            answer = await smtp.bdat(SENDER, (ALICE,), chunks)
            assert answer[0] == 250, (name, answer)
            sent.append(content)
    await smtp.wire.close()
    stored = await _stored(server)
    assert len(stored) == len(sent)
    for before, after in zip(sent, stored, strict=True):
        if after.endswith(b"\r\n\r\n" + _shown(before)):  # the blank line before what is no header
            continue
        assert without_trace(after) == _shown(before)


async def test_odd_messages_by_append(server: AppUnderTest) -> None:
    imap = await _inbox(server)
    sent: list[bytes] = []
    for name, content in (ODD | OPEN_END | NOT_BY_SMTP).items():
        answer = await imap.append("INBOX", content, "~" if b"\0" in content else "")
        assert answer.startswith(b"OK"), (name, answer)
        sent.append(content)
    assert list((await imap.bodies()).values()) == list(map(_shown, sent))
    for number, content in enumerate(sent, 1):
        head, body = await _in_parts(imap, number)
        assert head + body == _shown(content)
        assert (await imap.ok(f"FETCH {number} BINARY.PEEK[]"))[0][1] == content
    await imap.wire.close()


def _shown(content: bytes) -> bytes:
    """What BODY[] tells, which can't hold NUL; BINARY[] tells what is stored."""
    return content.replace(b"\0", b"\x80")


async def _in_parts(imap: ImapWire, number: int) -> tuple[bytes, bytes]:
    """Header and text, in two FETCHes of parts of the content (RFC 9051 §6.4.5)."""
    halves = []
    for section in ("HEADER", "TEXT"):
        pieces = b""
        while True:
            command = f"FETCH {number} BODY.PEEK[{section}]<{len(pieces)}.3000000>"
            answer = (await imap.ok(command))[0]
            piece = answer[1] if len(answer) > 2 else _quoted(answer[0])
            pieces += piece
            if len(piece) < 3_000_000:
                break
        halves.append(pieces)
    return halves[0], halves[1]


def _quoted(line: bytes) -> bytes:
    found = re.search(rb'\]<\d+> "(.*)"\)$', line, re.S)
    assert found is not None, line
    return re.sub(rb"\\(.)", rb"\1", found[1])
