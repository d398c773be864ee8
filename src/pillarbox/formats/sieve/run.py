"""One run: what compiled scripts work on, and what comes of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pillarbox.formats.sieve.actions import Action, Where
from pillarbox.formats.sieve.errors import Problem, RunError
from pillarbox.formats.sieve.limits import RunLimits
from pillarbox.formats.sieve.message import Message
from pillarbox.formats.sieve.questions import Answers, Question, Unanswered
from pillarbox.formats.sieve.surroundings import Surroundings


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
    """The match variables `${0}` to `${31}` (RFC 5229 §3.2)."""
    script: str = ""
    """The name of the script that runs now."""
    steps: list[Step] = field(default_factory=list)
    asked: int = 0
    edits: int = 0
    part: object = None
    """The MIME part of the innermost foreverypart loop (RFC 5703 §3), as `message` knows it."""

    def charge(self, line: int, instructions: int = 1) -> None:
        """Count instructions; raises `RunError` where there were too many."""
        self.left -= instructions
        if self.left < 0:
            raise self.error(line, "the script takes too many steps over this message")

    def error(self, line: int, text: str, column: int = 1) -> RunError:
        """What to raise to stop the run."""
        return RunError(Problem(line, column, text), self.script)

    def where(self, line: int) -> Where:
        """A place in the script that runs now."""
        return Where(self.script, line)

    def answer(self, question: Question) -> bool | str | None:
        """The answer to a question; raises `Unanswered` where it is not known."""
        try:
            return self.answers[question]
        except KeyError:
            raise Unanswered(question) from None

    def note(self, line: int, text: str | Callable[[], str]) -> None:
        """Tell people of a step, while there is room."""
        if len(self.steps) < self.limits.trace_lines:
            told = text if isinstance(text, str) else text()
            self.steps.append(Step(self.where(line), told))
