"""METADATA responses and their codes (RFC 5464 §4.4, §5)."""

from collections.abc import Iterable

from pillarbox.wire.imap.names import encode_name
from pillarbox.wire.imap.respond.strings import astring, literal8, nstring


def metadata(name: str, values: Iterable[tuple[str, bytes | None]], *, utf8: bool) -> bytes:
    """`* METADATA …` with entries and values; `None` says that there is none."""
    words = b" ".join(b"%b %b" % (astring(entry), _value(value)) for entry, value in values)
    return b"* METADATA %b (%b)\r\n" % (encode_name(name, utf8=utf8), words)


def changed(name: str, entries: Iterable[str], *, utf8: bool) -> bytes:
    """`* METADATA …` with the names of entries that changed (RFC 5464 §4.4.2)."""
    words = b" ".join(map(astring, entries))
    return b"* METADATA %b %b\r\n" % (encode_name(name, utf8=utf8), words)


def long_entries_code(size_bytes: int) -> bytes:
    """The size of the largest value that was left out."""
    return b"METADATA LONGENTRIES %d" % size_bytes


def max_size_code(size_bytes: int) -> str:
    """The size a value may have at most."""
    return f"METADATA MAXSIZE {size_bytes}"


def _value(value: bytes | None) -> bytes:
    if value is not None and b"\0" in value:
        return literal8(value)
    return nstring(value)
