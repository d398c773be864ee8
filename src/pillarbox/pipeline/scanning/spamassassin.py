"""SpamAssassin: asks spamd for the score of a message, and teaches it.

Called by `inbound/checks/spamassassin` and by whoever trains filters.
"""

from dataclasses import dataclass

from pillarbox.net.daemon import connected, read_to_end, send
from pillarbox.net.daemon_address import DaemonAddress
from pillarbox.pipeline.scanning.guard import Guard
from pillarbox.wire.spamc import (
    ANSWER_BYTES_MAX,
    Answer,
    Command,
    Score,
    lesson,
    read_answer,
    request,
)


@dataclass(frozen=True, slots=True)
class SpamAssassinOptions:
    """`user` is whose rules and knowledge spamd takes, empty for its own."""

    address: DaemonAddress
    max_bytes: int = 512 * 1024
    user: str = ""


@dataclass(frozen=True, slots=True)
class Assessment:
    """A score and the names of the rules that matched."""

    score: Score
    rules: tuple[str, ...]


class SpamAssassin:
    """One per process, a `Learner` too; lessons have a guard of their own, not to stop scans."""

    def __init__(self, options: SpamAssassinOptions, guard: Guard, lessons: Guard) -> None:
        self._options = options
        self._guard = guard
        self._lessons = lessons

    @property
    def timeout_s(self) -> float:
        """How long a check takes at most."""
        return self._guard.options.timeout_s

    def takes(self, content: bytes) -> bool:
        """Whether a message is small enough to be shown."""
        return len(content) <= self._options.max_bytes

    async def check(self, content: bytes) -> Assessment:
        """What a message comes to; raises `Unavailable`."""

        async def ask() -> Assessment:
            answer = await self._ask(request(Command.SYMBOLS, content, self._user()))
            return Assessment(answer.score, answer.rules)

        return await self._guard.call(ask)

    async def learn(self, content: bytes, spam: bool) -> None:
        """Teach it a message; raises `Unavailable`, also where it does not want to learn.

        What is too large to be checked is not learned either.
        """
        if not self.takes(content):
            return
        await self._lessons.call(lambda: self._ask(lesson(content, spam, self._user())))

    async def _ask(self, question: bytes) -> Answer:
        timeout_s = self._guard.options.timeout_s
        async with connected(self._options.address, timeout_s) as stream:
            try:
                await send(stream, question, timeout_s)
            except ConnectionError:
                pass  # it may have said why before it left
            return read_answer(await read_to_end(stream, ANSWER_BYTES_MAX, timeout_s))

    def _user(self) -> tuple[str, ...]:
        return (f"User: {self._options.user}",) if self._options.user else ()
