import pytest

from kit.imap_grammar import assert_bad, parse
from pillarbox.wire.imap.parse.store import Store, StoreMode
from pillarbox.wire.imap.sets import SequenceSet

ONE = SequenceSet.parse(b"1:3")
GOOD = [
    (b"STORE 1:3 FLAGS (\\Seen)", Store(ONE, StoreMode.REPLACE, (r"\Seen",))),
    (b"STORE 1:3 FLAGS ()", Store(ONE, StoreMode.REPLACE, ())),
    (b"STORE 1:3 +FLAGS \\Seen $a", Store(ONE, StoreMode.ADD, (r"\Seen", "$a"))),
    (
        b"UID STORE 1:3 -flags.silent (a)",
        Store(ONE, StoreMode.REMOVE, ("a",), silent=True, uid=True),
    ),
    (
        b"STORE 1:3 (UNCHANGEDSINCE 9) +FLAGS (a)",
        Store(ONE, StoreMode.ADD, ("a",), unchanged_since=9),
    ),
]
BAD = [
    b"STORE 1:3 FLAGS",
    b"STORE 1:3 FLAGS ",
    b"STORE 1:3 *FLAGS (a)",
    b"STORE 1:3 FLAGS.LOUD (a)",
    b"STORE 1:3 (OTHER 9) FLAGS (a)",
    b"STORE 1:3 (UNCHANGEDSINCE 9)+FLAGS (a)",
    b"STORE 1:3 FLAGS (\\Recent)",
    b"STORE 1:3 FLAGS (a) b",
    b"STORE FLAGS (a)",
]


@pytest.mark.parametrize(("text", "value"), GOOD)
def test_what_is_understood(text, value):
    assert parse(text) == value


@pytest.mark.parametrize("text", BAD)
def test_what_is_refused(text):
    assert_bad(text)
