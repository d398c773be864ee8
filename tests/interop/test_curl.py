"""curl sends and reads, on each kind of database."""

from pathlib import Path

import pytest

from interop.programs import ALICE, BOB, HOST, messages, needs, run
from kit.database import KINDS
from kit.live import LiveServer, live_server

pytestmark = needs("curl")

LETTER = "From: Bob <bob@example.test>\nSubject: by curl\n\nGrüße\n.\n..\nthe end\n"


def curl(server: LiveServer, user: str, *options: str, status: int = 0) -> str:
    login = ("--user", f"{user}:{server.password}")
    return run("curl", "--silent", "--show-error", "--insecure", *login, *options, status=status)


@pytest.mark.parametrize("kind", KINDS)
def test_sends_and_reads(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    settings = {}
    if kind == "postgresql":
        make = request.getfixturevalue("new_postgres_dsn")
        settings = {"DB_DRIVER": kind, "DB_DSN": make()}
    letter = tmp_path / "letter"
    letter.write_text(LETTER.replace("\n", "\r\n"), newline="")
    with live_server(tmp_path, settings) as server:
        addresses = ("--mail-from", BOB, "--mail-rcpt", ALICE, "--upload-file", str(letter))
        curl(server, BOB, f"smtps://{HOST}:{server.port('SMTPS')}", *addresses)
        smtp = f"smtp://{HOST}:{server.port('SUBMISSION')}"
        curl(server, BOB, "--ssl-reqd", smtp, *addresses)
        assert len(messages(server, ALICE, "by curl")) == 2
        imaps = f"imaps://{HOST}:{server.port('IMAPS')}"
        imap = f"imap://{HOST}:{server.port('IMAP')}"
        text = curl(server, ALICE, f"{imaps}/INBOX;MAILINDEX=1;SECTION=TEXT")
        assert text.replace("\r\n", "\n") == LETTER.partition("\n\n")[2]
        assert '"/" "Sent"' in curl(server, ALICE, "--ssl-reqd", f"{imap}/")
        assert "SEARCH 1 2" in curl(server, ALICE, f"{imaps}/INBOX?SUBJECT%20curl")
        curl(server, ALICE, "--upload-file", str(letter), f"{imaps}/Drafts")
        assert len(messages(server, ALICE, "by curl", "Drafts")) == 1
        assert server.stop() == 0
        assert "Traceback" not in server.log()
