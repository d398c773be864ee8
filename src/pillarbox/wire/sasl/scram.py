"""SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677): a password is proved, never sent.

Four messages: client first (name, nonce), server first (salt, iterations, both nonces), client
final (proof), server final (the server's own proof). `Scram` reads and writes them; what belongs
to the user, a `Verifier`, is looked up and compared by `pipeline/login` between the steps.
"""

import hashlib
import hmac
import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar

from pillarbox.base.errors import GrammarError
from pillarbox.wire.sasl.exchange import Challenge
from pillarbox.wire.sasl.gs2 import Gs2Header, parse_gs2_header, read_sasl_name
from pillarbox.wire.sasl.prep import saslprep

NAME = "SCRAM-SHA-256"
PLUS_NAME = "SCRAM-SHA-256-PLUS"
MIN_ITERATIONS = 4096
MAX_ITERATIONS = 10_000_000
TLS_SERVER_END_POINT = "tls-server-end-point"
MAX_MESSAGE_BYTES = 4096

_HASH = "sha256"
_HASH_BYTES = 32
_MAX_NONCE = 512
_NONCE = re.compile(rb"r=([!-+\--~]{1,%d})" % _MAX_NONCE)
_EXTENSIONS = re.compile(rb"(?:,[A-Za-z]=[^\x00,]+){0,16}")
_STORED = re.compile(r"SCRAM-SHA-256\$(\d{4,8}):([^:$]{8,88})\$([^:$]{44}):([^:$]{44})")


@dataclass(frozen=True, slots=True)
class Verifier:
    """What a server keeps to check a password without knowing it (RFC 5802 §3)."""

    salt: bytes
    iterations: int
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)

    def accepts(self, message: bytes, proof: bytes) -> bool:
        """Whether whoever made `proof` over the exchange's `message` knows the password."""
        signature = hmac.digest(self.stored_key, message, _HASH)
        client_key = bytes(a ^ b for a, b in zip(signature, proof, strict=True))
        return hmac.compare_digest(hashlib.sha256(client_key).digest(), self.stored_key)

    def signature(self, message: bytes) -> bytes:
        """The server's proof that it has the verifier."""
        return hmac.digest(self.server_key, message, _HASH)

    def to_text(self) -> str:
        """In the notation of RFC 5803 §2."""
        salt, stored, server = (
            b64encode(part).decode() for part in (self.salt, self.stored_key, self.server_key)
        )
        return f"{NAME}${self.iterations}:{salt}${stored}:{server}"

    @classmethod
    def from_text(cls, text: str) -> "Verifier":
        """The inverse of `to_text`; `GrammarError` for anything else."""
        found = _STORED.fullmatch(text)
        if found is None:
            raise GrammarError("not a SCRAM-SHA-256 verifier")
        salt, stored, server = (_base64(found[n].encode()) for n in (2, 3, 4))
        iterations = int(found[1])
        sizes = len(stored) == len(server) == _HASH_BYTES
        if not sizes or not MIN_ITERATIONS <= iterations <= MAX_ITERATIONS:
            raise GrammarError("not a SCRAM-SHA-256 verifier")
        return cls(salt, iterations, stored, server)


