"""REPLACE and UID REPLACE: a message in place of another (RFC 8508 §5)."""

from dataclasses import dataclass

from pillarbox.wire.imap.parse.append import AppendMessage, parse_message
from pillarbox.wire.imap.parse.command import CommandEntry
from pillarbox.wire.imap.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Replace:
    """Add a message to a mailbox and remove message `number` of the selected one.

    `number` is a message number, or a UID with `uid`; None is the last message (`*`).
    """

    number: int | None
    mailbox: str
    message: AppendMessage
    uid: bool = False


def _parse(tokens: Tokens, *, uid: bool) -> Replace:
    tokens.sp()
    number = None if not uid and tokens.skip(b"*") else tokens.nz_number()
    tokens.sp()
    mailbox = tokens.mailbox()
    return Replace(number, mailbox, parse_message(tokens), uid)


def parse_replace(tokens: Tokens) -> Replace:
    """REPLACE (RFC 8508 §3.2)."""
    return _parse(tokens, uid=False)


def parse_uid_replace(tokens: Tokens) -> Replace:
    """UID REPLACE (RFC 8508 §3.3)."""
    return _parse(tokens, uid=True)


REPLACE: tuple[CommandEntry, ...] = (
    ("REPLACE", parse_replace),
    ("UID REPLACE", parse_uid_replace),
)
