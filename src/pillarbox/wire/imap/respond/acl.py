"""ACL, LISTRIGHTS and MYRIGHTS responses (RFC 4314 §3.6)."""

from collections.abc import Iterable

from pillarbox.wire.imap.names import encode_name
from pillarbox.wire.imap.respond.strings import string


def acl(name: str, entries: Iterable[tuple[str, str]], *, utf8: bool) -> bytes:
    """`* ACL …` with pairs of identifier and rights."""
    pairs = b"".join(b" %b %b" % (string(who), string(rights)) for who, rights in entries)
    return b"* ACL %b%b\r\n" % (encode_name(name, utf8=utf8), pairs)


def list_rights(
    name: str, identifier: str, required: str, optional: Iterable[str], *, utf8: bool
) -> bytes:
    """`* LISTRIGHTS …`: rights the identifier has in any case, and those it can be given."""
    words = b" ".join(string(rights) for rights in (required, *optional))
    return b"* LISTRIGHTS %b %b %b\r\n" % (encode_name(name, utf8=utf8), string(identifier), words)


def my_rights(name: str, rights: str, *, utf8: bool) -> bytes:
    """`* MYRIGHTS …`; LIST can tell them along (RFC 8440)."""
    return b"* MYRIGHTS %b %b\r\n" % (encode_name(name, utf8=utf8), string(rights))
