"""Reports of TLS with this server that others send to addresses here (RFC 8460).

Called after a message was delivered; the message itself stays where it was delivered to. Calls
`formats/tls_report` and `domain/transport/reports`. What a report says is the word of whoever sent
it: it is shown, nothing is decided by it.
"""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, replace

from pillarbox.base.clock import to_ms
from pillarbox.base.errors import GrammarError
from pillarbox.base.ids import DomainId
from pillarbox.base.log import logger
from pillarbox.domain.accounts import domains
from pillarbox.domain.transport import reports
from pillarbox.domain.transport.reports import NewReport
from pillarbox.formats.tls_report.mail import extract, is_report
from pillarbox.formats.tls_report.report import PolicyResult, Report, encode
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

STORED_MAX_BYTES = 256 * 1024
"""Of a report that is longer only the sums are kept."""

_COUNT_MAX = (1 << 63) - 1

_log = logger("inbound")


@dataclass(frozen=True, slots=True)
class TlsReportInbox:
    """Files reports; a frozen value, so that many deliveries share it."""

    database: Database

    async def take(self, recipient: str, content: bytes) -> bool:
        """Look whether a message for `recipient` carries a report, and keep what concerns us.

        Gives whether something was kept. What can't be read is passed over; only the database's
        failures are raised.
        """
        if not is_report(content):
            return False
        try:
            report = await asyncio.to_thread(extract, content)
        except GrammarError as error:
            _log.info("a TLS report can't be read", recipient=recipient, why=error.text)
            return False
        return await self.file(recipient.rpartition("@")[2].lower(), report)

    async def file(self, domain: str, report: Report) -> bool:
        """Keep a report that came for `domain`, by whatever way; gives whether it was new."""
        served = await self.database.read(_concerned, domain, report)
        found = await asyncio.to_thread(_parts, report, served)
        return bool(found) and await self.database.write(_file, found)


def _concerned(tx: Tx, domain: str, report: Report) -> dict[DomainId, tuple[PolicyResult, ...]]:
    """Which of a report's policies concern which domain of ours.

    The domain of TLSA records is a host's (RFC 8460 §4.4): they are for the domain it came to.
    """
    names: dict[str, DomainId | None] = {}
    for name in (domain, *(policy.domain for policy in report.policies)):
        if name not in names:
            served = domains.get(tx, name) if name and name.isascii() else None
            names[name] = None if served is None else served.id
    found: defaultdict[DomainId, list[PolicyResult]] = defaultdict(list)
    for policy in report.policies:
        of = names[policy.domain]
        if of is None and policy.kind == "tlsa":
            of = names[domain]
        if of is not None:
            found[of].append(policy)
    return {of: tuple(policies) for of, policies in found.items()}


def _parts(
    report: Report, served: dict[DomainId, tuple[PolicyResult, ...]]
) -> list[tuple[DomainId, NewReport]]:
    return [(of, _part(replace(report, policies=policies))) for of, policies in served.items()]


def _part(report: Report) -> NewReport:
    content = encode(report)
    if len(content) > STORED_MAX_BYTES:
        sums = tuple(replace(one, details=(), text=(), mx=()) for one in report.policies[:100])
        content = encode(replace(report, policies=sums))
    return NewReport(
        report.organization,
        report.id,
        report.contact,
        to_ms(report.start),
        to_ms(report.end),
        min(sum(policy.successes for policy in report.policies), _COUNT_MAX),
        min(sum(policy.failures for policy in report.policies), _COUNT_MAX),
        content.decode(),
    )


def _file(tx: Tx, found: list[tuple[DomainId, NewReport]]) -> bool:
    new = [reports.file(tx, domain, one) for domain, one in found]
    return any(new)
