"""Reports for us among the mail that came in: of deliveries, of TLS, of DMARC, and complaints.

Called by `receive` once a message is delivered, so nothing may fail by this; the message itself
stays where it is. Large ones take long to read, so nobody's is read again for each of many
recipients.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from pillarbox.base.log import logger
from pillarbox.formats.mailauth.results import Status
from pillarbox.formats.mailauth.spf.result import SpfStatus
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.message import Envelope
from pillarbox.pipeline.inbound.trace import speaks_of_tls

REPORTED_DOMAINS = 3
"""For so many domains a report on TLS is read; each gets its own."""

_log = logger("inbound")


class Bounces(Protocol):
    """Recognises reports about mail of ours."""

    async def take(self, content: bytes, recipient: str, reverse_path: str) -> bool: ...


class TlsReports(Protocol):
    """Recognises reports on how others reached us over TLS (RFC 8460)."""

    async def take(self, recipient: str, content: bytes) -> object: ...


class DmarcReports(Protocol):
    """Recognises aggregate reports about our domains (RFC 9990)."""

    async def take(
        self, recipient: str, content: bytes, vouched: Collection[str] = ()
    ) -> object: ...


class Complaints(Protocol):
    """Recognises feedback reports about mail of ours (RFC 5965)."""

    async def take(
        self, recipient: str, content: bytes, vouched: Collection[str] = ()
    ) -> object: ...


@dataclass(frozen=True, slots=True)
class ReportReading:
    """Shows mail to all who read reports."""

    bounces: Bounces | None = None
    tls: TlsReports | None = None
    dmarc: DmarcReports | None = None
    complaints: Complaints | None = None

    async def read(self, envelope: Envelope, content: bytes, arrival: Arrival | None) -> None:
        """Look whether a message that was delivered is a report for us."""
        paths = tuple(recipient.path for recipient in envelope.recipients)
        try:
            # A report of deliveries is for one (RFC 3461 §6.1), one of TLS for a domain.
            if self.bounces is not None and not envelope.reverse_path and len(paths) == 1:
                await self.bounces.take(content, paths[0], envelope.reverse_path)
            if self.tls is not None and speaks_of_tls(content):
                domains = {recipient.domain: recipient.path for recipient in envelope.recipients}
                for path in tuple(domains.values())[:REPORTED_DOMAINS]:
                    await self.tls.take(path, content)
            if self.dmarc is not None:
                await self.dmarc.take(paths[0], content, vouched(arrival))
            if self.complaints is not None:
                await self.complaints.take(paths[0], content, vouched(arrival))
        except Exception:
            _log.exception("a report could not be read", recipients=paths[:3])


def vouched(arrival: Arrival | None) -> tuple[str, ...]:
    """The domains for which a message passed DKIM, or its reverse-path SPF.

    Not those whose signature is not over the whole body, or under a key that is only tried out.
    """
    if arrival is None:
        return ()
    results = arrival.results
    found = [
        one.domain
        for one in results.dkim or ()
        if one.status is Status.PASS and not (one.beyond or one.testing)
    ]
    if results.spf is not None and results.spf.status is SpfStatus.PASS:
        found.append(results.spf.domain)
    return tuple(dict.fromkeys(found))
