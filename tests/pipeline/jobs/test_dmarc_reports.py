"""Each day every domain that wants it gets one report of mail with it in From."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from kit.clock import FakeClock
from kit.dns import FakeDns, Zone
from pillarbox.base.errors import Busy
from pillarbox.domain.accounts import domains
from pillarbox.domain.dmarc import received, results
from pillarbox.domain.dmarc.model import (
    DkimCheck,
    Evaluation,
    Kind,
    Override,
    Published,
    SpfCheck,
)
from pillarbox.domain.report_days import ReportState, day_of
from pillarbox.formats.dmarc_report.mail import extract
from pillarbox.formats.dmarc_report.model import (
    DkimResult,
    PublishedPolicy,
    Reason,
    Record,
    SpfResult,
)
from pillarbox.pipeline.inbound.dmarc_reports import DmarcReportInbox
from pillarbox.pipeline.jobs.daily_reports import ReportOptions
from pillarbox.pipeline.jobs.dmarc_reports import DmarcReporting
from pillarbox.storage.db import Database

OPTIONS = ReportOptions("postmaster@here.test", "Example Inc.")
TAGS = (("v", "DMARC1"), ("p", "reject"), ("np", "none"), ("aspf", "s"), ("t", "y"))
RECORD = Published("there.test", TAGS, ("mailto:dmarc@there.test",))
KIND = Kind(
    "192.0.2.1",
    "mail.there.test",
    "bounce.there.test",
    "here.test",
    "quarantine",
    True,
    False,
    (Override("policy_test_mode"), Override("local_policy", "known <well> & old")),
    (DkimCheck("there.test", "mail", "pass"),),
    (SpfCheck("host.there.test", "helo", "none"), SpfCheck("bounce.there.test", "mfrom", "pass")),
)


@dataclass
class Office:
    """A server's reports, and those who get them."""

    database: Database
    clock: FakeClock
    zone: Zone = field(default_factory=Zone)
    posted: list[tuple[bytes, tuple[str, ...]]] = field(default_factory=list)
    full: bool = False

    def job(self, options: ReportOptions = OPTIONS, contact: str = "") -> DmarcReporting:
        dns = FakeDns(self.zone, self.clock)
        return DmarcReporting(
            self.database, dns, self.clock, self._post, options, lambda tx: contact
        )

    async def _post(self, content: bytes, recipients: tuple[str, ...]) -> None:
        if self.full:
            raise Busy("The queue is full")
        self.posted.append((content, recipients))

    async def count(self, *rua: str, kind: Kind = KIND, domain: str = "there.test") -> None:
        published = replace(RECORD, domain=domain, rua=rua or RECORD.rua)
        await self.database.write(results.count, Evaluation(published, kind))

    async def next_day(self, contact: str = "") -> None:
        """To the next day, when all reports of the one before are due; and send them."""
        self.clock.advance(days=1)
        await self.job(contact=contact).run()

    async def state(self, domain: str = "there.test") -> tuple[ReportState, str]:
        found = await self.database.read(results.summaries, 0, domain)
        return found[0].state, found[0].note

    @property
    def addresses(self) -> list[str]:
        """Whom something was sent to."""
        return [address for _, recipients in self.posted for address in recipients]


@pytest.fixture
def office(database: Database, clock: FakeClock) -> Office:
    return Office(database, clock)


async def test_a_report(office: Office) -> None:
    for kind in (KIND, replace(KIND, source_ip="192.0.2.2"), KIND):
        await office.count(kind=kind)
    await office.job().run()
    assert office.posted == []  # the day is not over
    await office.next_day("ask@here.test")
    ((content, recipients),) = office.posted
    assert recipients == ("dmarc@there.test",)
    report = extract(content)
    assert (report.organization, report.email) == ("Example Inc.", "ask@here.test")
    assert report.id.startswith("20260101.")
    assert report.id.endswith("@here.test")
    assert f"Report-ID: <{report.id}>".encode() in content
    assert report.start == datetime(2026, 1, 1, tzinfo=UTC)
    assert report.end == datetime(2026, 1, 1, 23, 59, 59, tzinfo=UTC)
    assert (report.version, report.generator) == ("1.0", "pillarbox")
    assert report.policy == PublishedPolicy(
        "there.test", "reject", "reject", "none", "r", "s", "0", "", True, "treewalk"
    )
    record = Record(
        "192.0.2.1",
        2,
        "quarantine",
        True,
        False,
        (Reason("policy_test_mode"), Reason("local_policy", "known <well> & old")),
        "mail.there.test",
        "bounce.there.test",
        "here.test",
        (DkimResult("there.test", "mail", "pass"),),
        (SpfResult("bounce.there.test", "mfrom", "pass"),),
    )
    assert sorted(report.records, key=lambda one: -one.count) == [
        record,
        replace(record, source_ip="192.0.2.2", count=1),
    ]
    assert await office.state() == (ReportState.SENT, "dmarc@there.test")
    await office.next_day()
    assert len(office.posted) == 1


async def test_what_we_send_we_can_take_in(office: Office) -> None:
    await office.count()
    await office.next_day()
    await office.database.write(domains.create, "there.test")
    inbox = DmarcReportInbox(office.database)
    ((content, _),) = office.posted
    assert await inbox.take("dmarc@there.test", content)
    (found,) = await office.database.read(received.list_of)
    assert (found.domain, found.organization, found.messages) == ("there.test", "Example Inc.", 1)
    assert (found.aligned, found.dkim_pass, found.spf_pass) == (1, 1, 0)


async def test_two_processes_send_one(office: Office) -> None:
    await office.count()
    office.clock.advance(days=1)
    await asyncio.gather(*(office.job().run() for _ in range(5)))
    assert len(office.posted) == 1


