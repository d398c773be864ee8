"""Commands of any state, ID among them (RFC 2971 §3.1)."""

import pytest

from kit.imap_grammar import assert_bad, parse
from pillarbox.wire.imap.parse.any_state import Capability, Id, Logout, Noop

GOOD = [
    (b"CAPABILITY", Capability()),
    (b"noop", Noop()),
    (b"NOOP ", Noop()),
    (b"Logout", Logout()),
    (b"ID NIL", Id(())),
    (b"ID ()", Id(())),
    (b'ID ("name" "mail" "version" NIL)', Id((("name", "mail"), ("version", None)))),
]
BAD = [
    b"NOOP x",
    b"ID",
    b"ID ()x",
    b"ID (name x)",
    b'ID ("name")',
    b'ID ("name" "a"',
    b"ID (" + b" ".join([b'"a" "b"'] * 31) + b")",
]


@pytest.mark.parametrize(("text", "value"), GOOD)
def test_what_is_understood(text, value):
    assert parse(text) == value


@pytest.mark.parametrize("text", BAD)
def test_what_is_refused(text):
    assert_bad(text)
