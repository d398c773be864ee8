"""Status responses and their codes, and continuation requests (RFC 9051 §7.1, §7.6)."""

import re
from collections.abc import Iterable

from pillarbox.wire.imap.respond.strings import flag_list, quote
from pillarbox.wire.imap.sets import format_ranges, format_uid_set

_LINE_BREAK = re.compile(rb"[\x00\r\n]+")


def _text(text: str) -> bytes:
    """Human text on one line; a reply must have some."""
    return _LINE_BREAK.sub(b" ", text.encode("utf-8")) or b"-"


def status_response(
    status: str, text: str, *, tag: str | None = None, code: bytes | None = None
) -> bytes:
    """A line with OK, NO, BAD, BYE or PREAUTH; untagged without a tag.

    `code` is a response code without brackets, such as `TRYCREATE` or what `*_code` returns.
    """
    first = tag.encode("ascii") if tag else b"*"
    if code is None:
        # Text in brackets would be read as a code.
        body = _text(text.lstrip("["))
        return b"%b %b %b\r\n" % (first, status.encode("ascii"), body)
    return b"%b %b [%b] %b\r\n" % (first, status.encode("ascii"), code, _text(text))


def continuation(text: str = "go ahead") -> bytes:
    """The request for a literal or for IDLE's end."""
    return b"+ %b\r\n" % _text(text)


def challenge(base64: bytes) -> bytes:
    """A SASL challenge, encoded already; empty for an empty one."""
    return b"+ %b\r\n" % base64


def append_uid_code(uid_validity: int, uids: Iterable[int]) -> bytes:
    """`APPENDUID`, with the UIDs in ascending order (RFC 9051 §7.1)."""
    return b"APPENDUID %d %b" % (uid_validity, format_uid_set(uids))


def copy_uid_code(uid_validity: int, pairs: Iterable[tuple[int, int]]) -> bytes:
    """`COPYUID` for pairs of old and new UID; both sides keep the order (RFC 9051 §7.1).

    A range on one side always has its like on the other, so that pairs can be read off.
    """
    old: list[tuple[int, int]] = []
    new: list[tuple[int, int]] = []
    for source, target in pairs:
        if old and source == old[-1][1] + 1 and target == new[-1][1] + 1:
            old[-1] = (old[-1][0], source)
            new[-1] = (new[-1][0], target)
        else:
            old.append((source, source))
            new.append((target, target))
    return b"COPYUID %d %b %b" % (uid_validity, format_ranges(old), format_ranges(new))


def modified_code(numbers: Iterable[int]) -> bytes:
    """`MODIFIED`: what a conditional STORE left alone, ascending (RFC 7162 §3.1.3)."""
    return b"MODIFIED " + format_uid_set(numbers)


def message_limit_code(limit: int, lowest_uid: int) -> bytes:
    """`MESSAGELIMIT`: only so many messages were taken, down to this UID (RFC 9738 §3)."""
    return b"MESSAGELIMIT %d %d" % (limit, lowest_uid)


def number_code(name: str, value: int) -> bytes:
    """A code with one number: UIDNEXT, UIDVALIDITY, UNSEEN, HIGHESTMODSEQ, …"""
    return b"%b %d" % (name.encode("ascii"), value)


def permanent_flags_code(flags: Iterable[str]) -> bytes:
    """`PERMANENTFLAGS`; a backslash and star among them says that new keywords may be made."""
    return b"PERMANENTFLAGS " + flag_list(flags)


def capability_code(names: Iterable[str]) -> bytes:
    """`CAPABILITY` for the greeting and the end of login."""
    return b"CAPABILITY " + " ".join(names).encode("ascii")


def in_progress_code(tag: str, done: int | None, total: int | None) -> bytes:
    """`INPROGRESS`: how much of how much is done, where that is known (RFC 9585 §4)."""
    known = [b"NIL" if one is None else b"%d" % one for one in (done, total)]
    return b"INPROGRESS (%b %b)" % (quote(tag), b" ".join(known))


def mailbox_id_code(object_id: str) -> bytes:
    """`MAILBOXID` (RFC 8474 §4.1)."""
    return b"MAILBOXID (%b)" % object_id.encode("ascii")
