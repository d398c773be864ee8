"""mbsync keeps a Maildir and an account alike, in both directions."""

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from interop.programs import ALICE, BOB, certificate, log_in, messages, needs, run
from kit.live import LiveServer

pytestmark = needs("mbsync")

MANY = 2_000
SYNC_S = 300

SETTINGS = """
IMAPAccount alice
Host localhost
Port {port}
User {user}
Pass "{password}"
SSLType IMAPS
SystemCertificates no
CertificateFile {certificate}

IMAPStore far
Account alice

MaildirStore near
Path {maildir}/
Inbox {maildir}/INBOX
SubFolders Verbatim

Channel both
Far :far:
Near :near:
Patterns "Sync*"
Create Both
Remove Both
Expunge Both
SyncState *
"""


class Sync:
    """A Maildir beside an account."""

    def __init__(self, server: LiveServer, folder: Path, user: str = ALICE) -> None:
        folder.mkdir(exist_ok=True)
        self._server = server
        self.maildir = folder / "mail"
        self.maildir.mkdir()
        self._settings = folder / "mbsyncrc"
        self._settings.write_text(
            SETTINGS.format(
                port=server.port("IMAPS"),
                user=user,
                password=server.password,
                certificate=certificate(server, folder),
                maildir=self.maildir,
            )
        )

    def run(self) -> str:
        return run("mbsync", "-c", str(self._settings), "-V", "both", limit_s=SYNC_S)

    def contents(self, mailbox: str) -> "Counter[bytes]":
        """How often which content is there, without the field that mbsync adds to copies."""
        return Counter(
            b"".join(
                line
                for line in path.read_bytes().splitlines(keepends=True)
                if not line.startswith(b"X-TUID: ")
            )
            for part in ("cur", "new")
            for path in (self.maildir / mailbox / part).iterdir()
        )

    def flags(self, mailbox: str) -> "Counter[str]":
        """How many messages have which flags."""
        folder = self.maildir / mailbox
        names = (path.name for part in ("cur", "new") for path in (folder / part).iterdir())
        return Counter("".join(sorted(name.partition(":2,")[2])) for name in names)

    def files(self, mailbox: str = "Sync") -> dict[str, Path]:
        """The messages by the first word of their subject."""
        found = {}
        for part in ("cur", "new"):
            for path in (self.maildir / mailbox / part).glob("*"):
                subject = path.read_text().partition("Subject: ")[2]
                found[subject.split()[0]] = path
        return found

    def add(self, word: str) -> None:
        path = self.maildir / "Sync" / "cur" / f"1.{word}:2,"
        path.write_text(f"Subject: {word} near\nFrom: a@example.test\n\nFrom near.\n")


def test_both_ways(server: LiveServer, tmp_path: Path) -> None:
    sync = Sync(server, tmp_path)
    with log_in(server, ALICE) as client:
        client.create("Sync")
        client.create("Sync/Below")
        for word in ("one", "two", "three", "four"):
            text = f"Subject: {word} far\r\nFrom: a@example.test\r\n\r\nFrom afar.\r\n"
            assert client.append("Sync", None, None, text.encode())[0] == "OK"
        sync.run()
        assert set(sync.files()) == {"one", "two", "three", "four"}
        assert (sync.maildir / "Sync/Below").is_dir()

        sync.add("five")
        sync.add("six")
        one = sync.files()["one"]
        one.rename(one.parent.parent / "cur" / (one.name.partition(":")[0] + ":2,FS"))
        two = sync.files()["two"]
        two.rename(two.parent.parent / "cur" / (two.name.partition(":")[0] + ":2,T"))
        client.select("Sync")
        client.store("3", "+FLAGS", r"(\Answered)")
        client.store("4", "+FLAGS", r"(\Deleted)")
        client.expunge()
        sync.run()
        assert set(sync.files()) == {"one", "three", "five", "six"}
        assert sync.files()["three"].name.endswith(":2,R")
        client.noop()
        _, flagged = client.search(None, "FLAGGED", "SEEN")
        assert flagged == [b"1"]
        assert client.search(None, "ALL")[1] == [b"1 2 3 4"]
        assert client.search(None, "SUBJECT", "two")[1] == [b""]
    (five,) = messages(server, ALICE, "five near", "Sync")
    assert b"From near." in five

    before = {word: path.name for word, path in sync.files().items()}
    sync.run()
    assert {word: path.name for word, path in sync.files().items()} == before


