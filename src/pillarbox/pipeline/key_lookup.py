"""Asking the domain name system for the keys that signatures name.

Called by `signing` and `jobs/key_rotation`, and by the checks of mail that comes in.
"""

import asyncio
from collections.abc import Iterable

from pillarbox.base.errors import Unavailable
from pillarbox.formats.mailauth.results import KeyAnswers
from pillarbox.net.dns import Resolver

AT_ONCE = 10
LOOKUP_S = 20.0


async def look_up_keys(
    resolver: Resolver, names: Iterable[str], limit_s: float = LOOKUP_S
) -> KeyAnswers:
    """The TXT records of each name; `None` where there was no answer, or none in `limit_s`."""
    found: dict[str, tuple[str, ...] | None] = dict.fromkeys(names)
    room = asyncio.Semaphore(AT_ONCE)

    async def ask(name: str) -> None:
        async with room:
            try:
                found[name] = await resolver.txt(name)
            except Unavailable:
                pass

    try:
        async with asyncio.timeout(limit_s), asyncio.TaskGroup() as tasks:
            for name in found:
                tasks.create_task(ask(name))
    except TimeoutError:
        pass
    return found
