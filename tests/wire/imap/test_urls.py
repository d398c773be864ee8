import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.wire.imap.parse.fetch import BodySection, Partial, SectionText
from pillarbox.wire.imap.urls import MessageUrl, parse_url

WHOLE = BodySection(peek=True)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("/INBOX;UIDVALIDITY=785799047/;UID=20", MessageUrl("INBOX", 785799047, 20, WHOLE)),
        ("/inbox/;uid=20", MessageUrl("INBOX", None, 20, WHOLE)),
        (";UID=20", MessageUrl(None, None, 20, WHOLE)),
        ("/;UID=20", MessageUrl(None, None, 20, WHOLE)),
        ("/a/b%20c/%C3%A9/;UID=1", MessageUrl("a/b c/é", None, 1, WHOLE)),
        ("/INBOX/;UID=2/;SECTION=1.MIME", MessageUrl("INBOX", None, 2,
            BodySection((1,), SectionText.MIME, peek=True))),
        (";UID=2/;section=1.2.header", MessageUrl(None, None, 2,
            BodySection((1, 2), SectionText.HEADER, peek=True))),
        (";UID=2;section=TEXT", MessageUrl(None, None, 2,
            BodySection((), SectionText.TEXT, peek=True))),
        ("/a/;UID=2/;SECTION=HEADER.FIELDS%20(To%20From)", MessageUrl("a", None, 2,
            BodySection((), SectionText.HEADER_FIELDS, ("To", "From"), peek=True))),
        ("/a/;UID=2/;SECTION=3/;PARTIAL=5.10", MessageUrl("a", None, 2,
            BodySection((3,), partial=Partial(5, 10), peek=True))),
        ("/a/;UID=2/;PARTIAL=7", MessageUrl("a", None, 2,
            BodySection(partial=Partial(7, 2**63 - 1), peek=True))),
    ],
)  # fmt: skip
def test_what_is_understood(text: str, url: MessageUrl) -> None:
    assert parse_url(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "/INBOX",
        "/INBOX;UIDVALIDITY=1",
        "/INBOX?SUBJECT%20x",
        "imap://host/INBOX/;UID=1",
        "//host/INBOX/;UID=1",
        "/INBOX/;UID=0",
        "/INBOX/;UID=4294967296",
        "/INBOX;UIDVALIDITY=4294967296/;UID=1",
        "/INBOX;UIDVALIDITY=0/;UID=1",
        "/INBOX/;UID=1/;SECTION=",
        "/INBOX/;UID=1/;SECTION=1.FROB",
        "/INBOX/;UID=1/;SECTION=1]<0.1>",
        "/INBOX/;UID=1/;SECTION=1%5D%3C0.1%3E",
        "/INBOX/;UID=1/;PARTIAL=1.0",
        "/INBOX/;UID=1/;PARTIAL=9223372036854775808",
        "/INBOX/;UID=1;EXPIRE=2026-01-01T00:00:00Z",
        "/INBOX/;UID=1;URLAUTH=anonymous:internal:00",
        "/IN BOX/;UID=1",
        "/IN%FFBOX/;UID=1",
        "/IN%2/;UID=1",
        "/é/;UID=1",
        "/" + "x" * 9000 + "/;UID=1",
    ],
)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(GrammarError):
        parse_url(text)
