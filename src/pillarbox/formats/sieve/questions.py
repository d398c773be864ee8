"""What scripts ask of the world outside the message.

A run gets the answers that are known. One that is missing ends it with `Unanswered`; whoever runs
the script finds out and runs it anew. What can be foreseen stands in `Program.questions`.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MailboxQuestion:
    """Whether the user has this mailbox and may put mail into it (RFC 5490 §3.1): bool."""

    mailbox: str


@dataclass(frozen=True, slots=True)
class MailboxIdQuestion:
    """Whether there is a mailbox of that id (RFC 9042 §3): bool."""

    mailbox_id: str


@dataclass(frozen=True, slots=True)
class SpecialUseQuestion:
    """Whether that mailbox (empty: any) has all these special uses (RFC 8579 §3): bool."""

    mailbox: str
    uses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MetadataQuestion:
    """An annotation of a mailbox, or of the server if `mailbox` is empty (RFC 5490): str | None."""

    mailbox: str
    entry: str


@dataclass(frozen=True, slots=True)
class ListQuestion:
    """Whether an external list holds this value (RFC 6134): bool."""

    list: str
    value: str


@dataclass(frozen=True, slots=True)
class ValidListQuestion:
    """Whether there is such an external list: bool."""

    list: str


@dataclass(frozen=True, slots=True)
class SeenQuestion:
    """Whether a message with this mark was seen before, and is remembered (RFC 7352): bool."""

    mark: str


Question = (
    MailboxQuestion
    | MailboxIdQuestion
    | SpecialUseQuestion
    | MetadataQuestion
    | ListQuestion
    | ValidListQuestion
    | SeenQuestion
)
Answers = Mapping[Question, bool | str | None]


class Unanswered(Exception):
    """A run needs to know something first; `instructions` are those it took until then."""

    def __init__(self, question: Question) -> None:
        super().__init__(question)
        self.question = question
        self.instructions = 0
