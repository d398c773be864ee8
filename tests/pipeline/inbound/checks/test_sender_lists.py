"""The check of lists of senders: whose list counts for whom, and who is believed."""

from collections.abc import AsyncIterator, Sequence

import pytest

from kit.checks import arrival
from kit.clock import FakeClock
from pillarbox.base.ids import AccountId
from pillarbox.cluster.bus import LOOK_EVERY_S, LocalBus
from pillarbox.domain.accounts import domains
from pillarbox.domain.judgement.decide import decide
from pillarbox.domain.judgement.model import Action, Finding, Rules, Run, Stage, Verdict
from pillarbox.domain.sender_lists import lists
from pillarbox.domain.sender_lists.model import SERVER, TOPIC, Owner, Scope
from pillarbox.formats.mailauth.dmarc.evaluate import DmarcResult
from pillarbox.formats.mailauth.results import SignatureResult, Status
from pillarbox.formats.mailauth.spf.result import SpfResult, SpfStatus
from pillarbox.pipeline.inbound.checks import sender_lists as module
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.sender_lists import SenderLists
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing

KEYS = KeyRing({1: b"k" * 32})
ANN = "ann@sender.test"
MAIL = """
    From: Ann <ann@sender.test>
    Subject: x

    hello
    """
BOB, CARL = AccountId(1), AccountId(2)
PASS = DmarcResult(Status.PASS, "sender.test")
NO_POLICY = DmarcResult(Status.NONE, "sender.test")


class Bench:
    def __init__(self, database: Database, clock: FakeClock) -> None:
        self.database = database
        self.bus = LocalBus()
        self.check = SenderLists(database, KEYS, self.bus, clock)

    async def put(
        self, owner: Owner, action: Action, pattern: str = ANN, tell: bool = True
    ) -> None:
        await self.database.write(lists.add, KEYS, owner, pattern, action)
        if tell:
            self.bus.publish(TOPIC)

    async def domain(self, name: str) -> Owner:
        made = await self.database.write(domains.create, name)
        return Owner(Scope.DOMAIN, made.id)

    async def verdict(
        self, came: Arrival, account: AccountId | None = BOB, others: Sequence[Finding] = ()
    ) -> Verdict:
        run = Run("sender_lists", Stage.VERDICT, 0, (*await self.check.run(came), *others))
        return decide((run,), Rules(), account).verdict


@pytest.fixture
async def bench(database: Database, clock: FakeClock) -> AsyncIterator[Bench]:
    made = Bench(database, clock)
    yield made
    made.check.close()


SPAM = (Finding("spam", 9.0, "is spam"),)


async def test_nothing_on_any_list(bench: Bench) -> None:
    assert await bench.check.run(arrival(MAIL)) == []


async def test_a_users_list_is_for_that_user(bench: Bench) -> None:
    await bench.put(Owner(Scope.USER, BOB), Action.JUNK)
    came = arrival(MAIL, to=("bob@example.test", "carl@example.test"))
    assert await bench.verdict(came, BOB) is Verdict.JUNK
    assert await bench.verdict(came, CARL) is Verdict.ACCEPT
    assert await bench.verdict(came, None) is Verdict.ACCEPT


async def test_a_domains_list_is_for_its_recipients(bench: Bench) -> None:
    await bench.put(await bench.domain("example.test"), Action.REFUSE)
    mixed = arrival(MAIL, to=("bob@example.test", "carl@other.test"))
    assert await bench.verdict(mixed, BOB) is Verdict.REFUSE
    assert await bench.verdict(mixed, CARL) is Verdict.ACCEPT
    # Where all are of the domain it counts for what is forwarded, too.
    assert await bench.verdict(arrival(MAIL), None) is Verdict.REFUSE


async def test_the_servers_list_is_for_everybody(bench: Bench) -> None:
    await bench.put(SERVER, Action.REFUSE, "192.0.2.0/24")
    assert await bench.verdict(arrival(MAIL), None) is Verdict.REFUSE
    found = await bench.check.run(arrival(MAIL))
    assert found[0].reply == module.REPLY
    assert "192.0.2.0/24" in found[0].detail


