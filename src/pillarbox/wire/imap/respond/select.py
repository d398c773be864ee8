"""The size and flags of the selected mailbox (RFC 9051 §7.3.5, §7.4.1)."""

from collections.abc import Iterable

from pillarbox.wire.imap.respond.strings import flag_list


def flags(names: Iterable[str]) -> bytes:
    """`* FLAGS (…)`: what may occur in this mailbox."""
    return b"* FLAGS %b\r\n" % flag_list(names)


def exists(count: int) -> bytes:
    """`* n EXISTS`."""
    return b"* %d EXISTS\r\n" % count


def recent(count: int) -> bytes:
    """`* n RECENT`; for IMAP4rev1 alone (RFC 3501 §7.3.2)."""
    return b"* %d RECENT\r\n" % count
