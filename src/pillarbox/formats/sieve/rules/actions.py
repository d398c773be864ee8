"""What a rule does with a message.

Each value checks itself when it is made and raises `Invalid`. In JSON `do` says which it is.
"""

from enum import StrEnum

import msgspec
from msgspec.structs import force_setattr

from pillarbox.base.errors import Invalid
from pillarbox.formats.sieve.rules import texts

FLAGS = 20
"""Of one action."""


class FlagChange(StrEnum):
    """What becomes of flags."""

    ADD = "add"
    SET = "set"
    REMOVE = "remove"


class _Action(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", omit_defaults=True):
    pass


class File(_Action, frozen=True, kw_only=True, tag="file"):
    """Into a mailbox, which is made where it is missing; `copy`: and else as without it."""

    mailbox: str
    create: bool = True
    copy: bool = False

    def __post_init__(self) -> None:
        force_setattr(self, "mailbox", texts.mailbox(self.mailbox))


class Mark(_Action, frozen=True, kw_only=True, tag="mark"):
    """Set or take away flags (`\\Seen` is read, `\\Flagged` starred) and keywords."""

    flags: tuple[str, ...]
    change: FlagChange = FlagChange.ADD

    def __post_init__(self) -> None:
        texts.count("The flag", self.flags, FLAGS)
        force_setattr(self, "flags", tuple(map(texts.flag, self.flags)))


class Forward(_Action, frozen=True, kw_only=True, tag="forward"):
    """To another address; with `keep_copy` it stays here too."""

    address: str
    keep_copy: bool = True

    def __post_init__(self) -> None:
        force_setattr(self, "address", texts.address(self.address))


class Delete(_Action, frozen=True, kw_only=True, tag="delete"):
    """Into the mailbox for deleted mail."""


class Discard(_Action, frozen=True, kw_only=True, tag="discard"):
    """It is not kept, and nobody is told; later rules act on it unless the rule stops."""


class Reject(_Action, frozen=True, kw_only=True, tag="reject"):
    """It is refused, and the sender told why; `early`: only while the sender's server waits."""

    text: str
    early: bool = False

    def __post_init__(self) -> None:
        text = texts.clean("The text of a refusal", self.text, texts.TEXT_CHARACTERS)
        text = text.strip("\n")
        if not text.strip():
            raise Invalid("The text of a refusal is empty")
        force_setattr(self, "text", text)


class Keep(_Action, frozen=True, kw_only=True, tag="keep"):
    """Into the inbox, whatever else is done with it."""


class Notify(_Action, frozen=True, kw_only=True, tag="notify"):
    """Somebody is told by mail; `message` is the subject of that, if given."""

    address: str
    message: str = ""

    def __post_init__(self) -> None:
        force_setattr(self, "address", texts.address(self.address))
        texts.one_line("The text of a notice", self.message, texts.VALUE_CHARACTERS, empty=True)


Action = File | Mark | Forward | Delete | Discard | Reject | Keep | Notify

REFUSING = (Reject, Discard)
"""For what nobody wants: it should be neither answered nor forwarded before."""
DELIVERING = (File, Delete, Keep)
"""The flags set before them count, those set after don't."""
