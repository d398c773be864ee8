"""STARTTLS, LOGIN, AUTHENTICATE and UNAUTHENTICATE (RFC 9051 §6.2, RFC 4959, RFC 8437)."""

import re
from base64 import b64decode
from dataclasses import dataclass, field

from pillarbox.base.errors import GrammarError
from pillarbox.wire.imap.parse.command import CommandEntry
from pillarbox.wire.imap.tokens import Tokens

_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{4})*+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


@dataclass(frozen=True, slots=True)
class StartTls:
    """Begin TLS."""


@dataclass(frozen=True, slots=True)
class Login:
    """User name and password in clear text."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Authenticate:
    """A SASL mechanism in upper case; `initial` is None where the client sent no response yet."""

    mechanism: str
    initial: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unauthenticate:
    """Log out, and stay connected."""


def decode_base64(text: bytes) -> bytes:
    """A SASL response line decoded; GrammarError for anything but canonical base64."""
    if _BASE64.fullmatch(text) is None:
        raise GrammarError("not base64")
    return b64decode(text)


def parse_starttls(tokens: Tokens) -> StartTls:
    """STARTTLS (RFC 9051 §6.2.1)."""
    return StartTls()


def parse_login(tokens: Tokens) -> Login:
    """LOGIN (RFC 9051 §6.2.3)."""
    tokens.sp()
    user = tokens.astring_text()
    tokens.sp()
    return Login(user, tokens.astring_text())


def parse_authenticate(tokens: Tokens) -> Authenticate:
    """AUTHENTICATE with an optional initial response, `=` for an empty one (RFC 4959 §3)."""
    tokens.sp()
    mechanism = tokens.keyword()
    if tokens.at_end():
        return Authenticate(mechanism, None)
    tokens.sp()
    if tokens.skip(b"="):
        return Authenticate(mechanism, b"")
    found = tokens.match(_BASE64)
    if found is None or not found.group():
        raise tokens.fault("expected base64")
    return Authenticate(mechanism, b64decode(found.group()))


def parse_unauthenticate(tokens: Tokens) -> Unauthenticate:
    """UNAUTHENTICATE (RFC 8437 §3)."""
    return Unauthenticate()


AUTH: tuple[CommandEntry, ...] = (
    ("STARTTLS", parse_starttls),
    ("LOGIN", parse_login),
    ("AUTHENTICATE", parse_authenticate),
    ("UNAUTHENTICATE", parse_unauthenticate),
)
