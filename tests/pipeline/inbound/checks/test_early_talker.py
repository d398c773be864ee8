"""Clients that spoke before they were greeted."""

from kit.checks import arrival
from pillarbox.pipeline.inbound.checks.early_talker import EARLY_TALKER, EarlyTalker


async def test_who_could_not_wait() -> None:
    message = arrival()
    assert await EarlyTalker().run(message) == ()
    message.early = True
    assert await EarlyTalker().run(message) == (EARLY_TALKER.found(),)