def make_verifier(password: str, salt: bytes, iterations: int) -> Verifier:
    """The verifier of a password; takes 9 ms for 32,768 iterations: call it through a `Cpu`."""
    salted = hashlib.pbkdf2_hmac(_HASH, saslprep(password).encode(), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", _HASH)
    server_key = hmac.digest(salted, b"Server Key", _HASH)
    return Verifier(salt, iterations, hashlib.sha256(client_key).digest(), server_key)


@dataclass(frozen=True, slots=True)
class ScramName:
    """Who wants to log in; go on with `Scram.challenge`, unless the exchange is `refused`."""

    authzid: str
    username: str
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class ScramProof:
    """What `Verifier.accepts` takes; go on with `Scram.success`, unless it is `refused`."""

    message: bytes = field(repr=False)
    proof: bytes = field(repr=False)
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class ScramDone:
    """The client has taken the server's proof."""


class _State(Enum):
    FIRST = 1
    NAMED = 2
    FINAL = 3
    PROVED = 4
    CONFIRM = 5
    OVER = 6


class Scram:
    """One SCRAM authentication, without and with channel binding."""

    name: ClassVar[str] = NAME
    client_first: ClassVar[bool] = True

    __slots__ = (
        "_bare",
        "_end_point",
        "_expected",
        "_header",
        "_nonce",
        "_plus",
        "_server_first",
        "_state",
    )

    def __init__(self, *, plus: bool, end_point: bytes | None) -> None:
        """`end_point` is the channel's tls-server-end-point, where the server offers to bind."""
        self._plus = plus
        self._end_point = end_point
        self._state = _State.FIRST
        self._header = b""
        self._expected = b""
        self._bare = b""
        self._nonce = b""
        self._server_first = b""

    def step(self, response: bytes | None) -> Challenge | ScramName | ScramProof | ScramDone:
        """Take the client's next message."""
        state, self._state = self._state, _State.OVER
        if response is not None and len(response) > MAX_MESSAGE_BYTES:
            raise GrammarError("message too long", MAX_MESSAGE_BYTES)
        if state is _State.FIRST:
            if response is None:
                self._state = _State.FIRST
                return Challenge(b"")
            return self._first(response)
        if response is None or state not in (_State.FINAL, _State.CONFIRM):
            raise GrammarError("no message is expected")
        if state is _State.FINAL:
            return self._final(response)
        if response:
            raise GrammarError("the last response must be empty")
        return ScramDone()

    def challenge(self, salt: bytes, iterations: int, nonce: str) -> Challenge:
        """The server's first message; `nonce` is random, printable ASCII without commas."""
        if self._state is not _State.NAMED:
            raise GrammarError("no name was given")
        self._nonce += nonce.encode("ascii")
        self._server_first = b"r=%b,s=%b,i=%d" % (self._nonce, b64encode(salt), iterations)
        self._state = _State.FINAL
        return Challenge(self._server_first)

    def success(self, signature: bytes) -> Challenge:
        """The server's final message, after the proof was accepted."""
        if self._state is not _State.PROVED:
            raise GrammarError("nothing was proved")
        self._state = _State.CONFIRM
        return Challenge(b"v=" + b64encode(signature))

    def _first(self, message: bytes) -> ScramName:
        header = parse_gs2_header(message)
        if self._plus != (header.flag == "p"):
            raise GrammarError("the channel binding flag does not fit the mechanism")
        self._header = message[: header.size]
        self._bare = bare = message[header.size :]
        if bare.startswith(b"m="):
            raise GrammarError("a mandatory extension is not known", header.size)
        name, comma, rest = bare.partition(b",")
        found = _NONCE.match(rest)
        if not name.startswith(b"n=") or not comma or found is None:
            raise GrammarError("malformed first message", header.size)
        if _EXTENSIONS.fullmatch(rest, found.end()) is None:
            raise GrammarError("malformed extension", header.size)
        username = read_sasl_name(name[2:])
        if not username:
            raise GrammarError("empty user name", header.size)
        self._nonce = found[1]
        self._state = _State.NAMED
        return ScramName(header.authzid, username, self._binding_fault(header))

    def _binding_fault(self, header: Gs2Header) -> str | None:
        """What speaks against going on (RFC 5802 §6); prepares what the final message must say."""
        self._expected = self._header
        if header.flag == "y" and self._end_point is not None:
            return "somebody hid from the client that channel binding is offered"
        if header.flag == "p":
            if header.binding != TLS_SERVER_END_POINT or self._end_point is None:
                return f"channel binding {header.binding} is not supported"
            self._expected = self._header + self._end_point
        return None

    def _final(self, message: bytes) -> ScramProof:
        without, comma, last = message.rpartition(b",p=")
        binding, second, rest = without.partition(b",")
        found = _NONCE.match(rest)
        if not comma or not second or not binding.startswith(b"c=") or found is None:
            raise GrammarError("malformed final message")
        if _EXTENSIONS.fullmatch(rest, found.end()) is None:
            raise GrammarError("malformed extension")
        proof = _base64(last)
        if len(proof) != _HASH_BYTES:
            raise GrammarError("a proof has 32 bytes")
        refused = None
        if not hmac.compare_digest(_base64(binding[2:]), self._expected):
            refused = "the channel binding is another"
        elif not hmac.compare_digest(found[1], self._nonce):
            refused = "the nonce is another"
        self._state = _State.PROVED
        signed = b"%b,%b,%b" % (self._bare, self._server_first, without)
        return ScramProof(signed, proof, refused)


def _base64(text: bytes) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (Base64Error, ValueError):
        raise GrammarError("malformed base64") from None
