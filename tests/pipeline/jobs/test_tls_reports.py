"""Each day every domain that wants it gets one report, by mail or HTTPS."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from kit.clock import FakeClock
from kit.dns import FakeDns, Zone
from kit.web import Page, Web
from pillarbox.base.errors import Busy
from pillarbox.domain.report_days import ReportState, day_of
from pillarbox.domain.transport import results
from pillarbox.domain.transport.results import Result
from pillarbox.formats.reporting.packed import unpack
from pillarbox.formats.tls_report.mail import extract
from pillarbox.formats.tls_report.report import FailureDetail, PolicyResult, decode
from pillarbox.pipeline.jobs.daily_reports import ReportOptions
from pillarbox.pipeline.jobs.tls_reports import TlsReporting
from pillarbox.storage.db import Database

OPTIONS = ReportOptions("tls@here.test", "Example Inc.")
WELL = Result("sts", "there.test", ("version: STSv1", "mode: testing"), ("mx.there.test",))
FAILED = Result(
    "sts", "there.test", WELL.policy, WELL.policy_mx, "certificate-expired", "mx.there.test",
    "192.0.2.1", "198.51.100.1",
)  # fmt: skip
CLEAR = Result("no-policy-found", "there.test", (), (), "starttls-not-supported", "mx.there.test")


@dataclass
class Office:
    """A server's reports, and those who get them."""

    database: Database
    clock: FakeClock
    web: Web
    folder: Path
    zone: Zone = field(default_factory=lambda: Zone(addresses={"r.there.test": ("127.0.0.1",)}))
    posted: list[tuple[bytes, tuple[str, ...]]] = field(default_factory=list)
    full: bool = False

    def job(self, options: ReportOptions = OPTIONS) -> TlsReporting:
        https = self.web.client(self.zone, self.clock, self.folder)
        dns = FakeDns(self.zone, self.clock)
        return TlsReporting(self.database, dns, https, self.clock, self._post, options)

    async def _post(self, content: bytes, recipients: tuple[str, ...]) -> None:
        if self.full:
            raise Busy("The queue is full")
        self.posted.append((content, recipients))

    async def count(self, domain: str = "there.test", **sessions: int) -> None:
        kinds = {"well": WELL, "failed": FAILED, "clear": CLEAR}
        day = day_of(self.clock.now_ms())
        batch = {(day, domain, kinds[name]): count for name, count in sessions.items()}
        await self.database.write(results.add, batch)

    def want(self, *rua: str, domain: str = "there.test") -> None:
        self.zone.txt[f"_smtp._tls.{domain}"] = (f"v=TLSRPTv1; rua={','.join(rua)}",)

    def next_day(self) -> None:
        """To the next day, when all reports of the one before are due."""
        self.clock.advance(days=1)

    async def state(self, domain: str = "there.test") -> tuple[ReportState, str]:
        found = await self.database.read(results.summaries, 0, domain)
        return found[0].state, found[0].note


@pytest.fixture
async def office(database: Database, clock: FakeClock, tmp_path: Path) -> AsyncIterator[Office]:
    async with Web() as web:
        yield Office(database, clock, web, tmp_path)


async def test_a_report(office: Office) -> None:
    office.want("mailto:tls@there.test", "mailto:other@else.test")
    await office.count(well=10, failed=2, clear=1)
    await office.job().run()
    assert office.posted == []  # the day is not over
    office.next_day()
    await office.job().run()
    ((content, recipients),) = office.posted
    assert recipients == ("tls@there.test", "other@else.test")
    report = extract(content)
    assert (report.organization, report.contact) == ("Example Inc.", "tls@here.test")
    assert report.id.startswith("20260101.")
    assert report.id.endswith("@here.test")
    assert report.start == datetime(2026, 1, 1, tzinfo=UTC)
    assert report.end == datetime(2026, 1, 1, 23, 59, 59, tzinfo=UTC)
    assert report.policies == (
        PolicyResult(
            "no-policy-found",
            "there.test",
            failures=1,
            details=(FailureDetail("starttls-not-supported", 1, "mx.there.test"),),
        ),
        PolicyResult(
            "sts",
            "there.test",
            WELL.policy,
            WELL.policy_mx,
            10,
            2,
            (
                FailureDetail(
                    "certificate-expired", 2, "mx.there.test", "192.0.2.1", "198.51.100.1"
                ),
            ),
        ),
    )
    assert b"\r\nTLS-Required: No\r\n" in content
    assert await office.state() == (ReportState.SENT, "tls@there.test, other@else.test")
    office.next_day()
    await office.job().run()
    assert len(office.posted) == 1


