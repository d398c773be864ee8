"""SASL mechanisms, client side, as state machines without I/O (RFC 4422).

Called by `pipeline/outbound/relay_login`, which handles base64 and the transport of challenges.
"""

import hashlib
import hmac
import re
import secrets
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from typing import Final, Protocol

from pillarbox.base.errors import GrammarError
from pillarbox.wire.sasl.prep import saslprep
from pillarbox.wire.sasl.scram import MIN_ITERATIONS, NAME, PLUS_NAME, TLS_SERVER_END_POINT

MAX_CHALLENGE_BYTES = 12288
MAX_ITERATIONS = 1_000_000
"""More is a server that wants to keep us busy: this many take half a second."""

_MAX_SALT_BYTES = 1024
_HASH = "sha256"
_SERVER_FIRST = re.compile(
    rb"r=([!-+\--~]{1,1024}),s=([A-Za-z0-9+/=]{4,1400}),i=([1-9][0-9]{0,9})"
    rb"(?:,[A-Za-z]=[^\x00,]+){0,16}"
)
_SERVER_FINAL = re.compile(rb"v=([A-Za-z0-9+/=]{4,1400})(?:,[A-Za-z]=[^\x00,]+){0,16}")
_PRINTABLE: Final = re.compile(rb"[^\x20-\x7e]+")


class ClientExchange(Protocol):
    """One authentication by one mechanism.

    `slow` says that `step` may take long and belongs in a thread. `done` is called when the server
    reports success. Each raises `GrammarError` when the server has said what it must not.
    """

    name: str
    slow: bool

    def first(self) -> bytes | None:
        """The initial response; `None` where the server begins."""
        ...

    def step(self, challenge: bytes) -> bytes:
        """The response to a challenge, both decoded."""
        ...

    def done(self) -> None:
        """Check that nothing is missing: success may be a lie."""
        ...


class Plain:
    """PLAIN (RFC 4616): the password as it is, for encrypted connections."""

    name: str = "PLAIN"
    slow: bool = False

    __slots__ = ("_password", "_username")

    def __init__(self, username: str, password: str) -> None:
        self._username = username
        self._password = password

    def first(self) -> bytes | None:
        return f"\0{self._username}\0{self._password}".encode()

    def step(self, challenge: bytes) -> bytes:
        raise GrammarError("PLAIN has no challenge")

    def done(self) -> None:
        return


class Login:
    """LOGIN: name and password one after the other, whatever the prompts say."""

    name: str = "LOGIN"
    slow: bool = False

    __slots__ = ("_answers",)

    def __init__(self, username: str, password: str) -> None:
        self._answers = [password.encode(), username.encode()]

    def first(self) -> bytes | None:
        return None

    def step(self, challenge: bytes) -> bytes:
        if not self._answers:
            raise GrammarError("LOGIN has two challenges")
        return self._answers.pop()

    def done(self) -> None:
        if self._answers:
            raise GrammarError("success before the password was given")


class OAuthBearer:
    """OAUTHBEARER (RFC 7628 §3.1); what a server says of a refusal is in `reason`."""

    name: str = "OAUTHBEARER"
    slow: bool = False

    __slots__ = ("_token", "_username", "reason")

    def __init__(self, username: str, token: str) -> None:
        self._username = username
        self._token = token
        self.reason = ""

    def first(self) -> bytes | None:
        name = self._username.replace("=", "=3D").replace(",", "=2C")
        return f"n,a={name},\x01auth=Bearer {self._token}\x01\x01".encode()

    def step(self, challenge: bytes) -> bytes:
        """The server has refused, and wants to hear something before it says so."""
        if self.reason:
            raise GrammarError("a refusal has one challenge")
        self.reason = _PRINTABLE.sub(b" ", challenge[:512]).decode("ascii") or "refused"
        return self._acknowledgement()

    def done(self) -> None:
        if self.reason:
            raise GrammarError("success after a refusal")

    def _acknowledgement(self) -> bytes:
        return b"\x01"