async def test_no_user_lets_in_what_the_admin_keeps_out(bench: Bench) -> None:
    await bench.put(SERVER, Action.REFUSE)
    await bench.put(Owner(Scope.USER, BOB), Action.ALLOW)
    came = arrival(MAIL)
    came.results.dmarc = PASS
    assert await bench.verdict(came) is Verdict.REFUSE


def signed(domain: str, beyond: int = 0) -> SignatureResult:
    return SignatureResult(Status.PASS, "", domain, beyond=beyond)


@pytest.mark.parametrize(
    ("dmarc", "spf", "dkim", "is_let_in"),
    [
        (None, None, (), False),
        (PASS, None, (), True),
        (DmarcResult(Status.FAIL, "sender.test"), "sender.test", (), True),  # by the envelope
        (DmarcResult(Status.FAIL, "sender.test"), None, (signed("sender.test"),), False),
        (NO_POLICY, None, (signed("sender.test"),), True),
        (None, None, (signed("SENDER.test"),), True),
        (NO_POLICY, None, (signed("other.test"),), False),
        (NO_POLICY, None, (signed("sub.sender.test"),), False),
        (NO_POLICY, None, (signed("test"),), False),
        (NO_POLICY, None, (signed("sender.test", beyond=9),), False),
        (NO_POLICY, "sender.test", (), True),
    ],
)
async def test_who_is_let_in(
    bench: Bench,
    dmarc: DmarcResult | None,
    spf: str | None,
    dkim: tuple[SignatureResult, ...],
    is_let_in: bool,
) -> None:
    await bench.put(Owner(Scope.USER, BOB), Action.ALLOW)
    came = arrival(MAIL)
    came.results.dmarc, came.results.dkim = dmarc, dkim
    came.results.spf = None if spf is None else SpfResult(SpfStatus.PASS, spf)
    wanted = Verdict.ACCEPT if is_let_in else Verdict.JUNK
    assert await bench.verdict(came, others=SPAM) is wanted


async def test_spf_of_another_envelope_vouches_for_no_author(bench: Bench) -> None:
    await bench.put(Owner(Scope.USER, BOB), Action.ALLOW)
    came = arrival(MAIL, reverse_path="eve@bad.test")
    came.results.dmarc = NO_POLICY
    came.results.spf = SpfResult(SpfStatus.PASS, "bad.test")
    assert await bench.verdict(came, others=SPAM) is Verdict.JUNK


@pytest.mark.parametrize(
    "mail",
    [
        "From: nobody\r\n\r\n",
        "From: eve@bad.test, ann@sender.test\r\n\r\n",
        "From: ann@sender.test\r\nFrom: eve@bad.test\r\n\r\n",
        "\r\n",
        "From: <ann@[300.1.1.1]>\r\n\r\n",
    ],
)
async def test_odd_authors_are_never_let_in(bench: Bench, mail: str) -> None:
    await bench.put(Owner(Scope.USER, BOB), Action.ALLOW)
    came = arrival(mail.encode(), reverse_path="")
    came.results.dmarc = PASS
    assert await bench.verdict(came, others=SPAM) is Verdict.JUNK


async def test_changes_are_seen(bench: Bench, clock: FakeClock) -> None:
    assert await bench.verdict(arrival(MAIL)) is Verdict.ACCEPT
    await bench.put(Owner(Scope.USER, BOB), Action.JUNK, tell=False)
    assert await bench.verdict(arrival(MAIL)) is Verdict.ACCEPT
    clock.advance(seconds=LOOK_EVERY_S + 1)
    assert await bench.verdict(arrival(MAIL)) is Verdict.JUNK
    await bench.put(Owner(Scope.USER, BOB), Action.REFUSE)
    assert await bench.verdict(arrival(MAIL)) is Verdict.REFUSE


async def test_memory_is_bounded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 5)
    for number in range(20):
        await bench.check.run(arrival(MAIL, to=(f"x@d{number}.test", f"y@e{number}.test")))
    assert len(bench.check._lists) <= 5
    assert len(bench.check._domains) <= 5
