"""Whatever is sent to a POP3 session, it answers in order and ends, and removes nothing unasked."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from kit.clock import FakeClock
from kit.connection import ScriptedConnection
from kit.database import new_dialect, open_database
from kit.imap import USER, MailHouse, open_mail_house
from kit.login import PASSWORD
from kit.pop3 import pop3_services
from pillarbox.cluster.bus import LocalBus
from pillarbox.domain.mail import maildrop
from pillarbox.protocols.pop3.conversation import Conversation
from pillarbox.protocols.pop3.options import Pop3Options
from pillarbox.protocols.pop3.registry import HANDLERS
from pillarbox.protocols.pop3.session import Pop3Session
from pillarbox.protocols.stream.connection import Connection
from pillarbox.storage import leases

LOGIN = f"USER {USER}\r\nPASS {PASSWORD}\r\n".encode()
PIECES = st.one_of(
    st.sampled_from(
        [
            LOGIN,
            b"AUTH PLAIN\r\n",
            b"AUTH PLAIN AGEAYg==\r\n",
            b"*\r\n",
            b"STAT\r\n",
            b"LIST\r\n",
            b"LIST 2\r\n",
            b"UIDL\r\n",
            b"RETR 1\r\n",
            b"RETR 3\r\n",
            b"TOP 2 1\r\n",
            b"DELE 1\r\n",
            b"DELE 2\r\n",
            b"RSET\r\n",
            b"CAPA\r\n",
            b"UTF8\r\n",
            b"STLS\r\n",
            b"PASS \r\n",
            b"\n.\n",
            b"x" * 1100,
        ]
    ),
    st.binary(max_size=40),
)


@asynccontextmanager
async def mail_house(folder: Path) -> AsyncIterator[MailHouse]:
    bus, clock = LocalBus(), FakeClock()
    dialect = new_dialect("sqlite", folder, lambda: "")
    database = open_database(dialect, folder, clock, bus.publish)
    house = await open_mail_house(database, bus, folder, clock)
    for content in (b"Subject: a\r\n\r\nb\r\n", b"x\n.\ny", b""):
        await house.deliver(content)
    yield house
    await database.close()


async def play(scripts: list[tuple[list[bytes], bool]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with mail_house(Path(folder)) as house:
            for pieces, plain in scripts:
                options = Pop3Options("mx.test", allow_plaintext_login=plain)
                connection = ScriptedConnection(pieces, 110)
                session = Pop3Session(cast(Connection, connection), pop3_services(house, options))
                await Conversation(session, HANDLERS).run()
                assert connection.said.startswith(b"+OK mx.test ready\r\n")
                assert connection.said.endswith(b"\r\n")
                assert b"Something went wrong" not in connection.said
                assert connection.said.count(b"\n") == connection.said.count(b"\r\n")
            drop = await house.database.read(maildrop.snapshot, house.user.account_id)
            assert len(drop.uids) == 3  # nobody said QUIT
            assert await house.database.read(leases.busy_until) == {}


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.lists(PIECES, max_size=30), st.booleans()), min_size=1, max_size=8))
def test_any_input_is_answered_and_removes_nothing(
    scripts: list[tuple[list[bytes], bool]],
) -> None:
    asyncio.run(play([([LOGIN, *pieces] if plain else pieces, plain) for pieces, plain in scripts]))
