"""The client's side of SCRAM-SHA-256 (RFC 5802 §3), written apart from the server's."""

import hashlib
import hmac
from base64 import b64decode, b64encode


class ScramClientSide:
    """One exchange."""

    def __init__(self, username: str, password: str, *, header: str = "n,,") -> None:
        name = username.replace("=", "=3D").replace(",", "=2C")
        self._password = password
        self._header = header
        self._bare = f"n={name},r=the-nonce-of-a-client"
        self._server_signature = b""
        self.salt = b""
        self.iterations = 0

    def first(self) -> bytes:
        """The client's first message."""
        return (self._header + self._bare).encode()

    def final(self, server_first: bytes, binding: bytes = b"") -> bytes:
        """The client's final message."""
        said = server_first.decode()
        nonce, salt, iterations = (part[2:] for part in said.split(","))
        self.salt, self.iterations = b64decode(salt), int(iterations)
        salted = hashlib.pbkdf2_hmac("sha256", self._password.encode(), self.salt, self.iterations)
        channel = b64encode(self._header.encode() + binding).decode()
        without = f"c={channel},r={nonce}"
        message = f"{self._bare},{said},{without}".encode()
        key = hmac.digest(salted, b"Client Key", "sha256")
        signature = hmac.digest(hashlib.sha256(key).digest(), message, "sha256")
        proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        server_key = hmac.digest(salted, b"Server Key", "sha256")
        self._server_signature = hmac.digest(server_key, message, "sha256")
        return f"{without},p={b64encode(proof).decode()}".encode()

    def is_servers(self, server_final: bytes) -> bool:
        """Whether the server has proved that it knows the verifier."""
        return server_final == b"v=" + b64encode(self._server_signature)
