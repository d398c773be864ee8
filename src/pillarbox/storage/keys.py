"""The key ring: one master secret, from which every other key is derived or under which it lies.

`ENCRYPTION_KEY` → HKDF-SHA256 with the account's salt and a purpose → the account's keys. They seal
the account's rows and wrap the random content keys of its blobs, so a blob shared by many accounts
is stored once, rotation wraps 32 bytes anew instead of rewriting mail, and deleting an account's
salt makes its mail unreadable.

A sealed value is: key version (1 byte), nonce (12), ciphertext, tag (16). The associated data names
the row the value belongs to, so values can't be exchanged between rows.
"""

import os
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from threading import Lock
from typing import TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from pillarbox.base.errors import Unavailable

KEY_BYTES = 32
SALT_BYTES = 16
WRAPPED_BYTES = 1 + 12 + KEY_BYTES + 16
_NONCE_BYTES = 12
_CACHED_SEALERS = 4096

K = TypeVar("K")


class Sealer:
    """Seals and opens values under the keys of one purpose, newest version first."""

    __slots__ = ("_aeads", "_newest", "_prefix")

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        self._aeads = {version: AESGCM(key) for version, key in keys.items()}
        newest = max(keys)
        self._newest = self._aeads[newest]
        self._prefix = bytes([newest])

    def seal(self, plain: bytes, row: bytes) -> bytes:
        """Encrypt and authenticate `plain` for the row named by `row`."""
        return self.seal_all(((plain, row),))[0]

    def seal_all(self, values: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
        """Seal several (plain, row) at once, each under a random nonce of its own."""
        # One call for all nonces: each gives the interpreter away and has to win it back.
        random = os.urandom(_NONCE_BYTES * len(values))
        encrypt, prefix = self._newest.encrypt, self._prefix
        sealed = []
        for number, (plain, row) in enumerate(values):
            nonce = random[number * _NONCE_BYTES : (number + 1) * _NONCE_BYTES]
            sealed.append(prefix + nonce + encrypt(nonce, plain, row))
        return sealed

    def open(self, sealed: bytes, row: bytes) -> bytes:
        """The plain value; `Unavailable` if it was damaged or its key is not in the ring."""
        aead = self._aeads.get(sealed[0]) if sealed else None
        if aead is None:
            raise Unavailable("Stored content can't be read", "its key is not in the key ring")
        try:
            return aead.decrypt(sealed[1:13], sealed[13:], row)
        except (InvalidTag, ValueError) as error:
            raise Unavailable("Stored content can't be read", "authentication failed") from error


class Digester:
    """Keyed digests of values that must be found again without being readable, of one purpose."""

    __slots__ = ("_now", "_older")

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        self._now, *self._older = (keys[version] for version in sorted(keys, reverse=True))

    def digests(self, value: bytes) -> tuple[int, ...]:
        """63-bit numbers: what the value is stored as now, then what older keys made of it."""
        now = int.from_bytes(blake2b(value, digest_size=8, key=self._now).digest(), "big") >> 1
        if not self._older:
            return (now,)
        older = (blake2b(value, digest_size=8, key=key).digest() for key in self._older)
        return (now, *(int.from_bytes(one, "big") >> 1 for one in older))


class KeyRing:
    """The master keys by version, and the sealers derived from them."""

    def __init__(self, masters: Mapping[int, bytes]) -> None:
        """`masters` maps versions 1–255 to 32-byte keys; the highest version seals."""
        if not masters or any(len(key) != KEY_BYTES for key in masters.values()):
            raise ValueError("every master key has 32 bytes")
        if not all(1 <= version <= 255 for version in masters):
            raise ValueError("versions of master keys are numbers from 1 to 255")
        self._masters = dict(masters)
        self._sealers: OrderedDict[tuple[str, bytes], Sealer] = OrderedDict()
        self._digesters: OrderedDict[tuple[str, bytes], Digester] = OrderedDict()
        self._lock = Lock()

    def account(self, salt: bytes) -> Sealer:
        """The sealer of one account, named by its salt: rows and wrapped content keys."""
        return self._sealer("account", salt)

    def system(self, purpose: str) -> Sealer:
        """The sealer of something that belongs to the server, such as `queue`."""
        return self._sealer("system " + purpose, b"")

    def digester(self, purpose: str, salt: bytes) -> Digester:
        """The digests of one account for a purpose, such as `threads`."""
        return self._kept(self._digesters, Digester, "digest " + purpose, salt)

    def lasting(self, purpose: str) -> bytes:
        """32 secret bytes that stay the same as long as the oldest key is in the ring."""
        return _derive(self._masters[min(self._masters)], "lasting " + purpose, b"")

    def _sealer(self, purpose: str, salt: bytes) -> Sealer:
        return self._kept(self._sealers, Sealer, purpose, salt)

    def _kept(
        self,
        kept: OrderedDict[tuple[str, bytes], K],
        make: Callable[[Mapping[int, bytes]], K],
        purpose: str,
        salt: bytes,
    ) -> K:
        """What `make` gives for the keys of a purpose; the latest used are kept."""
        name = (purpose, salt)
        with self._lock:
            found = kept.get(name)
            if found is not None:
                kept.move_to_end(name)
                return found
        made = make(
            {version: _derive(master, purpose, salt) for version, master in self._masters.items()}
        )
        with self._lock:
            kept[name] = made
            if len(kept) > _CACHED_SEALERS:
                kept.popitem(last=False)
        return made


def _derive(master: bytes, purpose: str, salt: bytes) -> bytes:
    info = b"pillarbox " + purpose.encode()
    return HKDF(SHA256(), KEY_BYTES, salt or None, info).derive(master)
