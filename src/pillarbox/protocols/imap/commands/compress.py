"""COMPRESS: from the tagged OK on, both directions are DEFLATE (RFC 4978)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pillarbox.protocols.imap.errors import BadCommand, RefusedCommand
from pillarbox.wire.imap.parse.compress import Compress
from pillarbox.wire.imap.respond.replies import status_response

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession


async def compress(session: ImapSession, args: Compress) -> None:
    """Begin to compress; what came behind the command is read as compressed already."""
    connection = session.connection
    if args.algorithm != "DEFLATE":
        raise BadCommand("DEFLATE is the one algorithm")
    if connection.compressed:
        raise RefusedCommand("The connection is compressed already", "COMPRESSIONACTIVE")
    session.write(status_response("OK", "DEFLATE active", tag=session.tag))
    await session.flush()
    connection.start_compression(session.receiver.take_buffered())
