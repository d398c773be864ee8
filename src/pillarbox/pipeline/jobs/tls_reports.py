"""Telling other domains each day how TLS with their mail servers went (RFC 8460 §4, §5).

A job of `runner`. Reads what `pipeline/outbound/tls_results` counted (`domain/transport/results`)
and sends to whom the domain's `_smtp._tls` record names: by mail, through a callable that signs and
enqueues, or by POST. A day is claimed in its row before it is reported, so two processes never send
the same; one that dies in between sends it again an hour later, under the same id.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from pillarbox.base.clock import Clock, from_ms
from pillarbox.base.errors import Failure, GrammarError, Unavailable
from pillarbox.base.log import logger
from pillarbox.domain.report_days import DAY_MS, ReportState, day_of
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
from pillarbox.storage.db import Database

REPORT_EVERY_S = 600
SETTLED_MS = 600_000
"""So long after midnight every process has written what it counted before."""

SPREAD_MS = 4 * 3_600_000
"""Over so long after that (midnight is UTC) a day's reports are spread (RFC 8460 §4.1)."""

TRIES_MAX = 5
LATE_DAYS = 2
"""A day that could not be reported for so long is not any more."""

KEPT_DAYS = 30
POST_TIMEOUT_S = 60.0

_PAGE = 200
_AT_ONCE = 8
_SWEPT = 1000
_ANSWER_BYTES = 64 * 1024

Post = Callable[[bytes, tuple[str, ...]], Awaitable[None]]
"""Signs a message and enqueues it for these recipients; raises `Failure` where it can't."""

_log = logger("outbound")


@dataclass(frozen=True, slots=True)
class TlsReportOptions:
    """Who reports: `sender` is an address whose domain signs, `organization` a name for people.

    `contact` is an address to ask; empty: the sender's. Without `send` nothing is sent, and what
    was counted is only for the admin.
    """

    sender: str
    organization: str
    contact: str = ""
    send: bool = True

    @property
    def submitter(self) -> str:
        """The domain that reports."""
        return self.sender.rpartition("@")[2]


class TlsReporting:
    """Sends what is due; `run` is the job."""

    def __init__(
        self,
        database: Database,
        resolver: Resolver,
        https: HttpsClient,
        clock: Clock,
        post: Post,
        options: TlsReportOptions,
    ) -> None:
        self._database = database
        self._resolver = resolver
        self._https = https
        self._clock = clock
        self._post = post
        self._options = options

    async def run(self) -> None:
        """Report every day that is over and due, and forget what is old; may be cut off."""
        today = day_of(self._clock.now_ms())
        after: tuple[int, str] = (today - LATE_DAYS, "")
        while self._options.send:
            page = await self._database.read(results.DAYS.waiting, after, _PAGE)
            if not page:
                break
            after = page[-1]
            await self._report([one for one in page if self._is_due(*one)])
        while await self._database.write(results.sweep, today - KEPT_DAYS, _SWEPT):
            pass
        while await self._database.write(reports.sweep, _SWEPT):
            pass

    def due_ms(self, day: int, domain: str) -> int:
        """When a domain's day is reported: some time after it is over, always the same."""
        seed = f"{self._options.submitter} {domain}".encode()
        offset = int.from_bytes(hashlib.sha256(seed).digest()[:8], "big")
        return (day + 1) * DAY_MS + SETTLED_MS + offset % SPREAD_MS

    def _is_due(self, day: int, domain: str) -> bool:
        return self.due_ms(day, domain) <= self._clock.now_ms()

    async def _report(self, days: list[tuple[int, str]]) -> None:
        """Report some days to those who want to hear of them."""
        room = asyncio.Semaphore(_AT_ONCE)

        async def targets(domain: str) -> Targets | None:
            async with room:
                return await self._targets(domain)

        names = list(dict.fromkeys(domain for _, domain in days))
        found = dict(zip(names, await asyncio.gather(*map(targets, names)), strict=True))
        unwanted = []
        for day, domain in days:
            wanted = found[domain]
            if wanted is None:
                continue
            if wanted == Targets():
                unwanted.append((day, domain))
            else:
                await self._one(day, domain, wanted)
        if unwanted:
            await self._database.write(results.DAYS.leave, unwanted)

    async def _targets(self, domain: str) -> Targets | None:
        """Who wants reports, perhaps nobody; `None` where that can't be found out now."""
        try:
            return parse_record(await self._resolver.txt(f"_smtp._tls.{domain}")) or Targets()
        except GrammarError:
            return Targets()
        except Unavailable:
            return None

    async def _one(self, day: int, domain: str, targets: Targets) -> None:
        tries = await self._database.write(results.DAYS.claim, day, domain)
        if not tries:
            return
        rows = await self._database.read(results.of_day, day, domain)
        report = self._build(day, domain, rows)
        packed = await asyncio.to_thread(lambda: pack(encode(report)))
        sent, failed = [], []
        for name, sending in self._sendings(domain, targets, report, packed):
            try:
                await sending()
            except (Failure, HttpsFailure) as failure:
                failed.append(f"{name}: {failure}")
            else:
                sent.append(name)
        state = ReportState.SENT if sent else ReportState.WAITING
        if not sent and tries >= TRIES_MAX:
            state = ReportState.GIVEN_UP
        note = "; ".join(sent or failed)
        await self._database.write(results.DAYS.settle, day, domain, state, note)
        if failed:
            _log.warning("a TLS report can't be sent", domain=domain, why="; ".join(failed))

    def _sendings(
        self, domain: str, targets: Targets, report: Report, packed: bytes
    ) -> Iterable[tuple[str, Callable[[], Awaitable[None]]]]:
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
        response = await self._https.post(
            url, packed, "application/tlsrpt+gzip",
            max_bytes=_ANSWER_BYTES, timeout_s=POST_TIMEOUT_S,
        )  # fmt: skip
        if response.status // 100 != 2:
            raise Unavailable(f"status {response.status}")

    def _build(self, day: int, domain: str, rows: list[tuple[Result, int]]) -> Report:
        start = from_ms(day * DAY_MS)
        seed = f"{day} {domain} {self._options.submitter}".encode()
        mark = hashlib.sha256(seed).hexdigest()[:16]
        return Report(
            self._options.organization,
            self._options.contact or self._options.sender,
            f"{start:%Y%m%d}.{mark}@{self._options.submitter}",
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
