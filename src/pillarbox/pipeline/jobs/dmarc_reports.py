"""Telling other domains each day what came of mail with them in From (RFC 9990).

A job of `runner`, on `daily_reports`. Reads what was counted where mail is accepted
(`domain/dmarc/results`) and sends it by mail to whom a domain's DMARC record names, if those want
it too.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial

from pillarbox.base.clock import Clock, from_ms
from pillarbox.base.errors import TooLarge, Unavailable
from pillarbox.domain.complaints import complaints
from pillarbox.domain.dmarc import received, results
from pillarbox.domain.dmarc.model import Kind, Override, Published
from pillarbox.domain.dmarc.results import Collected
from pillarbox.domain.report_days import DAY_MS, day_of
from pillarbox.formats.dmarc_report.destination import (
    DESTINATIONS_MAX,
    Destination,
    allowed,
    is_external,
    parse_uris,
    question,
)
from pillarbox.formats.dmarc_report.mail import compose
from pillarbox.formats.dmarc_report.model import (
    DkimResult,
    PublishedPolicy,
    Reason,
    Record,
    Report,
    SpfResult,
)
from pillarbox.formats.dmarc_report.write import encode
from pillarbox.formats.mailauth.organizational import registrable
from pillarbox.formats.reporting.cover import Cover
from pillarbox.formats.reporting.packed import pack
from pillarbox.net.dns import Resolver
from pillarbox.pipeline.jobs.daily_reports import (
    KEPT_DAYS,
    DailyReports,
    Post,
    ReportOptions,
    Sending,
)
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

GENERATOR = "pillarbox"

_SWEPT = 1000

Destinations = tuple[Destination, ...]


class DmarcReporting:
    """Sends what is due, and forgets what is old; `run` is the job.

    `contact` gives an address for questions that goes before that of the options.
    """

    def __init__(
        self,
        database: Database,
        resolver: Resolver,
        clock: Clock,
        post: Post,
        options: ReportOptions,
        contact: Callable[[Tx], str] = lambda tx: "",
    ) -> None:
        self._database = database
        self._resolver = resolver
        self._clock = clock
        self._post = post
        self._options = options
        self._contact = contact
        self._daily: DailyReports[Destinations] = DailyReports(
            database, clock, results.DAYS, options.submitter, "DMARC"
        )

    async def run(self) -> None:
        """Report every day that is over and due, and forget what is old; may be cut off."""
        if self._options.send:
            await self._daily.run(self)
        before = day_of(self._clock.now_ms()) - KEPT_DAYS
        while await self._database.write(results.sweep, before, _SWEPT):
            pass
        for sweep in (received.sweep, complaints.sweep):
            while await self._database.write(sweep, _SWEPT):
                pass

    async def targets(self, day: int, domain: str) -> Destinations | None:
        """Who wants a report and may have it, perhaps nobody; `None` where that can't be asked."""
        published = await self._database.read(results.asked, day, domain)
        if published is None:
            return ()
        found: dict[str, Destination] = {}
        for destination in parse_uris(published.rua):
            try:
                wanted = await self._verified(destination, published)
            except Unavailable:
                return None
            for one in wanted:
                found.setdefault(one.address.lower(), one)
        return tuple(found.values())[:DESTINATIONS_MAX]

    async def sendings(
        self, day: int, domain: str, targets: Destinations
    ) -> AsyncIterator[Sending]:
        """Make a report, and say how it is sent; not to addresses for which it is too large."""
        collected, contact = await self._database.read(self._collected, day, domain)
        if collected is None or not collected.counts:
            return
        content = await asyncio.to_thread(self._letter, day, collected, contact, targets)
        fitting = tuple(
            one.address for one in targets if one.max_bytes is None or len(content) <= one.max_bytes
        )
        if fitting:
            yield ", ".join(fitting), partial(self._post, content, fitting)
        for one in targets:
            if one.address not in fitting:
                yield one.address, partial(_refused, len(content))

    def _collected(self, tx: Tx, day: int, domain: str) -> tuple[Collected | None, str]:
        return results.of_day(tx, day, domain), self._contact(tx)

    async def _verified(self, destination: Destination, published: Published) -> Destinations:
        """Where to send what is asked to be sent somewhere (RFC 7489 §7.1)."""
        known = published.organizational
        above = await asyncio.to_thread(registrable, known or published.domain)
        if not is_external(destination, (known or above) if above else ""):
            return (destination,)
        name = question(destination, published.domain)
        return () if name is None else allowed(destination, await self._resolver.txt(name))

    def _letter(self, day: int, collected: Collected, contact: str, targets: Destinations) -> bytes:
        options = self._options
        report = self._build(day, collected, contact)
        addresses = tuple(one.address for one in targets)
        cover = Cover(
            options.sender,
            addresses,
            collected.published.domain,
            options.submitter,
            report.id,
            self._clock.now(),
        )
        return compose(cover, report, pack(encode(report)))

    def _build(self, day: int, collected: Collected, contact: str) -> Report:
        errors: tuple[str, ...] = ()
        if collected.omitted:
            errors = (f"{collected.omitted} messages are left out: too many different ones",)
        return Report(
            self._options.organization,
            contact or self._options.contact or self._options.sender,
            self._daily.report_id(day, collected.published.domain),
            from_ms(day * DAY_MS),
            from_ms((day + 1) * DAY_MS - 1000),
            policy_of(collected.published),
            tuple(_records(collected.counts)),
            errors=errors,
            generator=GENERATOR,
        )


async def _refused(size_bytes: int) -> None:
    raise TooLarge(f"the report has {size_bytes} bytes, more than is wanted there")


def policy_of(published: Published) -> PublishedPolicy:
    """A record as reports tell it, what it leaves out by default (RFC 9990)."""
    tags = {name.lower(): value for name, value in published.tags}
    policy = tags.get("p", "none").lower()
    below = tags.get("sp", policy).lower()
    return PublishedPolicy(
        published.domain,
        policy,
        below,
        tags.get("np", below).lower(),
        tags.get("adkim", "r").lower(),
        tags.get("aspf", "r").lower(),
        tags.get("fo", "0"),
        testing=tags.get("t", "n").lower() == "y",
        discovery_method="treewalk",
    )


def _reason(one: Override) -> Reason:
    """RFC 9990 has no word of its own for pct= any more."""
    if one.kind == "sampled_out":
        return Reason("other", one.comment or "sampled out (pct)")
    return Reason(one.kind, one.comment)


def _records(counts: Iterable[tuple[Kind, int]]) -> Iterable[Record]:
    for kind, messages in counts:
        yield Record(
            kind.source_ip,
            messages,
            kind.disposition,
            kind.dkim,
            kind.spf,
            tuple(map(_reason, kind.overrides)),
            kind.header_from,
            kind.envelope_from,
            kind.envelope_to or None,
            tuple(DkimResult(one.domain, one.selector, one.result) for one in kind.dkim_checks),
            # DMARC goes by MAIL FROM alone; its schema has room for one (RFC 9990).
            tuple(
                SpfResult(one.domain, one.scope, one.result)
                for one in kind.spf_checks
                if one.scope == "mfrom"
            )[:1],
        )
