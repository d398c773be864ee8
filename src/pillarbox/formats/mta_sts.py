"""MTA-STS: the record that announces a policy, and the policy (RFC 8461 §3).

Strict: what breaks the grammar is no policy. Not for fetching them (`pipeline/outbound/mta_sts`).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from pillarbox.base.errors import GrammarError

MAX_POLICY_BYTES = 64 * 1024
"""RFC 8461 §3.3 suggests this."""

MAX_AGE_S = 31_557_600
"""The most a policy may say; a year."""

_RECORD_MAX = 4096
_MX_MAX = 100
_VERSION = "v=STSv1"
_DELIMITER = re.compile(r"[ \t]*;[ \t]*")
_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}"
_EXTENSION = re.compile(rf"{_NAME}=[!-:<>-~]+")
_FIELD = re.compile(rf"({_NAME}):[ \t]*([^\x00-\x20\x7f](?:[^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?)")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_MX = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*")


class Mode(Enum):
    """What a domain wants done with hosts that don't match its policy (RFC 8461 §5)."""

    ENFORCE = "enforce"
    TESTING = "testing"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class StsPolicy:
    """A policy; `mx` in lower case, `lines` as it was written, without what ends them."""

    mode: Mode
    max_age_s: int
    mx: tuple[str, ...]
    lines: tuple[str, ...] = ()

    def allows(self, host: str) -> bool:
        """Whether a host of that (ASCII) name is one of the domain's (RFC 8461 §4.1)."""
        name = host.lower().rstrip(".")
        wild = "*." + name.partition(".")[2]
        return any(pattern in (name, wild) for pattern in self.mx)


def parse_record(texts: Iterable[str]) -> str | None:
    """The id in the TXT records of `_mta-sts.<domain>` (RFC 8461 §3.1).

    `None` where no record is of this kind; `GrammarError` where several are, or one that is wrong.
    """
    found = [text for text in texts if _is_record(text)]
    if not found:
        return None
    if len(found) > 1:
        raise GrammarError("several MTA-STS records")
    text = found[0]
    if len(text) > _RECORD_MAX:
        raise GrammarError("a record that is too long")
    fields = _DELIMITER.split(text)[1:]
    if fields and not fields[-1]:
        fields.pop()
    ids = []
    for field in fields:
        if field.startswith("id="):
            ids.append(field[3:])
        elif not _EXTENSION.fullmatch(field):
            raise GrammarError("a field that is none")
    if len(ids) != 1 or not _ID.fullmatch(ids[0]):
        raise GrammarError("no id, several, or a wrong one")
    return ids[0]


def parse_policy(body: bytes) -> StsPolicy:
    """A policy as it was fetched (RFC 8461 §3.2); `GrammarError` where it is not valid."""
    if len(body) > MAX_POLICY_BYTES:
        raise GrammarError("a policy over 64 KiB")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise GrammarError("not UTF-8", error.start) from error
    lines = _lines(text)
    first: dict[str, str] = {}
    mx: dict[str, None] = {}
    for line in lines:
        match = _FIELD.fullmatch(line.rstrip(" \t"))
        if match is None:
            raise GrammarError(f"no field: {line[:80]!r}")
        name, value = match[1], match[2]
        if name == "mx":
            mx[_pattern(value)] = None
        else:
            first.setdefault(name, value)  # of one that comes again the first counts
    if first.get("version") != "STSv1":
        raise GrammarError("no version STSv1")
    mode = _mode(first.get("mode"))
    if mode is not Mode.NONE and not mx:
        raise GrammarError("no mx")
    if len(mx) > _MX_MAX:
        raise GrammarError("too many mx")
    return StsPolicy(mode, _max_age(first.get("max_age")), tuple(mx), lines)


def _is_record(text: str) -> bool:
    return text.startswith(_VERSION) and _DELIMITER.match(text, len(_VERSION)) is not None


def _lines(text: str) -> tuple[str, ...]:
    """The lines, without those at the end that are empty."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return tuple(lines)


def _pattern(value: str) -> str:
    if len(value) > 255 or not _MX.fullmatch(value):
        raise GrammarError(f"no host: {value[:80]!r}")
    return value.lower()


def _mode(value: str | None) -> Mode:
    try:
        return Mode(value)
    except ValueError as error:
        raise GrammarError("no mode, or one that is not known") from error


def _max_age(value: str | None) -> int:
    if value is None or not value.isascii() or not value.isdigit() or len(value) > 10:
        raise GrammarError("no max_age, or no number")
    seconds = int(value)
    if seconds > MAX_AGE_S:
        raise GrammarError("a max_age over a year")
    return seconds
