"""Any bytes: nothing raises, offsets hold, what is printed reads back as IMAP; time is linear."""

import re
import time
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pillarbox.base.errors import GrammarError
from pillarbox.formats.address import mailboxes, parse_address_list, parse_path
from pillarbox.formats.mime.content import parameter, parse_content_type, parse_disposition
from pillarbox.formats.mime.date import format_date, parse_date
from pillarbox.formats.mime.header import Headers, field_slices
from pillarbox.formats.mime.part import Part, decode_parts, encode_parts
from pillarbox.formats.mime.scan import scan
from pillarbox.formats.mime.section import content, find_part, section, text_of
from pillarbox.formats.mime.summary import Summary, summarize
from pillarbox.formats.mime.words import decode_base64, decode_words

PIECES = [
    *(
        b"\r\n",
        b"\n",
        b"\r\n\r\n",
        b"\n\n",
        b" ",
        b"\t",
        b"\0",
        b"\xff",
        b"\xc3\xbc",
        b"--a",
        b"--b",
    ),
    *(
        b"\r\n--a\r\n",
        b"\r\n--b\r\n",
        b"\r\n--a--\r\n",
        b"\n--ab\n",
        b"--",
        b"a",
        b"x=",
        b'"',
        b"\\",
    ),
    *(
        b";",
        b":",
        b"(",
        b")",
        b"<",
        b">",
        b"@",
        b",",
        b"=?utf-8?q?x?=",
        b"=?",
        b"?=",
        b"=",
        b"*0*=",
    ),
    b"Content-Type: multipart/mixed; boundary=a\r\n",
    b"Content-Type: multipart/digest; boundary=b\r\n\r\n",
    b'Content-Type: multipart/alternative; boundary="ab"\r\n\r\n',
    b"Content-Type: message/rfc822\r\n\r\n",
    b"Content-Type: text/html; charset=utf-16\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Transfer-Encoding: quoted-printable\r\n",
    b"Content-Disposition: attachment; filename*0*=utf-8''%FF\r\n",
    b"Subject: =?utf-8?b?x?=\r\n",
    b"To: G: a@b, <c@d>; e\r\n",
    b"Date: Mon, 1 Jan 2020 10:00:00 +0000\r\n",
    b"References: <a><b>\r\n",
]
RAW = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join),
    st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=8)), max_size=30).map(b"".join),
    st.binary(max_size=200),
)
FUZZ = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)

_TOKENS = re.compile(rb'"(?:[^"\\\r\n\0]|\\["\\])*"|\{(\d+)\}\r\n|NIL|\d+|[() ]')


def assert_is_imap_list(printed: bytes) -> None:
    """Balanced parentheses around strings, numbers, NIL and literals of the length they name."""
    at = depth = 0
    while at < len(printed):
        match = _TOKENS.match(printed, at)
        assert match is not None, printed[at : at + 40]
        at = match.end() + int(match[1] or 0)
        depth += {b"(": 1, b")": -1}.get(match[0], 0)
        assert depth > 0 or at == len(printed)
    assert depth == 0
    assert at == len(printed)
    assert b"\0" not in printed


def assert_offsets(part: Part, low: int, high: int) -> None:
    assert low <= part.header_start <= part.body_start <= part.body_end <= high
    at = part.body_start
    for child in part.children:
        assert_offsets(child, at, part.body_end)
        at = child.body_end


@FUZZ
@given(RAW)
def test_summarize_takes_anything(message: bytes) -> None:
    summary, root = summarize(message)
    assert_offsets(root, 0, len(message))
    assert root.body_end == len(message)
    assert decode_parts(encode_parts(root)) == root
    assert Summary.from_bytes(summary.to_bytes()) == summary
    for printed in (summary.envelope, summary.body, summary.bodystructure):
        assert_is_imap_list(printed)
    assert len(summary.fields.preview) <= 200


@FUZZ
@given(RAW)
def test_every_section_can_be_read(message: bytes) -> None:
    root = scan(message)
    for path, part in root.walk():
        assert find_part(root, path) is part
        assert section(message, root, path, "") == message[part.body_start : part.body_end]
        assert section(message, root, path, "MIME") is not None
        assert (section(message, root, path, "HEADER") is not None) == part.is_message
        content(message, part)
        text_of(part, message, 20)
        assert part.filename is None or isinstance(part.filename, str)
    head, text = section(message, root, (), "HEADER"), section(message, root, (), "TEXT")
    assert head is not None
    assert text is not None
    assert head + text == message


