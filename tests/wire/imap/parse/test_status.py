import pytest

from kit.imap_grammar import assert_bad, parse
from pillarbox.wire.imap.parse.status import STATUS_ITEMS, Status

GOOD = [
    (b"STATUS inbox (messages UNSEEN)", Status("INBOX", ("MESSAGES", "UNSEEN"))),
    (b"STATUS a (SIZE SIZE)", Status("a", ("SIZE",))),
    *((f"STATUS a ({item})".encode(), Status("a", (item,))) for item in sorted(STATUS_ITEMS)),
]
BAD = [
    b"STATUS a",
    b"STATUS a ()",
    b"STATUS a (OTHER)",
    b"STATUS a (SIZE  UNSEEN)",
    b"STATUS a (SIZE",
    b"STATUS a SIZE",
]


@pytest.mark.parametrize(("text", "value"), GOOD)
def test_what_is_understood(text, value):
    assert parse(text) == value


@pytest.mark.parametrize("text", BAD)
def test_what_is_refused(text):
    assert_bad(text)
