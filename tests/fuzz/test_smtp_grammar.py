"""Properties of the SMTP and SASL grammars: only GrammarError, no dependence on splits."""

import contextlib
import re
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.base.errors import GrammarError
from pillarbox.wire.sasl.exchange import Credentials, decode_base64
from pillarbox.wire.sasl.login import Login
from pillarbox.wire.sasl.plain import Plain
from pillarbox.wire.smtp import client
from pillarbox.wire.smtp import commands as c
from pillarbox.wire.smtp.data import BdatReader, DataFault, DataReader, has_bare_newline
from pillarbox.wire.smtp.params import (
    Notify,
    OriginalRecipient,
    notify_text,
    orcpt_text,
    parse_rcpt_params,
    xtext_decode,
    xtext_encode,
)
from pillarbox.wire.smtp.paths import Path, parse_path
from pillarbox.wire.smtp.replies import Reply, ReplyParser
from pillarbox.wire.smtp.server import ChunkEnd, DataEnd, Event, Malformed, ServerParser

few = settings(max_examples=250, deadline=None)

FRAGMENTS = [
    b"MAIL FROM:", b"RCPT TO:", b"<a@b>", b"<>", b"<", b">", b"@", b",", b":", b'"', b"\\", b" ",
    b"SIZE=", b"1", b"BODY=8BITMIME", b"ORCPT=utf-8;", b"\\x{", b"}", b"+", b"2B", b"[", b"]",
    b"IPv6:", b"::1", b".", b"-", b"\xc3\xb6", b"\xff", b"\x00", b"\r", b"\n", b"\r\n", b"NOTIFY=",
    b"BY=", b"600;R", b"T", b"REQUIRETLS", b"ENVID=",
    b"HOLDUNTIL=", b"2030-01-02T03:04:05Z", b"AUTH PLAIN ", b"AAAA", b"=", b"BDAT ", b"DATA\r\n",
    b"\r\n.\r\n", b"RSET\r\n", b"BDAT 3 LAST\r\n", b"EHLO x\r\n", b"NOOP",
]  # fmt: skip
pieces = st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=4), max_size=24).map(b"".join)
lines = st.text("\r\n.\x00a ", max_size=40).map(str.encode)


def cut(wire: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(wire) + 1) for place in cuts), len(wire)]
    return [wire[start:end] for start, end in pairwise(edges)]


cuts = st.lists(st.integers(0, 10**6), max_size=6)


@few
@given(pieces)
def test_a_line_is_a_command_or_a_grammar_error(line: bytes) -> None:
    for text in (line, b"MAIL FROM:" + line, b"RCPT TO:<a@b> " + line):
        with contextlib.suppress(GrammarError):
            c.parse_command(text)


@few
@given(st.text(max_size=30), st.from_regex(r"[a-z]{1,9}(\.[a-z]{1,9}){0,3}", fullmatch=True))
def test_a_path_survives_the_wire(local: str, domain: str) -> None:
    path = Path(local, domain)
    try:
        again = parse_path(str(path))
    except GrammarError:
        assert not local or re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", local)
        return
    assert again == path
    if not set("<>") & set(local):
        assert c.parse_command(client.mail(str(path))[:-2]) == c.Mail(str(path))


@few
@given(st.text(max_size=30))
def test_xtext_round_trip(text: str) -> None:
    try:
        text.encode()
        assert xtext_decode(xtext_encode(text)) == text
    except GrammarError:
        assert re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", text)
    except UnicodeEncodeError:
        pass


@few
@given(
    st.sampled_from(["rfc822", "utf-8", "x400"]),
    st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=20),
    st.frozensets(st.sampled_from([Notify.SUCCESS, Notify.FAILURE, Notify.DELAY]), min_size=1),
)
def test_what_is_asked_of_reports_survives_the_wire(
    kind: str, address: str, notify: frozenset[Notify]
) -> None:
    orcpt = OriginalRecipient(kind, address)
    line = f"NOTIFY={notify_text(notify)} ORCPT={orcpt_text(orcpt)}"
    params = parse_rcpt_params(line)
    assert params.notify == notify
    assert params.orcpt == orcpt
    assert line.isascii()