@FUZZ
@given(RAW)
def test_values_take_anything(raw: bytes) -> None:
    decode_words(raw)
    decode_base64(raw)
    parse_date(raw)
    parse_disposition(raw)
    found = parse_content_type(raw)
    for name, _ in found[2] if found else ():
        parameter(found[2] if found else (), name.partition("*")[0])
    headers = Headers(raw)
    slices = [field_slices(raw, [b"to"]), field_slices(raw, [b"to"], inverse=True)]
    if not raw or raw.endswith((b"\n\r\n", b"\n\n")):
        assert all(one.endswith(b"\r\n") for one in slices)
    for field in headers:
        assert raw[field.start : field.end].lower().startswith(field.name)
    for mailbox in mailboxes(parse_address_list(raw)):
        assert mailbox.local or mailbox.domain


@FUZZ
@given(
    st.one_of(
        st.text(max_size=60),
        st.lists(st.sampled_from(list('ab.@"\\[]<>: 1ü-_+')), max_size=20).map("".join),
    )
)
def test_a_path_is_an_address_or_a_grammar_error(text: str) -> None:
    try:
        address = parse_path(text)
    except GrammarError:
        return
    assert parse_path(str(address)) == address
    assert address.normalized().normalized() == address.normalized()
    assert parse_path(str(address.normalized())).domain_ascii == address.domain_ascii
    str(address).encode()


@FUZZ
@given(st.datetimes(min_value=datetime(1900, 1, 1)), st.integers(-1439, 1439))
def test_dates_come_back(at: datetime, minutes: int) -> None:
    at = at.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes)))
    assert parse_date(format_date(at)) == at


MEGABYTE = 1_000_000
HOSTILE = [
    b"To: " + one * (200_000 // len(one)) + b"\r\n\r\n"
    for one in (
        *(
            b"(",
            b")",
            b'"',
            b'\\"',
            b"<",
            b">",
            b"@",
            b",",
            b";",
            b":",
            b"[",
            b"a:",
            b"a@b,",
            b"<a@b>,",
        ),
        *(b"[a:", b'"a" ', b"(a) ", b"a ", b"=?", b"\\", b"g:;", b"<@a,"),
    )
]
HOSTILE += [
    b"Subject: " + one * (MEGABYTE // len(one)) + b"\r\n\r\n"
    for one in (
        b"=?",
        b"=?utf-8?q?",
        b"=?utf-8?q?a?=",
        b"=?a?b?=",
        b"?",
        b"=?u?q??",
        b" ",
        b"=?u?q?a",
        b"=?u?q?a ",
    )
]
HOSTILE += [
    b"Content-Type: multipart/mixed; boundary=x\r\n" + one * (MEGABYTE // len(one))
    for one in (
        b"a",
        b"\r\n ",
        b": ",
        b"a:\r\n",
        b"References: <a> <b>\r\n",
        b"Date: (",
        b"\n--x\n",
    )
]
HOSTILE += [
    b"Content-Type: text/plain; " + one * (16_000 // len(one)) + b"\r\n\r\nx"
    for one in (
        b"a=b ",
        b"a=",
        b"=",
        b'"',
        b"(",
        b"a*0*=b;",
        b"a=\\",
        b'a="\\',
        b" ",
        b"a b ",
        b"\t=",
    )
] * 2
HOSTILE += [
    b"Content-Type: text/html\r\n\r\n" + one * (MEGABYTE // len(one))
    for one in (
        b"<",
        b"<style",
        b"<!--",
        b"<script>",
        b"</",
        b"<a ",
        b"&",
        b"&#",
        b">",
        b"<head></head",
    )
]
HOSTILE += [
    b"Content-Transfer-Encoding: base64\r\n\r\n" + one * (MEGABYTE // len(one))
    for one in (b"=", b"A=", b"A", b"AA==", b"!")
]


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_bulk_takes_linear_time(number: int) -> None:
    start = time.process_time()
    _, root = summarize(HOSTILE[number])
    content(HOSTILE[number], root)
    assert time.process_time() - start < 2
