"""Parameters of MAIL and RCPT: the keywords that SMTP extensions add.

Says only what was written; whether an extension was offered and may be used is the session's
to check. Called by `commands`; `xtext_*` also by `client` and by delivery status reports.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeVar

from pillarbox.base.errors import GrammarError
from pillarbox.wire.smtp.paths import parse_path

MAX_PARAMETERS = 24
MAX_ENVID_CHARS = 100  # RFC 3461 §4.4
MAX_ORCPT_CHARS = 500  # RFC 3461 §4.2

_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9\-]*)(?:=([!-<>-~\u00a0-\U0010ffff]+))?")
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*+")
_XTEXT_HEX = re.compile(rb"\+([0-9A-F]{2})")
_XTEXT_PLAIN = re.compile(rb"[^!-*,-<>-~]")
_UTF8_SPECIAL = re.compile(r"[^!-*,-<>-\[\]-~]")
_UNICODE_POINT = re.compile(r"\\x\{([0-9A-F]{2,6})\}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ADDRESS_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-]{0,63}")
_BY = re.compile(r"([+-]?[0-9]{1,9});([NR])(T?)", re.IGNORECASE)
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:[Zz]|[+\-]\d\d:\d\d)")


class UnknownParameter(GrammarError):
    """A well-formed keyword that is not known here: reply 555 (RFC 5321 §4.1.1.11)."""

    def __init__(self, keyword: str) -> None:
        super().__init__(f"unknown parameter {keyword}")
        self.keyword = keyword


class Body(StrEnum):
    """What the content may hold (RFC 6152 §2, RFC 3030 §3)."""

    SEVEN_BIT = "7BIT"
    EIGHT_BIT = "8BITMIME"
    BINARY = "BINARYMIME"


class Ret(StrEnum):
    """How much of the message a report of failure returns (RFC 3461 §4.3)."""

    FULL = "FULL"
    HEADERS = "HDRS"


class Notify(StrEnum):
    """On what a delivery status report is wanted (RFC 3461 §4.1)."""

    NEVER = "NEVER"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    DELAY = "DELAY"


@dataclass(frozen=True, slots=True)
class OriginalRecipient:
    """ORCPT, decoded (RFC 3461 §4.2): `kind` in lower case, such as `rfc822` or `utf-8`."""

    kind: str
    address: str


@dataclass(frozen=True, slots=True)
class DeliverBy:
    """BY: deliver within `seconds`, which may be past with `notify` (RFC 2852 §4).

    When it is too late the sender is told of the delay (`notify`, by-mode N) or the message goes
    back (R). `trace` asks for a report when it is relayed.
    """

    seconds: int
    notify: bool
    trace: bool = False


@dataclass(frozen=True, slots=True)
class MailParams:
    """Parameters of MAIL; `None` where one was not given. `auth` is empty for `AUTH=<>`."""

    size_bytes: int | None = None
    body: Body | None = None
    smtputf8: bool = False
    auth: str | None = None
    ret: Ret | None = None
    envid: str | None = None
    require_tls: bool = False
    hold_for_s: int | None = None
    hold_until: datetime | None = None
    deliver_by: DeliverBy | None = None


@dataclass(frozen=True, slots=True)
class RcptParams:
    """Parameters of RCPT; `None` where one was not given."""

    notify: frozenset[Notify] | None = None
    orcpt: OriginalRecipient | None = None


NO_MAIL_PARAMS: Final = MailParams()
NO_RCPT_PARAMS: Final = RcptParams()


def parse_mail_params(text: str) -> MailParams:
    """The parameters after the path of MAIL, separated by spaces.

    Raises `UnknownParameter` for a keyword not known, `GrammarError` for anything else.
    """
    if not text:
        return NO_MAIL_PARAMS
    values = _read(text, _MAIL_FIELDS)
    if "hold_for_s" in values and "hold_until" in values:
        raise GrammarError("HOLDFOR and HOLDUNTIL together")  # RFC 4865 §3
    return MailParams(**values)  # type: ignore[arg-type]  # each reader fits its field


def parse_rcpt_params(text: str) -> RcptParams:
    """The parameters after the path of RCPT; raises as `parse_mail_params` does."""
    if not text:
        return NO_RCPT_PARAMS
    return RcptParams(**_read(text, _RCPT_FIELDS))  # type: ignore[arg-type]  # as above


def xtext_decode(text: str) -> str:
    """The text that `text` encodes (RFC 3461 §4); control characters are refused."""
    if not _XTEXT.fullmatch(text):
        raise GrammarError("malformed xtext")
    if "+" not in text:
        return text
    octets = _XTEXT_HEX.sub(lambda hex_: bytes((int(hex_[1], 16),)), text.encode("ascii"))
    try:
        decoded = octets.decode()
    except UnicodeDecodeError:
        raise GrammarError("xtext is not UTF-8") from None
    if _CONTROL.search(decoded):
        raise GrammarError("control character in xtext")
    return decoded


def xtext_encode(text: str) -> str:
    """`text` with everything but plain printable ASCII written as `+XX` (RFC 3461 §4)."""
    return _XTEXT_PLAIN.sub(lambda octet: b"+%02X" % octet[0][0], text.encode()).decode("ascii")


def notify_text(notify: frozenset[Notify]) -> str:
    """NOTIFY's value as RFC 3461 §4.1 writes it, its words in one order."""
    return ",".join(word for word in Notify if word in notify)


