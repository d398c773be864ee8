"""From failures to refusals: one table from kind to response code (RFC 5804 §1.3)."""

from types import MappingProxyType
from typing import Final

from pillarbox.base.errors import Busy, Exists, Failure, NotFound, OverQuota, Unavailable
from pillarbox.domain.sieve.model import ScriptActive, ScriptTooLarge, TooManyScripts
from pillarbox.pipeline.filtering.scripts import InvalidScript
from pillarbox.wire.managesieve.responses import Code, no

_CODES: Final[MappingProxyType[type[Failure], Code]] = MappingProxyType(
    {
        ScriptActive: Code.ACTIVE,
        ScriptTooLarge: Code.MAX_SIZE,
        TooManyScripts: Code.MAX_SCRIPTS,
        OverQuota: Code.QUOTA,
        Exists: Code.ALREADY_EXISTS,
        NotFound: Code.NONEXISTENT,
        Busy: Code.TRY_LATER,
        Unavailable: Code.TRY_LATER,
    }
)

LOCAL_ERROR: Final = no("Something went wrong here", Code.TRY_LATER)
RESTARTING: Final = "The server is restarting"
TOO_MANY_BAD: Final = "Too many bad commands"
TOO_MANY_COMMANDS: Final = "Too many commands before login"
TOO_MANY_FAILED: Final = "Too many failed logins"
TOO_MANY_LOGINS: Final = "Too many logins on one connection; connect again"
TOO_QUIET: Final = "You were quiet for too long"


class BadCommand(Exception):
    """A command is refused because the client broke the protocol."""


class RefusedCommand(Exception):
    """A command is refused, with a response code where there is one."""

    def __init__(self, text: str, code: Code | None = None) -> None:
        super().__init__(text)
        self.code = code


class HangUp(Exception):
    """The session says BYE with this text and ends."""

    def __init__(self, text: str, code: Code | None = None) -> None:
        super().__init__(text)
        self.code = code


def refusal(failure: Failure) -> bytes:
    """What a failure is told as; of a script everything that is wrong with it, line by line."""
    text = failure.public
    if isinstance(failure, InvalidScript):
        text = "\n".join(map(str, failure.problems))
    return no(text, code_of(failure))


def code_of(failure: Failure) -> Code | None:
    """The response code of a failure; where its kind has none, whether it may be tried again."""
    for kind in type(failure).__mro__:
        if kind in _CODES:
            return _CODES[kind]
    return Code.TRY_LATER if failure.temporary else None
