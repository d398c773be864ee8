"""Content made ready to be stored: compressed and sealed before the transaction."""

import secrets
from dataclasses import dataclass

from pillarbox.base.errors import TooLarge
from pillarbox.base.ids import BlobId
from pillarbox.domain.collections.model import MAX_ITEM_BYTES, ItemFacts
from pillarbox.storage.blobs.sealed import SealedBlob, seal

UID_CHARACTERS = 4096


@dataclass(frozen=True, slots=True)
class Prepared:
    """An object's facts, and its content sealed under a key of its own."""

    facts: ItemFacts
    sealed: SealedBlob

    @property
    def size_bytes(self) -> int:
        """The size of the content as it was given."""
        return self.sealed.size_bytes


def prepare(facts: ItemFacts, content: bytes) -> Prepared:
    """Compress and seal content; CPU only, large content off the event loop.

    Raises `TooLarge`.
    """
    if len(content) > MAX_ITEM_BYTES:
        raise TooLarge(f"An object has {MAX_ITEM_BYTES} bytes at most")
    if len(facts.uid) > UID_CHARACTERS:
        raise TooLarge(f"A UID has {UID_CHARACTERS} characters at most")
    return Prepared(facts, seal(BlobId(secrets.randbits(63)), content))