async def test_they_are_spread_over_hours(office: Office) -> None:
    for number in range(30):
        await office.count(f"mailto:a@d{number}.test", domain=f"d{number}.test")
    office.clock.advance(hours=12)  # midnight
    sent = []
    for _ in range(26):
        await office.job().run()
        sent.append(len(office.posted))
        office.clock.advance(minutes=10)
    assert sent[0] == 0
    assert 4 < sent[13] < 26
    assert sent[25] == 30


async def test_others_are_asked_first(office: Office) -> None:
    office.zone.txt["there.test._report._dmarc.else.test"] = ("v=DMARC1;",)
    office.zone.txt["there.test._report._dmarc.moved.test"] = (
        "nothing",
        "v=DMARC1; rua=mailto:new@moved.test",
    )
    office.zone.txt["there.test._report._dmarc.evil.test"] = ("v=DMARC1; rua=mailto:x@victim.test",)
    office.zone.txt["there.test._report._dmarc.other.test"] = ("v=spf1 -all",)
    await office.count(
        "mailto:a@sub.there.test",
        "mailto:a@else.test",
        "mailto:old@moved.test",
        "mailto:a@evil.test",
        "mailto:a@other.test",
    )
    await office.next_day()
    assert office.addresses == ["a@sub.there.test", "a@else.test", "new@moved.test"]


async def test_who_belongs_to_the_same_organization_is_not_asked(office: Office) -> None:
    record = Published("mail.shop.co.uk", (), ("mailto:a@shop.co.uk", "mailto:a@evil.co.uk"))
    await office.database.write(results.count, Evaluation(record, KIND))
    named = replace(record, domain="there.test", organizational="shop.co.uk")
    await office.database.write(results.count, Evaluation(named, KIND))
    await office.next_day()
    assert office.addresses == ["a@shop.co.uk"] * 2


async def test_below_a_public_suffix_all_are_asked(office: Office) -> None:
    record = Published("co.uk", (), ("mailto:a@co.uk", "mailto:a@shop.co.uk"), "co.uk")
    await office.database.write(results.count, Evaluation(record, KIND))
    office.zone.txt["co.uk._report._dmarc.co.uk"] = ("v=DMARC1",)
    await office.next_day()
    assert office.addresses == ["a@co.uk"]


async def test_sampled_out(office: Office) -> None:
    await office.count(kind=replace(KIND, overrides=(Override("sampled_out"),)))
    await office.next_day()
    (record,) = extract(office.posted[0][0]).records
    assert record.reasons == (Reason("other", "sampled out (pct)"),)


async def test_nobody_who_wants_it(office: Office) -> None:
    await office.count("mailto:a@else.test", "https://there.test/")
    await office.next_day()
    assert office.posted == []
    assert (await office.state())[0] is ReportState.UNWANTED
    assert await office.database.read(results.DAYS.waiting, (0, ""), 9) == []


async def test_names_that_can_not_be_looked_up_now(office: Office) -> None:
    name = "there.test._report._dmarc.else.test"
    office.zone.failing.add(name)
    await office.count("mailto:a@else.test")
    await office.next_day()
    assert (await office.state())[0] is ReportState.WAITING
    office.zone.failing.clear()
    office.zone.txt[name] = ("v=DMARC1",)
    await office.job().run()
    assert office.addresses == ["a@else.test"]


async def test_one_that_is_too_large(office: Office) -> None:
    await office.count("mailto:a@there.test!1k", "mailto:b@there.test!1m")
    await office.next_day()
    assert office.addresses == ["b@there.test"]
    assert await office.state() == (ReportState.SENT, "b@there.test")


async def test_one_that_is_too_large_for_all(office: Office) -> None:
    await office.count("mailto:a@there.test!1k")
    await office.next_day()
    assert office.posted == []
    state, note = await office.state()
    assert state is ReportState.GIVEN_UP
    assert "a@there.test: the report has" in note


async def test_messages_left_out_are_told_of(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "ROWS_MAX", 1)
    await office.count()
    await office.count(kind=replace(KIND, source_ip="192.0.2.9"))
    await office.next_day()
    report = extract(office.posted[0][0])
    assert report.errors == ("1 messages are left out: too many different ones",)


async def test_reports_alone_make_no_report(office: Office) -> None:
    """Else two servers would tell each other of their reports for ever."""
    await office.count(kind=replace(KIND, report=True))
    await office.next_day()
    assert office.posted == []
    assert (await office.state())[0] is ReportState.UNWANTED


async def test_what_can_not_be_sent_is_tried_again(office: Office) -> None:
    await office.count()
    office.full = True
    await office.next_day()
    await office.job().run()
    state, note = await office.state()
    assert state is ReportState.WAITING
    assert "The queue is full" in note
    office.full = False
    office.clock.advance(hours=1)
    await office.job().run()
    assert len(office.posted) == 1


async def test_the_same_report_is_the_same(office: Office) -> None:
    """One whose sender died after sending comes again, and receivers can tell."""
    await office.count()
    await office.next_day()
    day = day_of(office.clock.now_ms()) - 1
    await office.database.write(results.DAYS.settle, day, "there.test", ReportState.WAITING)
    office.clock.advance(hours=1)
    await office.job().run()
    first, second = (extract(content) for content, _ in office.posted)
    assert first == second


async def test_old_days_are_left(office: Office) -> None:
    await office.count()
    office.clock.advance(days=4)
    await office.job().run()
    assert office.posted == []
    office.clock.advance(days=30)
    await office.job().run()
    assert await office.database.read(results.summaries, 0) == []


async def test_it_may_be_turned_off(office: Office) -> None:
    await office.count()
    office.clock.advance(days=1)
    await office.job(replace(OPTIONS, send=False)).run()
    assert office.posted == []
