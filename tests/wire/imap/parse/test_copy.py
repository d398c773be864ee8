import pytest

from kit.imap_grammar import assert_bad, parse
from pillarbox.wire.imap.parse.copy import Copy, Move
from pillarbox.wire.imap.sets import SAVED_RESULT, SequenceSet

ONE = SequenceSet.parse(b"1:3")
GOOD = [
    (b"COPY 1:3 a", Copy(ONE, "a")),
    (b"UID COPY 1:3 inbox", Copy(ONE, "INBOX", uid=True)),
    (b'MOVE $ "a b"', Move(SAVED_RESULT, "a b")),
    (b"uid move 1:3 a", Move(ONE, "a", uid=True)),
]
BAD = [b"COPY 1:3", b"COPY a", b"COPY 1:3 a b", b"MOVE 0 a", b"UID  MOVE 1 a"]


@pytest.mark.parametrize(("text", "value"), GOOD)
def test_what_is_understood(text, value):
    assert parse(text) == value


@pytest.mark.parametrize("text", BAD)
def test_what_is_refused(text):
    assert_bad(text)
