"""DELE, RSET and QUIT: what is removed, and when (RFC 1939 §5, §6)."""

import asyncio

from pillarbox.base.errors import Failure
from pillarbox.base.log import logger
from pillarbox.domain.mail import maildrop
from pillarbox.protocols.pop3 import errors
from pillarbox.protocols.pop3.session import Pop3Session
from pillarbox.wire.pop3.commands import Dele, Quit, Rset
from pillarbox.wire.pop3.responses import ok

_log = logger("pop3")


async def dele(session: Pop3Session, command: Dele) -> None:
    """Mark a message; it goes with QUIT, and stays where that never comes."""
    session.require_marks().delete(command.number)
    session.say(ok(f"Message {command.number} deleted"))


async def rset(session: Pop3Session, command: Rset) -> None:
    """Take every mark back."""
    marks = session.require_marks()
    marks.reset()
    session.say(ok(f"{marks.count} messages ({marks.size_bytes} octets)"))


async def quit_(session: Pop3Session, command: Quit) -> None:
    """Remove what is marked, all or nothing, and say so once that is on disk."""
    session.ending = True
    removed = await _update(session)
    await session.close()  # before the answer: the client may come back at once
    if removed:
        session.say(ok("Goodbye"))
    else:
        session.say(errors.NOT_ALL_REMOVED)


async def _update(session: Pop3Session) -> bool:
    """Enter the UPDATE state; `False` where marked messages could not be removed."""
    marks, lock = session.marks, session.lock
    if marks is None or lock is None or not marks.any_deleted:
        return True
    session.flush()
    ranges = await asyncio.to_thread(maildrop.ranges_of, marks.drop, marks.deleted)
    lock.stop()
    try:
        uids = await session.services.database.write(
            maildrop.update, marks.drop, lock.owner, ranges
        )
    except Failure as failure:
        _log.warning("a maildrop was not updated", why=failure.cause or failure.public)
        return False
    session.lock = None  # it was given back with that
    _log.info("maildrop updated", account=lock.account_id, removed=len(uids))
    return True
