"""Aggregate reports of DMARC that others send to addresses here (RFC 9990).

Called after a message was delivered; the message itself stays where it was delivered to. Calls
`formats/dmarc_report` and `domain/dmarc/received`. What a report says is the word of whoever sent
it: it is shown, nothing is decided by it.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass

from pillarbox.base.errors import GrammarError
from pillarbox.base.ids import DomainId
from pillarbox.base.log import logger
from pillarbox.domain.accounts import domains
from pillarbox.domain.dmarc import received
from pillarbox.domain.dmarc.received import NewReport, prepared
from pillarbox.formats.dmarc_report.mail import extract, is_report
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

_PARENTS = 8

_log = logger("inbound")


@dataclass(frozen=True, slots=True)
class DmarcReportInbox:
    """Files reports; a frozen value, so that many deliveries share it."""

    database: Database

    async def take(self, recipient: str, content: bytes, vouched: Collection[str] = ()) -> bool:
        """Look whether a message for `recipient` carries a report, and keep it if it is about us.

        `vouched` are the domains for which the message passed DKIM or SPF. Gives whether something
        was kept. What can't be read is passed over; only the database's failures are raised.
        """
        if not is_report(content):
            return False
        try:
            new = await asyncio.to_thread(lambda: prepared(extract(content)))
        except GrammarError as error:
            _log.info("a DMARC report can't be read", recipient=recipient, why=error.text)
            return False
        return await self.file(new, _voucher(new.report.email, vouched))

    async def file(self, new: NewReport, voucher: str = "") -> bool:
        """Keep a report, by whatever way it came; gives whether it was new and about us."""
        served = await self.database.read(_served, new.report.policy.domain)
        return served is not None and await self.database.write(received.file, served, new, voucher)


def _voucher(contact: str, vouched: Collection[str]) -> str:
    """Whose word a report is: the domain of its contact, where that is shown, else any other."""
    host = f".{contact.rpartition('@')[2].lower()}"
    same = (one for one in vouched if host.endswith(f".{one}") or f".{one}".endswith(host))
    return next(same, next(iter(vouched), ""))


def _served(tx: Tx, name: str) -> DomainId | None:
    """The domain of ours that a policy is of, or that stands above it."""
    if not name.isascii():
        return None
    labels = name.split(".")
    for start in range(min(len(labels) - 1, _PARENTS)):
        found = domains.get(tx, ".".join(labels[start:]))
        if found is not None:
            return found.id
    return None
