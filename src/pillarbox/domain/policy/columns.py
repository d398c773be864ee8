"""The columns of a domain's policy: what each may hold, and what holds where nobody set it.

A column whose function is not there, or which is a setting of the whole server here, has a reason
in `unread`; it can't be set, so that nobody believes it does something.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from pillarbox.base.errors import GrammarError, Invalid
from pillarbox.formats.address import ascii_domain

Value = int | float | str

VALUE_CHARS = 1000
FIELDS_MOST = 50
SCORE_MOST = 1000.0

_SIZE = re.compile(r"([0-9]{1,15})([kmg]?)", re.IGNORECASE)
_SIZE_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_FIELD_NAME = re.compile(r"[0-9a-z!#$%&'*+.^_`{|}~-]{1,70}")
_NEVER_SIGNED = frozenset(
    ("return-path", "received", "bcc", "dkim-signature", "authentication-results")
)
"""Fields that change on the way or are no part of what is signed (RFC 6376 §5.4)."""
_FLAGS = {
    "1": 1, "true": 1, "yes": 1, "on": 1, "0": 0, "false": 0, "no": 0, "off": 0,
}  # fmt: skip


class Storage(StrEnum):
    """As what a value is stored."""

    WHOLE = "whole"
    REAL = "real"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class ValueKind:
    """How a value is read: `parse` raises `ValueError` for what `allowed` does not describe."""

    storage: Storage
    allowed: str
    parse: Callable[[str], Value]


@dataclass(frozen=True, slots=True)
class PolicyColumn:
    """One column; `default` holds where neither the domain nor `_default` has a value."""

    name: str
    kind: ValueKind
    default: Value
    text: str
    unread: str = ""
    server_wide: bool = False
    """Whether `_default` alone may have a value, since the domain is not known where it is read."""

    def read(self, value: str) -> Value:
        """The value that an admin typed; `Invalid` for what can't be."""
        if self.unread:
            raise Invalid(f"{self.name} can't be set: {self.unread}")
        try:
            if len(value) > VALUE_CHARS:
                raise ValueError(value)
            return self.kind.parse(value.strip())
        except ValueError as error:
            raise Invalid(f"{self.name} is {self.kind.allowed}, not {value[:80]!r}") from error


def _flag(value: str) -> int:
    found = _FLAGS.get(value.lower())
    if found is None:
        raise ValueError(value)
    return found


def _whole(low: int, high: int) -> ValueKind:
    def parse(value: str) -> int:
        number = int(value)
        if not low <= number <= high:
            raise ValueError(value)
        return number

    return ValueKind(Storage.WHOLE, f"a whole number from {low} to {high}", parse)


def _key_size(value: str) -> int:
    if value not in ("2048", "4096"):
        raise ValueError(value)
    return int(value)


def _bytes(value: str) -> int:
    found = _SIZE.fullmatch(value)
    if found is None:
        raise ValueError(value)
    size = int(found[1]) * _SIZE_UNITS[found[2].lower()]
    if not 1 <= size <= 1 << 30:
        raise ValueError(value)
    return size


def _score(value: str) -> float:
    score = float(value)
    if not (math.isfinite(score) and 0 <= score <= SCORE_MOST):
        raise ValueError(value)
    return score


def _choice(*words: str) -> ValueKind:
    def parse(value: str) -> str:
        word = value.lower()
        if word not in words:
            raise ValueError(value)
        return word

    return ValueKind(Storage.TEXT, f"one of {', '.join(words)}", parse)


def _address(value: str) -> str:
    if not value:
        return ""
    local, _, domain = value.rpartition("@")
    if not local or not value.isprintable() or " " in value:
        raise ValueError(value)
    try:
        return f"{local}@{ascii_domain(domain)}"
    except GrammarError as error:
        raise ValueError(value) from error


def _field_names(value: str) -> str:
    names = dict.fromkeys(one.lower() for one in re.split(r"[\s,:\[\]\"]+", value) if one)
    if len(names) > FIELDS_MOST or not all(map(_FIELD_NAME.fullmatch, names)):
        raise ValueError(value)
    if not _NEVER_SIGNED.isdisjoint(names) or any(one.startswith("arc-") for one in names):
        raise ValueError(value)
    return " ".join(names)


