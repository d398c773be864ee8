"""RETR and TOP: what a message holds (RFC 1939 §5, §7).

Neither makes a message \\Seen: who fetches a copy has not read it.
"""

import asyncio

from pillarbox.domain.mail import maildrop
from pillarbox.formats.mime.crlf import crlf_pieces, line_end_bytes
from pillarbox.protocols.pop3.session import Pop3Session
from pillarbox.wire.pop3.commands import Retr, Top
from pillarbox.wire.pop3.responses import ok, stuffed, top_bytes

_ON_LOOP_BYTES = 256 * 1024
"""Content up to this size is looked through on the event loop."""


async def retr(session: Pop3Session, command: Retr) -> None:
    """Send a message, byte for byte save that each line ends with CRLF."""
    content = await _content(session, command.number)
    lacking = await _lacking(content)
    await _send(session, f"{len(content) + lacking} octets", content, lacking)


async def top(session: Pop3Session, command: Top) -> None:
    """Send the header and some lines."""
    content = await _content(session, command.number)
    if len(content) <= _ON_LOOP_BYTES:
        content = _top_of(content, command.line_count)
    else:
        content = await asyncio.to_thread(_top_of, content, command.line_count)
    await _send(session, "Top of message follows", content, await _lacking(content))


async def _content(session: Pop3Session, number: int) -> bytes:
    marks, services = session.require_marks(), session.services
    index = marks.index(number)
    return await services.database.read(maildrop.content, services.content, marks.drop, index)


def _top_of(content: bytes, line_count: int) -> bytes:
    return content[: top_bytes(content, line_count)]


async def _lacking(content: bytes) -> int:
    if len(content) <= _ON_LOOP_BYTES:
        return line_end_bytes(content)
    return await asyncio.to_thread(line_end_bytes, content)


async def _send(session: Pop3Session, text: str, content: bytes, lacking: int) -> None:
    """In pieces, so that no second copy of a large message is in memory."""
    session.say(ok(text))
    if len(content) <= _ON_LOOP_BYTES:
        await session.send(b"".join(stuffed(crlf_pieces(content, lacking))))
        return
    for piece in stuffed(crlf_pieces(content, lacking)):
        await session.send(piece)
