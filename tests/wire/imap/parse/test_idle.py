import pytest

from kit.imap_grammar import assert_bad, parse
from pillarbox.wire.imap.parse.idle import Idle, is_done

GOOD = [(b"IDLE", Idle())]
BAD = [b"IDLE now"]


@pytest.mark.parametrize(("text", "value"), GOOD)
def test_what_is_understood(text, value):
    assert parse(text) == value


@pytest.mark.parametrize("text", BAD)
def test_what_is_refused(text):
    assert_bad(text)


def test_only_done_ends_it():
    assert is_done(b"done")
    assert is_done(b"DONE ")
    assert not is_done(b"a DONE")
    assert not is_done(b"")
