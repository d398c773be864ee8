"""CAPABILITY, ENABLED and ID responses (RFC 9051 §7.2, RFC 2971 §3.2)."""

from collections.abc import Iterable

from pillarbox.wire.imap.respond.strings import nstring, string


def capability(names: Iterable[str]) -> bytes:
    """`* CAPABILITY …`; IMAP4rev2 or IMAP4rev1 must be among the names."""
    return b"* CAPABILITY %b\r\n" % " ".join(names).encode("ascii")


def enabled(names: Iterable[str]) -> bytes:
    """`* ENABLED …`, with no names where nothing was switched on."""
    return " ".join(("* ENABLED", *names)).encode("ascii") + b"\r\n"


def server_id(fields: Iterable[tuple[str, str | None]]) -> bytes:
    """`* ID (…)`, or NIL for no fields."""
    words = [string(name) + b" " + nstring(value) for name, value in fields]
    return b"* ID (%b)\r\n" % b" ".join(words) if words else b"* ID NIL\r\n"
