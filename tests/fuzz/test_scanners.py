"""Properties of what reads answers of scanners and milters: one kind of error, bounded results."""

import asyncio
import contextlib
import re
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.base.errors import GrammarError
from pillarbox.net.stream import ClientStream
from pillarbox.pipeline.scanning.milter_session import MilterMessage, MilterSession, Word
from pillarbox.wire import clamd, milter, rspamd, spamc
from pillarbox.wire.milter import Packet, Receiver, Response

few = settings(max_examples=400, deadline=None)

PIECES = [
    b"SPAMD/1.1 0 EX_OK\r\n", b"SPAMD/1.1 76 EX\r\n", b"Spam: True ; 15.0 / 5.0\r\n", b"\r\n",
    b"Content-length: 4\r\n", b"A_B,C", b",", b"stream: ", b"OK\0", b" FOUND\0", b"ERROR\0", b"\n",
    b"DidSet: local\r\n", b'{"action":"reject","score":', b"1", b"e999", b"}", b"-0.5",
    b',"symbols":{"A":{"score":1}}', b',"messages":{"smtp_message":"x"}', b"\0", b"[", b"\xff",
]  # fmt: skip
pieces = st.lists(st.sampled_from(PIECES) | st.binary(max_size=4), max_size=12).map(b"".join)
fields = st.lists(
    st.sampled_from([b"X", b": ", b"\0", b"\r\n", b"\n", b"\r", b" ", b"\t", b"y", b"\xff"]),
    max_size=12,
).map(b"".join)
PRINTABLE = re.compile(r"[ -~]*\Z")


@few
@given(pieces)
def test_clamd(data: bytes) -> None:
    with contextlib.suppress(GrammarError):
        found = clamd.read_answer(data)
        if isinstance(found, clamd.Infected):
            assert PRINTABLE.match(found.name)


@few
@given(pieces)
def test_spamc(data: bytes) -> None:
    with contextlib.suppress(GrammarError):
        found = spamc.read_answer(data)
        assert all(PRINTABLE.match(value) for _, value in found.headers)
        assert all(re.fullmatch("[A-Za-z0-9_]+", one) for one in found.rules)
        assert abs(spamc.scaled(found.score, 5.0)) < 1e20


@few
@given(pieces)
def test_rspamd(data: bytes) -> None:
    with contextlib.suppress(GrammarError):
        found = rspamd.read_judgement(data)
        assert PRINTABLE.match(found.action + found.reply)
        assert abs(found.points) < float("inf")
    rspamd.refusal_to_learn(data)


@few
@given(st.lists(st.binary(max_size=6), max_size=10))
def test_milter_packets_come_the_same_however_they_are_cut(reads: list[bytes]) -> None:
    assert _packets(reads) == _packets([b"".join(reads)])


@few
@given(fields, st.booleans(), st.sampled_from([Response.ADD_HEADER, Response.INSERT_HEADER]))
def test_milter_fields_are_one_field(data: bytes, space: bool, response: Response) -> None:
    with contextlib.suppress(GrammarError):
        line = milter.read_new_field(Packet(response, data), space).line
        assert line.endswith(b"\r\n")
        assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\0|\r\n(?![ \t]|\Z)", line)


@few
@given(fields | pieces)
def test_milter_replies(data: bytes) -> None:
    assert PRINTABLE.match(milter.read_reason(data))
    for read in (milter.read_negotiated, milter.read_reply_code):
        with contextlib.suppress(GrammarError):
            read(data)


class Scripted:
    """A stream on which a milter says what was written down, whatever it is told."""

    def __init__(self, said: list[bytes]) -> None:
        self.said = list(said)
        self.heard = b""

    def write(self, data: bytes) -> None:
        self.heard += data

    async def drain(self, timeout_s: float) -> None:
        pass

    async def read(self, timeout_s: float) -> bytes:
        return self.said.pop(0) if self.said else b""

    async def close(self) -> None:
        pass


ANSWERS = [
    b"c", b"c", b"c", b"a", b"r", b"t", b"d", b"s", b"p", b"qwhy\0", b"y550 no\0", b"y", b"hX\0y\0",
    b"i\0\0\0\0X\0y\0", b"b", b"m\0\0\0\1X\0\0", b"+a\0", b"?",
]  # fmt: skip


@few
@given(
    st.integers(0, 0x3FFFFF),
    st.lists(st.sampled_from(ANSWERS) | st.binary(max_size=5), max_size=20),
)
def test_a_milter_is_heard_out_or_has_failed(steps: int, answers: list[bytes]) -> None:
    negotiated = b"O" + b"".join(one.to_bytes(4, "big") for one in (6, 1, steps))
    stream = Scripted([len(one).to_bytes(4, "big") + one for one in (negotiated, *answers)])
    message = MilterMessage(
        "mx.test",
        "",
        "192.0.2.7",
        0,
        "helo",
        False,
        "a@b",
        ("c@d", "e@f"),
        iter([(b"X", b" y\r\n")]),
        memoryview(b"z"),
    )
    session = MilterSession(cast(ClientStream, stream), message, 1)
    try:
        verdict = asyncio.run(session.run())
    except (GrammarError, ConnectionResetError):
        return
    assert verdict.ruling.word in Word
    assert all(one.line.count(b"\n") == 1 for one in verdict.fields)
    assert len(verdict.recipients) <= 2
    assert stream.heard.endswith(b"\0\0\0\1Q")


def _packets(reads: list[bytes]) -> list[Packet | str]:
    receiver, found = Receiver(), list[Packet | str]()
    try:
        for data in reads:
            receiver.feed(data)
            while (packet := receiver.next()) is not None:
                found.append(packet)
    except GrammarError as error:
        found.append(error.text)
    return found
