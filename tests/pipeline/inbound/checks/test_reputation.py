"""What is known of senders: only of those that are proved, and by whom it is known."""

from dataclasses import replace
from typing import cast

import pytest

from kit.checks import arrival
from kit.collections import put_card
from pillarbox.base.ids import AccountId, DomainId
from pillarbox.domain.accounts.model import LocalTarget
from pillarbox.domain.accounts.owned import open_account
from pillarbox.domain.judgement.model import Finding
from pillarbox.domain.reputation import history
from pillarbox.domain.reputation.model import Origin, Outcome
from pillarbox.domain.sending import counts
from pillarbox.domain.sending.model import Limits, Sending, SendingLimits
from pillarbox.formats.mailauth.dmarc.evaluate import DmarcResult
from pillarbox.formats.mailauth.results import SignatureResult, Status
from pillarbox.formats.mailauth.spf.result import SpfResult, SpfStatus
from pillarbox.pipeline.inbound.checks.arrival import Arrival, Results
from pillarbox.pipeline.inbound.checks.content import read_content
from pillarbox.pipeline.inbound.checks.origin import origin_of, stored_origin_of
from pillarbox.pipeline.inbound.checks.reputation import ReputationCheck, Repute
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

KEYS = KeyRing({1: bytes(32)})
BOB, EVA = AccountId(1), AccountId(2)
LETTER = """
    From: Ann <ann@sender.test>
    To: bob@example.test
    Subject: hello

    Words.
    """
PROVED = Results(dmarc=DmarcResult(Status.PASS, "sender.test", dkim_aligned=True))
ORIGIN = Origin("ann@sender.test", "sender.test", (), "192.0.2.7")


def coming(results: Results | None = None, *accounts: int, letter: str = LETTER) -> Arrival:
    found = arrival(letter)
    (recipient,) = found.recipients
    targets = [LocalTarget(AccountId(one), "x@example.test", None) for one in accounts or (BOB,)]
    found.recipients = [replace(recipient, local=tuple(targets))]
    found.results = results or Results()
    return found


async def found_in(database: Database, coming: Arrival) -> dict[tuple[str, int | None], Finding]:
    findings = await ReputationCheck(database, KEYS).run(coming)
    return {(one.name, one.account_id): one for one in findings}


async def wrote(database: Database, account: AccountId, address: str, limit: int = 0) -> None:
    limits = SendingLimits(user=Limits(newcomers_day=limit))
    sending = Sending(account, DomainId(1), 1, (address,))
    await database.write(counts.count, KEYS, limits, sending)


async def came(
    database: Database, outcome: Outcome, *accounts: int, times: int = 1, origin: Origin = ORIGIN
) -> None:
    for _ in range(times):
        await database.write(history.add, history.weigh(KEYS, origin, accounts, outcome))


@pytest.mark.parametrize("limit", [0, 100])
async def test_who_was_written_to_is_known_if_it_is_really_them(
    database: Database, limit: int
) -> None:
    await wrote(database, BOB, "Ann@sender.test", limit)
    await wrote(database, BOB, "ann@sender.test", limit)
    found = await found_in(database, coming(PROVED, BOB, EVA))
    assert found["known_correspondent", BOB].points == -3.0
    assert ("known_correspondent", EVA) not in found
    assert await found_in(database, coming(None, BOB)) == {}
    failed = Results(dmarc=DmarcResult(Status.FAIL, "sender.test"))
    assert await found_in(database, coming(failed, BOB)) == {}


async def test_a_domain_never_met_is_new_and_an_unproved_one_nothing(database: Database) -> None:
    assert set(await found_in(database, coming(PROVED))) == {("sender_new", None)}
    assert await found_in(database, coming()) == {}
    await came(database, Outcome.ACCEPTED, BOB)
    assert await found_in(database, coming(PROVED)) == {}


async def test_one_message_called_spam_is_enough_for_its_user(database: Database) -> None:
    await came(database, Outcome.ACCEPTED, BOB)
    await came(database, Outcome.SPAM, BOB)
    found = await found_in(database, coming(PROVED, BOB, EVA))
    assert found["sender_reputation_bad", BOB].points == 3.0
    assert ("domain_reputation_bad", BOB) in found
    assert ("ip_reputation_bad", BOB) in found
    assert not [name for name, who in found if who in (EVA, None)]
    # Without proof only the host is what it is.
    bare = await found_in(database, coming(None, BOB))
    assert {name for name, _ in bare} == {"ip_reputation_bad"}


def points(found: dict[tuple[str, int | None], Finding]) -> float:
    return sum(one.points for one in found.values())


@pytest.mark.parametrize("domain", ["gmail.com", "company.test"])
async def test_one_message_called_spam_is_not_the_fault_of_others_of_its_domain(
    database: Database, domain: str
) -> None:
    eve = Origin(f"eve@{domain}", domain, (domain,), "192.0.2.7")
    await came(database, Outcome.ACCEPTED, BOB, origin=eve)
    await came(database, Outcome.SPAM, BOB, origin=eve)
    results = Results(
        dmarc=DmarcResult(Status.PASS, domain, dkim_aligned=True),
        dkim=(SignatureResult(Status.PASS, "", domain),),
    )
    ann, again = (
        LETTER.replace("sender.test", domain),
        LETTER.replace("ann@sender.test", eve.address),
    )
    assert points(await found_in(database, coming(results, BOB, letter=ann))) < 2
    assert points(await found_in(database, coming(results, BOB, letter=again))) > 5
    await came(database, Outcome.SPAM, BOB, times=5, origin=eve)
    assert points(await found_in(database, coming(results, BOB, letter=ann))) < 4.5


