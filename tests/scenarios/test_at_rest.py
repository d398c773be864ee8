"""A second look at the data folder: no word of mail, calendars or contacts is in any file."""

import asyncio
import base64
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from kit.documents import pdf
from kit.http import HttpWire
from kit.live import LiveServer, live_server
from kit.wire import ImapWire, ManageSieveWire, SmtpWire

ALICE, BOB = "alice@example.test", "bob@example.test"
ROOT = "Quokkaparade"
"""Every word looked for begins with it; the rest tells where it was."""
WORDS = tuple(
    ROOT + place
    for place in (
        "Subject",
        "Body",
        "Filename",
        "Attachment",
        "Large",
        "Name",
        "Local",
        "Appended",
        "Searched",
        "Queued",
        "Scripted",
        "Meeting",
        "Contact",
        "Calendar",
    )
)
LARGE_BYTES = 1_500_000


def _message() -> bytes:
    quokka, finken, name, inside, large, display, local, *_ = WORDS
    attachment = base64.encodebytes(pdf(f"{inside} " * 20)).replace(b"\n", b"\r\n")
    return (
        f'From: "{display}" <{local}@outside.test>\r\nTo: alice@example.test\r\n'
        f"Subject: {quokka}\r\nMIME-Version: 1.0\r\nX-Other: {large}\r\n"
        'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
        f"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{finken} {finken}\r\n"
        f'--b\r\nContent-Type: application/pdf; name="{name}.pdf"\r\n'
        f'Content-Disposition: attachment; filename="{name}.pdf"\r\n'
        "Content-Transfer-Encoding: base64\r\n\r\n"
    ).encode() + attachment


def _large(word: str) -> bytes:
    """More than the store keeps in the database, and hardly to be compressed."""
    rows = (f"{word} {zlib.crc32(b'%d' % at):08x}{at * at:x}\r\n" for at in range(80_000))
    return f"Subject: {word}\r\n\r\n{''.join(rows)}".encode()


def forms(word: str) -> Iterator[bytes]:
    """What a word may look like in a file."""
    for text in (word, word.lower(), word.upper()):
        yield text.encode()
        yield text.encode("utf-16-le")
        yield text.encode().hex().encode()
        for shift in range(3):
            # Only the characters that no neighbour of the word has a part in.
            encoded = base64.b64encode(b"\0" * shift + text.encode()).rstrip(b"=")
            yield encoded[(0, 2, 3)[shift] : -1]


def leaks(
    folder: Path, shapes: Iterable[bytes], passed_over: frozenset[Path] = frozenset()
) -> list[str]:
    """The files below `folder` that hold any of `shapes`, each with what was found."""
    found = []
    for path in folder.rglob("*"):
        if path.is_file() and path.parent not in passed_over:
            data = path.read_bytes()
            for shape in shapes:
                at = data.find(shape)
                if at >= 0:
                    found.append(f"{path.relative_to(folder)}: {data[at : at + 60]!r}")
                    break
    return found


ALL = tuple(forms(ROOT))


def test_the_second_look_finds_words(tmp_path: Path) -> None:
    for at, word in enumerate(WORDS):
        (tmp_path / f"{at}-plain").write_bytes(word.encode())
        (tmp_path / f"{at}-base64").write_bytes(base64.b64encode(b"of " + word.encode() + b" it"))
        (tmp_path / f"{at}-wide").write_bytes(word.encode("utf-16"))
    assert len(leaks(tmp_path, ALL)) == 3 * len(WORDS)


async def _use_dav(server: LiveServer) -> None:
    """Everything that words of calendars and address books pass through."""
    meeting, contact, calendar = WORDS[11:14]
    http = await HttpWire.open(server.port("HTTPS"), ALICE, server.password)
    event = (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\nBEGIN:VEVENT\r\n"
        f"UID:{meeting}\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260102T100000Z\r\n"
        f"DURATION:PT1H\r\nSUMMARY:{meeting}\r\nORGANIZER:mailto:{ALICE}\r\n"
        f"ATTENDEE;CN={meeting}:mailto:{BOB}\r\nATTENDEE;CN={meeting}:mailto:friend@outside.test\r\n"
        "END:VEVENT\r\nEND:VCALENDAR\r\n"
    ).encode()
    card = (
        f"BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{contact}\r\nFN:{contact}\r\nN:{contact};;;;\r\n"
        f"EMAIL:{contact}@outside.test\r\nBDAY:1990-01-02\r\nNOTE:{contact} {'x' * 5000}\r\n"
        "END:VCARD\r\n"
    ).encode()
    home, book = f"/dav/calendars/{ALICE}/personal", f"/dav/contacts/{ALICE}/contacts"
    for path, content, kind in (
        (f"{home}/{meeting}.ics", event, "text/calendar"),
        (f"{book}/{contact}.vcf", card, "text/vcard"),
        (f"{book}/{contact}-gone.vcf", card.replace(b"UID:", b"UID:gone-"), "text/vcard"),
    ):
        answer = await http.ask("PUT", path, content, {"Content-Type": kind})
        assert answer.status == 201, answer
    gone = await http.ask("DELETE", f"{book}/{contact}-gone.vcf")
    assert gone.status == 204, gone
    named = (
        '<propertyupdate xmlns="DAV:"><set><prop>'
        f'<displayname>{calendar}</displayname><x xmlns="urn:{calendar}">{calendar}</x>'
        "</prop></set></propertyupdate>"
    ).encode()
    answer = await http.ask("PROPPATCH", f"{home}/", named, {"Content-Type": "application/xml"})
    assert answer.status == 207, answer
    assert b"HTTP/1.1 200" in answer.body, answer
    asked = f"{home}/{meeting}.ics?{calendar}"
    answer = await http.ask("GET", asked)
    assert answer.status == 200, answer
    assert meeting in answer.text
    await http.wire.close()


