import pytest

from pillarbox.wire.imap.parse.command import CommandError, parse_command
from pillarbox.wire.imap.parse.enable import Enable
from pillarbox.wire.imap.parse.table import COMMANDS

GOOD = [
    (b"ENABLE condstore", Enable(("CONDSTORE",))),
    (b"ENABLE UTF8=ACCEPT QRESYNC utf8=accept ", Enable(("UTF8=ACCEPT", "QRESYNC"))),
]
BAD = [b"ENABLE", b"ENABLE ", b"ENABLE (X)", b"ENABLE" + b" X" * 101]


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
