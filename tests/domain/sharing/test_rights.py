"""Rights as letters, and the flags they let change."""

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.domain.mail.flags import EVERY_FLAG, Changeable
from pillarbox.domain.mail.model import Flag, FlagSet
from pillarbox.domain.sharing.rights import (
    ALL_RIGHTS,
    NO_RIGHTS,
    Right,
    changeable,
    kept_flags,
    parse_rights,
    rights_text,
)


def test_letters() -> None:
    assert parse_rights("lrswipkxtea") == ALL_RIGHTS
    assert parse_rights("") == NO_RIGHTS
    assert parse_rights("ll") == Right.LOOKUP
    assert rights_text(ALL_RIGHTS) == "lrswipkxteacd"
    assert rights_text(NO_RIGHTS) == ""


def test_obsolete_rights() -> None:
    """RFC 4314 §2.1.1."""
    assert parse_rights("c") == Right.CREATE | Right.DELETE_MAILBOX
    assert parse_rights("d") == Right.DELETE_MESSAGES | Right.EXPUNGE
    assert rights_text(parse_rights("lk")) == "lkc"
    assert rights_text(parse_rights("le")) == "led"


@pytest.mark.parametrize("letters", ["L", "lq", "0", "l r", "+l", "é"])
def test_unknown_letters(letters: str) -> None:
    with pytest.raises(GrammarError):
        parse_rights(letters)


def test_flags() -> None:
    everything = FlagSet(Flag.SEEN | Flag.DELETED | Flag.FLAGGED | Flag.JUNK, ("a", "b"))
    assert kept_flags(ALL_RIGHTS, everything) == everything
    assert kept_flags(parse_rights("lrs"), everything) == FlagSet(Flag.SEEN)
    assert kept_flags(parse_rights("lrt"), everything) == FlagSet(Flag.DELETED)
    assert kept_flags(parse_rights("w"), everything) == FlagSet(
        Flag.FLAGGED | Flag.JUNK, ("a", "b")
    )
    assert changeable(ALL_RIGHTS) is EVERY_FLAG
    assert changeable(parse_rights("lriepkxa")) == Changeable(0, False)
