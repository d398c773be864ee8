"""One run: what compiled scripts work on, and what comes of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from pillarbox.formats.sieve.actions import Action, Where
from pillarbox.formats.sieve.errors import Problem, RunError
from pillarbox.formats.sieve.inclusion import Inclusion
from pillarbox.formats.sieve.limits import RunLimits
from pillarbox.formats.sieve.message import Message
from pillarbox.formats.sieve.message_parts import MimePart
from pillarbox.formats.sieve.questions import Answers, Question, Unanswered
from pillarbox.formats.sieve.surroundings import Surroundings


class Stopped(Exception):
    """The script says `stop`: this run ends, with what was asked for until now."""


class Returned(Exception):
    """The script says `return`: the script that includes it goes on (RFC 6609 §3.3)."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step that a run took, for people: a branch that was entered, an action, a test."""

    where: Where
    text: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is to be done with a message.

    `actions` are complete: what the implicit keep comes to is a `Keep` among them, so that a
    message with none of Keep, FileInto, Redirect, Discard, Reject does not occur. Where `failure`
    is set they are that `Keep` alone, with `Note`s.
    """

    actions: tuple[Action, ...]
    steps: tuple[Step, ...] = ()
    failure: RunError | None = None
    instructions: int = 0


class Included(Protocol):
    """What runs in place of an include: a `Program`."""

    @property
    def name(self) -> str: ...

    @property
    def step(self) -> "Callable[[Run], None]": ...


_SCANNED_BITS = 3
_NO_SCRIPTS: Mapping[Inclusion, Included | None] = MappingProxyType({})


@dataclass(slots=True)
class Run:
    """The state of a run over one message; `left` are the instructions it may still take."""

    message: Message
    surroundings: Surroundings
    answers: Answers
    limits: RunLimits
    left: int
    actions: list[Action] = field(default_factory=list)
    kept: bool = True
    """Whether the implicit keep still stands; it has the flags of `flags` at the end."""
    flags: list[str] = field(default_factory=list)
    """The internal variable of imap4flags (RFC 5232 §2)."""
    variables: dict[str, str] = field(default_factory=dict)
    """By lower-case name; those of `global` (RFC 6609) as `global.name`."""
    matched: Sequence[str] = ()
    """The match variables `${0}` to `${32}` (RFC 5229 §3.2)."""
    script: str = ""
    """The name of the script that runs now."""
    steps: list[Step] = field(default_factory=list)
    asked: int = 0
    edits: int = 0
    part: MimePart | None = None
    """The MIME part of the innermost foreverypart loop (RFC 5703 §3)."""
    forwarded: Message | None = None
    """The message for `redirect`, once its body was edited: that does not show there (RFC 5703)."""
    forwarded_edited: bool = False
    """Whether the header of that one was edited."""

    included: Mapping[Inclusion, Included | None] = field(default_factory=lambda: _NO_SCRIPTS)
    """The scripts that others name; `None` where there is none."""
    program: Included | None = None
    """The script that includes the others, if they are included."""
    including: tuple[Inclusion, ...] = ()
    """The inclusions the run is in, outermost first."""
    inclusions_seen: set[Inclusion] = field(default_factory=set)
    inclusions: int = 0
    depth: int = 0
    """The blocks around those inclusions, in all scripts they stand in."""
    loops: int = 0
    """The foreverypart loops the run is in."""

    def charge(self, line: int, instructions: int = 1) -> None:
        """Count instructions; raises `RunError` where there were too many."""
        self.left -= instructions
        if self.left < 0:
            raise self.error(line, "the script takes too many steps over this message")

    def scan(self, line: int) -> None:
        """Find the parts of the message; takes its share where that was not done yet."""
        self.charge(line, self.message.scanned() >> _SCANNED_BITS)

    def error(self, line: int, text: str, column: int = 1) -> RunError:
        """What to raise to stop the run."""
        return RunError(Problem(line, column, text), self.script)

    def where(self, line: int) -> Where:
        """A place in the script that runs now."""
        return Where(self.script, line)

    def answer(self, question: Question, line: int = 0) -> bool | str | None:
        """The answer to a question; raises `Unanswered` where it is not known.

        Raises `RunError` where the script asks too much.
        """
        self.asked += 1
        if self.asked > self.limits.questions:
            raise self.error(line, "the script asks too many questions about mailboxes and lists")
        try:
            return self.answers[question]
        except KeyError:
            raise Unanswered(question) from None

    def note(self, line: int, text: str | Callable[[], str]) -> None:
        """Tell people of a step, while there is room."""
        if len(self.steps) < self.limits.trace_lines:
            told = text if isinstance(text, str) else text()
            self.steps.append(Step(self.where(line), told))
