"""Any message gives tokens: bounded, the same each time, and nothing raises."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pillarbox.formats.text.tokens import TOKENS_MOST, TokenSource, tokens
from pillarbox.pipeline.inbound.checks.content import read_content
from pillarbox.pipeline.inbound.checks.origin import stored_origin_of
from pillarbox.pipeline.inbound.checks.tokens import tokens_of

FUZZ = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
PIECES = [
    *("<a ", "href=", "//", "http://", "mailto:", "@", ".", ":", "'", '"', ">", "style=", "color:"),
    *("display : none", "日本", "ไ", "\u0301", "\u200b", "\ud800", "\0", "$", "%", "!", "9", "x"),
    *(" ", "\n", "İ", "ß", "ﬁ", "🙂", "-", "’", "…"),
]
TEXT = st.lists(st.sampled_from(PIECES), max_size=80).map("".join) | st.text(max_size=60)
SOURCES = st.builds(
    TokenSource,
    senders=st.lists(TEXT, max_size=3),
    subject=TEXT,
    fields=st.lists(st.tuples(TEXT, TEXT), max_size=5),
    hosts=st.lists(TEXT, max_size=5),
    facts=st.lists(TEXT, max_size=5),
    texts=st.lists(st.tuples(st.sampled_from(["plain", "html", "x"]), TEXT), max_size=4),
    files=st.lists(TEXT, max_size=4),
)
OCTETS = [
    *(b"From: a@b.test\r\n", b"Subject: =?utf-7?q?+2AA-?=\r\n", b"Content-Type: text/html\r\n"),
    *(b"Received: from x (y [192.0.2.1])\r\n\tby mx.test with SMTP; x\r\n", b"\r\n", b"\xff"),
    b"Authentication-Results: mx.test; dkim=pass header.d=",
    b"Authentication-Results: mx.test; spf=pass smtp.mailfrom=a@b.test\r\n",
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n",
    b"Content-Disposition: attachment; filename=x.pdf.exe\r\n",
    *(b"<a href=//x.test/>", b"(((", b"X-Spam-Status: Yes\r\n", b": ", b"Reply-To: ", b"\0"),
]
MESSAGES = st.lists(st.sampled_from(OCTETS) | st.binary(max_size=8), max_size=30).map(b"".join)


@FUZZ
@given(SOURCES)
def test_any_text_gives_tokens(source: TokenSource) -> None:
    found = tokens(source)
    assert len(found) <= TOKENS_MOST
    assert len(set(found)) == len(found)
    assert all(0 < len(one) <= 1000 for one in found)
    assert tokens(source) == found


@FUZZ
@given(MESSAGES, st.booleans())
def test_any_message_gives_tokens(message: bytes, stored: bool) -> None:
    content = read_content(message)
    found = tokens_of(content, stored=stored)
    assert found == tokens_of(read_content(message), stored=stored)
    assert not any(one.startswith(b"has:x-spam") for one in found)
    origin = stored_origin_of(content, "mx.test")
    assert len(origin.names()) <= 7