FLAG = ValueKind(Storage.WHOLE, "1 (on) or 0 (off)", _flag)
SIZE = ValueKind(Storage.WHOLE, "a size up to 1G, such as 50M", _bytes)
SCORE = ValueKind(Storage.REAL, f"a score from 0 (never) to {SCORE_MOST:g}", _score)
ADDRESS = ValueKind(Storage.TEXT, "an address, or nothing", _address)
FIELD_NAMES = ValueKind(
    Storage.TEXT,
    f"up to {FIELDS_MOST} names of header fields, none that is added or taken out on the way",
    _field_names,
)
TEXT = ValueKind(Storage.TEXT, "text", str)
_LIMIT = _whole(0, 100_000_000)
_WINDOW = _whole(1, 7 * 1440)
_BLOCK = _whole(1, 366 * 1440)
_CLEANUP = _whole(60, 7 * 86_400)
_SECONDS = _whole(1, 5)
_TRIES = _whole(1, 100_000)
_VIRUS = _choice("reject", "quarantine", "tag")
_SPF = _choice("reject", "quarantine", "accept", "tag")
_FAILED = _choice("reject", "quarantine", "tag", "accept")

_KEY_SIZE = ValueKind(Storage.WHOLE, "2048 or 4096", _key_size)

_NAME_SERVERS = "name servers are those of the whole server (DNS_PRIMARY, DNS_SECONDARY)"
_NO_CLEANUP = "the server cleans up by itself"


def _columns() -> tuple[PolicyColumn, ...]:
    one = PolicyColumn
    return (
        one("dkim_signing_enabled", FLAG, 1, "Sign mail of the domain's users."),
        one("dkim_verify_enabled", FLAG, 1, "Check DKIM signatures of mail that comes in."),
        one("dkim_key_size", _KEY_SIZE, 2048, "Bits of an RSA key that `dkim generate` makes."),
        one("dkim_key_type", _choice("rsa", "ed25519"), "rsa", "What `dkim generate` makes; a new "
            "domain gets the keys of DKIM_ALGO."),
        one("dkim_headers_to_sign", FIELD_NAMES, "", "Fields to sign, From always among them; "
            "empty: as RFC 6376 advises."),
        one("spf_enabled", FLAG, 1, "Check SPF."),
        one("spf_dns_server", TEXT, "", "The name server for it.", _NAME_SERVERS),
        one("spf_dns_timeout", _SECONDS, 5, "How long one answer for it may take (s); for "
            "_default alone.", server_wide=True),
        one("spf_max_lookups", _whole(1, 20), 10, "Terms of a record that may ask name servers, 10 "
            "by RFC 7208; for _default alone.", server_wide=True),
        one("spf_fail_action", _SPF, "tag", "What SPF fail does beside its points."),
        one("spf_softfail_action", _SPF, "accept", "What softfail does beside its points."),
        one("dmarc_enabled", FLAG, 1, "Check DMARC."),
        one("dmarc_dns_server", TEXT, "", "The name server for it.", _NAME_SERVERS),
        one("dmarc_dns_timeout", _SECONDS, 5, "How long one answer for it may take (s); for "
            "_default alone.", server_wide=True),
        one("dmarc_action", _choice("honour", "quarantine", "score"), "honour",
            "honour: do as the sender's domain asks; quarantine: keep what it wants refused; "
            "score: count points only."),
        one("dmarc_report_enabled", FLAG, 0, "Send aggregate reports about mail to the domain."),
        one("dmarc_report_email", ADDRESS, "", "Whom those reports say to write to."),
        one("clamav_enabled", FLAG, 1, "Look for viruses, where CLAMAV settings say how."),
        one("clamav_max_scan_size", SIZE, 1 << 30, "The largest message that is looked at, as far "
            "as CLAMAV_MAX_SIZE allows."),
        one("clamav_virus_action", _VIRUS, "reject", "What a virus does."),
        one("clamav_fail_action", _FAILED, "accept", "What happens while ClamAV can't be asked; "
            "reject: the sender is to try again later."),
        one("spam_enabled", FLAG, 1, "Judge mail by its points."),
        one("spam_junk_score", SCORE, 5.0, "Junk from so many points on; default SPAM_THRESHOLD."),
        one("spam_reject_enabled", FLAG, 0, "Refuse mail for its points."),
        one("spam_reject_score", SCORE, 10.0, "Refused from so many points on."),
        one("spam_quarantine_score", SCORE, 0.0, "Kept in quarantine from so many points on."),
        one("spam_learning_enabled", FLAG, 1, "Learn from what users call junk."),
        one("greylist_enabled", FLAG, 1, "Have unknown senders try again."),
        one("greylist_delay_minutes", _whole(0, 1440), 5, "After how long (min)."),
        one("greylist_expiry_days", _whole(1, 365), 35, "How long a sender is known (days)."),
        one("greylist_cleanup_interval", _CLEANUP, 3600, "How often old rows go (s).", _NO_CLEANUP),
        one("greylist_whitelist_after", _whole(0, 1000), 3,
            "Passes after which a client is trusted; 0: never."),
        *_rates(),
        *_auth(),
        one("directory_enabled", FLAG, 1, "Show the domain's users, groups and resources to each "
            "other as an address book."),
    )  # fmt: skip


