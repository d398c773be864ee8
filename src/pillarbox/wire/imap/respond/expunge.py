"""EXPUNGE and VANISHED responses (RFC 9051 §7.5.1, RFC 7162 §3.2.10)."""

from collections.abc import Iterable

from pillarbox.wire.imap.sets import Range, format_ranges, format_uid_set


def expunged(numbers: Iterable[int]) -> bytes:
    """One `* n EXPUNGE` each; the numbers must count those before as gone already."""
    return b"".join(map(b"* %d EXPUNGE\r\n".__mod__, numbers))


def vanished(uids: Iterable[int]) -> bytes:
    """`* VANISHED …` for ascending UIDs, at least one."""
    return b"* VANISHED %b\r\n" % format_uid_set(uids)


def vanished_earlier(ranges: Iterable[Range]) -> bytes:
    """`* VANISHED (EARLIER) …` for at least one range."""
    return b"* VANISHED (EARLIER) %b\r\n" % format_ranges(ranges)
