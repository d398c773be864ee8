"""STATUS responses (RFC 9051 §7.3.4)."""

from collections.abc import Iterable

from pillarbox.wire.imap.names import encode_name


def status(name: str, items: Iterable[tuple[str, int | str | None]], *, utf8: bool) -> bytes:
    """`* STATUS …`; numbers as they are, None as NIL, text (an object id) in parentheses."""
    words = " ".join(f"{item} {_value(value)}" for item, value in items)
    return b"* STATUS %b (%b)\r\n" % (encode_name(name, utf8=utf8), words.encode("ascii"))


def _value(value: int | str | None) -> str:
    if value is None:
        return "NIL"
    return str(value) if isinstance(value, int) else f"({value})"
