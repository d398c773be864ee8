"""Messages a client stores: what may come, what it is put together of, and making it ready.

Used by APPEND and REPLACE, which place what `prepare` gives (RFC 9051 §6.3.12, RFC 4469).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pillarbox.base.clock import to_ms
from pillarbox.base.errors import NotFound
from pillarbox.domain.mail.content import PreparedEmail
from pillarbox.domain.mail.flag_names import flag_set
from pillarbox.domain.mail.model import FlagSet
from pillarbox.domain.sharing import access
from pillarbox.domain.sharing.access import Access, Right
from pillarbox.protocols.imap.commands.catenate import read_urls
from pillarbox.protocols.imap.errors import BadCommand, RefusedCommand
from pillarbox.wire.imap.parse.append import AppendMessage, UrlPiece

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession

New = tuple[PreparedEmail, FlagSet, int]
"""A message made ready, its flags and its internal date in milliseconds."""


async def target(session: ImapSession, name: str) -> Access:
    """The mailbox messages are to come into; NO with TRYCREATE where there is none."""
    actor = session.require_actor()
    try:
        return await session.services.database.lookup(access.require, actor, name, Right.INSERT)
    except NotFound as failure:
        raise RefusedCommand(failure.public, "TRYCREATE") from failure


def check(session: ImapSession, messages: tuple[AppendMessage, ...]) -> list[FlagSet]:
    """Refuse what can't be stored; gives the flags of each message."""
    limit = session.services.options.max_message_size_bytes
    for message in messages:
        data = [piece for piece in message.pieces if isinstance(piece, bytes)]
        if len(data) == len(message.pieces) and not any(data):
            raise RefusedCommand("An empty message can't be stored", "CANNOT")
        if not message.binary and any(b"\0" in piece for piece in data):
            raise BadCommand("A message with NUL needs a literal8")
        if message.sent_bytes > limit:
            raise RefusedCommand("The message is too large", "TOOBIG")
    return [flag_set(message.flags) for message in messages]


def largest_bytes(session: ImapSession, messages: tuple[AppendMessage, ...]) -> int:
    """How large the largest message can be, for `Preparation.place`."""
    if any(isinstance(piece, UrlPiece) for message in messages for piece in message.pieces):
        return session.services.options.max_message_size_bytes
    return max(message.sent_bytes for message in messages)


async def prepare(
    session: ImapSession, messages: tuple[AppendMessage, ...], flags: list[FlagSet]
) -> list[New]:
    """Put the messages together and make them ready; hold `Preparation.place` meanwhile."""
    services = session.services
    new: list[New] = []
    for message, flag in zip(messages, flags, strict=True):
        date = message.internal_date
        internal_ms = services.clock.now_ms() if date is None else to_ms(date)
        pieces = await read_urls(session, message.pieces)
        if not any(pieces):
            raise RefusedCommand("An empty message can't be stored", "CANNOT")
        new.append((await services.preparation.email(*pieces), flag, internal_ms))
    return new
