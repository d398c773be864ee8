"""Running other people's programs, and reading what they have done."""

import imaplib
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from kit.live import LiveServer
from kit.wire import trusting_context

ALICE, BOB = "alice@example.test", "bob@example.test"
HOST = "127.0.0.1"
PROGRAM_S = 60


def needs(program: str) -> pytest.MarkDecorator:
    """Skips tests where a program is not installed."""
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"needs {program}")


def run(
    *command: str,
    input: str = "",
    env: dict[str, str] | None = None,
    status: int | None = 0,
    limit_s: float = PROGRAM_S,
    cwd: Path | None = None,
) -> str:
    """Run a program; gives what it printed, and fails where its status is another."""
    done = subprocess.run(
        command, input=input.encode(), env=env, capture_output=True, timeout=limit_s, cwd=cwd
    )
    output = (done.stdout + done.stderr).decode(errors="replace")
    assert status is None or done.returncode == status, (done.returncode, output)
    return output


def log_in(server: LiveServer, user: str) -> imaplib.IMAP4_SSL:
    """A client of the standard library."""
    client = imaplib.IMAP4_SSL(HOST, server.port("IMAPS"), ssl_context=trusting_context())
    client.login(user, server.password)
    return client


def messages(server: LiveServer, user: str, subject: str, mailbox: str = "INBOX") -> list[bytes]:
    """The messages with this subject."""
    with log_in(server, user) as client:
        status, _ = client.select(mailbox, readonly=True)
        if status != "OK":
            return []
        _, found = client.search(None, "SUBJECT", f'"{subject}"')
        numbers = found[0].replace(b" ", b",").decode()
        if not numbers:
            return []
        _, data = client.fetch(numbers, "(BODY.PEEK[])")
        return [item[1] for item in data if isinstance(item, tuple)]


def certificate(server: LiveServer, folder: Path) -> Path:
    """The server's certificate, in a file that programs are told to trust."""
    path = folder / "server.pem"
    path.write_text(ssl.get_server_certificate((HOST, server.port("IMAPS"))))
    return path
