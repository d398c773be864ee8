"""What a script asks to be done with a message: values, which the pipeline carries out.

`content` is the message as the action sees it, where the script edited it before, else `None`.
`where` names script and line that asked for it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Where:
    """The place in a script; `script` is its name, `line` 0 for the end of it."""

    script: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Keep:
    """Into the mailbox where it would go without any script; `implicit` if no script said so."""

    flags: tuple[str, ...] = ()
    content: bytes | None = None
    implicit: bool = False
    where: Where = Where()


@dataclass(frozen=True, slots=True)
class FileInto:
    """Into a mailbox, by the name users see.

    `create` makes it where it is missing (RFC 5490 §3.2). `special_use` (`\\\\Junk`, RFC 8579 §4)
    comes before the name, and `mailbox_id` (RFC 9042 §3) before that.
    """

    mailbox: str
    flags: tuple[str, ...] = ()
    create: bool = False
    special_use: str = ""
    mailbox_id: str = ""
    content: bytes | None = None
    where: Where = Where()


@dataclass(frozen=True, slots=True)
class Redirect:
    """To another address, as a new hop (RFC 5228 §4.2)."""

    address: str
    content: bytes | None = None
    where: Where = Where()


@dataclass(frozen=True, slots=True)
class Discard:
    """Nothing becomes of it, and nobody is told."""

    where: Where = Where()


@dataclass(frozen=True, slots=True)
class Reject:
    """It is refused with a reason; `early`: by SMTP, if that can still be (ereject, RFC 5429)."""

    reason: str
    early: bool = False
    where: Where = Where()


@dataclass(frozen=True, slots=True)
class Vacation:
    """The sender gets a reply, unless there was one in this period (RFC 5230, RFC 6131).

    `handle` tells replies apart, made from the arguments where the script gives none. `mime` says
    that `reason` is a MIME entity with its header. `period_s` 0 is every time. `addresses` are more
    addresses of the user. `fcc` is where a copy goes (RFC 8580).
    """

    reason: str
    handle: str
    period_s: int
    subject: str = ""
    sender: str = ""
    addresses: tuple[str, ...] = ()
    mime: bool = False
    fcc: FileInto | None = None
    where: Where = Where()


@dataclass(frozen=True, slots=True)
class Notify:
    """Somebody is told of the message (RFC 5435); `importance` is 1 (high) to 3 (low).

    `method` is a URI whose method is supported. `id` and `to` are of the old `notify`: by the one
    `denotify` finds it, the other are the addresses in the URI.
    """

    method: str
    message: str = ""
    sender: str = ""
    importance: int = 2
    options: tuple[tuple[str, str], ...] = ()
    fcc: FileInto | None = None
    id: str = ""
    to: tuple[str, ...] = ()
    where: Where = Where()


@dataclass(frozen=True, slots=True)
class Remember:
    """That a message with this mark was seen (RFC 7352); done only if all scripts succeeded."""

    mark: str
    seconds: int
    where: Where = Where()


@dataclass(frozen=True, slots=True)
class Note:
    """A line for the trace of the message (`vnd.pillarbox.trace`)."""

    text: str
    where: Where = Where()


@dataclass(frozen=True, slots=True)
class SetFlags:
    """The flags of a message that is in a mailbox already (RFC 6785); in that place only."""

    flags: tuple[str, ...]
    where: Where = Where()


Action = (
    Keep | FileInto | Redirect | Discard | Reject | Vacation | Notify | Remember | Note | SetFlags
)
