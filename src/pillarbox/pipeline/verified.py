"""The cache of verified credentials: whose password was right lately need not be hashed again.

It holds keyed hashes only, under a key that this process made for itself. The stored hash is part
of what is hashed, so a changed password never matches an old entry.
"""

import hashlib
import hmac
import secrets
from collections import OrderedDict

from pillarbox.base.ids import AccountId

DEFAULT_TTL_S = 600
DEFAULT_ENTRIES = 10_000


class VerifiedCredentials:
    """A bounded set of (account, credential, stored hash, password) with an end to each."""

    def __init__(self, *, ttl_s: int = DEFAULT_TTL_S, entries_max: int = DEFAULT_ENTRIES) -> None:
        """An entry ends `ttl_s` after the password was hashed, however often it is used."""
        self._ttl_ms = ttl_s * 1000
        self._entries_max = entries_max
        self._key = secrets.token_bytes(32)
        self._ends_ms: OrderedDict[bytes, int] = OrderedDict()

    def has(
        self, account_id: AccountId, credential_id: int, secret: str, plain: str, now_ms: int
    ) -> bool:
        """Whether this password was verified against this stored hash lately."""
        # Looking up a keyed hash tells nothing by its timing: an outsider can't make near misses.
        name = self._name(account_id, credential_id, secret, plain)
        ends_ms = self._ends_ms.get(name)
        if ends_ms is None:
            return False
        if ends_ms <= now_ms:
            del self._ends_ms[name]
            return False
        return True

    def add(
        self, account_id: AccountId, credential_id: int, secret: str, plain: str, now_ms: int
    ) -> None:
        """Remember that this password fits this stored hash."""
        name = self._name(account_id, credential_id, secret, plain)
        self._ends_ms.pop(name, None)
        self._ends_ms[name] = now_ms + self._ttl_ms
        if len(self._ends_ms) > self._entries_max:
            self._ends_ms.popitem(last=False)

    def _name(self, account_id: AccountId, credential_id: int, secret: str, plain: str) -> bytes:
        facts = f"{account_id}\0{credential_id}\0{secret}\0{plain}".encode()
        return hmac.digest(self._key, facts, hashlib.sha256)
