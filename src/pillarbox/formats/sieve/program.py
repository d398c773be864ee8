"""A compiled script."""

from dataclasses import dataclass

from pillarbox.formats.sieve.grammar import Step
from pillarbox.formats.sieve.inclusion import Inclusion
from pillarbox.formats.sieve.questions import Question

__all__ = ["Inclusion", "Program"]


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
