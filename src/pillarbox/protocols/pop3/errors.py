"""From failures to refusals: one table from kind to response code (RFC 2449 §8, RFC 3206 §4)."""

from types import MappingProxyType
from typing import Final

from pillarbox.base.errors import Conflict, Denied, Failure, NotFound
from pillarbox.wire.pop3.responses import Code, err

_CODES: Final[MappingProxyType[type[Failure], Code | None]] = MappingProxyType(
    {Denied: Code.AUTH, Conflict: Code.IN_USE, NotFound: None}
)

NOT_ALL_REMOVED: Final = err("Some deleted messages were not removed", Code.SYS_TEMP)
LOCAL_ERROR: Final = err("Something went wrong here", Code.SYS_TEMP)
RESTARTING: Final = err("The server is restarting; nothing was removed", Code.SYS_TEMP)
TLS_FIRST: Final = err("Use TLS first")
TOO_MANY_BAD: Final = err("Too many bad commands")
TOO_MANY_COMMANDS: Final = err("Too many commands before login")
TOO_MANY_LOGINS: Final = err("Too many failed logins")


class BadCommand(Exception):
    """A command is refused because the client broke the protocol."""


class RefusedCommand(Exception):
    """A command is refused for a reason that lies in the maildrop."""


def refusal(failure: Failure) -> bytes:
    """What a failure is told as; what has no code of its own is temporary or not, as it says."""
    for kind in type(failure).__mro__:
        if kind in _CODES:
            return err(failure.public, _CODES[kind])
    return err(failure.public, Code.SYS_TEMP if failure.temporary else Code.SYS_PERM)