def reference(wire: bytes) -> tuple[bytes, bytes, DataFault | None] | None:
    """Content, rest and what is wrong with it: the definition, slow and plain."""
    end = (b"\r\n" + wire).find(b"\r\n.\r\n")
    if end < 0:
        return None
    raw, rest = (b"\r\n" + wire)[: end + 2], (b"\r\n" + wire)[end + 5 :]
    found = b"\r\n".join(line[1:] if line.startswith(b".") else line for line in raw.split(b"\r\n"))
    fault = DataFault.NUL if b"\0" in raw else None
    if re.search(rb"\r(?!\n)|(?<!\r)\n", raw) is not None:
        fault = DataFault.BARE_NEWLINE
    return found[2:], rest, fault


@few
@given(lines, cuts)
def test_content_is_as_defined_at_every_split(head: bytes, places: list[int]) -> None:
    wire = head + b"\r\n.\r\nQUIT\r\n"
    reader = DataReader(10**6)
    for piece in cut(wire, places):
        reader.feed(piece)
    expected = reference(wire)
    assert expected is not None
    assert (reader.content, reader.rest) == expected[:2]
    assert reader.fault is expected[2]


@few
@given(lines)
def test_stuffing_round_trip(content: bytes) -> None:
    try:
        wire = client.stuff(content)
    except GrammarError:
        assert has_bare_newline(content) or b"\0" in content
        return
    assert not has_bare_newline(content)
    assert b"\0" not in content
    reader = DataReader(1000)
    assert reader.feed(wire)
    assert reader.rest == b""
    assert reader.fault is None
    assert reader.content in (content, content + b"\r\n")


def shown(event: Event) -> object:
    if isinstance(event, DataEnd):
        return event.reader.content, event.reader.fault, event.reader.too_large
    if isinstance(event, ChunkEnd):
        return None if event.reader is None else (event.reader.content, event.reader.fault)
    if isinstance(event, Malformed):
        return event.verb, event.error.text
    return event


def events(wire: list[bytes]) -> list[object]:
    parser, found = ServerParser(), []
    chunks = BdatReader(1000)
    for piece in wire:
        parser.feed(piece)
        while (event := parser.next_event()) is not None:
            found.append(shown(event))
            if isinstance(event, c.Data):
                parser.begin_data(20)
            elif isinstance(event, c.Bdat) and event.last:
                parser.begin_bdat(chunks)
            elif isinstance(event, c.Auth):
                parser.begin_auth_line()
    return found


@few
@given(pieces, cuts)
def test_events_do_not_depend_on_splits(wire: bytes, places: list[int]) -> None:
    assert events(cut(wire, places)) == events([wire])


@few
@given(st.binary(max_size=60) | pieces)
def test_replies_are_read_or_refused(wire: bytes) -> None:
    with contextlib.suppress(GrammarError):
        ReplyParser().feed(wire + b"\r\n")


@few
@given(st.integers(200, 599), st.lists(st.text(max_size=700), min_size=1, max_size=5))
def test_a_reply_is_one_reply_whatever_its_text(code: int, texts: list[str]) -> None:
    wire = Reply(code, None, tuple(texts)).to_bytes(utf8=True)
    (found,) = ReplyParser().feed(wire)
    assert found.code == code
    assert all(len(line) <= 510 for line in wire.split(b"\r\n"))


@few
@given(st.lists(st.binary(max_size=20), max_size=4))
def test_sasl_gives_credentials_or_a_grammar_error(responses: list[bytes]) -> None:
    for exchange in (Plain(), Login()):
        with contextlib.suppress(GrammarError):
            for response in (None, *responses):
                if isinstance(exchange.step(response), Credentials):
                    break
    for response in responses:
        with contextlib.suppress(GrammarError):
            decode_base64(response)
