"""Commands of every kind in any order: each is answered, and none fails on our account."""

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
from pillarbox.domain.accounts.model import User
from pillarbox.domain.mail import mailboxes
from pillarbox.domain.sharing import acl
from pillarbox.domain.sharing.acl import RightsChange
from pillarbox.domain.sharing.rights import ALL_RIGHTS
from pillarbox.protocols.imap.options import ImapOptions
from pillarbox.storage.tx import Tx

UID = st.sampled_from(("", "UID "))
SET = st.sampled_from(("1", "1:*", "2:1", "*", "$", "4294967295", "1,2", "2,*", "3"))
NAME = st.sampled_from(
    (
        "INBOX",
        "Trash",
        "a",
        "a/b",
        "inbox/c",
        '"&AOk-"',
        '""',
        "/",
        "a//b",
        "#x",
        "Shared/a",
        '"Other Users/bob@example.test/INBOX"',
        '"Other Users/bob@example.test/Sent/a"',
    )
)
WHO = st.sampled_from(("anyone", "-anyone", "bob@example.test", "group:x@y", "alice@example.test"))
FLAGS = st.sampled_from(("(\\Seen)", "()", "Work \\Deleted", "(\\Recent)", "($Junk x)"))
PART = st.sampled_from(("", "1", "2", "2.1", "2.MIME", "2.HEADER", "TEXT", "HEADER", "1.1.1", "9"))
FIELDS = st.sampled_from(("HEADER.FIELDS (a Subject)", "HEADER.FIELDS.NOT (To)"))
CUT = st.sampled_from(("", "<0.9>", "<99999.1>"))
ATTRIBUTE = st.sampled_from(
    (
        "UID",
        "FLAGS",
        "MODSEQ",
        "ENVELOPE",
        "BODY",
        "BODYSTRUCTURE",
        "INTERNALDATE",
        "SAVEDATE",
        "RFC822",
        "RFC822.SIZE",
        "RFC822.TEXT",
        "RFC822.HEADER",
        "EMAILID",
        "THREADID",
        "PREVIEW",
        "BINARY[2]",
        "BINARY[]",
        "BINARY.PEEK[1]<1.9>",
        "BINARY[2.1]",
        "BINARY.SIZE[2]",
    )
)
ITEM = st.one_of(
    ATTRIBUTE,
    st.builds("BODY[{}]{}".format, PART, CUT),
    st.builds("BODY.PEEK[{}]{}".format, FIELDS, CUT),
)
ITEMS = st.lists(ITEM, min_size=1, max_size=4).map(" ".join)
KEY = st.one_of(
    st.sampled_from(
        (
            "ALL", "UNSEEN", "NEW", "OLD", "KEYWORD work", "UNKEYWORD x", "TEXT hello",
            'SUBJECT ""', "BODY hello", "HEADER Subject h", "FROM a", "LARGER 9", "SMALLER 9",
            "MODSEQ 1", "BEFORE 1-Feb-2024", "SENTON 1-Feb-2024", "SAVEDSINCE 1-Feb-2024",
            "OLDER 9", "EMAILID M0000000000000", "THREADID T1", "SAVEDATESUPPORTED",
        )
    ),
    st.builds("UID {}".format, SET),
    SET,
)  # fmt: skip
KEYS = st.recursive(
    KEY,
    lambda inner: st.one_of(
        st.builds("NOT {}".format, inner),
        st.builds("OR {} {}".format, inner, inner),
        st.builds("({} {})".format, inner, inner),
    ),
    max_leaves=6,
)
RETURN = st.sampled_from(("", "RETURN () ", "RETURN (SAVE) ", "RETURN (MIN MAX COUNT SAVE) "))
URL = st.builds(
    "{};UID={}{}{}".format,
    st.sampled_from(("/INBOX/", "/a/", "/", "", "/INBOX;UIDVALIDITY=1/", "//x/", "/%41/")),
    st.sampled_from(("1", "2", "0", "4294967295", "x")),
    st.sampled_from(
        ("", "/;SECTION=1", "/;section=2.MIME", "/;SECTION=HEADER.FIELDS%20(A)", ";SECTION=", "/")
    ),
    st.sampled_from(("", "/;PARTIAL=1", "/;PARTIAL=1.2", "/;PARTIAL=0.0", "]")),
)
PIECE = st.one_of(
    st.builds('URL "{}"'.format, URL),
    st.sampled_from(
        (
            "TEXT {3+}\r\nabc",
            "TEXT ~{3+}\r\na\0c",
            "UTF8 (~{2+}\r\n\u00e9)",
            "TEXT {0+}\r\n",
            "URL x",
        )
    ),
)
DATA = st.one_of(
    st.sampled_from(
        (
            "{3+}\r\nabc",
            "{0+}\r\n",
            "~{3+}\r\na\0c",
            "{3+}\r\na\0c",
            "UTF8 (~{2+}\r\n\u00e9)",
            "UTF8 ()",
        )
    ),
    st.lists(PIECE, max_size=4).map(" ".join).map("CATENATE ({})".format),
)
VALIDITY = st.sampled_from(("1767268800", "7", "0"))
RESYNC = st.sampled_from(
    ("1:9", "1", "1:4294967295", "1:2 (1 1)", "1:9 (1:2 1:2)", "1 (1,2 2,9)", "2 (1:2 1)", "*")
)
WATCHED = st.one_of(
    st.builds(
        "{} (MessageNew ({}) MessageExpunge FlagChange)".format,
        st.sampled_from(("SELECTED", "SELECTED-DELAYED")),
        ITEMS,
    ),
    st.builds("MAILBOXES {} (MessageNew MessageExpunge MailboxName)".format, NAME),
    st.builds("SUBTREE ({} {}) (MailboxName SubscriptionChange)".format, NAME, NAME),
    st.sampled_from(
        ("PERSONAL (MessageNew MessageExpunge FlagChange)", "INBOXES NONE", "SUBSCRIBED (X)")
    ),
)
COMMAND = st.one_of(
    st.builds("{}FETCH {} ({})".format, UID, SET, ITEMS),
    st.builds("{}FETCH {} ({}) (CHANGEDSINCE 1)".format, UID, SET, ITEMS),
    st.builds("UID FETCH {} ({}) (CHANGEDSINCE 1 VANISHED)".format, SET, ITEMS),
    st.builds("SELECT {} (QRESYNC ({} 1 {}))".format, NAME, VALIDITY, RESYNC),
    st.builds("EXAMINE {} (QRESYNC ({} 9))".format, NAME, VALIDITY),
    st.builds("NOTIFY SET {}({})".format, st.sampled_from(("", "STATUS ")), WATCHED),
    st.builds("ENABLE {}".format, st.sampled_from(("QRESYNC", "IMAP4rev2", "UIDONLY", "X"))),
    st.builds("{}STORE {} {}FLAGS {}".format, UID, SET, st.sampled_from(("", "+", "-")), FLAGS),
    st.builds("{}STORE {} (UNCHANGEDSINCE 9) FLAGS.SILENT {}".format, UID, SET, FLAGS),
    st.builds("{}SEARCH {}{}".format, UID, RETURN, KEYS),
    st.builds("{}COPY {} {}".format, UID, SET, NAME),
    st.builds("{}MOVE {} {}".format, UID, SET, NAME),
    st.builds("UID EXPUNGE {}".format, SET),
    st.builds("APPEND {} {} {}".format, NAME, FLAGS, DATA),
    st.builds("APPEND {} {} {}".format, NAME, DATA, DATA),
    st.builds("REPLACE {} {} {}".format, st.sampled_from(("1", "2", "*", "9")), NAME, DATA),
    st.builds("UID REPLACE {} {} {} {}".format, st.integers(1, 4), NAME, FLAGS, DATA),
    st.builds(
        "{} {}".format,
        st.sampled_from(
            ("CREATE", "DELETE", "SUBSCRIBE", "UNSUBSCRIBE", "SELECT", "EXAMINE", 'LIST ""')
        ),
        NAME,
    ),
    st.builds("RENAME {} {}".format, NAME, NAME),
    st.builds("LIST (SUBSCRIBED RECURSIVEMATCH) {} (% a*) RETURN (STATUS (SIZE))".format, NAME),
    st.builds("STATUS {} (MESSAGES RECENT HIGHESTMODSEQ MAILBOXID)".format, NAME),
    st.builds("SETACL {} {} {}".format, NAME, WHO, st.sampled_from(("lr", "+a", "-l", '""', "q"))),
    st.builds("{} {}".format, st.sampled_from(("MYRIGHTS", "GETACL", "SUBSCRIBE")), NAME),
    st.builds("LISTRIGHTS {} {}".format, NAME, WHO),
    st.builds("DELETEACL {} {}".format, NAME, WHO),
    st.sampled_from(
        ("EXPUNGE", "CLOSE", "UNSELECT", "CHECK", "NOOP", "ENABLE CONDSTORE", "ENABLE UTF8=ACCEPT",
         'LSUB "" %', "NAMESPACE", "FETCH 1", "NOISE", "COMPRESS DEFLATE", "IDLE\r\nDONE")
    ),
)  # fmt: skip
MULTIPART = (
    b"Subject: hello\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nhello\r\n--b--\r\n"
)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(COMMAND, min_size=20, max_size=50))
def test_every_command_is_answered(commands: list[str]) -> None:
    asyncio.run(_run(commands))


