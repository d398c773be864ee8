"""From failures to tagged replies: one table from kind to response code (RFC 5530 §3)."""

from types import MappingProxyType

from pillarbox.base.errors import (
    Busy,
    Conflict,
    Denied,
    Exists,
    Expired,
    Failure,
    Invalid,
    NotFound,
    OverQuota,
    TooLarge,
    Unavailable,
)

CODES: MappingProxyType[type[Failure], str] = MappingProxyType(
    {
        NotFound: "NONEXISTENT",
        Exists: "ALREADYEXISTS",
        Conflict: "INUSE",
        Denied: "NOPERM",
        Invalid: "CANNOT",
        TooLarge: "LIMIT",
        OverQuota: "OVERQUOTA",
        Busy: "LIMIT",
        Unavailable: "UNAVAILABLE",
        Expired: "EXPIRED",
    }
)


UID_REQUIRED = "UIDREQUIRED"
"""The code for message numbers where there are none (RFC 9586 §3)."""


class RefusedCommand(Exception):
    """A command is answered with NO, and a response code where there is one."""

    def __init__(self, text: str, code: str | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.code = code


class BadCommand(Exception):
    """A command is answered with BAD: the client broke the protocol."""

    def __init__(self, text: str, code: str | None = None) -> None:
        super().__init__(text)
        self.code = code


class HangUp(Exception):
    """The session says BYE with this text and ends."""


def refused(failure: Failure) -> RefusedCommand:
    """The NO a failure is told as."""
    code = next((code for kind, code in CODES.items() if isinstance(failure, kind)), None)
    return RefusedCommand(failure.public, code)
