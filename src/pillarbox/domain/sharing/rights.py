"""Rights on a mailbox, as letters and as bits, and which flags they let change (RFC 4314 §2)."""

from enum import IntFlag

from pillarbox.base.errors import GrammarError
from pillarbox.domain.mail.flags import EVERY_FLAG, Changeable
from pillarbox.domain.mail.model import Flag, FlagSet


class Right(IntFlag):
    """Standard rights (RFC 4314 §2.1)."""

    LOOKUP = 1
    READ = 2
    SEEN = 4
    WRITE = 8
    INSERT = 16
    POST = 32
    CREATE = 64
    DELETE_MAILBOX = 128
    DELETE_MESSAGES = 256
    EXPUNGE = 512
    ADMIN = 1024


RIGHT_LETTERS: tuple[tuple[Right, str], ...] = tuple(zip(Right, "lrswipkxtea", strict=True))
"""Each right and its letter, in the order in which they are told."""

ALL_RIGHTS = Right(2047)
NO_RIGHTS = Right(0)

_CREATE = Right.CREATE | Right.DELETE_MAILBOX
_DELETE = Right.DELETE_MESSAGES | Right.EXPUNGE
_VIRTUAL = ((_CREATE, "c"), (_DELETE, "d"))
_OF_LETTER = {letter: right for right, letter in RIGHT_LETTERS} | {
    letter: members for members, letter in _VIRTUAL
}
CHANGING = Right.INSERT | Right.EXPUNGE | Right.SEEN | Right.WRITE | Right.DELETE_MESSAGES
"""Without any of these a mailbox is read-only (RFC 4314 §5.2)."""


def parse_rights(letters: str) -> Right:
    """The rights a string of letters names; `GrammarError` for an unknown one.

    The obsolete `c` stands for `kx`, `d` for `et` (RFC 4314 §2.1.1).
    """
    rights = NO_RIGHTS
    for position, letter in enumerate(letters):
        right = _OF_LETTER.get(letter)
        if right is None:
            raise GrammarError(f"there is no right {letter!r}", position)
        rights |= right
    return rights


def rights_text(rights: Right) -> str:
    """The letters of rights, with the obsolete ones older clients look for."""
    letters = [letter for right, letter in RIGHT_LETTERS if right in rights]
    letters += [letter for members, letter in _VIRTUAL if members & rights]
    return "".join(letters)


def is_read_only(rights: Right) -> bool:
    """Whether nothing in the mailbox may be changed."""
    return not rights & CHANGING


def changeable(rights: Right) -> Changeable:
    """The flags that may be changed: by s \\Seen, by t \\Deleted, by w all others (RFC 4314 §4)."""
    if rights == ALL_RIGHTS:
        return EVERY_FLAG
    bits = 0
    for flag in Flag:
        if _needed(flag) in rights:
            bits |= flag
    return Changeable(bits, Right.WRITE in rights)


def kept_flags(rights: Right, flags: FlagSet) -> FlagSet:
    """Those of the flags that may be set; the others are dropped without a word."""
    may = changeable(rights)
    return FlagSet(flags.bits & may.bits, flags.keywords if may.keywords else ())


def _needed(flag: Flag) -> Right:
    if flag is Flag.SEEN:
        return Right.SEEN
    return Right.DELETE_MESSAGES if flag is Flag.DELETED else Right.WRITE
