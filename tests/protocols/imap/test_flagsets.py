"""Flags between their names and how they are kept."""

import pytest

from pillarbox.base.errors import TooLarge
from pillarbox.domain.mail.flag_names import flag_bit, flag_set
from pillarbox.domain.mail.model import Flag, FlagSet
from pillarbox.protocols.imap.flagsets import RECENT, FlagSets, render_flags


def test_each_set_is_numbered_once() -> None:
    sets = FlagSets()
    numbers = [sets[key] for key in ((1, None), (0, "Work b"), (1, None), (0, "b"))]
    assert numbers == [0, 1, 0, 2]
    assert sets.texts == [b"(\\Seen)", b"(Work b)", b"(b)"]
    assert sets.names()[-2:] == ["Work", "b"]


def test_well_known_names_in_any_case() -> None:
    assert flag_set(("\\Seen", "$JUNK", "b", "a")) == FlagSet(Flag.SEEN | Flag.JUNK, ("a", "b"))
    assert flag_bit("$forwarded") is Flag.FORWARDED
    assert flag_bit("Work") is None
    assert render_flags(Flag.DRAFT | RECENT, "a b") == b"(\\Draft \\Recent a b)"


def test_too_many_and_too_long() -> None:
    with pytest.raises(TooLarge):
        flag_set(("x" * 101,))
    with pytest.raises(TooLarge):
        flag_set(tuple(f"k{number}" for number in range(65)))