class XOAuth2(OAuthBearer):
    """XOAUTH2, as Google and Microsoft describe it."""

    name: str = "XOAUTH2"

    __slots__ = ()

    def first(self) -> bytes | None:
        return f"user={self._username}\x01auth=Bearer {self._token}\x01\x01".encode()

    def _acknowledgement(self) -> bytes:
        return b""


class Scram:
    """SCRAM-SHA-256, and -PLUS where `end_point` is bound to (RFC 5802, RFC 7677).

    `end_point` is the channel's tls-server-end-point. `can_bind` says that we could have bound but
    the server does not offer it, which it then can check (RFC 5802 §6).
    """

    slow: bool = True

    __slots__ = (
        "_bare",
        "_binding",
        "_expected",
        "_header",
        "_password",
        "_proved",
        "_sent_first",
        "name",
    )

    def __init__(
        self,
        username: str,
        password: str,
        *,
        end_point: bytes | None = None,
        can_bind: bool = False,
        nonce: str | None = None,
    ) -> None:
        name = saslprep(username).replace("=", "=3D").replace(",", "=2C")
        flag = "y" if can_bind else "n"
        self.name = NAME
        self._binding = b""
        if end_point is not None:
            flag = f"p={TLS_SERVER_END_POINT}"
            self.name = PLUS_NAME
            self._binding = end_point
        self._header = f"{flag},,".encode()
        nonce = secrets.token_urlsafe(24) if nonce is None else nonce
        self._bare = f"n={name},r={nonce}".encode()
        self._password = password
        self._sent_first = False
        self._expected = b""
        self._proved = False

    def first(self) -> bytes | None:
        self._sent_first = True
        return self._header + self._bare

    def step(self, challenge: bytes) -> bytes:
        """Take half a second at most, by `MAX_ITERATIONS`."""
        if len(challenge) > MAX_CHALLENGE_BYTES or not self._sent_first or self._proved:
            raise GrammarError("unexpected SCRAM message")
        if challenge.startswith(b"e="):
            reason = _PRINTABLE.sub(b" ", challenge[2:200]).decode("ascii")
            raise GrammarError(f"the server refused: {reason}")
        if self._expected:
            return self._confirm(challenge)
        return self._prove(challenge)

    def done(self) -> None:
        if not self._proved:
            raise GrammarError("the server did not prove that it knows the password")

    def _prove(self, server_first: bytes) -> bytes:
        found = _SERVER_FIRST.fullmatch(server_first)
        if found is None:
            raise GrammarError("malformed SCRAM message")
        nonce, salt, iterations = found[1], _base64(found[2]), int(found[3])
        own_nonce = self._bare.rpartition(b",r=")[2]
        if not nonce.startswith(own_nonce) or len(nonce) == len(own_nonce):
            raise GrammarError("the server's nonce does not go on from ours")
        if not MIN_ITERATIONS <= iterations <= MAX_ITERATIONS or len(salt) > _MAX_SALT_BYTES:
            raise GrammarError(f"{iterations} iterations are out of bounds")
        password = saslprep(self._password).encode()
        salted = hashlib.pbkdf2_hmac(_HASH, password, salt, iterations)
        channel = b64encode(self._header + self._binding)
        without = b"c=%b,r=%b" % (channel, nonce)
        message = b"%b,%b,%b" % (self._bare, server_first, without)
        key = hmac.digest(salted, b"Client Key", _HASH)
        signature = hmac.digest(hashlib.sha256(key).digest(), message, _HASH)
        proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        server_key = hmac.digest(salted, b"Server Key", _HASH)
        self._expected = hmac.digest(server_key, message, _HASH)
        return b"%b,p=%b" % (without, b64encode(proof))

    def _confirm(self, server_final: bytes) -> bytes:
        found = _SERVER_FINAL.fullmatch(server_final)
        if found is None or not hmac.compare_digest(_base64(found[1]), self._expected):
            raise GrammarError("the server did not prove that it knows the password")
        self._proved = True
        return b""


def _base64(text: bytes) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (Base64Error, ValueError):
        raise GrammarError("malformed base64") from None