async def test_what_one_user_calls_spam_is_not_junk_for_all(database: Database) -> None:
    signed = replace(ORIGIN, signers=("sender.test",))
    await came(database, Outcome.SPAM, BOB, times=50, origin=signed)
    results = replace(PROVED, dkim=(SignatureResult(Status.PASS, "", "sender.test"),))
    assert points(await found_in(database, coming(results, BOB))) > 5
    assert points(await found_in(database, coming(results, EVA))) < 4


async def test_what_many_say_counts_for_those_who_know_nothing(database: Database) -> None:
    for who in range(10, 22):
        await came(database, Outcome.SPAM, who)
    await came(database, Outcome.HAM, BOB, times=2)
    found = await found_in(database, coming(PROVED, BOB, EVA))
    assert ("sender_reputation_good", BOB) in found
    assert ("sender_reputation_bad", EVA) in found
    alone = await found_in(database, coming(PROVED, EVA))
    assert ("sender_reputation_bad", None) in alone


async def test_mixed_mail_says_nothing(database: Database) -> None:
    await came(database, Outcome.SPAM, BOB, times=2)
    await came(database, Outcome.HAM, BOB, times=2)
    assert await found_in(database, coming(PROVED)) == {}


async def test_contacts_have_the_benefit_too(database: Database) -> None:
    def fill(tx: Tx) -> AccountId:
        account = open_account(tx, 0)
        put_card(tx, KEYS, account, "ann", "Ann@sender.test")
        return account

    account = await database.write(fill)
    found = await found_in(database, coming(PROVED, EVA, account))
    assert ("sender_in_contacts", account) in found
    assert ("sender_in_contacts", EVA) not in found
    assert ("sender_in_contacts", account) not in await found_in(database, coming(None, account))
    # Who was written to has no need of it.
    await wrote(database, account, "ann@sender.test")
    found = await found_in(database, coming(PROVED, account))
    assert ("sender_in_contacts", account) not in found
    assert ("known_correspondent", account) in found


async def test_what_greylisting_asks(database: Database) -> None:
    repute = Repute(database, KEYS)
    assert not await repute.is_good("sender.test")
    await came(database, Outcome.ACCEPTED, BOB, times=35)
    assert await repute.is_good("Sender.test")
    await came(database, Outcome.REFUSED, times=20)
    assert not await repute.is_good("sender.test")
    await wrote(database, BOB, "ann@sender.test")
    assert await repute.is_correspondent([EVA, BOB], "ANN@sender.test")
    assert not await repute.is_correspondent([EVA], "ann@sender.test")
    assert await repute.is_correspondent((BOB,), "ann@sender.test")


@pytest.mark.parametrize(
    ("results", "domain"),
    [
        (Results(), ""),
        (PROVED, "sender.test"),
        (Results(dmarc=DmarcResult(Status.FAIL, "sender.test")), ""),
        (Results(dmarc=DmarcResult(Status.NONE, "sender.test", spf_aligned=True)), "sender.test"),
        (Results(spf=SpfResult(SpfStatus.PASS, "sender.test")), "sender.test"),
        (Results(spf=SpfResult(SpfStatus.SOFTFAIL, "sender.test")), ""),
        (Results(spf=SpfResult(SpfStatus.PASS, "other.test")), ""),
        (Results(dkim=(SignatureResult(Status.PASS, "", "sender.test"),)), "sender.test"),
        (Results(dkim=(SignatureResult(Status.FAIL, "", "sender.test"),)), ""),
        # Anybody may have added to the body behind l=.
        (Results(dkim=(SignatureResult(Status.PASS, "", "sender.test", beyond=5),)), ""),
    ],
)
def test_what_proves_a_sender(results: Results, domain: str) -> None:
    assert origin_of(coming(results)).domain == domain
    assert bool(origin_of(coming(results)).address) is bool(domain)


def test_before_the_content_the_envelope_is_all_there_is() -> None:
    early = arrival()
    early.results.spf = SpfResult(SpfStatus.PASS, "Sender.test")
    assert origin_of(early) == Origin(domain="sender.test", ip="192.0.2.7")


RECEIVED = """
    Received: from mail.sender.test (mail.sender.test [192.0.2.7])
    \tby {by} with ESMTPS id 1
    \tfor <bob@example.test>; Thu, 01 Jan 2026 12:00:00 +0000
    """


def stored(results: str, by: str = "mx.example.test") -> Origin:
    header = RECEIVED.format(by=by).strip() + (f"\n    {results}" if results else "")
    found = arrival(f"\n    {header}{LETTER}")
    assert found.content is not None
    return stored_origin_of(read_content(found.content.data), "mx.example.test")


def test_a_stored_message_tells_by_what_we_wrote() -> None:
    ours = "Authentication-Results: mx.example.test; dmarc=pass header.from=sender.test;"
    ours += " spf=pass smtp.mailfrom=x@bounce.test; dkim=pass header.d=esp.test; dkim=fail"
    found = stored(ours + " header.d=bad.test")
    assert found == Origin("ann@sender.test", "sender.test", ("esp.test",), "192.0.2.7")
    theirs = ours.replace("mx.example.test", "mx.evil.test")
    assert stored(theirs) == Origin(ip="192.0.2.7")
    assert stored("", by="mx.evil.test") == Origin()
    other = ours.replace("header.from=sender.test", "header.from=other.test")
    assert stored(other).domain == ""
    assert cast(Origin, stored("Authentication-Results: ;;;(((")).domain == ""