def _share(tx: Tx, bob: User) -> None:
    """Let everybody do everything with two of Bob's mailboxes."""
    for name in ("INBOX", "Sent"):
        mailbox = mailboxes.by_name(tx, bob.account_id, name)
        assert mailbox is not None
        acl.change(tx, mailbox, "anyone", RightsChange.SET, ALL_RIGHTS)


async def _run(commands: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bus, clock = LocalBus(), FakeClock()
        path = Path(folder)
        dialect = new_dialect("sqlite", path, lambda: "")
        database = open_database(dialect, path, clock, bus.publish)
        try:
            house = await open_mail_house(database, bus, path, clock)
            await house.database.write(_share, await house.add_user("bob@example.test"))
            await house.deliver(MULTIPART)
            await house.deliver(b"")
            options = ImapOptions(max_bad_commands=1000)
            talk = await house.talk(options=options).login("SELECT INBOX")
            worked = 0
            for command in commands:
                answer = await talk.say(f"t {command}\r\n".encode())
                assert b"SERVERBUG" not in answer, command
                worked += b"t OK" in answer
                assert re.search(rb"^(t|\*) (OK|NO|BAD) [^\r\n]*\r\n", answer, re.MULTILINE)
                if talk.session.view is None:
                    await talk.ask("SELECT INBOX")
            assert worked
        finally:
            await database.close()
