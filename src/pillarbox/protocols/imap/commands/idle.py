"""IDLE: tell what happens as it happens (RFC 9051 §6.3.13)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pillarbox.cluster.bus import LOOK_EVERY_S
from pillarbox.domain.changes import topic
from pillarbox.protocols.imap.errors import BadCommand, HangUp
from pillarbox.protocols.imap.reply import Reply
from pillarbox.protocols.imap.updates import look
from pillarbox.wire.imap.parse.idle import Idle, is_done
from pillarbox.wire.imap.receiver import Fatal
from pillarbox.wire.imap.respond.replies import continuation

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession


async def idle(session: ImapSession, args: Idle) -> Reply:
    """Look at the mailbox after each hint of the bus, and every 30 seconds without one."""
    # Somebody else's mailbox changes with its owner's account.
    view = session.view
    account = session.require_actor().account_id if view is None else view.account_id
    wake = asyncio.Event() if session.notifier is None else session.notifier.wake
    stop = session.services.bus.subscribe(topic(account), lambda _: wake.set())
    try:
        session.write(continuation("Idling"))
        await look(session, expunge=True)
        await session.flush()
        await _until_done(session, wake)
    finally:
        stop()
    await look(session, expunge=True)
    return Reply("IDLE completed")


async def _until_done(session: ImapSession, wake: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + session.services.options.idle_timeout_s
    while (line := session.receiver.next_line()) is None:
        left_s = deadline - loop.time()
        if left_s <= 0:
            raise HangUp("You idled for too long")
        try:
            data = await session.connection.read_or(wake, min(LOOK_EVERY_S, left_s))
        except TimeoutError:
            data = None
        if data is None:
            wake.clear()
            await session.require_standing()
            if session.notifier is not None:
                await session.notifier.push(idle=True)
            else:
                await look(session, expunge=True)
            await session.flush()
        elif not data:
            raise ConnectionResetError("the client left")
        else:
            session.receiver.feed(data)
    if isinstance(line, Fatal):
        raise HangUp(line.reason)
    if not is_done(line):
        raise BadCommand("Expected DONE")
