"""Asking the domain name system what evaluating DMARC wants to know.

Called by the checks of mail that comes in, and by what forwards.
"""

import asyncio
from typing import Protocol, TypeVar

from pillarbox.base.errors import Unavailable
from pillarbox.formats.mailauth.dmarc.discovery import Answers, Asking, Question, Wanted
from pillarbox.net.dns import HostAnswer

T = TypeVar("T")


class Names(Protocol):
    """The part of a resolver that is needed here; both raise `Unavailable`."""

    async def txt(self, name: str) -> tuple[str, ...]: ...
    async def host(self, name: str) -> HostAnswer: ...


async def answered(resolver: Names, asking: Asking[T], answer_s: float | None = None) -> T:
    """What `asking` comes to, its questions answered; `answer_s` is how long one may take."""
    try:
        question = next(asking)
        while True:
            question = asking.send(await _answers(resolver, question, answer_s))
    except StopIteration as end:
        result: T = end.value
        return result


async def _answers(resolver: Names, question: Question, answer_s: float | None) -> Answers:
    found = await asyncio.gather(
        *(_ask(resolver, question.wanted, one, answer_s) for one in question.names)
    )
    return dict(zip(question.names, found, strict=True))


async def _ask(
    resolver: Names, wanted: Wanted, name: str, answer_s: float | None
) -> tuple[str, ...] | bool | None:
    try:
        async with asyncio.timeout(answer_s):
            if wanted is Wanted.TEXTS:
                return await resolver.txt(name)
            return (await resolver.host(name)).exists
    except (Unavailable, TimeoutError):
        return None
