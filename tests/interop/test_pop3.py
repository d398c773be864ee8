"""curl, getmail and poplib fetch mail over POP3 as it is stored."""

import asyncio
import os
import poplib
import pwd
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from interop.programs import BOB, HOST, certificate, needs, run
from interop.test_curl import curl
from kit.live import LiveServer, live_server
from kit.wire import ImapWire, trusting_context

CONTENTS = (
    b"Subject: dots\r\n\r\n.\r\n..\r\n.line\r\nend\r\n",
    b"Subject: eight bits\r\n\r\nGr\xc3\xbc\xc3\x9fe \xff\xfe\r\n",
    b"Subject: long\r\n\r\n" + (b"x" * 998 + b"\r\n") * 300,
    b"Subject: no end\r\n\r\nno end",
    b"Subject: bare\n\n.\nbare\n",
    b"\r\nno header\r\n",
)

GETMAIL = """
[retriever]
type = SimplePOP3SSLRetriever
server = localhost
port = {port}
username = {user}
password = {password}
ca_certs = {certificate}

[destination]
type = Maildir
path = {maildir}/
user = {owner}

[options]
read_all = false
delete = {delete}
delivered_to = false
received = false
"""


async def fill(server: LiveServer) -> None:
    imap = await ImapWire.open(server.port("IMAPS"), BOB, server.password, tls=True)
    for content in CONTENTS:
        answer = await imap.append("INBOX", content)
        assert answer.startswith(b"OK"), answer
    await imap.wire.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LiveServer]:
    """A server with two workers, where bob has `CONTENTS`."""
    with live_server(tmp_path, {"WORKERS": "2"}) as running:
        asyncio.run(fill(running))
        yield running
        assert "Traceback" not in running.log()


def in_lines(content: bytes) -> bytes:
    """With a CRLF at the end of each line."""
    lines = content.replace(b"\r\n", b"\n").split(b"\n")
    return b"\r\n".join(lines if not lines[-1] else [*lines, b""])


class TestPoplib:
    def fetched(self, client: poplib.POP3) -> list[bytes]:
        count, size_bytes = client.stat()
        _, told, _ = client.list()
        found = [
            b"".join(line + b"\r\n" for line in client.retr(number)[1])
            for number in range(1, count + 1)
        ]
        assert [int(line.split()[1]) for line in told] == [len(content) for content in found]
        assert size_bytes == sum(map(len, found))
        return found

    def test_tls_from_the_start(self, server: LiveServer) -> None:
        client = poplib.POP3_SSL(HOST, server.port("POP3S"), context=trusting_context(), timeout=30)
        assert client.capa()["UTF8"] == ["USER"]
        with pytest.raises(poplib.error_proto, match=r"\[AUTH\]"):
            log_in(client, "wrong")
        log_in(client, server.password)
        assert self.fetched(client) == [in_lines(content) for content in CONTENTS]
        _, top, _ = client.top(1, 2)
        assert top == [b"Subject: dots", b"", b".", b".."]
        assert len(set(client.uidl()[1])) == len(CONTENTS)
        client.quit()

    def test_stls(self, server: LiveServer) -> None:
        client = poplib.POP3(HOST, server.port("POP3"), timeout=30)
        assert "STLS" in client.capa()
        with pytest.raises(poplib.error_proto, match="TLS"):
            client.user(BOB)
        client.stls(trusting_context())
        client.utf8()
        log_in(client, server.password)
        client.dele(2)
        client.dele(1)
        client.rset()
        client.dele(3)
        client.quit()
        client = poplib.POP3_SSL(HOST, server.port("POP3S"), context=trusting_context(), timeout=30)
        log_in(client, server.password)
        kept = [*CONTENTS[:2], *CONTENTS[3:]]
        assert self.fetched(client) == [in_lines(content) for content in kept]
        client.close()


def log_in(client: poplib.POP3, password: str) -> None:
    client.user(BOB)
    client.pass_(password)


@needs("curl")
def test_curl(server: LiveServer) -> None:
    pop3s = f"pop3s://{HOST}:{server.port('POP3S')}"
    pop3 = f"pop3://{HOST}:{server.port('POP3')}"
    listed = curl(server, BOB, f"{pop3s}/").split()
    sizes = [str(len(in_lines(content))) for content in CONTENTS]
    assert listed[1::2] == sizes
    text = curl(server, BOB, "--ssl-reqd", f"{pop3}/1")
    assert text.encode() == CONTENTS[0]
    top = curl(server, BOB, "--ssl-reqd", "--request", "TOP 1 1", f"{pop3}/")
    assert top.splitlines() == ["Subject: dots", "", "."]
    for mechanism in ("PLAIN", "SCRAM-SHA-256"):
        # 67 where this curl has no such mechanism
        options = ("--login-options", f"AUTH={mechanism}")
        curl(server, BOB, *options, f"{pop3s}/", status=None if "SCRAM" in mechanism else 0)
    curl(server, BOB, "--request", "DELE 1", "--head", f"{pop3s}/")
    assert curl(server, BOB, f"{pop3s}/").split()[1::2] == sizes[1:]
    curl(server, "nobody@example.test", f"{pop3s}/", status=67)


class TestGetmail:
    pytestmark = needs("getmail")

    def fetch(self, server: LiveServer, folder: Path, *, delete: bool) -> list[bytes]:
        """Run getmail; gives what lies in the Maildir."""
        maildir = folder / "mail"
        for part in ("cur", "new", "tmp"):
            (maildir / part).mkdir(parents=True, exist_ok=True)
        owner = pwd.getpwuid(os.getuid())
        if owner.pw_uid == 0:  # getmail delivers nothing as root
            owner = pwd.getpwnam("nobody")
            for path in (maildir, *maildir.iterdir()):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        rc = folder / "getmailrc"
        rc.write_text(
            GETMAIL.format(
                port=server.port("POP3S"),
                user=BOB,
                password=server.password,
                certificate=certificate(server, folder),
                maildir=maildir,
                owner=owner.pw_name,
                delete=str(delete).lower(),
            )
        )
        run("getmail", f"--getmaildir={folder}", f"--rcfile={rc}")
        own = b"Return-Path: <unknown>\n"  # getmail adds it where there is none
        return sorted(path.read_bytes().removeprefix(own) for path in (maildir / "new").iterdir())

    @pytest.fixture
    def folder(self) -> Iterator[Path]:
        """A folder that other users may look into."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            folder.chmod(0o755)
            yield folder

    def test_fetches_each_message_once_as_it_is(self, server: LiveServer, folder: Path) -> None:
        expected = sorted(in_lines(content).replace(b"\r\n", b"\n") for content in CONTENTS)
        assert self.fetch(server, folder, delete=False) == expected
        assert self.fetch(server, folder, delete=False) == expected  # ids are known already
        assert server.stop() == 0
        server.start()
        assert self.fetch(server, folder, delete=True) == expected
        client = poplib.POP3_SSL(HOST, server.port("POP3S"), context=trusting_context(), timeout=30)
        log_in(client, server.password)
        assert client.stat() == (0, 0)
        client.quit()
