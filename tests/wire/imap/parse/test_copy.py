import pytest

from pillarbox.wire.imap.parse.command import CommandError, parse_command
from pillarbox.wire.imap.parse.copy import Copy, Move
from pillarbox.wire.imap.parse.table import COMMANDS
from pillarbox.wire.imap.sets import SAVED_RESULT, SequenceSet

ONE = SequenceSet.parse(b"1:3")
GOOD = [
    (b"COPY 1:3 a", Copy(ONE, "a")),
    (b"UID COPY 1:3 inbox", Copy(ONE, "INBOX", uid=True)),
    (b'MOVE $ "a b"', Move(SAVED_RESULT, "a b")),
    (b"uid move 1:3 a", Move(ONE, "a", uid=True)),
]
BAD = [b"COPY 1:3", b"COPY a", b"COPY 1:3 a b", b"MOVE 0 a", b"UID  MOVE 1 a"]


def parse(*pieces, utf8=False):
    first, *rest = pieces
    return parse_command((b"a " + first, *rest), COMMANDS, utf8=utf8).args


@pytest.mark.parametrize(("text", "value"), GOOD)
def test_what_is_understood(text, value):
    assert parse(text) == value


@pytest.mark.parametrize("text", BAD)
def test_what_is_refused(text):
    with pytest.raises(CommandError) as caught:
        parse(text)
    assert caught.value.tag == "a"
    assert not caught.value.refused
