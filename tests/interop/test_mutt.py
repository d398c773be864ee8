"""mutt reads, files, writes and answers, through its own commands on a pseudo-terminal."""

import os
import pty
import select
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from interop.programs import ALICE, BOB, HOST, PROGRAM_S, certificate, messages, needs, run
from kit.live import LiveServer

pytestmark = needs("mutt")

SETTINGS = """
set imap_user="{user}" imap_pass="{password}" smtp_pass="{password}"
set from="{user}" realname="Someone" use_from=yes hostname="example.test"
set spoolfile="{imap}/INBOX" folder="{imap}" record="{imap}/Sent" postponed="{imap}/Drafts"
set smtp_url="{smtp}"
set ssl_force_tls=yes ssl_verify_host=no certificate_file="{certificate}"
set quit=yes copy=yes delete=yes move=no mark_old=no confirmappend=no confirmcreate=no
set fast_reply=yes include=yes abort_unmodified=no editor="{editor}" recall=no wait_key=no
set header_cache="" read_inc=0 write_inc=0 net_inc=0 beep=no timeout=1 sleep_time=0
"""


class Mutt:
    """A user's mutt, with settings of its own."""

    def __init__(self, server: LiveServer, user: str, folder: Path) -> None:
        self._folder = folder
        self._settings = folder / "muttrc"
        editor = folder / "editor"
        editor.write_text('#!/bin/sh\necho "My answer." >>"$1"\n')
        editor.chmod(0o700)
        name = quote(user)
        self.imap = f"imaps://{name}@{HOST}:{server.port('IMAPS')}"
        self._settings.write_text(
            SETTINGS.format(
                user=user,
                password=server.password,
                imap=self.imap,
                smtp=f"smtps://{name}@{HOST}:{server.port('SMTPS')}",
                certificate=certificate(server, folder),
                editor=editor,
            )
        )

    def send(self, subject: str, to: str, text: str, *options: str) -> None:
        """Send a message without a terminal."""
        run(*self._command(), "-s", subject, *options, "--", to, input=text, env=self._env())

    def keys(self, keys: str) -> str:
        """Open the inbox and have these commands typed; gives what was on the screen."""
        command = [*self._command(), "-e", f"push '{keys}<quit>'", "-f", f"{self.imap}/INBOX"]
        terminal, theirs = pty.openpty()
        process = subprocess.Popen(
            command, env=self._env(), stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        seen = b""
        until_s = time.monotonic() + PROGRAM_S
        try:
            while time.monotonic() < until_s:
                ready, _, _ = select.select([terminal], [], [], 1.0)
                if ready:
                    seen += os.read(terminal, 1 << 16)
        except OSError:
            pass  # the other end of the terminal is closed: mutt has ended
        finally:
            os.close(terminal)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        assert process.returncode == 0, seen
        return seen.decode(errors="replace")

    def _command(self) -> list[str]:
        return ["mutt", "-n", "-F", str(self._settings)]

    def _env(self) -> dict[str, str]:
        home = str(self._folder)
        return {"PATH": os.environ["PATH"], "HOME": home, "TERM": "vt100", "LC_ALL": "C.UTF-8"}


@pytest.fixture
def alice(server: LiveServer, tmp_path: Path) -> Mutt:
    (tmp_path / "alice").mkdir()
    return Mutt(server, ALICE, tmp_path / "alice")


@pytest.fixture
def bob(server: LiveServer, tmp_path: Path) -> Mutt:
    (tmp_path / "bob").mkdir()
    return Mutt(server, BOB, tmp_path / "bob")


def open_message(subject: str) -> str:
    """The keys that show only one message and select it."""
    return f'<limit>~s "{subject}"<enter><first-entry>'


def test_question_and_answer(server: LiveServer, alice: Mutt, bob: Mutt) -> None:
    attached = bob._folder / "note.txt"
    attached.write_text("attached\n")
    bob.send("Question by mutt", ALICE, "Grüße\n.\nAre you there?\n", "-a", str(attached))
    assert len(messages(server, BOB, "Question by mutt", "Sent")) == 1
    (question,) = messages(server, ALICE, "Question by mutt")
    assert b"note.txt" in question

    screen = alice.keys(open_message("Question by mutt") + "<reply><send-message>")
    assert "Question by mutt" in screen
    (answer,) = messages(server, BOB, "Re: Question by mutt")
    assert b"My answer." in answer
    (sent,) = messages(server, ALICE, "Re: Question by mutt", "Sent")
    assert b"My answer." in sent
    number = question.partition(b"Message-ID: ")[2].partition(b"\r\n")[0]
    assert b"In-Reply-To: " + number in answer


def test_filing(server: LiveServer, alice: Mutt, bob: Mutt) -> None:
    bob.send("File me", ALICE, "text\n")
    bob.send("Delete me", ALICE, "text\n")
    bob.send("Flag me", ALICE, "text\n")
    alice.keys(
        open_message("File me")
        + "<save-message><kill-line>=Archive<enter>"
        + open_message("Delete me")
        + "<delete-message>"
        + open_message("Flag me")
        + "<flag-message><display-message><exit><sync-mailbox>"
    )
    assert len(messages(server, ALICE, "File me", "Archive")) == 1
    assert messages(server, ALICE, "File me") == []
    assert messages(server, ALICE, "Delete me") == []
    assert len(messages(server, ALICE, 'Flag me" FLAGGED SUBJECT "Flag')) == 1


def test_searching_on_the_server(server: LiveServer, alice: Mutt, bob: Mutt) -> None:
    """`=` makes mutt ask the server (IMAP SEARCH) instead of reading every message."""
    bob.send("Searched one", ALICE, "A needle in here\n")
    bob.send("Searched two", ALICE, "Only hay in here\n")
    screen = alice.keys('<limit>=b "needle in"<enter><first-entry><flag-message><sync-mailbox>')
    assert "Searched one" in screen
    assert len(messages(server, ALICE, 'Searched" FLAGGED SUBJECT "one')) == 1
    assert messages(server, ALICE, 'Searched" FLAGGED SUBJECT "two') == []