def odd_messages(count: int) -> Iterator[bytes]:
    """Messages as they lie in Maildirs, many of them not as they should be."""
    chance = random.Random(3)
    binary = bytes(byte for byte in range(1, 256) if byte not in b"\r\n")
    bodies = (
        lambda: b"plain\n" * chance.randint(1, 200),
        lambda: "Grüße aus 東京 ☃\n".encode() * chance.randint(1, 50),
        lambda: "Grüße".encode("latin-1") + b"\n",
        lambda: b"x" * chance.choice((997, 998, 999, 20_000)) + b"\n",
        lambda: bytes(chance.choices(binary, k=chance.randint(1, 5_000))) + b"\n",
        lambda: b"no line end",
        lambda: b"",
        lambda: b".\n..\n.x\nFrom me\n>From you\n\n\n\n",
        lambda: b" \n\t\n trailing \t \n",
        lambda: b"--b\nContent-Type: text/plain\n\nx\n--b\n\nnever closed",
    )
    for number in range(count):
        head = b"Subject: number %d\nFrom: a@example.test\n" % (number if number % 50 else 0)
        if number % 7 == 0:
            head += b"Content-Type: multipart/mixed; boundary=b\n"
        if number % 11 == 0:
            head += b"X-Odd:\nX-Empty: \nX-8-bit: \xff\xc3\xbc\nX-Folded: a\n\tb\n  c \n"
        if number % 101 == 0:
            head += b"X-Long: " + b"y" * 5_000 + b"\n"
        yield head + b"\n" + bodies[number % len(bodies)]()


@pytest.mark.timeout(3 * SYNC_S)
def test_two_thousand_messages_and_back(server: LiveServer, tmp_path: Path) -> None:
    """From one Maildir to the server, from there to another; byte by byte and flag by flag."""
    near, other = (Sync(server, tmp_path / name, BOB) for name in ("near", "other"))
    folder = near.maildir / "SyncMany"
    for part in ("cur", "new", "tmp"):
        (folder / part).mkdir(parents=True)
    flags = ("", "S", "FS", "RS", "DS", "FRS")
    for number, content in enumerate(odd_messages(MANY)):
        name = f"1.{number}.x:2,{flags[number % len(flags)]}"
        (folder / "cur" / name).write_bytes(content)
    sent, sent_flags = near.contents("SyncMany"), near.flags("SyncMany")
    near.run()
    other.run()
    assert other.contents("SyncMany") == sent
    assert other.flags("SyncMany") == sent_flags
    with log_in(server, BOB) as client:
        client.select("SyncMany", readonly=True)
        _, found = client.fetch(f"1:{MANY}", "(RFC822.SIZE BODY.PEEK[])")
    stored = [item[1] for item in found if isinstance(item, tuple)]
    assert len(stored) == MANY
    assert not any(content.replace(b"\r\n", b"").count(b"\n") for content in stored)
    # What one changes the other gets, and a further run finds nothing to do.
    for path in sorted((other.maildir / "SyncMany" / "cur").iterdir())[:100]:
        path.rename(path.parent / (path.name.partition(":")[0] + ":2,T"))
    other.run()
    near.run()
    assert near.contents("SyncMany") == other.contents("SyncMany")
    assert near.flags("SyncMany") == other.flags("SyncMany")
    assert near.contents("SyncMany").total() == MANY - 100
    before = sorted(path.name for path in (folder / "cur").iterdir())
    near.run()
    assert sorted(path.name for path in (folder / "cur").iterdir()) == before
