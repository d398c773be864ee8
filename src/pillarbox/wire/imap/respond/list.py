"""LIST, LSUB and NAMESPACE responses (RFC 9051 §7.3)."""

from collections.abc import Iterable, Sequence

from pillarbox.wire.imap.names import encode_name
from pillarbox.wire.imap.respond.strings import quote


def list_response(
    attributes: Iterable[str],
    separator: str | None,
    name: str,
    *,
    utf8: bool,
    child_info: Sequence[str] = (),
    old_name: str | None = None,
) -> bytes:
    """`* LIST …`; `child_info` names what children match by (RFC 5258 §3.5)."""
    extended: list[bytes] = []
    if child_info:
        words = b" ".join(quote(word) for word in child_info)
        extended.append(b'"CHILDINFO" (%b)' % words)
    if old_name is not None:
        extended.append(b'"OLDNAME" (%b)' % encode_name(old_name, utf8=utf8))
    tail = b" (%b)" % b" ".join(extended) if extended else b""
    return _line(b"LIST", attributes, separator, encode_name(name, utf8=utf8) + tail)


def lsub_response(
    attributes: Iterable[str], separator: str | None, name: str, *, utf8: bool
) -> bytes:
    """`* LSUB …` (RFC 3501 §7.2.3)."""
    return _line(b"LSUB", attributes, separator, encode_name(name, utf8=utf8))


def _line(verb: bytes, attributes: Iterable[str], separator: str | None, rest: bytes) -> bytes:
    return b"* %b (%b) %b %b\r\n" % (
        verb,
        " ".join(attributes).encode("ascii"),
        b"NIL" if separator is None else quote(separator),
        rest,
    )


Prefixes = Sequence[tuple[str, str]]
"""Namespaces of one kind: prefix and separator."""


def namespace(personal: Prefixes, other_users: Prefixes, shared: Prefixes, *, utf8: bool) -> bytes:
    """`* NAMESPACE …`, NIL for a kind there is none of (RFC 9051 §6.3.10)."""
    kinds = [
        b"(%b)"
        % b"".join(
            b"(%b %b)" % (encode_name(prefix, utf8=utf8), quote(separator))
            for prefix, separator in kind
        )
        if kind
        else b"NIL"
        for kind in (personal, other_users, shared)
    ]
    return b"* NAMESPACE %b\r\n" % b" ".join(kinds)
