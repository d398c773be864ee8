"""ACL, LISTRIGHTS and MYRIGHTS responses (RFC 4314 §3.6).

Identifiers and rights are atoms where they can be: some clients take quotes for a part of them.
"""

from collections.abc import Iterable

from pillarbox.wire.imap.names import encode_name
from pillarbox.wire.imap.respond.strings import astring


def acl(name: str, entries: Iterable[tuple[str, str]], *, utf8: bool) -> bytes:
    """`* ACL …` with pairs of identifier and rights."""
    pairs = b"".join(b" %b %b" % (astring(who), astring(rights)) for who, rights in entries)
    return b"* ACL %b%b\r\n" % (encode_name(name, utf8=utf8), pairs)


def list_rights(
    name: str, identifier: str, required: str, optional: Iterable[str], *, utf8: bool
) -> bytes:
    """`* LISTRIGHTS …`: rights the identifier has in any case, and those it can be given."""
    words = b" ".join(astring(rights) for rights in (required, *optional))
    return b"* LISTRIGHTS %b %b %b\r\n" % (encode_name(name, utf8=utf8), astring(identifier), words)


def my_rights(name: str, rights: str, *, utf8: bool) -> bytes:
    """`* MYRIGHTS …`; LIST can tell them along (RFC 8440)."""
    return b"* MYRIGHTS %b %b\r\n" % (encode_name(name, utf8=utf8), astring(rights))
