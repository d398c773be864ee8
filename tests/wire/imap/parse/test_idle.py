import pytest

from pillarbox.wire.imap.parse.command import CommandError, parse_command
from pillarbox.wire.imap.parse.idle import Idle, is_done
from pillarbox.wire.imap.parse.table import COMMANDS

GOOD = [(b"IDLE", Idle())]
BAD = [b"IDLE now"]


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


def test_only_done_ends_it():
    assert is_done(b"done")
    assert is_done(b"DONE ")
    assert not is_done(b"a DONE")
    assert not is_done(b"")
