"""Finding, fetching, keeping and refreshing MTA-STS policies, from a real HTTPS server."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kit.authority import Authority
from kit.clock import FakeClock
from kit.dns import FakeDns, Zone
from kit.web import Page, Web
from pillarbox.domain.transport import sts
from pillarbox.formats.mta_sts import MAX_POLICY_BYTES, Mode
from pillarbox.pipeline.outbound.mta_sts import DomainSts, StsPolicies
from pillarbox.storage.db import Database

DOMAIN, HOST = "there.test", "mta-sts.there.test"
URL = f"GET {HOST}/.well-known/mta-sts.txt"
POLICY = b"version: STSv1\nmode: enforce\nmx: mx.there.test\nmax_age: 604800\n"


class Place:
    """A domain with a policy, and processes that look for it."""

    def __init__(self, web: Web, database: Database, clock: FakeClock, folder: Path) -> None:
        self.zone = Zone(
            addresses={HOST: ("127.0.0.1",)}, txt={f"_mta-sts.{DOMAIN}": ("v=STSv1; id=1;",)}
        )
        self.web = web
        self.clock = clock
        self.database = database
        self.folder = folder
        self.processes: list[StsPolicies] = []
        web.pages[HOST] = Page(POLICY)
        web.vouch(HOST)

    def process(self) -> StsPolicies:
        """Another worker, or the same after a restart."""
        https = self.web.client(self.zone, self.clock, self.folder)
        dns = FakeDns(self.zone, self.clock)
        made = StsPolicies(dns, https, self.database, self.clock, self.web.port)
        self.processes.append(made)
        return made

    def announce(self, *records: str) -> None:
        self.zone.txt[f"_mta-sts.{DOMAIN}"] = records

    async def found(self) -> DomainSts:
        """What a process finds that remembers nothing."""
        return await self.process().of_domain(DOMAIN)


@pytest.fixture
async def place(database: Database, clock: FakeClock, tmp_path: Path) -> AsyncIterator[Place]:
    async with Web() as web:
        made = Place(web, database, clock, tmp_path)
        yield made
        for process in made.processes:
            await process.close()


async def test_a_policy(place: Place) -> None:
    found = await place.found()
    assert found.policy is not None
    assert (found.policy.mode, found.policy.mx) == (Mode.ENFORCE, ("mx.there.test",))
    assert place.web.asked == [URL]


async def test_it_is_fetched_once_for_all_and_survives_a_restart(place: Place) -> None:
    process = place.process()
    place.web.held.clear()
    asking = [asyncio.create_task(process.of_domain(DOMAIN)) for _ in range(20)]
    await place.web.wait_for(1)
    place.web.held.set()
    found = await asyncio.gather(*asking)
    assert len({one.policy for one in found}) == 1
    place.clock.advance(hours=1)
    assert await process.of_domain(DOMAIN) == await place.found() == found[0]
    assert place.web.asked == [URL]


async def test_who_gives_up_waiting_does_not_stop_it_for_others(place: Place) -> None:
    process = place.process()
    place.web.held.clear()
    impatient = asyncio.create_task(process.of_domain(DOMAIN))
    other = asyncio.create_task(process.of_domain(DOMAIN))
    await place.web.wait_for(1)
    impatient.cancel()
    place.web.held.set()
    assert (await other).policy is not None
    assert impatient.cancelled()


@pytest.mark.parametrize(
    "records",
    [(), ("v=spf1 -all",), ("v=STSv1; id=1;", "v=STSv1; id=2;"), ("v=STSv1;",)],
)
async def test_no_record_no_fetch(place: Place, records: tuple[str, ...]) -> None:
    place.announce(*records)
    assert await place.found() == DomainSts()
    assert place.web.asked == []
    assert await place.database.read(sts.get, DOMAIN) is None


@pytest.mark.parametrize("domain", ["", "com", "[192.0.2.1]", "a b.test", "x/../y.test", "A.test"])
async def test_what_is_no_domain(place: Place, domain: str) -> None:
    process = place.process()
    assert await process.of_domain(domain) == DomainSts()
    assert place.web.asked == []


@pytest.mark.parametrize(
    ("page", "failure"),
    [
        (Page(POLICY, 404), "sts-policy-fetch-error"),
        (Page(POLICY, 500), "sts-policy-fetch-error"),
        (Page(POLICY, 203), "sts-policy-fetch-error"),
        (Page(POLICY, 301, headers=(f"Location: https://{HOST}/x",)), "sts-policy-fetch-error"),
        (Page(POLICY, content_type="text/html"), "sts-policy-fetch-error"),
        (Page(POLICY, content_type="x"), "sts-policy-fetch-error"),
        (Page(b"x" * (MAX_POLICY_BYTES + 1)), "sts-policy-fetch-error"),
        (Page(b"mode: enforce"), "sts-policy-invalid"),
    ],
)
async def test_bad_answers(place: Place, page: Page, failure: str) -> None:
    place.web.pages[HOST] = page
    found = await place.found()
    assert (found.policy, found.failure) == (None, failure)
    assert HOST in found.text
    # It is remembered, for a while, by every process.
    assert await place.found() == found
    place.clock.advance(minutes=4)
    assert await place.found() == found
    assert place.web.asked == [URL]
    place.web.pages[HOST] = Page(POLICY, content_type="Text/Plain; charset=utf-8")
    place.clock.advance(minutes=1, seconds=1)
    assert (await place.found()).policy is not None
    assert place.web.asked == [URL, URL]


@pytest.mark.parametrize("what", ["another name", "unknown authority", "expired"])
async def test_bad_certificates(place: Place, what: str) -> None:
    issued = {
        "another name": place.web.authority.issue("there.test"),
        "unknown authority": Authority("Nobody").issue(HOST),
        "expired": place.web.authority.expired(HOST),
    }[what]
    place.web.show(issued.server_context())
    found = await place.found()
    assert (found.policy, found.failure) == (None, "sts-webpki-invalid")
    assert place.web.asked == []


async def test_an_unreachable_host(place: Place) -> None:
    del place.zone.addresses[HOST]
    assert (await place.found()).failure == "sts-policy-fetch-error"


async def test_a_new_id_does_not_wait_for_the_old_failure(place: Place) -> None:
    place.web.pages[HOST] = Page(status=500)
    assert (await place.found()).policy is None
    place.web.pages[HOST] = Page(POLICY)
    place.announce("v=STSv1; id=2;")
    assert (await place.found()).policy is not None


class TestAPolicyInForce:
    """Who can disturb the name system or the host must not be able to turn a policy off."""

    @pytest.mark.parametrize(
        "change",
        ["record gone", "record wrong", "no answer", "host gone", "host broken", "certificate"],
    )
    async def test_it_stays(self, place: Place, change: str) -> None:
        before = await place.found()
        place.clock.advance(days=2)
        name = f"_mta-sts.{DOMAIN}"
        if change == "record gone":
            place.announce()
        elif change == "record wrong":
            place.announce("v=STSv1; id=1; id=2")
        elif change == "no answer":
            place.zone.failing.add(name)
        else:
            place.announce("v=STSv1; id=2;")
            if change == "host gone":
                del place.zone.addresses[HOST]
            elif change == "host broken":
                place.web.pages[HOST] = Page(b"nothing")
            else:
                place.web.show(Authority("Nobody").issue(HOST).server_context())
        assert await place.found() == before
        place.clock.advance(days=4)
        assert await place.found() == before
        place.clock.advance(days=1, seconds=1)  # max_age is over
        assert (await place.found()).policy is None

    async def test_a_new_id_brings_the_new_one(self, place: Place) -> None:
        await place.found()
        place.web.pages[HOST] = Page(POLICY.replace(b"enforce", b"testing"))
        place.clock.advance(minutes=6)
        before = (await place.found()).policy
        assert before is not None
        assert before.mode is Mode.ENFORCE  # nobody said that it changed
        place.announce("v=STSv1; id=2;")
        after = (await place.found()).policy
        assert after is not None
        assert after.mode is Mode.TESTING

    async def test_mode_none_ends_it(self, place: Place) -> None:
        await place.found()
        place.web.pages[HOST] = Page(b"version: STSv1\nmode: none\nmax_age: 86400\n")
        place.announce("v=STSv1; id=2;")
        found = (await place.found()).policy
        assert found is not None
        assert found.mode is Mode.NONE
        # Then the record may go, and nobody fetches again.
        place.announce()
        place.clock.advance(days=2)
        assert await place.found() == DomainSts()
        await place.process().refresh_due()
        assert len(place.web.asked) == 2

    async def test_a_process_notices_within_minutes(self, place: Place) -> None:
        await place.found()
        process = place.process()
        before = await process.of_domain(DOMAIN)
        place.web.pages[HOST] = Page(POLICY.replace(b"enforce", b"testing"))
        place.announce("v=STSv1; id=2;")
        place.clock.advance(minutes=4)
        assert await process.of_domain(DOMAIN) == before
        place.clock.advance(minutes=1, seconds=1)
        found = (await process.of_domain(DOMAIN)).policy
        assert found is not None
        assert found.mode is Mode.TESTING


class TestRefreshing:
    async def test_use_refreshes_it_in_the_background(self, place: Place) -> None:
        await place.found()
        place.clock.advance(hours=25)
        place.web.held.clear()
        process = place.process()
        assert (await process.of_domain(DOMAIN)).policy is not None  # does not wait for it
        await place.web.wait_for(2)
        place.web.held.set()
        for _ in range(5000):
            if (await _stored(place)).fetched_ms == place.clock.now_ms():
                break
            await asyncio.sleep(0.001)
        assert (await _stored(place)).expires_ms == place.clock.now_ms() + 604_800_000

    async def test_the_job_refreshes_what_is_used(self, place: Place) -> None:
        await place.found()
        job = place.process()
        await job.refresh_due()
        assert len(place.web.asked) == 1
        for day in range(1, 30):
            place.clock.advance(days=1, seconds=1)
            await job.refresh_due()
            assert len(place.web.asked) == 1 + day
        assert (await place.found()).policy is not None
        place.clock.advance(days=61)
        await job.refresh_due()  # nobody used it, and it has expired
        assert await place.database.read(sts.get, DOMAIN) is None

    async def test_a_refresh_that_fails_is_tried_again_in_an_hour(self, place: Place) -> None:
        before = await place.found()
        job = place.process()
        place.web.pages[HOST] = Page(status=503)
        place.clock.advance(days=1, seconds=1)
        await job.refresh_due()
        await job.refresh_due()
        assert len(place.web.asked) == 2
        stored = await _stored(place)
        assert (stored.failure, stored.policy) == ("sts-policy-fetch-error", POLICY.decode())
        place.clock.advance(hours=1)
        place.web.pages[HOST] = Page(POLICY)
        await job.refresh_due()
        assert len(place.web.asked) == 3
        assert (await _stored(place)).failure == ""
        assert await place.found() == before

    async def test_the_job_refreshes_though_the_name_system_is_down(self, place: Place) -> None:
        await place.found()
        place.zone.failing.add(f"TXT _mta-sts.{DOMAIN}")
        place.clock.advance(days=1, seconds=1)
        await place.process().refresh_due()
        stored = await _stored(place)
        assert (stored.record_id, stored.fetched_ms) == ("1", place.clock.now_ms())


async def _stored(place: Place) -> sts.StoredPolicy:
    found = await place.database.read(sts.get, DOMAIN)
    assert found is not None
    return found