async def _use(server: LiveServer) -> None:
    """Everything that words of mail pass through."""
    large, listed, searched, draft, scripted = WORDS[4], WORDS[7], WORDS[8], WORDS[9], WORDS[10]
    sieve = await ManageSieveWire.open(server.port("MANAGESIEVE"), ALICE, server.password, tls=True)
    script = (
        'require ["vacation", "editheader", "duplicate", "vnd.pillarbox.trace"];\n'
        f'addheader "X-By" "{scripted}"; trace "{scripted}";\n'
        f'if not duplicate :uniqueid "{scripted}" {{ vacation "{scripted}"; }}\n'
    )
    await sieve.ok("PUTSCRIPT", b"mine", script.encode())
    await sieve.ok("SETACTIVE", b"mine")
    await sieve.logout()
    smtp = await SmtpWire.open(server.port("SMTP"))
    for content in (_message(), _large(large)):
        answer = await smtp.data("someone@outside.test", (ALICE, BOB), content)
        assert answer[0] == 250, answer
    user = await SmtpWire.open(server.port("SMTPS"), tls=True)
    await user.login(ALICE, server.password)
    letter = f"From: {ALICE}\r\nSubject: {draft}\r\n\r\n{draft}\r\n".encode()
    answer = await user.data(ALICE, ("friend@outside.test", BOB), letter)
    assert answer[0] == 250, answer
    imap = await ImapWire.open(
        server.port("IMAPS"), ALICE, server.password, tls=True, select="INBOX"
    )
    content = f"Subject: {listed}\r\n\r\n{listed}\r\n".encode()
    assert (await imap.append("INBOX", content)).startswith(b"OK")
    assert (await imap.append("Drafts", _large(listed))).startswith(b"OK")
    await imap.ok(f"SEARCH TEXT {searched}")
    built = await asyncio.to_thread(server.command, "index", "rebuild", ALICE)
    assert built == f"Indexed 4 messages of {ALICE}.\n"
    answer = await imap.ok(f"SEARCH TEXT {WORDS[3]}")  # inside the document
    assert answer[0][0] == b"* SEARCH 1", answer
    await imap.ok("FETCH 1:* (ENVELOPE BODYSTRUCTURE)")
    await imap.do(f'FETCH 1 BODY[HEADER.FIELDS ("{searched}")] {searched}')
    await imap.ok("COPY 1:* Trash")
    await imap.ok(r"STORE 1 +FLAGS (\Deleted)")
    await imap.ok("EXPUNGE")
    for wire in (smtp.wire, user.wire, imap.wire):
        await wire.close()


SETTINGS = {"LOG_LEVEL": "debug", "LOG_FILE": "log/pillarbox.log", "STORAGE_THRESHOLD": "64K"}


async def test_no_word_in_the_data_folder(
    tmp_path: Path, database_settings: dict[str, str]
) -> None:
    with live_server(tmp_path, SETTINGS | database_settings) as server:
        await _use(server)
        await _use_dav(server)
        assert leaks(server.data, ALL) == []  # with the log that is not yet in the database
        if database_settings:
            folder, other = await asyncio.to_thread(_postgres_folder, database_settings["DB_DSN"])
            assert leaks(folder, ALL, other) == []
        assert server.stop() == 0
        assert leaks(tmp_path, ALL) == []
        files = [path for path in server.data.rglob("*") if path.is_file()]
        assert any("log" in path.parts for path in files)
        # There were words to find.
        assert max(p.stat().st_size for p in files if "blobs" in p.parts) > LARGE_BYTES // 4
        text = (server.data / "pillarbox.conf").read_text()
        found = re.search(r"^ENCRYPTION_KEY *= *1:(\w+)", text, re.M)
        assert found is not None
        key = bytes.fromhex(found[1])
        shapes = (key, key.hex().encode(), base64.b64encode(key))
        assert [leak.partition(":")[0] for leak in leaks(server.data, shapes)] == ["pillarbox.conf"]


def _postgres_folder(dsn: str) -> tuple[Path, frozenset[Path]]:
    """Where the server keeps its data, and the folders in it of other tests' databases."""
    import psycopg

    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        folder = connection.execute("SHOW data_directory").fetchone()
        own = connection.execute(
            "SELECT oid FROM pg_database WHERE datname = current_database()"
        ).fetchone()
    assert folder is not None
    assert own is not None
    base = Path(folder[0], "base")
    assert (base / str(own[0])).is_dir()
    others = (path for path in base.iterdir() if path.name != str(own[0]))
    return Path(folder[0]), frozenset(others)
