"""Which event is run by whom: the one list of this server's commands.

A feature makes a table of these entries and its own; nothing here changes for it.
"""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from pillarbox.protocols.smtp.commands import any_time, auth, content, envelope, greeting, invalid
from pillarbox.protocols.smtp.session import SmtpSession
from pillarbox.wire.smtp import commands as c
from pillarbox.wire.smtp.server import AuthLine, ChunkEnd, DataEnd, LineTooLong, Malformed

# Any: each handler takes the kind of event that the table pairs it with.
Handler = Callable[[SmtpSession, Any], Awaitable[None]]
"""Runs an event; says the replies to it itself, and judges whether it may come now."""

HANDLERS: Final[Mapping[type, Handler]] = MappingProxyType(
    {
        c.Ehlo: greeting.ehlo,
        c.Helo: greeting.helo,
        c.Lhlo: greeting.lhlo,
        c.StartTls: greeting.starttls,
        c.Auth: auth.auth,
        AuthLine: auth.auth_line,
        c.Mail: envelope.mail,
        c.Rcpt: envelope.rcpt,
        c.Rset: envelope.rset,
        c.Data: content.data,
        DataEnd: content.content_end,
        c.Bdat: content.bdat,
        ChunkEnd: content.chunk_end,
        c.Noop: any_time.noop,
        c.Quit: any_time.quit_,
        c.Vrfy: any_time.vrfy,
        c.Expn: any_time.expn,
        c.Help: any_time.help_,
        c.Unknown: invalid.unknown,
        Malformed: invalid.malformed,
        LineTooLong: invalid.line_too_long,
    }
)
