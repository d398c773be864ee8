"""Sync tokens and CTags: a collection's place in its account's log of changes (RFC 6578 §3)."""

from typing import Final

from pillarbox.domain.collections.model import Collection
from pillarbox.protocols.dav.errors import forbidden
from pillarbox.wire.dav.names import D

_PREFIX: Final = "urn:pillarbox:sync:"
_MOST: Final = 2**63


def sync_token(collection: Collection, modseq: int | None = None) -> str:
    """The token of a collection as it is, or as it was at a modseq."""
    return f"{_PREFIX}{collection.id:x}:{collection.modseq if modseq is None else modseq}"


def ctag(collection: Collection) -> str:
    """CS:getctag: another one after every change of the collection or an item."""
    return f"{collection.id:x}-{collection.modseq}"


def modseq_of(token: str, collection: Collection) -> int:
    """The modseq of a token; `DavError` for one that was not made of this collection."""
    begin = f"{_PREFIX}{collection.id:x}:"
    digits = token.removeprefix(begin)
    known = token.startswith(begin) and digits.isascii() and digits.isdigit() and len(digits) < 20
    if not known or not int(digits) <= collection.modseq < _MOST:
        raise forbidden(D + "valid-sync-token", text="This sync token is not valid here")
    return int(digits)
