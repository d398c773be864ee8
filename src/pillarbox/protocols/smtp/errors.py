"""The one table from kinds of failure to replies; the words of other replies are `wire`'s.

Codes from RFC 5321 §4.2, status codes from RFC 3463 and RFC 5248.
"""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

from pillarbox.base.errors import (
    Busy,
    Denied,
    Failure,
    Invalid,
    NotFound,
    OverQuota,
    TooLarge,
    Unavailable,
)
from pillarbox.domain.sending.model import LimitReached
from pillarbox.pipeline.inbound.screening import Deferred
from pillarbox.pipeline.inbound.trace import RoutingLoop
from pillarbox.pipeline.login_watch import ENDED
from pillarbox.wire.smtp import replies
from pillarbox.wire.smtp.replies import Reply

_Codes = Mapping[type[Failure], tuple[int, str]]


class Stage(Enum):
    """Where in a session a failure came up."""

    SENDER = 1
    RECIPIENT = 2
    CONTENT = 3
    LOGIN = 4
    CONNECTION = 5


_TEMPORARY: Final = (451, "4.3.0")
_PERMANENT: Final = (554, "5.3.0")
_SENDER: Final[_Codes] = MappingProxyType(
    {
        LimitReached: (450, "4.7.1"),
        Denied: (553, "5.7.1"),
        Invalid: (553, "5.1.7"),
    }
)
_RECIPIENT: Final[_Codes] = MappingProxyType(
    {
        Deferred: (451, "4.7.1"),
        NotFound: (550, "5.1.1"),
        Denied: (550, "5.7.1"),
        OverQuota: (452, "4.2.2"),
        Invalid: (553, "5.1.3"),
        TooLarge: (550, "5.4.6"),
    }
)
_CONTENT: Final[_Codes] = MappingProxyType(
    {
        Deferred: (451, "4.7.1"),
        LimitReached: (450, "4.7.1"),
        RoutingLoop: (554, "5.4.6"),
        NotFound: (550, "5.1.1"),
        Denied: (550, "5.7.1"),
        OverQuota: (452, "4.2.2"),
        Invalid: (554, "5.6.0"),
        TooLarge: (552, "5.3.4"),
    }
)
_LOGIN: Final[_Codes] = MappingProxyType(
    {
        Denied: (535, "5.7.8"),
        Busy: (421, "4.7.1"),  # the session ends with it
        Unavailable: (454, "4.7.0"),
    }
)
_CONNECTION: Final[_Codes] = MappingProxyType(
    {
        Denied: (554, "5.7.1"),
        Busy: (421, "4.7.0"),
    }
)
_CODES: Final[Mapping[Stage, _Codes]] = MappingProxyType(
    {
        Stage.SENDER: _SENDER,
        Stage.RECIPIENT: _RECIPIENT,
        Stage.CONTENT: _CONTENT,
        Stage.LOGIN: _LOGIN,
        Stage.CONNECTION: _CONNECTION,
    }
)


def refusal(failure: Failure, stage: Stage) -> Reply:
    """The reply to a failure; what has no code of its own is temporary or not, as it says."""
    codes = _CODES[stage]
    for kind in type(failure).__mro__:
        if (found := codes.get(kind)) is not None:
            return Reply(*found, (failure.public,))
    return Reply(*(_TEMPORARY if failure.temporary else _PERMANENT), (failure.public,))


# Refusals of commands out of order, in words that say which was expected.
EHLO_FIRST: Final = replies.BAD_SEQUENCE.with_text("Say EHLO first")
LHLO_FIRST: Final = replies.BAD_SEQUENCE.with_text("Say LHLO first")
MAIL_FIRST: Final = replies.BAD_SEQUENCE.with_text("Say MAIL first")
RCPT_FIRST: Final = replies.BAD_SEQUENCE.with_text("No recipient was accepted")
IN_TRANSACTION: Final = replies.BAD_SEQUENCE.with_text("Not while a message is under way")
BINARY_NEEDS_BDAT: Final = replies.BAD_SEQUENCE.with_text("BODY=BINARYMIME needs BDAT")
HOLD_TOO_LONG: Final = Reply(501, "5.5.4", ("Messages can't be held that long",))
HOLD_PAST_DELIVER_BY: Final = Reply(501, "5.5.4", ("It would be held until it is too late",))
DELIVER_BY_TOO_SOON: Final = Reply(555, "5.5.4", ("That is too soon to deliver by",))
CHUNKS_BEGUN: Final = replies.BAD_SEQUENCE.with_text("Not between chunks; say RSET")
CHUNK_FAILED: Final = replies.BAD_SEQUENCE.with_text("A chunk before failed; say RSET")
USE_LHLO: Final = replies.UNKNOWN_COMMAND.with_text("This is LMTP, say LHLO")
NO_LOGIN_HERE: Final = replies.NOT_IMPLEMENTED.with_text("There is no login on this port")
NO_ROOM: Final = replies.STORAGE_FULL.with_text("Too much mail at once, try again later")
CLOSE_SLOW: Final = Reply(421, "4.4.2", ("That took too long",))
CLOSE_COMMANDS: Final = Reply(421, "4.7.0", ("Too many commands",))
CLOSE_LOGINS: Final = Reply(421, "4.7.0", ("Too many failed logins",))
CLOSE_LOGIN: Final = Reply(421, "4.7.0", (ENDED,))
CLOSE_AMBIGUOUS: Final = Reply(421, "4.7.0", ("It is not certain where that message ended",))
CLOSE_EARLY: Final = Reply(421, "4.5.0", ("Content came before it was asked for",))
CLOSE_CHUNK: Final = Reply(421, "4.5.0", ("The size of the chunk is not known",))
