import pytest

from pillarbox.wire.imap.parse.command import CommandError, parse_command
from pillarbox.wire.imap.parse.status import STATUS_ITEMS, Status
from pillarbox.wire.imap.parse.table import COMMANDS

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
