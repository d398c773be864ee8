"""mbsync keeps a Maildir and an account alike, in both directions."""

from pathlib import Path

from interop.programs import ALICE, certificate, log_in, messages, needs, run
from kit.live import LiveServer

pytestmark = needs("mbsync")

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

    def __init__(self, server: LiveServer, folder: Path) -> None:
        self._server = server
        self.maildir = folder / "mail"
        self.maildir.mkdir()
        self._settings = folder / "mbsyncrc"
        self._settings.write_text(
            SETTINGS.format(
                port=server.port("IMAPS"),
                user=ALICE,
                password=server.password,
                certificate=certificate(server, folder),
                maildir=self.maildir,
            )
        )

    def run(self) -> None:
        run("mbsync", "-c", str(self._settings), "-V", "both")

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
