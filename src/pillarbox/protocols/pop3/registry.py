"""Which event is run by whom, and in which state: the one list of this server's commands."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Flag
from types import MappingProxyType
from typing import Any, Final

from pillarbox.protocols.pop3.commands import any_time, content, invalid, listing, login, update
from pillarbox.protocols.pop3.session import Pop3Session
from pillarbox.wire.pop3 import commands as c
from pillarbox.wire.pop3.server import AuthLine, LineTooLong, Malformed


class States(Flag):
    """States of a session (RFC 1939 §3); UPDATE is entered by QUIT and sees no command."""

    AUTHORIZATION = 1
    TRANSACTION = 2
    ANY = 3


# Any: each handler takes the kind of event that the table pairs it with.
Handler = Callable[[Pop3Session, Any], Awaitable[None]]
"""Runs an event; says the answer itself, or raises a refusal."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Who runs an event, and when it may come."""

    handler: Handler
    states: States


HANDLERS: Final[Mapping[type, Entry]] = MappingProxyType(
    {
        c.User: Entry(login.user, States.AUTHORIZATION),
        c.Pass: Entry(login.pass_, States.AUTHORIZATION),
        c.Auth: Entry(login.auth, States.AUTHORIZATION),
        AuthLine: Entry(login.auth_line, States.AUTHORIZATION),
        c.Stls: Entry(login.stls, States.AUTHORIZATION),
        c.Utf8: Entry(login.utf8, States.AUTHORIZATION),
        c.Stat: Entry(listing.stat, States.TRANSACTION),
        c.List: Entry(listing.list_, States.TRANSACTION),
        c.Uidl: Entry(listing.uidl, States.TRANSACTION),
        c.Retr: Entry(content.retr, States.TRANSACTION),
        c.Top: Entry(content.top, States.TRANSACTION),
        c.Dele: Entry(update.dele, States.TRANSACTION),
        c.Rset: Entry(update.rset, States.TRANSACTION),
        c.Noop: Entry(any_time.noop, States.TRANSACTION),
        c.Quit: Entry(update.quit_, States.ANY),
        c.Capa: Entry(any_time.capa, States.ANY),
        c.Unknown: Entry(invalid.unknown, States.ANY),
        Malformed: Entry(invalid.malformed, States.ANY),
        LineTooLong: Entry(invalid.line_too_long, States.ANY),
    }
)
