"""Any words in any order: the session answers each command and never fails on its own account."""

import asyncio
import re
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.clock import FakeClock
from kit.database import new_dialect, open_database
from kit.imap import open_mail_house
from pillarbox.cluster.bus import LocalBus
from pillarbox.protocols.imap.options import ImapOptions

WORDS = (
    "FETCH SEARCH STORE COPY MOVE EXPUNGE SELECT EXAMINE CLOSE LIST LSUB STATUS CREATE DELETE "
    "RENAME SUBSCRIBE APPEND NOOP ENABLE UID INBOX Trash a/b 1 1:* 2:1 * $ 4294967295 1,2,3 "
    "(FLAGS) (UID BODY[]) BODY[1.MIME] BODY.PEEK[HEADER.FIELDS (a)]<0.9> BINARY[1] BINARY.SIZE[] "
    "ENVELOPE BODYSTRUCTURE FULL PREVIEW (CHANGEDSINCE 1) +FLAGS -FLAGS.SILENT FLAGS (\\Seen) Work "
    "(UNCHANGEDSINCE 1) ALL OR NOT UNSEEN TEXT hello SUBJECT BODY HEADER RETURN (SAVE) (MIN ALL) "
    "MODSEQ 1 BEFORE 1-Feb-2024 SENTSINCE LARGER 9 KEYWORD EMAILID M0000000000000 OLDER (MESSAGES) "
    '"" % * (SUBSCRIBED) RETURN (STATUS (SIZE)) {3+}\r\nabc {0+}\r\n CONDSTORE UTF8=ACCEPT &AOk- '
    "(USE (\\Sent)) \\Seen YOUNGER 1 CHARSET UTF-8"
).split(" ")
MULTIPART = (
    b"Subject: hello\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nhello\r\n--b--\r\n"
)
COMMANDS = st.lists(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join), min_size=20, max_size=50
)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(COMMANDS)
def test_every_command_is_answered(commands: list[str]) -> None:
    asyncio.run(_run(commands))


async def _run(commands: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bus, clock = LocalBus(), FakeClock()
        path = Path(folder)
        dialect = new_dialect("sqlite", path, lambda: "")
        database = open_database(dialect, path, clock, bus.publish)
        try:
            house = await open_mail_house(database, bus, path, clock)
            await house.deliver(MULTIPART)
            await house.deliver(b"")
            options = ImapOptions(max_bad_commands=1000)
            talk = await house.talk(options=options).login("SELECT INBOX")
            for command in commands:
                answer = await talk.say(f"t {command}\r\n".encode())
                assert b"SERVERBUG" not in answer, command
                assert re.search(rb"^(t|\*) (OK|NO|BAD) [^\r\n]*\r\n\Z", answer, re.MULTILINE)
                if talk.session.view is None:
                    await talk.ask("SELECT INBOX")
        finally:
            await database.close()
