"""STAT, LIST and UIDL: what is in the maildrop (RFC 1939 §5, §7)."""

from collections.abc import Callable

from pillarbox.protocols.pop3.session import Marks, Pop3Session
from pillarbox.wire.pop3.commands import List, Stat, Uidl
from pillarbox.wire.pop3.responses import END, ok

_LINES_AT_ONCE = 1_000


async def stat(session: Pop3Session, command: Stat) -> None:
    """How many messages that are not deleted, and how many octets."""
    marks = session.require_marks()
    session.say(ok(f"{marks.count} {marks.size_bytes}"))


async def list_(session: Pop3Session, command: List) -> None:
    """The size of a message or of each: what RETR sends, before dots are doubled."""
    marks = session.require_marks()
    sizes = marks.drop.sizes
    await _tell(session, marks, command.number, lambda index: sizes[index])


async def uidl(session: Pop3Session, command: Uidl) -> None:
    """A message's unique id or each one's; it stays the same as long as the message is there."""
    marks = session.require_marks()
    drop = marks.drop
    await _tell(
        session, marks, command.number, lambda index: f"{drop.uidvalidity}-{drop.uids[index]}"
    )


async def _tell(
    session: Pop3Session,
    marks: Marks,
    number: int | None,
    value: Callable[[int], int | str],
) -> None:
    if number is not None:
        session.say(ok(f"{number} {value(marks.index(number))}"))
        return
    session.say(ok(f"{marks.count} messages ({marks.size_bytes} octets)"))
    deleted = marks.deleted
    for start in range(0, len(deleted), _LINES_AT_ONCE):
        told = [
            f"{index + 1} {value(index)}\r\n"
            for index in range(start, min(start + _LINES_AT_ONCE, len(deleted)))
            if not deleted[index]
        ]
        await session.send("".join(told).encode("ascii"))
    session.say(END)
