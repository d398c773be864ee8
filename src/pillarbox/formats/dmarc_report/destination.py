"""Where aggregate reports go: the URIs of rua, and the records that allow it (RFC 9990 §4)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pillarbox.formats.reporting.fields import mailto

DESTINATIONS_MAX = 5
"""More are not sent to, so that nobody can have many mails sent by naming many."""

_SIZE = re.compile(r"!([0-9]{1,12})([kmgt]?)\Z", re.IGNORECASE)
_UNITS = " kmgt"
_TAG = re.compile(r"\s*([A-Za-z]+)\s*=\s*(.*?)\s*\Z", re.DOTALL)
_NAME_MAX = 253
_LABEL_MAX = 63
_RECORD_MAX = 4096


@dataclass(frozen=True, slots=True)
class Destination:
    """An address, and how large a mail to it may be (RFC 7489 §6.2); `None`: as it comes."""

    address: str
    max_bytes: int | None = None

    @property
    def host(self) -> str:
        """The domain of the address."""
        return self.address.rpartition("@")[2].lower().rstrip(".")


def parse_uris(uris: Iterable[str]) -> tuple[Destination, ...]:
    """The addresses of `mailto:` URIs, each once; other URIs are passed over."""
    found: dict[str, Destination] = {}
    for uri in uris:
        size = _SIZE.search(uri)
        most = None
        if size is not None:
            uri = uri[: size.start()]
            most = int(size[1]) << (10 * _UNITS.index(size[2].lower() or " "))
        address = mailto(uri.strip())
        if address is not None:
            found.setdefault(address.lower(), Destination(address, most))
    return tuple(found.values())[:DESTINATIONS_MAX]


def is_external(destination: Destination, organizational: str) -> bool:
    """Whether an address lies outside of an Organizational Domain, so that it has to be asked."""
    return destination.host != organizational and not destination.host.endswith(
        "." + organizational
    )


def question(destination: Destination, policy_domain: str) -> str | None:
    """The name whose TXT records say whether reports are wanted there; `None` if there is none."""
    name = f"{policy_domain}._report._dmarc.{destination.host}"
    fits = len(name) <= _NAME_MAX and all(0 < len(one) <= _LABEL_MAX for one in name.split("."))
    return name if fits else None


def allowed(destination: Destination, texts: Iterable[str]) -> tuple[Destination, ...]:
    """Where to send what was to go to an address, by those records; nowhere if they don't allow it.

    A record may name other addresses, but only ones of the same host.
    """
    records = [tags for text in texts if (tags := _tags(text)) is not None]
    if not records:
        return ()
    named = [one.split(",") for tags in records if (one := tags.get("rua"))]
    if not named:
        return (destination,)
    others = parse_uris(uri for uris in named for uri in uris)
    if any(one.host != destination.host for one in others):
        return ()
    return others or (destination,)


def _tags(text: str) -> dict[str, str] | None:
    """The tags of a DMARC record; `None` if it is none."""
    parts = text[:_RECORD_MAX].split(";")
    version = _TAG.fullmatch(parts[0])
    if version is None or version[1] != "v" or version[2] != "DMARC1":
        return None
    found: dict[str, str] = {}
    for part in parts[1:]:
        tag = _TAG.fullmatch(part)
        if tag is not None:
            found.setdefault(tag[1].lower(), tag[2])
    return found
