"""The distinct flag sets of a selected mailbox, each rendered once.

A mailbox of 10,000 messages has a few dozen distinct sets: a message keeps a small number, and
FETCH FLAGS pastes text. Not for changing flags (`domain/mail/flags`). Used by `view`.
"""

from pillarbox.domain.mail.model import FLAG_NAMES
from pillarbox.wire.imap.respond.strings import flag_list

RECENT = 1 << 30
"""Stands for \\Recent beside the bits of `Flag`; a session's own, never stored."""

_BIT_NAMES = tuple((flag.value, name) for flag, name in FLAG_NAMES)


class FlagSets(dict[tuple[int, str | None], int]):
    """Numbers flag sets as they are met: (bits, stored keywords) → number."""

    __slots__ = ("keywords", "sets", "texts")

    def __init__(self) -> None:
        super().__init__()
        self.sets: list[tuple[int, str | None]] = []
        self.texts: list[bytes] = []
        """The flags of each number as a list, such as `(\\Seen)`."""
        self.keywords: dict[str, None] = {}
        """Every keyword met, in the order of meeting."""

    def __missing__(self, key: tuple[int, str | None]) -> int:
        number = len(self.sets)
        self[key] = number
        self.sets.append(key)
        self.texts.append(render_flags(*key))
        if key[1]:
            self.keywords.update(dict.fromkeys(key[1].split(" ")))
        return number

    def names(self) -> list[str]:
        """The names for the FLAGS response: all well-known ones and the keywords in use."""
        return [*(name for _, name in _BIT_NAMES), *self.keywords]


def render_flags(bits: int, keywords: str | None) -> bytes:
    """A list of flags as FETCH gives it."""
    names = [name for bit, name in _BIT_NAMES if bits & bit]
    if bits & RECENT:
        names.append("\\Recent")
    if keywords:
        names.append(keywords)
    return flag_list(names)
