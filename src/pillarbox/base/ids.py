"""Identifiers: what they are called, and where new ones come from."""

import secrets
import time
from threading import Lock
from typing import NewType

AccountId = NewType("AccountId", int)
DomainId = NewType("DomainId", int)
MailboxId = NewType("MailboxId", int)
EmailId = NewType("EmailId", int)
BlobId = NewType("BlobId", int)
QueueId = NewType("QueueId", int)

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_EPOCH_MS = 1_735_689_600_000  # 2025-01-01: leaves 41 bits of milliseconds until 2094


class IdSource:
    """Makes 63-bit ids that grow with time, so that new rows lie together on disk.

    41 bits of milliseconds, 11 bits drawn at start for this process, 11 bits of sequence. Two
    processes that draw the same number can meet; the primary key then refuses the second row and
    the unit of work is run again with fresh ids.
    """

    def __init__(self) -> None:
        self._process = secrets.randbits(11) << 11
        self._sequence = secrets.randbits(11)
        self._last = 0
        self._lock = Lock()

    def next(self) -> int:
        """A new id, larger than those before; safe to call from any thread."""
        elapsed_ms = time.time_ns() // 1_000_000 - _EPOCH_MS
        with self._lock:
            self._sequence = self._sequence + 1 & 0x7FF
            made = elapsed_ms << 22 | self._process | self._sequence
            if made <= self._last:
                # The sequence began anew within a millisecond, or the clock was set back.
                elapsed_ms = (self._last >> 22) + (self._sequence <= (self._last & 0x7FF))
                made = elapsed_ms << 22 | self._process | self._sequence
            self._last = made
        return made


def public_id(prefix: str, value: int) -> str:
    """An id as clients see it (RFC 8474 §4): a letter, or nothing, and 13 base32 characters."""
    characters = []
    for _ in range(13):
        characters.append(_ALPHABET[value & 31])
        value >>= 5
    return prefix + "".join(reversed(characters))


def parse_public_id(prefix: str, text: str) -> int | None:
    """The id behind what `public_id` made, `None` for any other text."""
    start = len(prefix)
    if len(text) != start + 13 or not text.startswith(prefix):
        return None
    value = 0
    for character in text[start:]:
        digit = _ALPHABET.find(character)
        if digit < 0:
            return None
        value = value << 5 | digit
    return value if value < 1 << 63 else None
