"""DMARC records (RFC 9989 §4.7), with the tags that RFC 7489 §6.3 has besides.

Strict only about what makes it a record: `v=DMARC1` in front. What else can't be read counts as its
default, as RFC 9989 §4.8 wants it.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

RECORD_CHARS = 4096
TAGS_MAX = 64
URIS_MAX = 10
URI_CHARS = 512

_SPACES = " \t\r\n"
_PRINTABLE = re.compile(r"[\x20-\x7e]*\Z")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-+\--~]+\Z")
_MAILTO = re.compile(r"mailto:([^@?%\s]+)@([A-Za-z0-9._-]+)(?:\?.*)?\Z", re.IGNORECASE)
_SIZE = re.compile(r"!([0-9]{1,15})([kmgt]?)\Z", re.IGNORECASE)
_UNITS = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40}
_NUMBER = re.compile(r"[0-9]{1,10}\Z")


class Disposition(StrEnum):
    """What a domain asks for (p=, sp=, np=)."""

    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"

    @property
    def milder(self) -> "Disposition":
        """The next milder one."""
        return Disposition.QUARANTINE if self is Disposition.REJECT else Disposition.NONE


class Psd(StrEnum):
    """Whether a domain is one below which others register theirs."""

    YES = "y"
    NO = "n"
    UNKNOWN = "u"


@dataclass(frozen=True, slots=True)
class ReportUri:
    """Where reports are to go: `uri` without its limit, `size_max` in bytes if it has one."""

    uri: str
    size_max: int | None = None

    @property
    def address(self) -> str:
        """The address of a mailto: URI, without anything behind `?`; else empty."""
        found = _MAILTO.match(self.uri)
        return f"{found[1]}@{found[2].lower()}" if found else ""


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it is to be understood.

    `usable` is false where a policy can't be read and no address for reports excuses it (RFC 9989
    §4.10.1). `percent` is pct= of RFC 7489, 100 where t= is there. `rua` and `ruf` are URIs as they
    are published, `tags` all that was, first one first, each name once.
    """

    policy: Disposition
    subdomain_policy: Disposition | None = None
    nonexistent_policy: Disposition | None = None
    psd: Psd = Psd.UNKNOWN
    strict_dkim: bool = False
    strict_spf: bool = False
    testing: bool = False
    percent: int = 100
    rua: tuple[str, ...] = ()
    ruf: tuple[str, ...] = ()
    failure_options: str = "0"
    interval_s: int = 86400
    usable: bool = True
    tags: tuple[tuple[str, str], ...] = ()

    def for_subdomains(self, exists: bool) -> Disposition:
        """What it asks for below its own domain, for names that exist and for others."""
        if not exists and self.nonexistent_policy is not None:
            return self.nonexistent_policy
        return self.policy if self.subdomain_policy is None else self.subdomain_policy


def parse_record(text: str) -> Record | None:
    """The record of a TXT text; `None` for a text that is none."""
    if len(text) > RECORD_CHARS:
        return None
    tags = _tags(text)
    if tags is None:
        return None
    rua, ruf = _uris(tags.get("rua", "")), _uris(tags.get("ruf", ""))
    read = {name: _disposition(tags[name]) for name in ("p", "sp", "np") if name in tags}
    policy = read.get("p", Disposition.NONE)
    usable = True
    if None in read.values():
        usable = bool(rua)
        read, policy = {}, Disposition.NONE
    return Record(
        policy=policy or Disposition.NONE,
        subdomain_policy=read.get("sp"),
        nonexistent_policy=read.get("np"),
        psd=_psd(tags.get("psd", "")),
        strict_dkim=tags.get("adkim", "").lower() == "s",
        strict_spf=tags.get("aspf", "").lower() == "s",
        testing=tags.get("t", "").lower() == "y",
        percent=100 if "t" in tags else min(100, _number(tags.get("pct", ""), 100)),
        rua=rua,
        ruf=ruf,
        failure_options=tags.get("fo", "0") if ruf else "0",
        interval_s=_number(tags.get("ri", ""), 86400),
        usable=usable,
        tags=tuple(tags.items()),
    )


def parse_report_uri(published: str) -> ReportUri:
    """A URI of rua= or ruf= and its limit, `mailto:a@example.org!10m` (RFC 7489 §6.2)."""
    size = _SIZE.search(published)
    if size is None:
        return ReportUri(published)
    return ReportUri(published[: size.start()], int(size[1]) << _UNITS[size[2].lower()])


def _tags(text: str) -> dict[str, str] | None:
    found: dict[str, str] = {}
    for number, spec in enumerate(text.split(";")[:TAGS_MAX]):
        name, equals, value = spec.partition("=")
        name, value = name.strip(_SPACES).lower(), value.strip(_SPACES)
        if number == 0 and (name != "v" or value != "DMARC1"):
            return None
        if equals and name.isascii() and name.isalnum() and _PRINTABLE.match(value):
            found.setdefault(name, value)
    return found


def _uris(text: str) -> tuple[str, ...]:
    parts = (part.strip(_SPACES) for part in text.split(",")[:URIS_MAX])
    return tuple(part for part in parts if len(part) <= URI_CHARS and _URI.match(part))


def _disposition(text: str) -> Disposition | None:
    try:
        return Disposition(text.lower())
    except ValueError:
        return None


def _psd(text: str) -> Psd:
    try:
        return Psd(text.lower())
    except ValueError:
        return Psd.UNKNOWN


def _number(text: str, default: int) -> int:
    return int(text) if _NUMBER.match(text) else default
