import pytest

from kit.imap_grammar import assert_bad, parse
from pillarbox.wire.imap.parse.expunge import Expunge
from pillarbox.wire.imap.sets import SequenceSet

GOOD = [
    (b"EXPUNGE", Expunge()),
    (b"UID EXPUNGE 1:*", Expunge(SequenceSet.parse(b"1:*"))),
]
BAD = [b"EXPUNGE 1", b"UID EXPUNGE", b"UID EXPUNGE x"]


@pytest.mark.parametrize(("text", "value"), GOOD)
def test_what_is_understood(text, value):
    assert parse(text) == value


@pytest.mark.parametrize("text", BAD)
def test_what_is_refused(text):
    assert_bad(text)