async def test_they_are_spread_over_hours(office: Office) -> None:
    names = [f"d{number}.test" for number in range(50)]
    for name in names:
        office.want(f"mailto:a@{name}", domain=name)
        await office.count(name, well=1)
    office.clock.advance(hours=12)  # midnight
    job = office.job()
    sent = []
    for _ in range(26):
        await job.run()
        sent.append(len(office.posted))
        office.clock.advance(minutes=10)
    assert sent[0] == 0
    assert 10 < sent[13] < 40
    assert sent[25] == 50
    assert all(later - earlier < 10 for earlier, later in pairwise(sent))


async def test_by_https(office: Office) -> None:
    office.want("https://r.there.test:%d/tlsrpt" % office.web.port)  # noqa: UP031
    office.web.vouch("r.there.test")
    office.web.pages["r.there.test"] = Page(b"thanks", 201)
    await office.count(well=10)
    office.next_day()
    await office.job().run()
    assert office.web.asked == ["POST r.there.test/tlsrpt"]
    assert decode(unpack(office.web.posted[0])).policies[0].successes == 10
    assert (await office.state())[0] is ReportState.SENT


async def test_two_processes_send_one(office: Office) -> None:
    office.want("mailto:tls@there.test")
    await office.count(well=1)
    office.next_day()
    await asyncio.gather(*(office.job().run() for _ in range(5)))
    assert len(office.posted) == 1


async def test_nobody_asked(office: Office) -> None:
    for number in range(250):
        await office.count(f"d{number}.test", well=1)
    office.zone.txt["_smtp._tls.d7.test"] = ("v=TLSRPTv1;",)
    office.next_day()
    await office.job().run()
    assert office.posted == []
    assert await office.database.read(results.DAYS.waiting, (0, ""), 9) == []
    assert (await office.state("d7.test"))[0] is ReportState.UNWANTED


async def test_names_that_can_not_be_looked_up_now(office: Office) -> None:
    office.want("mailto:tls@there.test")
    office.zone.failing.add("_smtp._tls.there.test")
    await office.count(well=1)
    office.next_day()
    await office.job().run()
    assert (await office.state())[0] is ReportState.WAITING
    office.zone.failing.clear()
    await office.job().run()
    assert len(office.posted) == 1


async def test_what_can_not_be_sent_is_tried_again(office: Office) -> None:
    office.want("mailto:tls@there.test")
    await office.count(well=1)
    office.next_day()
    office.full = True
    await office.job().run()
    await office.job().run()
    assert (await office.state())[0] is ReportState.WAITING
    assert "The queue is full" in (await office.state())[1]
    office.full = False
    await office.job().run()
    assert office.posted == []
    office.clock.advance(hours=1)
    await office.job().run()
    assert len(office.posted) == 1


async def test_giving_up(office: Office) -> None:
    office.want("mailto:tls@there.test")
    await office.count(well=1)
    office.next_day()
    office.full = True
    for _ in range(6):
        await office.job().run()
        office.clock.advance(hours=1)
    assert (await office.state())[0] is ReportState.GIVEN_UP


async def test_one_of_two_ways_fails(office: Office) -> None:
    office.want("mailto:tls@there.test", "https://nowhere.test/")
    await office.count(well=1)
    office.next_day()
    await office.job().run()
    assert await office.state() == (ReportState.SENT, "tls@there.test")


async def test_old_days_are_left(office: Office) -> None:
    office.want("mailto:tls@there.test")
    await office.count(well=1)
    office.clock.advance(days=4)
    await office.job().run()
    assert office.posted == []
    office.clock.advance(days=30)
    await office.job().run()
    assert await office.database.read(results.summaries, 0) == []


async def test_it_may_be_turned_off(office: Office) -> None:
    office.want("mailto:tls@there.test")
    await office.count(well=1)
    office.next_day()
    await office.job(ReportOptions("tls@here.test", "x", send=False)).run()
    assert office.posted == []


async def test_the_same_report_has_the_same_id(office: Office) -> None:
    """One whose sender died after sending comes again, and receivers can tell."""
    office.want("mailto:tls@there.test")
    await office.count(well=1)
    office.next_day()
    await office.job().run()
    day = day_of(office.clock.now_ms()) - 1
    await office.database.write(results.DAYS.settle, day, "there.test", ReportState.WAITING)
    office.clock.advance(hours=1)
    await office.job().run()
    first, second = (extract(content) for content, _ in office.posted)
    assert first == second
