"""Values of the quarantine."""

from dataclasses import dataclass
from enum import IntEnum

import msgspec

from pillarbox.base.ids import AccountId, BlobId

NOBODY = AccountId(0)
"""The account of what is for addresses elsewhere alone: only admins see it."""

DAY_MS = 86_400_000


class Reason(IntEnum):
    """Why it is kept. Of `QUARANTINED` mail the sender believes that it was delivered."""

    REFUSED = 0
    QUARANTINED = 1


class Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of a kept message, sealed with it.

    `path` is the recipient as it was given, `address` and `detail` where that leads, `outside` the
    addresses elsewhere. `sender` is the From field. `why` are sentences about the message, without
    "the message" and the full stop.
    """

    reverse_path: str
    path: str
    address: str = ""
    detail: str | None = None
    outside: tuple[str, ...] = ()
    sender: str = ""
    subject: str = ""
    why: tuple[str, ...] = ()
    because: tuple[str, ...] = ()
    score: float = 0.0
    trace_id: str = ""
    ip: str = ""
    smtputf8: bool = False
    eight_bit: bool = False
    binary: bool = False
    require_tls: bool = False


@dataclass(frozen=True, slots=True)
class KeptMessage:
    """One message kept for one account; `tries` is how often its sender came with it."""

    id: int
    account_id: AccountId
    reason: Reason
    size_bytes: int
    tries: int
    kept_ms: int
    until_ms: int
    kept: Kept


@dataclass(frozen=True, slots=True)
class KeptContent:
    """Where the content of a kept message lies, and what opens it."""

    blob_id: BlobId
    content_key: bytes


@dataclass(frozen=True, slots=True)
class KeepLimits:
    """How long messages are kept, and how much of it for one account."""

    keep_ms: int = 14 * DAY_MS
    messages: int = 500
    size_bytes: int = 100 << 20
