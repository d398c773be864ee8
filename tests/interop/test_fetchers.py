"""Programs that fetch and file by themselves over IMAP: offlineimap, getmail, imapfilter."""

import imaplib
import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from interop.programs import BOB, HOST, certificate, log_in, messages, needs, run
from interop.test_mbsync import odd_messages
from kit.live import LiveServer, live_server

ODD = 60
GETMAIL_S = 20

OFFLINEIMAP = """
[general]
accounts = bob
ui = quiet
metadata = {folder}/state

[Account bob]
localrepository = near
remoterepository = far

[Repository near]
type = Maildir
localfolders = {folder}/mail
sep = /

[Repository far]
type = IMAP
remotehost = localhost
remoteport = {port}
remoteuser = {user}
remotepass = {password}
ssl = yes
sslcacertfile = {certificate}
folderfilter = lambda name: name.startswith("Offline")
"""

GETMAIL = """
[retriever]
type = SimpleIMAPSSLRetriever
server = localhost
port = {port}
username = {user}
password = {password}
ca_certs = {certificate}
mailboxes = ("Fetched",)

[destination]
type = Maildir
path = {maildir}/
user = {owner}

[options]
read_all = false
delete = true
delivered_to = false
received = false
"""

IMAPFILTER = """
options.starttls = false
options.timeout = 30
bob = IMAP {{
    server = "localhost", port = {port}, username = "{user}", password = "{password}"
}}
bob:create_mailbox("Filtered/Köln")
found = bob.Filter:contain_subject("invoice") * bob.Filter:is_unseen()
found:mark_flagged()
found:move_messages(bob["Filtered/Köln"])
old = bob.Filter:match_body("delete me")
old:delete_messages()
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LiveServer]:
    """A server of its own: these programs take all that they see."""
    with live_server(tmp_path, {"WORKERS": "2"}) as running:
        yield running
        assert "Traceback" not in running.log()


@pytest.fixture
def client(server: LiveServer) -> Iterator[imaplib.IMAP4_SSL]:
    with log_in(server, BOB) as made:
        yield made


def put(client: imaplib.IMAP4, mailbox: str, content: bytes) -> None:
    assert client.append(mailbox, None, None, content)[0] == "OK"


ADDED = (b"X-OfflineIMAP: ", b"X-getmail-retrieved-from-mailbox: ", b"Return-Path: <unknown>")


def contents(folder: Path) -> list[bytes]:
    """What lies in a Maildir, without the fields that these programs add."""
    return sorted(
        b"".join(
            line
            for line in path.read_bytes().splitlines(keepends=True)
            if not line.startswith(ADDED)
        )
        for part in ("cur", "new")
        for path in (folder / part).iterdir()
    )


@needs("offlineimap")
def test_offlineimap(server: LiveServer, client: imaplib.IMAP4_SSL, tmp_path: Path) -> None:
    """Both ways: folders, messages as they are, flags, removal."""
    folder = tmp_path / "offline"
    (folder / "mail").mkdir(parents=True)
    settings = folder / "offlineimaprc"
    settings.write_text(
        OFFLINEIMAP.format(
            folder=folder,
            port=server.port("IMAPS"),
            user=BOB,
            password=server.password,
            certificate=certificate(server, folder),
        )
    )

    def sync() -> None:
        run("offlineimap", "-o", "-c", str(settings))

    client.create("Offline/Below")
    stored = [b"Subject: %d\r\n\r\n%s\r\n" % (n, b"x" * n) for n in range(20)]
    for content in stored:
        put(client, "Offline/Below", content)
    sync()
    near = folder / "mail" / "Offline" / "Below"
    assert contents(near) == sorted(one.replace(b"\r\n", b"\n") for one in stored)

    new = near / "new" / "1.local"
    new.write_bytes(b"Subject: from here\n\nhere\n")
    client.select("Offline/Below")
    client.store("1:5", "+FLAGS", r"(\Seen \Flagged)")
    client.store("6:8", "+FLAGS", r"(\Deleted)")
    client.expunge()
    sync()
    assert len(contents(near)) == 18
    assert len([path for path in (near / "cur").iterdir() if path.name.endswith(",FS")]) == 5
    (found,) = messages(server, BOB, "from here", "Offline/Below")
    assert found.endswith(b"\r\n\r\nhere\r\n")


def getmail(server: LiveServer) -> list[bytes]:
    """Run it; gives what it has put into a new Maildir."""
    owner = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    with tempfile.TemporaryDirectory() as made:
        folder, maildir = Path(made), Path(made) / "mail"
        for name in ("cur", "new", "tmp"):
            (maildir / name).mkdir(parents=True)
        if os.geteuid() == 0:
            for path in (folder, maildir, *maildir.iterdir()):
                os.chown(path, pwd.getpwnam(owner).pw_uid, -1)
        settings = folder / "getmailrc"
        settings.write_text(
            GETMAIL.format(
                port=server.port("IMAPS"),
                user=BOB,
                password=server.password,
                certificate=certificate(server, folder),
                maildir=maildir,
                owner=owner,
            )
        )
        command = ("getmail", "--getmaildir", str(folder), "--rcfile", str(settings))
        run(*command, limit_s=GETMAIL_S)
        return contents(maildir)


@needs("getmail")
def test_getmail(server: LiveServer, client: imaplib.IMAP4_SSL) -> None:
    """It takes each message as it is, and removes it."""
    # It writes odd headers in its own way, and can't deliver a multipart that has no parts.
    odd = (one for one in odd_messages(ODD) if b"multipart" not in one and b"X-Odd" not in one)
    stored = [content.replace(b"\n", b"\r\n") for content in odd]
    fetched: list[bytes] = []
    for _ in range(3):
        client.create("Fetched")
        for content in stored:
            put(client, "Fetched", content)
        try:
            fetched = getmail(server)
        except subprocess.TimeoutExpired:
            # It writes each message in a process of its own, whose end it misses now and then.
            client.delete("Fetched")
            continue
        break
    assert fetched == sorted(one.replace(b"\r\n", b"\n") for one in stored)
    assert client.select("Fetched")[1] == [b"0"]


@needs("imapfilter")
def test_imapfilter(tmp_path: Path) -> None:
    """It searches, flags, moves and removes; it trusts no certificate that signs itself."""
    with live_server(tmp_path, {"WORKERS": "2", "TLS_MODE": "off"}) as server:
        client = imaplib.IMAP4(HOST, server.port("IMAP"))
        client.login(BOB, server.password)
        client.create("Filter")
        for subject, text in (("Invoice 1", "pay"), ("other", "delete me"), ("invoice 2", "x")):
            put(client, "Filter", f"Subject: {subject}\r\n\r\n{text}\r\n".encode())
        script = tmp_path / "script.lua"
        script.write_text(
            IMAPFILTER.format(port=server.port("IMAP"), user=BOB, password=server.password)
        )
        env = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
        run("imapfilter", "-c", str(script), env=env)
        assert client.select("Filter")[1] == [b"0"]
        assert client.select('"Filtered/K&APY-ln"')[1] == [b"2"]
        assert client.search(None, "FLAGGED")[1] == [b"1 2"]
        client.logout()
        assert "Traceback" not in server.log()
