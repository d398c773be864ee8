"""Which command is run by whom, and in which state: the one list of this server's commands."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Flag
from types import MappingProxyType
from typing import Any, Final

from pillarbox.protocols.managesieve.commands import any_time, invalid, login, scripts
from pillarbox.protocols.managesieve.session import ManageSieveSession
from pillarbox.wire.managesieve import commands as c


class States(Flag):
    """States of a session (RFC 5804 §2)."""

    NOT_AUTHENTICATED = 1
    AUTHENTICATED = 2
    ANY = 3


# Any: each handler takes the kind of command that the table pairs it with.
Handler = Callable[[ManageSieveSession, Any], Awaitable[None]]
"""Runs a command; says the answer itself, or raises a refusal."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Who runs a command, and when it may come."""

    handler: Handler
    states: States


HANDLERS: Final[Mapping[type, Entry]] = MappingProxyType(
    {
        c.Authenticate: Entry(login.authenticate, States.NOT_AUTHENTICATED),
        c.StartTls: Entry(login.starttls, States.NOT_AUTHENTICATED),
        c.Unauthenticate: Entry(login.unauthenticate, States.AUTHENTICATED),
        c.HaveSpace: Entry(scripts.havespace, States.AUTHENTICATED),
        c.PutScript: Entry(scripts.putscript, States.AUTHENTICATED),
        c.ListScripts: Entry(scripts.listscripts, States.AUTHENTICATED),
        c.SetActive: Entry(scripts.setactive, States.AUTHENTICATED),
        c.GetScript: Entry(scripts.getscript, States.AUTHENTICATED),
        c.DeleteScript: Entry(scripts.deletescript, States.AUTHENTICATED),
        c.RenameScript: Entry(scripts.renamescript, States.AUTHENTICATED),
        c.CheckScript: Entry(scripts.checkscript, States.AUTHENTICATED),
        c.Capability: Entry(any_time.capability, States.ANY),
        c.Noop: Entry(any_time.noop, States.ANY),
        c.Logout: Entry(any_time.logout, States.ANY),
        c.Unknown: Entry(invalid.unknown, States.ANY),
    }
)
