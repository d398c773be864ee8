"""Where aggregate reports go: the URIs of rua, and the records that allow it (RFC 7489 §7.1).

Calls `formats/mailauth/dmarc/record`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pillarbox.formats.mailauth.dmarc.record import parse_record, parse_report_uri
from pillarbox.formats.reporting.fields import mailto

DESTINATIONS_MAX = 5
"""More are not sent to, so that nobody can have many mails sent by naming many."""

_NAME_MAX = 253
_LABEL_MAX = 63


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
    for published in uris:
        uri = parse_report_uri(published.strip())
        address = mailto(uri.uri)
        if address is not None:
            found.setdefault(address.lower(), Destination(address, uri.size_max))
    return tuple(found.values())[:DESTINATIONS_MAX]


def is_external(destination: Destination, organizational: str) -> bool:
    """Whether an address lies outside of an Organizational Domain, so that it has to be asked.

    Everything lies outside where there is none (a public suffix, below which are many owners).
    """
    inside = destination.host == organizational or destination.host.endswith("." + organizational)
    return not organizational or not inside


def question(destination: Destination, policy_domain: str) -> str | None:
    """The name whose TXT records say whether reports are wanted there; `None` if there is none."""
    name = f"{policy_domain}._report._dmarc.{destination.host}"
    fits = len(name) <= _NAME_MAX and all(0 < len(one) <= _LABEL_MAX for one in name.split("."))
    return name if fits else None


def allowed(destination: Destination, texts: Iterable[str]) -> tuple[Destination, ...]:
    """Where to send what was to go to an address, by those records; nowhere if they don't allow it.

    A record may name other addresses, but only ones of the same host.
    """
    records = [found for text in texts if (found := parse_record(text)) is not None]
    if not records:
        return ()
    others = parse_uris(uri for record in records for uri in record.rua)
    if any(one.host != destination.host for one in others):
        return ()
    return others or (destination,)
