"""Whatever is sent to ManageSieve is cut the same however it is split, and answered in order."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from kit.clock import FakeClock
from kit.connection import ScriptedConnection
from kit.database import new_dialect, open_database
from kit.imap import USER, MailHouse, open_mail_house
from kit.login import PASSWORD
from kit.managesieve import OPTIONS, literal, managesieve_services, plain
from pillarbox.base.errors import GrammarError
from pillarbox.cluster.bus import LocalBus
from pillarbox.domain.sieve.model import ScriptQuota
from pillarbox.protocols.managesieve.conversation import Conversation
from pillarbox.protocols.managesieve.registry import HANDLERS
from pillarbox.protocols.managesieve.session import ManageSieveSession
from pillarbox.protocols.stream.connection import Connection
from pillarbox.wire.managesieve import responses
from pillarbox.wire.managesieve.commands import parse_command, parse_response
from pillarbox.wire.managesieve.receiver import (
    Event,
    Fatal,
    Line,
    Malformed,
    Receiver,
    ReceiverLimits,
)
from pillarbox.wire.managesieve.tokens import Text

few = settings(max_examples=250, deadline=None)

LIMITS = ReceiverLimits(held_octets=30, skipped_octets=60)
FRAGMENTS = [
    b"PUTSCRIPT ", b"NOOP", b"HAVESPACE ", b"AUTHENTICATE ", b'"PLAIN"', b'"', b"\\", b'\\"', b" ",
    b"{3+}\r\n", b"{0+}\r\n", b"{31+}\r\n", b"{61+}\r\n", b"{5}\r\n", b"{", b"+}", b"\r\n", b"\r",
    b"\n", b"\0", b"1", b"\xc3\xb6", b"\xff", b"*", b"()", b"x" * 40, b"x" * 9000,
]  # fmt: skip
pieces = st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=4), max_size=24).map(b"".join)
cuts = st.lists(st.integers(0, 10**6), max_size=6)


def cut(wire: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(wire) + 1) for place in places), len(wire)]
    return [wire[start:end] for start, end in pairwise(edges)]


def events(fed: list[bytes]) -> list[Event | str]:
    receiver = Receiver(LIMITS)
    found: list[Event | str] = []
    for piece in fed:
        receiver.feed(piece)
        while (event := receiver.next_event()) is not None:
            found.append("malformed" if isinstance(event, Malformed) else event)
    return found


@few
@given(pieces, cuts)
def test_events_do_not_depend_on_splits(wire: bytes, places: list[int]) -> None:
    whole = events([wire])
    assert events(cut(wire, places)) == whole
    assert not any(isinstance(event, Fatal) for event in whole[:-1])
    for event in whole:
        if isinstance(event, Line):
            for parse in (parse_command, parse_response):
                with contextlib.suppress(GrammarError):
                    parse(event.words)


@few
@given(st.binary(max_size=40) | st.text(max_size=2000).map(str.encode))
def test_strings_come_back(octets: bytes) -> None:
    wire = responses.string(octets)
    if wire.startswith(b"{"):
        wire = wire.replace(b"}", b"+}", 1)
    receiver = Receiver(ReceiverLimits())
    receiver.feed(wire + b"\r\n")
    line = receiver.next_event()
    assert isinstance(line, Line)
    (text,) = line.words
    assert isinstance(text, Text)
    assert text.octets == octets


LOGIN = f'AUTHENTICATE "PLAIN" "{plain(USER, PASSWORD)}"\r\n'.encode()
SAID = st.one_of(
    st.sampled_from(
        [
            LOGIN,
            b'AUTHENTICATE "PLAIN"\r\n',
            b'"AGEAYg=="\r\n',
            b'"*"\r\n',
            b"STARTTLS\r\n",
            b"CAPABILITY\r\n",
            b"LISTSCRIPTS\r\n",
            b'PUTSCRIPT "a" {5+}\r\nkeep;\r\n',
            b'PUTSCRIPT "b" ' + literal(b'require "fileinto";\r\nfileinto "x') + b"\r\n",
            b"CHECKSCRIPT " + literal(b"if {{{" * 100) + b"\r\n",
            b'PUTSCRIPT "a" ' + literal(b"#" * 600) + b"\r\n",
            b'SETACTIVE "a"\r\n',
            b'SETACTIVE ""\r\n',
            b'GETSCRIPT "a"\r\n',
            b'DELETESCRIPT "a"\r\n',
            b'RENAMESCRIPT "a" "b"\r\n',
            b'HAVESPACE "a" 5\r\n',
            b"UNAUTHENTICATE\r\n",
            b'NOOP "x"\r\n',
            b'PUTSCRIPT "a" {5}\r\n',
        ]
    ),
    st.binary(max_size=40),
)


@asynccontextmanager
async def mail_house(folder: Path) -> AsyncIterator[MailHouse]:
    bus, clock = LocalBus(), FakeClock()
    dialect = new_dialect("sqlite", folder, lambda: "")
    database = open_database(dialect, folder, clock, bus.publish)
    yield await open_mail_house(database, bus, folder, clock)
    await database.close()


async def play(scripts: list[tuple[list[bytes], bool]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with mail_house(Path(folder)) as house:
            for said, known in scripts:
                options = replace(OPTIONS, allow_plaintext_login=known, skipped_octets=1000)
                connection = ScriptedConnection(said, 4190)
                services = managesieve_services(house, options, ScriptQuota(2, 500))
                session = ManageSieveSession(cast(Connection, connection), services)
                with contextlib.suppress(ConnectionError):  # it left within a login
                    await Conversation(session, HANDLERS).run()
                assert connection.said.startswith(b'"IMPLEMENTATION" "pillarbox"\r\n')
                assert connection.said.endswith(b"\r\n")
                assert b"Something went wrong" not in connection.said
                if not known:
                    assert b"Logged in" not in connection.said


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.lists(SAID, max_size=30), st.booleans()), min_size=1, max_size=8))
def test_any_input_is_answered(scripts: list[tuple[list[bytes], bool]]) -> None:
    asyncio.run(play([([LOGIN, *said] if known else said, known) for said, known in scripts]))
