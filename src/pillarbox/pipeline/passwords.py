"""Passwords: which ones may be set, how they are hashed, and whether one fits a stored hash.

Hashing takes a fifth of a second of processor time and 64 MiB on purpose: call it through a `Cpu`,
never on the event loop and never in a transaction.
"""

import os
import re
import unicodedata
from dataclasses import dataclass
from threading import Lock

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from pillarbox.base.errors import Invalid

MIN_CHARACTERS = 8
MAX_CHARACTERS = 128
# Whatever is longer was never set, and need not be normalized or hashed.
_MAX_LOGIN_CHARACTERS = 1024
_SALT_BYTES = 16
_KEY_BYTES = 32
_BCRYPT_BYTES = 72
_BCRYPT = re.compile(r"\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}\Z")

# OpenSSL 4.0 deadlocks when two Argon2 derivations with more than one lane run at once in one
# process (test_two_at_once_do_not_hang). One derivation has a thread for each lane anyway.
_ONE_AT_A_TIME = Lock()


@dataclass(frozen=True, slots=True)
class Cost:
    """The work of one Argon2id hash (RFC 9106 §3.1)."""

    passes: int = 3
    memory_kib: int = 64 * 1024
    lanes: int = 4


def normalize(password: str) -> str | None:
    """The password as it is hashed; `None` if it could not have been set.

    The OpaqueString profile (RFC 8265 §4.2): other spaces become U+0020, NFC, no controls.
    """
    if not 0 < len(password) <= _MAX_LOGIN_CHARACTERS:
        return None
    if password.isascii():
        return password if password.isprintable() else None
    spaces = ["\x20" if unicodedata.category(c) == "Zs" else c for c in password]
    plain = unicodedata.normalize("NFC", "".join(spaces))
    if any(unicodedata.category(c) in ("Cc", "Cs", "Cn") for c in plain):
        return None
    return plain


def require_allowed(password: str) -> str:
    """The normalized form of a password that is to be set; `Invalid` says what is wrong."""
    plain = normalize(password)
    if plain is None:
        raise Invalid("A password can't be empty or have control characters in it")
    if not MIN_CHARACTERS <= len(plain) <= MAX_CHARACTERS:
        raise Invalid(f"A password has {MIN_CHARACTERS} to {MAX_CHARACTERS} characters")
    return plain


class PasswordHasher:
    """Hashes with Argon2id; verifies that and bcrypt."""

    __slots__ = ("_cost", "_prefix", "dummy")

    def __init__(self, cost: Cost | None = None) -> None:
        cost = cost or Cost()
        self._cost = cost
        self._prefix = f"$argon2id$v=19$m={cost.memory_kib},t={cost.passes},p={cost.lanes}$"
        # A well-formed hash of nothing anyone can type, to verify against for unknown users.
        self.dummy = self._prefix + "A" * 22 + "$" + "A" * 43

    def hash(self, plain: str) -> str:
        """The PHC string of a normalized password, under a random salt."""
        kdf = self._kdf(os.urandom(_SALT_BYTES))
        with _ONE_AT_A_TIME:
            return kdf.derive_phc_encoded(plain.encode())

    def verify(self, plain: str, secret: str) -> bool:
        """Whether a normalized password fits a stored hash.

        Every call does the work of one Argon2id hash. Bcrypt comes on top of it: until the first
        login replaces such a hash, its user answers later than others, never sooner.
        """
        raw = plain.encode()
        if _BCRYPT.match(secret):
            import bcrypt  # only hashes brought from other servers need it

            # Bytes beyond 72 never counted, whatever program made the hash.
            fits = bcrypt.checkpw(raw[:_BCRYPT_BYTES], secret.encode())
            self._verify_argon2(raw, self.dummy)
            return fits
        return self._verify_argon2(raw, secret)

    @staticmethod
    def _verify_argon2(raw: bytes, secret: str) -> bool:
        try:
            with _ONE_AT_A_TIME:
                Argon2id.verify_phc_encoded(raw, secret)
        except InvalidKey:
            return False
        return True

    def is_current(self, secret: str) -> bool:
        """Whether a stored hash is as strong as new ones are."""
        return secret.startswith(self._prefix)

    def _kdf(self, salt: bytes) -> Argon2id:
        cost = self._cost
        return Argon2id(
            salt=salt,
            length=_KEY_BYTES,
            iterations=cost.passes,
            lanes=cost.lanes,
            memory_cost=cost.memory_kib,
        )