def orcpt_text(orcpt: OriginalRecipient) -> str:
    """ORCPT's value as RFC 3461 §4.2 writes it, or RFC 6533 §3 without raw UTF-8."""
    if orcpt.kind != "utf-8":
        return f"{orcpt.kind};{xtext_encode(orcpt.address)}"
    return "utf-8;" + _UTF8_SPECIAL.sub(_by_number, orcpt.address)


def _by_number(found: re.Match[str]) -> str:
    return f"\\x{{{ord(found[0]):02X}}}"


_Reader = Callable[[str | None], object]


def _read(text: str, fields: Mapping[str, tuple[str, _Reader]]) -> dict[str, object]:
    values: dict[str, object] = {}
    words = text.split(" ")
    if len(words) > MAX_PARAMETERS:
        raise GrammarError("too many parameters")
    for word in words:
        if not word:
            continue
        found = _PARAMETER.fullmatch(word)
        if found is None:
            raise GrammarError("malformed parameter")
        keyword = found[1].upper()
        field = fields.get(keyword)
        if field is None:
            raise UnknownParameter(keyword)
        if field[0] in values:
            raise GrammarError(f"{keyword} given twice")
        values[field[0]] = field[1](found[2])
    return values


def _size(value: str | None) -> int:
    if value is None or not (value.isascii() and value.isdigit()) or len(value) > 20:
        raise GrammarError("malformed SIZE")  # RFC 1870 §4: at most 20 digits
    return int(value)


_Choice = TypeVar("_Choice", bound=StrEnum)


def _choice(value: str | None, choices: type[_Choice], keyword: str) -> _Choice:
    try:
        return choices((value or "").upper())
    except ValueError:
        raise GrammarError(f"malformed {keyword}") from None


def _body(value: str | None) -> Body:
    return _choice(value, Body, "BODY")


def _ret(value: str | None) -> Ret:
    return _choice(value, Ret, "RET")


def _flag(value: str | None) -> bool:
    if value is not None:
        raise GrammarError("parameter takes no value")
    return True


def _auth(value: str | None) -> str:
    """RFC 4954 §5."""
    if value is None:
        raise GrammarError("malformed AUTH")
    return "" if value == "<>" else str(parse_path(xtext_decode(value)))


def _envid(value: str | None) -> str:
    if value is None or len(value) > MAX_ENVID_CHARS:
        raise GrammarError("malformed ENVID")
    decoded = xtext_decode(value)
    if not decoded.isascii():
        raise GrammarError("ENVID is not ASCII")
    return decoded


def _hold_for(value: str | None) -> int:
    """RFC 4865 §3: one to nine digits, in seconds."""
    if value is None or not (value.isascii() and value.isdigit()) or len(value) > 9:
        raise GrammarError("malformed HOLDFOR")
    return int(value)


def _hold_until(value: str | None) -> datetime:
    if value is None or not value.isascii() or not _DATE_TIME.fullmatch(value):
        raise GrammarError("malformed HOLDUNTIL")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise GrammarError("malformed HOLDUNTIL") from None


def _deliver_by(value: str | None) -> DeliverBy:
    found = _BY.fullmatch(value or "")
    if found is None:
        raise GrammarError("malformed BY")
    seconds, notify = int(found[1]), found[2] in "Nn"
    if seconds <= 0 and not notify:
        raise GrammarError("BY with R needs time")  # RFC 2852 §4
    return DeliverBy(seconds, notify, bool(found[3]))


def _notify(value: str | None) -> frozenset[Notify]:
    words = (value or "").split(",")
    wanted = frozenset(_choice(word, Notify, "NOTIFY") for word in words[:4])
    if len(wanted) != len(words) or (Notify.NEVER in wanted and len(wanted) > 1):
        raise GrammarError("malformed NOTIFY")
    return wanted


def _orcpt(value: str | None) -> OriginalRecipient:
    kind, semicolon, address = (value or "").partition(";")
    if not semicolon or not address or len(address) > MAX_ORCPT_CHARS:
        raise GrammarError("malformed ORCPT")
    if not kind.isascii() or not _ADDRESS_TYPE.fullmatch(kind):
        raise GrammarError("malformed address type in ORCPT")
    kind = kind.lower()
    if kind == "utf-8":
        return OriginalRecipient(kind, _utf8_address(address))
    return OriginalRecipient(kind, xtext_decode(address))


def _utf8_address(text: str) -> str:
    """RFC 6533 §3: either raw UTF-8 or code points written as `\\x{XX}`."""
    if text.isascii():
        text = xtext_decode(text)
    try:
        decoded = _UNICODE_POINT.sub(lambda hex_: chr(int(hex_[1], 16)), text)
        decoded.encode()
    except (ValueError, OverflowError):
        raise GrammarError("malformed code point in ORCPT") from None
    if _CONTROL.search(decoded):
        raise GrammarError("control character in ORCPT")
    return decoded


_MAIL_FIELDS: Final[Mapping[str, tuple[str, _Reader]]] = MappingProxyType(
    {
        "SIZE": ("size_bytes", _size),
        "BODY": ("body", _body),
        "SMTPUTF8": ("smtputf8", _flag),
        "AUTH": ("auth", _auth),
        "RET": ("ret", _ret),
        "ENVID": ("envid", _envid),
        "REQUIRETLS": ("require_tls", _flag),
        "HOLDFOR": ("hold_for_s", _hold_for),
        "HOLDUNTIL": ("hold_until", _hold_until),
        "BY": ("deliver_by", _deliver_by),
    }
)
_RCPT_FIELDS: Final[Mapping[str, tuple[str, _Reader]]] = MappingProxyType(
    {"NOTIFY": ("notify", _notify), "ORCPT": ("orcpt", _orcpt)}
)
