import pytest

from pillarbox.wire.imap.parse.command import CommandError, parse_command
from pillarbox.wire.imap.parse.expunge import Expunge
from pillarbox.wire.imap.parse.table import COMMANDS
from pillarbox.wire.imap.sets import SequenceSet

GOOD = [
    (b"EXPUNGE", Expunge()),
    (b"UID EXPUNGE 1:*", Expunge(SequenceSet.parse(b"1:*"))),
]
BAD = [b"EXPUNGE 1", b"UID EXPUNGE", b"UID EXPUNGE x"]


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
