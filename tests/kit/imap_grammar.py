"""IMAP commands as values, for the tests of their grammar."""

import pytest

from pillarbox.wire.imap.parse.command import CommandError, parse_command
from pillarbox.wire.imap.parse.table import COMMANDS
from pillarbox.wire.imap.receiver import Literal


def parse(*pieces: bytes | Literal, utf8: bool = False) -> object:
    """The value of a command that is given without its tag."""
    first, *rest = pieces
    assert isinstance(first, bytes)
    return parse_command((b"a " + first, *rest), COMMANDS, utf8=utf8).args


def assert_bad(text: bytes) -> None:
    """The command is answered with BAD, under its tag."""
    with pytest.raises(CommandError) as caught:
        parse(text)
    assert caught.value.tag == "a"
    assert not caught.value.refused
