"""Sync tokens and CTags: a collection's place in its account's log of changes (RFC 6578 §3)."""

from collections.abc import Iterable
from typing import Final

from pillarbox.domain.collections.model import Collection
from pillarbox.domain.contacts import directory
from pillarbox.domain.contacts.directory import DirectoryCard
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


def directory_token(cards: Iterable[DirectoryCard]) -> str:
    """The token of the directory, which is another one once any card is another."""
    return f"{_PREFIX}directory:{directory.token_of(cards)}"


def check_directory_token(token: str, now: str) -> None:
    """`DavError` for a token of the directory that holds no more, or of anything else."""
    if token != now:
        raise forbidden(D + "valid-sync-token", text="The directory has changed; read it again")


def modseq_of(token: str, collection: Collection) -> int:
    """The modseq of a token; `DavError` for one that was not made of this collection."""
    begin = f"{_PREFIX}{collection.id:x}:"
    digits = token.removeprefix(begin)
    known = token.startswith(begin) and digits.isascii() and digits.isdigit() and len(digits) < 20
    if not known or not int(digits) <= collection.modseq < _MOST:
        raise forbidden(D + "valid-sync-token", text="This sync token is not valid here")
    return int(digits)
