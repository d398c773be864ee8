"""What every SASL mechanism of the server has in common (RFC 4422 §3).

A mechanism is a class with `name`, `client_first` and `step`; it lives in a file of its own and
is listed by `pipeline/authentication`. It checks form only: whether the credentials are right is
`pipeline/login`'s to say. The caller handles `*` (cancel) and the transport of challenges.
"""

import re
import unicodedata
from binascii import Error as Base64Error
from binascii import a2b_base64
from dataclasses import dataclass, field
from typing import Protocol

from pillarbox.base.errors import GrammarError

MAX_RESPONSE_BYTES = 12288
MAX_NAME_BYTES = 1024
MAX_PASSWORD_BYTES = 1024

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Challenge:
    """What the server says next, before base64; may be empty."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the client claims: act as `authzid` (empty: as oneself) with this login."""

    authzid: str
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bearer:
    """What the client claims: this token is mine (RFC 6750 §1.2).

    `username` may be empty: whoever the token belongs to. An empty token asks what is wanted.
    """

    username: str
    token: str = field(repr=False)


class Exchange(Protocol):
    """One authentication by name and password in progress."""

    def step(self, response: bytes | None) -> Challenge | Credentials:
        """Take the client's response, decoded from base64, and go on.

        `None` stands for no initial response. Raises `GrammarError`, after which the exchange
        is over.
        """
        ...


def decode_base64(line: bytes) -> bytes:
    """The response in `line`, in canonical base64 (RFC 4648 §4); empty stays empty."""
    if len(line) > MAX_RESPONSE_BYTES:
        raise GrammarError("response too long", MAX_RESPONSE_BYTES)
    try:
        return a2b_base64(line, strict_mode=True)
    except (Base64Error, ValueError):
        raise GrammarError("malformed base64") from None


def read_name(octets: bytes) -> str:
    """A user name: UTF-8, not empty, no control characters, in NFC (RFC 8265 §3.4)."""
    name = read_optional_name(octets)
    if not name:
        raise GrammarError("empty user name")
    return name


def read_optional_name(octets: bytes) -> str:
    """As `read_name`, but may be empty."""
    text = _decode(octets, MAX_NAME_BYTES)
    if _CONTROL.search(text):
        raise GrammarError("control character in user name")
    return text


def read_password(octets: bytes) -> str:
    """A password by the OpaqueString profile (RFC 8265 §4.2): case kept, NFC, not empty.

    Other Unicode spaces become the ASCII space, so a password typed on another keyboard still
    matches; control characters are refused. Passwords must go through here when set, too.
    """
    text = _decode(octets, MAX_PASSWORD_BYTES)
    if not text:
        raise GrammarError("empty password")
    if _CONTROL.search(text):
        raise GrammarError("control character in password")
    if text.isascii():
        return text
    return "".join(" " if unicodedata.category(char) == "Zs" else char for char in text)


def _decode(octets: bytes, limit_bytes: int) -> str:
    if len(octets) > limit_bytes:
        raise GrammarError("value too long", limit_bytes)
    try:
        text = octets.decode()
    except UnicodeDecodeError as problem:
        raise GrammarError("value is not UTF-8", problem.start) from None
    return text if text.isascii() else unicodedata.normalize("NFC", text)