def _rates() -> tuple[PolicyColumn, ...]:
    one = PolicyColumn
    return (
        one("ratelimit_enabled", FLAG, 1, "Heed the limits below."),
        one("ratelimit_smtp_per_ip", _LIMIT, 100, "Messages from one address; 0: no limit."),
        one("ratelimit_smtp_per_ip_window", _WINDOW, 60, "Within so many minutes."),
        one("ratelimit_smtp_per_domain", _LIMIT, 1000, "Messages to the domain; 0: no limit."),
        one("ratelimit_smtp_per_domain_window", _WINDOW, 60, "Within so many minutes."),
        one("ratelimit_smtp_per_user", _LIMIT, 0, "Messages one user may send, beside the limits "
            "of SENDING_USER_MESSAGES_HOUR and so on; 0: no limit."),
        one("ratelimit_smtp_per_user_window", _WINDOW, 60, "Within so many minutes."),
        one("ratelimit_auth_per_ip", _LIMIT, 0, "Logins tried from one address, good ones too; "
            "0: no limit; for _default alone.", server_wide=True),
        one("ratelimit_auth_per_ip_window", _WINDOW, 15, "Within so many minutes.",
            server_wide=True),
        one("ratelimit_imap_per_user", _LIMIT, 0, "Times one user may log in by IMAP; 0: no "
            "limit."),
        one("ratelimit_imap_per_user_window", _WINDOW, 60, "Within so many minutes."),
        one("ratelimit_cleanup_interval", _CLEANUP, 300, "How often counters go.", _NO_CLEANUP),
    )  # fmt: skip


def _auth() -> tuple[PolicyColumn, ...]:
    one = PolicyColumn
    totp = "there is no second factor to sign in with yet"
    return (
        one("auth_totp_enforced", FLAG, 0, "Demand one-time passwords.", totp),
        one("auth_brute_force_enabled", FLAG, 1, "Bar addresses that fail to log in; a domain's 0 "
            "sets its own limits aside, not those of _default."),
        one("auth_brute_force_threshold", _TRIES, 5, "After so many failures; default "
            "BRUTE_MAX_TRIES. A domain's own bar from that domain, beside those of _default."),
        one("auth_brute_force_window_minutes", _WINDOW, 30, "Within so many minutes; default "
            "BRUTE_WINDOW_MIN."),
        one("auth_brute_force_block_minutes", _BLOCK, 1440, "For so many minutes; default "
            "BRUTE_BAN_HOURS."),
        one("auth_ip_blacklist_enabled", FLAG, 0, "Take no logins from addresses that `pillarbox "
            "ban` bars from sending mail."),
        one("auth_cleanup_interval", _CLEANUP, 3600, "How often counters go.", _NO_CLEANUP),
    )  # fmt: skip


COLUMNS = _columns()
BY_NAME = MappingProxyType({one.name: one for one in COLUMNS})


def require(name: str) -> PolicyColumn:
    """The column of that name; `Invalid` if there is none."""
    found = BY_NAME.get(name.lower().replace("-", "_"))
    if found is None:
        raise Invalid(f"There is no {name[:80]}; `pillarbox policy show` lists what can be set")
    return found
