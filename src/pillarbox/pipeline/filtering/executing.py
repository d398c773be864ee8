"""Running an account's scripts over a message, with the answers to what they ask.

Called by `filtering`, by the runner of events in mailboxes and by trials; calls `formats/sieve`.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pillarbox.base.errors import Failure
from pillarbox.base.log import logger
from pillarbox.domain.mail.content import is_quick
from pillarbox.formats.sieve.actions import Keep
from pillarbox.formats.sieve.errors import Problem, RunError
from pillarbox.formats.sieve.limits import RunLimits
from pillarbox.formats.sieve.message import Message
from pillarbox.formats.sieve.questions import Question, Unanswered
from pillarbox.formats.sieve.run import Outcome
from pillarbox.formats.sieve.running import run_scripts
from pillarbox.formats.sieve.surroundings import Surroundings
from pillarbox.pipeline.filtering.answers import Answer, answer_all
from pillarbox.pipeline.filtering.programs import Loaded
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing

INSTRUCTIONS_AT_ONCE = 2_000
"""What takes more is run anew in a thread (2,000 comparisons take about a millisecond)."""
ANEW = 3
"""What runs took that ended with a question is at most so many times what one run may take."""

_log = logger("sieve")
_FAULT = Problem(0, 0, "an error of this server; its log says more")


@dataclass(frozen=True, slots=True)
class Executor:
    """Runs scripts; `limits` hold for all scripts of an account together."""

    database: Database
    keys: KeyRing
    limits: RunLimits

    async def run(self, loaded: Loaded, message: Message, surroundings: Surroundings) -> Outcome:
        """What the scripts want; never fails but with the database.

        `message` is not changed. What goes wrong is an outcome that keeps the message.
        """
        if loaded.broken is not None:
            problem = loaded.broken.error.problems[0]
            return _kept(RunError(problem, loaded.broken.name))
        wanted: Sequence[Question] = tuple(
            dict.fromkeys(one for program in loaded.programs for one in program.questions)
        )
        answers: dict[Question, Answer] = {}
        in_thread = not is_quick(message.content)
        left = ANEW * self.limits.instructions
        for _ in range(self.limits.questions + 1):
            if wanted:
                answers |= await self.database.read(
                    answer_all, self.keys, loaded.actor, tuple(wanted)
                )
            try:
                return await self._once(loaded, message, surroundings, answers, in_thread)
            except Unanswered as unanswered:
                wanted = (unanswered.question,)
                left -= unanswered.instructions
                if left < 0:
                    break
            except Failure:
                raise
            except Exception:
                # Whatever a script makes of our code, its owner gets the message.
                _log.exception("a script could not be run", user=loaded.actor.address)
                return _kept(RunError(_FAULT))
        told = "the script asks too much about mailboxes and lists after too many steps"
        return _kept(RunError(Problem(0, 0, told)))

    async def _once(
        self,
        loaded: Loaded,
        message: Message,
        surroundings: Surroundings,
        answers: dict[Question, Answer],
        in_thread: bool,
    ) -> Outcome:
        arguments = (loaded.programs, message, surroundings, answers, loaded.included)
        if not in_thread:
            at_once = min(INSTRUCTIONS_AT_ONCE, self.limits.instructions)
            limits = replace(self.limits, instructions=at_once)
            outcome = run_scripts(*arguments, limits)
            if outcome.failure is None or outcome.instructions < at_once:
                return outcome
        return await asyncio.to_thread(run_scripts, *arguments, self.limits)


def _kept(failure: RunError) -> Outcome:
    return Outcome((Keep(implicit=True),), failure=failure)
