"""The sender rewriting scheme: reverse-paths of forwarded mail that lead back through us.

`SRS0=hash=day=domain=local` names a sender; `SRS1=hash=first=…` takes over what an earlier
forwarder made of it and leads back to that one, so that addresses don't grow from hop to hop. Both
are as Shevek described them in 2004, with HMAC-SHA256. Called by whoever forwards mail, and where
recipients are looked up.
"""

import hmac
import re
from base64 import b32encode
from datetime import datetime

from pillarbox.base.errors import GrammarError
from pillarbox.formats.address import LOCAL_BYTES, PATH_BYTES, Address, ascii_domain, parse_path

VALID_DAYS = 21
HASH_LETTERS = 6
"""30 bits: what is guarded is that nobody sends bounces through us to whom they like."""

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_DAYS = len(_LETTERS) ** 2
_DAY_S = 86_400
_SRS = re.compile(r"SRS([01])[=+-](.+)\Z", re.IGNORECASE | re.DOTALL)
_FIRST = re.compile(r"[^=]+=[=+-]", re.DOTALL)
_PARTS = 4
_LONGEST = 4 * PATH_BYTES


class Srs:
    """Rewrites reverse-paths and resolves what comes back; `secret` has to stay the same."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def forward(self, address: str, our_domain: str, now: datetime) -> str:
        """The reverse-path under `our_domain` that stands for `address`.

        The null reverse-path `""` stays, and is also given for what can't be rewritten: no address,
        or one whose new local part would be over 64 octets.
        """
        try:
            sender = parse_path(address).normalized() if address else None
        except GrammarError:
            return ""
        if sender is None or sender.domain.startswith("["):
            return ""
        local = self._rewritten(sender, now)
        rewritten = str(Address(local, our_domain))
        quoted_local = rewritten[: -len(our_domain) - 1]
        if len(quoted_local.encode()) > LOCAL_BYTES or len(rewritten.encode()) > PATH_BYTES:
            return ""
        return rewritten

    def reverse(self, local_part: str, now: datetime) -> str | None:
        """The address behind a local part of ours; `None` if it is forged, too old, or no such.

        A true one gives the sender, or for SRS1 the SRS0 address of the first forwarder.
        """
        match = _SRS.match(local_part) if len(local_part) <= _LONGEST else None
        if match is None:
            return None
        return self._sender(match[2], now) if match[1] == "0" else self._forwarder(match[2])

    def _rewritten(self, sender: Address, now: datetime) -> str:
        match = _SRS.match(sender.local)
        first = ""
        if match is not None and match[1] == "0":
            # What follows SRS0 goes with its separator: only its maker knows what it means.
            first = f"{sender.domain}={sender.local[4:]}"
        elif match is not None:
            first = match[2].partition("=")[2]
        if not _FIRST.match(first):
            rest = f"{_day(now)}={sender.domain}={sender.local}"
            return f"SRS0={self._hash('0', rest)}={rest}"
        return f"SRS1={self._hash('1', first)}={first}"

    def _sender(self, text: str, now: datetime) -> str | None:
        parts = text.split("=", _PARTS - 1)
        if len(parts) != _PARTS or not self._is_ours("0", text, parts[0]):
            return None
        age_days = _age_days(parts[1], now)
        if age_days is None or age_days > VALID_DAYS:
            return None
        return _address(parts[3], parts[2])

    def _forwarder(self, text: str) -> str | None:
        given, _, rest = text.partition("=")
        if not self._is_ours("1", text, given):
            return None
        host, _, opaque = rest.partition("=")
        return _address("SRS0" + opaque, host) if opaque[:1] in ("=", "+", "-") else None

    def _is_ours(self, kind: str, text: str, given: str) -> bool:
        expected = self._hash(kind, text[len(given) + 1 :])
        return hmac.compare_digest(given.upper().encode("utf-8", "replace"), expected.encode())

    def _hash(self, kind: str, rest: str) -> str:
        # In lower case, since some hosts on the way fold local parts.
        message = f"SRS{kind} {rest.lower()}".encode("utf-8", "replace")
        digest = hmac.digest(self._secret, message, "sha256")
        return b32encode(digest)[:HASH_LETTERS].decode()


def is_srs(local_part: str) -> bool:
    """Whether a local part is of the form that `Srs.reverse` reads; not whether it is ours."""
    return _SRS.match(local_part) is not None


def _address(local: str, domain: str) -> str | None:
    try:
        return str(parse_path(str(Address(local, ascii_domain(domain)))))
    except GrammarError:
        return None


def _day(now: datetime) -> str:
    day = int(now.timestamp()) // _DAY_S % _DAYS
    return _LETTERS[day >> 5] + _LETTERS[day & 31]


def _age_days(text: str, now: datetime) -> int | None:
    digits = [_LETTERS.find(letter) for letter in text.upper()]
    if len(digits) != len(_day(now)) or min(digits) < 0:
        return None
    today = int(now.timestamp()) // _DAY_S
    return (today - (digits[0] << 5 | digits[1])) % _DAYS
