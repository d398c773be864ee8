"""SCRAM verifiers: made where a password is known in clear, kept sealed beside its hash.

A verifier is quicker to guess from than an Argon2 hash, so a copy of the database alone must not
hold it. It is sealed for that very hash: with another password it is worth nothing.

Salts are a keyed hash of the login. So unknown users have one, too, which never changes, and
nobody can tell them from those who exist (RFC 5802 §9).
"""

import hashlib
import hmac
import os
from dataclasses import dataclass, field

from pillarbox.base.errors import GrammarError, Unavailable
from pillarbox.base.log import logger
from pillarbox.pipeline.passwords import PasswordHasher
from pillarbox.storage.keys import KeyRing
from pillarbox.wire.sasl.scram import Verifier, make_verifier

ITERATIONS = 32_768
"""Eight times what RFC 7677 §4 asks for: 9 ms on a server, some 30 ms on a phone.

Clients spend it at every connection; more is not needed for what is never stored in clear.
"""
_SALT_BYTES = 16
_KEY_BYTES = 32

_log = logger("login")


@dataclass(frozen=True, slots=True)
class Secrets:
    """What is stored of a password: its hash, and its verifier, sealed."""

    hash: str = field(repr=False)
    scram: bytes = field(repr=False)


class Verifiers:
    """Makes, seals and opens verifiers; has one that nobody knows a password for."""

    __slots__ = ("_dummy", "_iterations", "_salt_key", "_sealer")

    def __init__(self, keys: KeyRing, iterations: int = ITERATIONS) -> None:
        self._sealer = keys.system("scram")
        self._salt_key = keys.lasting("scram salts")
        self._iterations = iterations
        nobody = Verifier(
            bytes(_SALT_BYTES), iterations, os.urandom(_KEY_BYTES), os.urandom(_KEY_BYTES)
        )
        self._dummy = self._seal(nobody, "")

    def secrets(self, hasher: PasswordHasher, login: str, plain: str) -> Secrets:
        """What to store of a normalized password; call it through a `Cpu`."""
        secret = hasher.hash(plain)
        return Secrets(secret, self.make(login, plain, secret))

    def make(self, login: str, plain: str, secret: str) -> bytes:
        """The sealed verifier of a password whose hash is `secret`; call it through a `Cpu`."""
        return self._seal(make_verifier(plain, self.salt(login), self._iterations), secret)

    def salt(self, login: str) -> bytes:
        """The salt of a login, an address key, whether there is such a user or not."""
        key = login.encode("utf-8", "surrogatepass")
        return hmac.digest(self._salt_key, key, hashlib.sha256)[:_SALT_BYTES]

    def open(self, sealed: bytes | None, secret: str, login: str) -> tuple[Verifier, bool]:
        """The verifier sealed for `secret`, and whether it is one.

        Where there is none a proof is checked against one that fits nothing, in the same time.
        """
        salt = self.salt(login)
        if sealed is not None:
            try:
                return Verifier.from_text(self._open(sealed, secret)), True
            except (Unavailable, GrammarError, ValueError) as error:
                _log.warning("a SCRAM verifier can't be read", user=login, why=str(error))
        nobody = Verifier.from_text(self._open(self._dummy, ""))
        return Verifier(salt, nobody.iterations, nobody.stored_key, nobody.server_key), False

    def is_current(self, sealed: bytes | None, secret: str, login: str) -> bool:
        """Whether a stored verifier is the one that would be made now."""
        verifier, is_real = self.open(sealed, secret, login)
        return (
            is_real
            and verifier.iterations == self._iterations
            and verifier.salt == self.salt(login)
        )

    def _seal(self, verifier: Verifier, secret: str) -> bytes:
        return self._sealer.seal(verifier.to_text().encode(), b"scram " + secret.encode())

    def _open(self, sealed: bytes, secret: str) -> str:
        return self._sealer.open(sealed, b"scram " + secret.encode()).decode()
