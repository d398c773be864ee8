"""Any text and any bytes: folding is stable, nothing raises, what comes out can be encoded."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pillarbox.formats.mime.scan import scan
from pillarbox.formats.mime.searchable import SearchableLimits, searchable
from pillarbox.formats.text.fold import folded
from pillarbox.formats.text.html import text_of_html, visible_text
from pillarbox.formats.text.rtf import rtf_text

FUZZ = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
LETTERS = st.sampled_from(
    list(
        "aAßẞİıΣσςäÄéｆﬁ한か゛\u3099\u309a\u0301\u0345\u093c\u094d\u0e48Åøł’–"
        "\u00a0 \r\n\t\u200b\u00ad\u1112\u1161"
    )
)
TEXT = st.one_of(
    st.text(max_size=60),
    st.lists(LETTERS, max_size=40).map("".join),
    st.lists(st.characters(), max_size=20).map("".join),
)
WORDS = st.text(st.sampled_from("aAbßÄéΣςфЁ日本が한 \n"), max_size=30)
MARKUP_PIECES = [
    *("<", ">", "</", "/>", "<b>", "<p ", "alt=", "title='", '"', "'", "=", "&", "&#", "&amp;"),
    *("<!--", "-->", "<style>", "</style>", "<script", "<head>", "<title>", "a", "9", "&#x"),
    *("href=//x/", "\0", "ü", " ", "\n", "\ud800"),
]
MARKUP = st.lists(st.sampled_from(MARKUP_PIECES), max_size=60).map("".join)
PIECES = [
    *(b"\r\n", b"\n\n", b"\r\n--b\r\n", b"\r\n--b--\r\n", b"--b", b"\xff", b"\xc3\xbc", b"<p>"),
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n",
    b"Content-Type: message/rfc822\r\n",
    b"Content-Type: text/html\r\n",
    b"Content-Type: text/calendar\r\n\r\n",
    b"Content-Type: text/plain; charset=utf-7\r\n\r\n+2AA-",
    b"Content-Type: application/pdf; name==?utf-7?q?+2AA-?=\r\n",
    b"Content-Type: application/octet-stream; name=a.eml\r\n",
    b"Content-Transfer-Encoding: base64\r\n\r\n",
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\n",
    b"U3ViamVjdDogZW5jDQoNCmhlbGxv",
    b"Subject: =?utf-7?q?+2AA-?=\r\n",
    b"X: =?utf-16?b?2AA=?=\r\n",
]
MESSAGES = st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=8)), max_size=30).map(
    b"".join
)


@FUZZ
@given(TEXT)
def test_folding_is_stable(text: str) -> None:
    once = folded(text)
    assert folded(once) == once
    once.encode()
    assert len(once) <= 18 * len(text)


@FUZZ
@given(WORDS, WORDS, WORDS)
def test_a_piece_of_a_text_is_found_in_it(before: str, piece: str, behind: str) -> None:
    assert folded(piece) in folded(before + piece + behind)
    assert folded(piece.upper()) in folded(before + piece + behind)


@FUZZ
@given(st.one_of(MARKUP, TEXT))
def test_html_takes_anything(markup: str) -> None:
    text_of_html(markup)
    visible_text(markup)


@FUZZ
@given(st.one_of(MESSAGES, st.binary(max_size=200)), st.integers(0, 40))
def test_searchable_takes_anything(message: bytes, limit: int) -> None:
    for limits in (SearchableLimits(), SearchableLimits(limit, limit, limit, limit, limit, limit)):
        found = searchable(message, scan(message), limits)
        for name, value in (*found.headers, *found.nested_headers):
            (name + value).encode()
        for text in (*found.texts, *found.filenames):
            text.encode()
        assert sum(map(len, found.texts)) <= limits.characters
        for attachment in found.attachments:
            attachment.content()


@FUZZ
@given(
    st.lists(
        st.sampled_from(
            [b"{", b"}", b"\\u-9?", b"\\'e4", b"\\uc1", b"\\bin2 ", b"\\*", b"\\ansicpg932", b"a"]
        ),
        max_size=40,
    ).map(b"".join)
)
def test_rtf_takes_anything(data: bytes) -> None:
    rtf_text(b"{\\rtf1" + data, 100).encode()
