"""QUOTA and QUOTAROOT responses (RFC 9208 §4.2)."""

from collections.abc import Iterable

from pillarbox.wire.imap.names import encode_name
from pillarbox.wire.imap.respond.strings import string


def quota(root: str, resources: Iterable[tuple[str, int, int]]) -> bytes:
    """`* QUOTA …` with name, use and limit of each resource that has one."""
    words = " ".join(f"{name} {used} {limit}" for name, used, limit in resources)
    return b"* QUOTA %b (%b)\r\n" % (string(root), words.encode("ascii"))


def quota_root(name: str, roots: Iterable[str], *, utf8: bool) -> bytes:
    """`* QUOTAROOT …` of a mailbox."""
    return b"* QUOTAROOT %b\r\n" % b" ".join((encode_name(name, utf8=utf8), *map(string, roots)))
