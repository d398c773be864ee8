"""Telling other domains each day how TLS with their mail servers went (RFC 8460 §4, §5).

A job of `runner`, on `daily_reports`. Reads what `pipeline/outbound/tls_results` counted
(`domain/transport/results`) and sends to whom the domain's `_smtp._tls` record names: by mail,
through a callable that signs and enqueues, or by POST.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from functools import partial
from itertools import groupby

from pillarbox.base.clock import Clock, from_ms
from pillarbox.base.errors import GrammarError, Unavailable
from pillarbox.domain.report_days import DAY_MS, day_of
from pillarbox.domain.transport import reports, results
from pillarbox.domain.transport.results import Result
from pillarbox.formats.reporting.cover import Cover
from pillarbox.formats.reporting.packed import pack
from pillarbox.formats.tls_report.mail import compose
from pillarbox.formats.tls_report.record import Targets, parse_record
from pillarbox.formats.tls_report.report import (
    FailureDetail,
    PolicyResult,
    Report,
    encode,
)
from pillarbox.net.dns import Resolver
from pillarbox.net.https import HttpsClient, HttpsFailure
from pillarbox.pipeline.jobs.daily_reports import (
    KEPT_DAYS,
    DailyReports,
    Post,
    ReportOptions,
    Sending,
)
from pillarbox.storage.db import Database

POST_TIMEOUT_S = 60.0

_SWEPT = 1000
_ANSWER_BYTES = 64 * 1024


class TlsReporting:
    """Sends what is due; `run` is the job."""

    def __init__(
        self,
        database: Database,
        resolver: Resolver,
        https: HttpsClient,
        clock: Clock,
        post: Post,
        options: ReportOptions,
    ) -> None:
        self._database = database
        self._resolver = resolver
        self._https = https
        self._clock = clock
        self._post = post
        self._options = options
        self._daily: DailyReports[Targets] = DailyReports(
            database, clock, results.DAYS, options.submitter, "TLS"
        )

    async def run(self) -> None:
        """Report every day that is over and due, and forget what is old; may be cut off."""
        if self._options.send:
            await self._daily.run(self)
        before = day_of(self._clock.now_ms()) - KEPT_DAYS
        while await self._database.write(results.sweep, before, _SWEPT):
            pass
        while await self._database.write(reports.sweep, _SWEPT):
            pass

    async def targets(self, day: int, domain: str) -> Targets | None:
        """Who wants reports, perhaps nobody; `None` where that can't be found out now."""
        try:
            return parse_record(await self._resolver.txt(f"_smtp._tls.{domain}")) or Targets()
        except GrammarError:
            return Targets()
        except Unavailable:
            return None

    async def sendings(self, day: int, domain: str, targets: Targets) -> AsyncIterator[Sending]:
        """Make a report, and say how it is sent."""
        rows = await self._database.read(results.of_day, day, domain)
        report = self._build(day, domain, rows)
        packed = await asyncio.to_thread(lambda: pack(encode(report)))
        if targets.mail:
            options = self._options
            cover = Cover(
                options.sender, targets.mail, domain, options.submitter, report.id,
                self._clock.now(),
            )  # fmt: skip
            content = compose(cover, report, packed)
            yield ", ".join(targets.mail), partial(self._post, content, targets.mail)
        for url in targets.https:
            yield url, partial(self._upload, url, packed)

    async def _upload(self, url: str, packed: bytes) -> None:
        """Post a report (RFC 8460 §5.4)."""
        try:
            response = await self._https.post(
                url, packed, "application/tlsrpt+gzip",
                max_bytes=_ANSWER_BYTES, timeout_s=POST_TIMEOUT_S,
            )  # fmt: skip
        except HttpsFailure as failure:
            raise Unavailable(failure.why) from failure
        if response.status // 100 != 2:
            raise Unavailable(f"status {response.status}")

    def _build(self, day: int, domain: str, rows: list[tuple[Result, int]]) -> Report:
        start = from_ms(day * DAY_MS)
        return Report(
            self._options.organization,
            self._options.contact or self._options.sender,
            self._daily.report_id(day, domain),
            start,
            from_ms((day + 1) * DAY_MS - 1000),
            tuple(_policies(rows)),
        )


def _policies(rows: list[tuple[Result, int]]) -> Iterable[PolicyResult]:
    def policy(row: tuple[Result, int]) -> tuple[str, str, tuple[str, ...], tuple[str, ...]]:
        one = row[0]
        return one.policy_type, one.policy_domain, one.policy, one.policy_mx

    for (kind, of, text, mx), found in groupby(sorted(rows, key=policy), key=policy):
        those = list(found)
        details = tuple(_detail(one, sessions) for one, sessions in those if one.result)
        yield PolicyResult(
            kind,
            of,
            text,
            mx,
            sum(sessions for one, sessions in those if not one.result),
            sum(detail.sessions for detail in details),
            details,
        )


def _detail(result: Result, sessions: int) -> FailureDetail:
    return FailureDetail(
        result.result,
        sessions,
        result.host,
        result.receiving_ip,
        result.sending_ip,
        reason=result.reason,
    )
