"""Properties of the POP3 grammar: only GrammarError, no dependence on splits, honest sizes."""

import contextlib
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.base.errors import GrammarError
from pillarbox.formats.mime.crlf import crlf_pieces, line_end_bytes
from pillarbox.wire.pop3.commands import parse_command
from pillarbox.wire.pop3.responses import stuffed, top_bytes
from pillarbox.wire.pop3.server import Event, Malformed, ServerParser

few = settings(max_examples=250, deadline=None)

FRAGMENTS = [
    b"USER ", b"PASS ", b"AUTH ", b"PLAIN", b"AAAA", b"=", b" ", b"1", b"0", b"-", b"TOP ", b"LIST",
    b"RETR 1", b"DELE ", b"QUIT", b"STLS", b"CAPA", b"\xc3\xb6", b"\xff", b"\0", b"\r", b"\n",
    b"\r\n", b".", b"x" * 600,
]  # fmt: skip
pieces = st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=4), max_size=24).map(b"".join)
contents = st.text("\r\n.\0a :", max_size=60).map(str.encode)
cuts = st.lists(st.integers(0, 10**6), max_size=6)


def cut(wire: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(wire) + 1) for place in places), len(wire)]
    return [wire[start:end] for start, end in pairwise(edges)]


@few
@given(pieces)
def test_a_line_is_a_command_or_a_grammar_error(line: bytes) -> None:
    for text in (line, b"AUTH PLAIN " + line, b"TOP " + line, b"PASS " + line):
        with contextlib.suppress(GrammarError):
            parse_command(text)


def events(fed: list[bytes]) -> list[Event | str]:
    parser = ServerParser()
    found: list[Event | str] = []
    for piece in fed:
        parser.feed(piece)
        while (event := parser.next_event()) is not None:
            found.append("malformed" if isinstance(event, Malformed) else event)
    return found


@few
@given(pieces, cuts)
def test_events_do_not_depend_on_splits(wire: bytes, places: list[int]) -> None:
    assert events(cut(wire, places)) == events([wire])


def unstuffed(wire: bytes) -> bytes:
    """The definition, slow and plain: lines up to the one that is a dot, each dot taken off."""
    lines = wire.split(b"\r\n")
    assert lines.index(b".") == len(lines) - 2
    assert lines[-1] == b""
    return b"".join((line[1:] if line.startswith(b".") else line) + b"\r\n" for line in lines[:-2])


@few
@given(contents, st.integers(2, 9))
def test_what_is_sent_is_the_message_and_its_size(content: bytes, piece_bytes: int) -> None:
    lacking = line_end_bytes(content)
    wire = b"".join(stuffed(crlf_pieces(content, lacking, piece_bytes)))
    sent = unstuffed(wire)
    assert len(sent) == len(content) + lacking
    plain = content.replace(b"\r\n", b"\n")
    assert sent.replace(b"\r\n", b"\n") == plain + (
        b"\n" if plain[-1:] not in (b"", b"\n") else b""
    )
    if not lacking:
        assert sent == content


@few
@given(contents, st.integers(0, 9))
def test_top_is_a_beginning_that_ends_with_a_line(content: bytes, count: int) -> None:
    end = top_bytes(content, count)
    assert end == len(content) or content[end - 1 : end] == b"\n"
    assert end <= top_bytes(content, count + 1)
    lines = content[:end].replace(b"\r\n", b"\n").split(b"\n")
    if end < len(content):
        assert lines.index(b"") + count + 1 == len(lines) - 1
