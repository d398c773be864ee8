"""rspamd: asks its worker or controller over plain HTTP, and teaches the controller.

Called by `inbound/checks/rspamd` and by whoever trains filters.
"""

from dataclasses import dataclass, field

from pillarbox.base.errors import Unavailable
from pillarbox.net.daemon import connected
from pillarbox.net.daemon_address import DaemonAddress
from pillarbox.net.http_exchange import HttpExchange, Response
from pillarbox.pipeline.scanning.guard import Guard
from pillarbox.wire.rspamd import (
    ANSWER_BYTES_MAX,
    CHECK,
    LEARN_HAM,
    LEARN_SPAM,
    Judgement,
    Question,
    headers,
    read_judgement,
    refusal_to_learn,
)

_OK = 200
_KNOWN_ALREADY = 208
_FAULTS = frozenset((401, 403, 429, 500, 502, 503, 504))


@dataclass(frozen=True, slots=True)
class RspamdOptions:
    """`prefix` is the path before those of rspamd, for one behind a web server."""

    address: DaemonAddress
    prefix: str = ""
    password: str = field(default="", repr=False)
    max_bytes: int = 50 << 20


class Rspamd:
    """One per process, a `Learner` too; lessons have a guard of their own, not to stop scans."""

    def __init__(self, options: RspamdOptions, guard: Guard, lessons: Guard) -> None:
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

    async def check(self, content: bytes, question: Question) -> Judgement:
        """What rspamd makes of a message; raises `Unavailable`."""

        async def ask() -> Judgement:
            answer = await self._post(CHECK, content, headers(question))
            if answer.status != _OK:
                raise Unavailable("", f"it answered with status {answer.status}")
            return read_judgement(answer.body)

        return await self._guard.call(ask)

    async def learn(self, content: bytes, spam: bool) -> None:
        """Teach it a message; raises `Unavailable`, also where it does not want to learn.

        What is too large to be checked is not learned either.
        """
        if not self.takes(content):
            return

        async def teach() -> str:
            answer = await self._post(LEARN_SPAM if spam else LEARN_HAM, content, [])
            if answer.status == _KNOWN_ALREADY or not (why := refusal_to_learn(answer.body)):
                return ""
            refused = f"it does not learn: {why} (status {answer.status})"
            if answer.status in _FAULTS:
                raise Unavailable("", refused)
            return refused

        # That it has no use for a message is no fault of its: the next one may be of use.
        if why := await self._lessons.call(teach):
            raise Unavailable("", f"{self._lessons.name}: {why}")

    async def _post(self, path: str, content: bytes, extra: list[tuple[str, str]]) -> Response:
        timeout_s = self._guard.options.timeout_s
        common = [
            ("Host", str(self._options.address)),
            ("Content-Length", str(len(content))),
            ("Connection", "close"),
        ]
        if self._options.password:
            common.append(("Password", self._options.password))
        async with connected(self._options.address, timeout_s) as stream:
            exchange = HttpExchange(stream, ANSWER_BYTES_MAX, timeout_s)
            return await exchange.run("POST", self._options.prefix + path, common + extra, content)
