"""A compiled script."""

from dataclasses import dataclass

from pillarbox.formats.sieve.grammar import Step
from pillarbox.formats.sieve.questions import Question


@dataclass(frozen=True, slots=True)
class Inclusion:
    """A script that another one includes (RFC 6609); `personal` or else a global one."""

    name: str
    personal: bool = True


@dataclass(frozen=True, slots=True)
class Program:
    """One script, ready to run; may be used by many runs, one after another or in threads.

    `questions` are those that can be foreseen, `inclusions` the scripts it names. `extensions` are
    those it requires.
    """

    name: str
    step: Step
    extensions: frozenset[str] = frozenset()
    questions: tuple[Question, ...] = ()
    inclusions: tuple[Inclusion, ...] = ()
