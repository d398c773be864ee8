"""DNS records by which programs find a domain's calendars and contacts (RFC 6764 §3, §4)."""

from dataclasses import dataclass

PATH = "/dav/"
"""Where `current-user-principal` is to be had (RFC 6764 §6)."""
_SERVICES = ("caldav", "carddav")


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """A record to be published; `name` and names in `value` end with a dot, as in zone files."""

    name: str
    kind: str
    value: str

    def __str__(self) -> str:
        """The record as a line of a zone file."""
        return f"{self.name} IN {self.kind} {self.value}"


def dav_records(domain: str, hostname: str, port: int) -> tuple[DnsRecord, ...]:
    """The records of a domain whose server answers over TLS at a port of a host.

    The services without TLS are told to be none: the target is the root, as SRV has it.
    """
    records = []
    for service in _SERVICES:
        secure = f"_{service}s._tcp.{_dotted(domain)}"
        records += [
            DnsRecord(secure, "SRV", f"0 1 {port} {_dotted(hostname)}"),
            DnsRecord(secure, "TXT", f'"path={PATH}"'),
            DnsRecord(f"_{service}._tcp.{_dotted(domain)}", "SRV", "0 0 0 ."),
        ]
    return tuple(records)


def _dotted(name: str) -> str:
    return name.rstrip(".") + "."
