"""The OAUTHBEARER mechanism (RFC 7628), and Google's XOAUTH2, which it was made from.

To be offered on encrypted connections only. After a failure the client is told why in JSON, and
answers once more before the exchange fails (RFC 7628 §3.2.3).
"""

import json
import re
from typing import ClassVar

from pillarbox.base.errors import GrammarError
from pillarbox.wire.sasl.exchange import Bearer, Challenge, read_optional_name
from pillarbox.wire.sasl.gs2 import parse_gs2_header

INVALID_TOKEN = "invalid_token"  # noqa: S105
INSUFFICIENT_SCOPE = "insufficient_scope"

MAX_TOKEN_CHARACTERS = 4096
_SEPARATOR = b"\x01"
_MAX_PAIRS = 16
_KEY = re.compile(rb"[A-Za-z]{1,32}")
_VALUE = re.compile(rb"[\t\n\r\x20-\x7e]*")
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")


class OAuthBearer:
    """One OAUTHBEARER authentication."""

    name: ClassVar[str] = "OAUTHBEARER"
    client_first: ClassVar[bool] = True

    __slots__ = ("_begun", "_refused")

    def __init__(self) -> None:
        self._begun = False
        self._refused = False

    def step(self, response: bytes | None) -> Challenge | Bearer | None:
        """The client's claim, or `None` once it has answered the reason of a refusal."""
        if self._refused:
            self._refused = False
            return None  # RFC 7628 §3.2.3 has it send %x01; whatever comes, it has failed
        if self._begun:
            raise GrammarError("exchange is over")
        if response is None:
            return Challenge(b"")
        self._begun = True
        return self._claim(response)

    def refuse(self, status: str, scope: str) -> Challenge:
        """Say why: one of the errors of RFC 6750 §3.1, and the scope that is needed."""
        self._refused = True
        return Challenge(json.dumps(self._reason(status, scope)).encode())

    def _claim(self, message: bytes) -> Bearer:
        header = parse_gs2_header(message)
        if header.flag == "p":
            raise GrammarError("the mechanism has no channel binding")
        found = _pairs(message[header.size :])
        return Bearer(header.authzid, _token(found))

    def _reason(self, status: str, scope: str) -> dict[str, str]:
        return {"status": status, "scope": scope}


class XOAuth2(OAuthBearer):
    """One XOAUTH2 authentication; its description is at developers.google.com."""

    name: ClassVar[str] = "XOAUTH2"

    __slots__ = ()

    def _claim(self, message: bytes) -> Bearer:
        head, separator, rest = message.partition(_SEPARATOR)
        if not head.startswith(b"user=") or not separator:
            raise GrammarError("malformed user")
        return Bearer(read_optional_name(head[5:]), _token(_pairs(_SEPARATOR + rest)))

    def _reason(self, status: str, scope: str) -> dict[str, str]:
        return {"status": "401", "schemes": "bearer", "scope": scope}


def _pairs(text: bytes) -> dict[bytes, bytes]:
    """Keys and values, each ended by %x01, between two more of them (RFC 7628 §3.1)."""
    if not text.startswith(_SEPARATOR) or not text.endswith(_SEPARATOR * 2):
        raise GrammarError("the pairs need separators around them")
    found: dict[bytes, bytes] = {}
    pieces = text[1:-2].split(_SEPARATOR, _MAX_PAIRS + 1)
    if len(pieces) > _MAX_PAIRS:
        raise GrammarError("too many pairs")
    for piece in pieces:
        key, equals, value = piece.partition(b"=")
        if not equals or not _KEY.fullmatch(key) or not _VALUE.fullmatch(value) or key in found:
            raise GrammarError("malformed pair")
        found[key] = value
    return found


def _token(pairs: dict[bytes, bytes]) -> str:
    """The token of `auth=Bearer …` (RFC 6750 §2.1); empty where the client sent none."""
    if b"auth" not in pairs:
        raise GrammarError("no auth was given")
    scheme, _, token = pairs[b"auth"].decode("ascii").partition(" ")
    if not scheme and not token:
        return ""
    token = token.strip(" ")
    if scheme.lower() != "bearer" or len(token) > MAX_TOKEN_CHARACTERS:
        raise GrammarError("not a bearer token")
    if _TOKEN.fullmatch(token) is None:
        raise GrammarError("malformed token")
    return token
