"""What is known when a script runs, beside the message."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Surroundings:
    """One recipient's copy of one message, and where it runs.

    `reverse_path` is empty for the null one. `spam` and `virus` are what spamtest and virustest
    compare (RFC 5235: 0 not tested, 1 to 10, and 1 to 5); `spam_percent` 0 to 100. `environment`
    has items by name (RFC 5183). `flags` are those a message in a mailbox has already.
    """

    now: datetime
    reverse_path: str = ""
    recipient: str = ""
    authenticated: str = ""
    """Who sent it, if a user of ours did (envelope part "auth")."""
    delimiter: str = "+"
    spam: int = 0
    spam_percent: int = 0
    spam_tested: bool = False
    virus: int = 0
    environment: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    default_mailbox: str = "INBOX"
    flags: tuple[str, ...] = ()
    in_mailbox: bool = False
    """The message lies in a mailbox already (RFC 6785)."""
