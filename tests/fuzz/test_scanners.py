"""Properties of what reads answers of scanners and milters: one kind of error, bounded results."""

import contextlib
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.base.errors import GrammarError
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
