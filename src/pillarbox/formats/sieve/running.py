"""Running programs over a message."""

from collections.abc import Mapping, Sequence

from pillarbox.formats.sieve.limits import RunLimits
from pillarbox.formats.sieve.message import Message
from pillarbox.formats.sieve.program import Inclusion, Program
from pillarbox.formats.sieve.questions import Answers
from pillarbox.formats.sieve.run import Outcome
from pillarbox.formats.sieve.surroundings import Surroundings

LIMITS = RunLimits()


def run_scripts(
    programs: Sequence[Program],
    message: Message,
    surroundings: Surroundings,
    answers: Answers,
    included: Mapping[Inclusion, Program | None],
    limits: RunLimits = LIMITS,
) -> Outcome:
    """Run one after another while the implicit keep, or an explicit one, stands.

    `message` is not changed. `included` are the scripts that others name, `None` where there is
    none. Raises `Unanswered`; whatever goes wrong in a script is told by the outcome.
    """
    raise NotImplementedError
