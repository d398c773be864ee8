"""What a script redirects: how it leaves (RFC 5228 §4.2), where it stops, what it counts."""

from dataclasses import replace

import pytest

from kit.dns import FakeDns, Zone
from kit.smtp import HOSTNAME, House
from pillarbox.base.errors import Denied, Invalid, NotFound
from pillarbox.base.ids import IdSource
from pillarbox.domain.queue import suppression
from pillarbox.domain.sending import alerts, counts
from pillarbox.domain.sending.model import LimitReached, Limits, Period, Scope, SendingLimits, Unit
from pillarbox.formats.mailauth.results import SignatureResult, Status
from pillarbox.formats.mailauth.srs import Srs
from pillarbox.pipeline.filtering.outgoing import OutgoingMail, Owner
from pillarbox.pipeline.filtering.redirects import HOPS_MAX, Redirects, Source
from pillarbox.pipeline.inbound.checks.arrival import Results
from pillarbox.pipeline.inbound.forward import Forwarding
from pillarbox.pipeline.inbound.own_mail import OwnMail
from pillarbox.pipeline.inbound.recipients import Recipients
from pillarbox.pipeline.inbound.trace import RoutingLoop
from pillarbox.pipeline.submission.limits import SendingWatch

OWNER = Owner("alice+x@example.test", ("alice@example.test", "team@example.test"), "Alice")
SENDER, ELSEWHERE = "sue@sender.test", "ann@elsewhere.test"
HEAD = b"Received: from c.test by mx.example.test; Wed, 4 Mar 2026 14:30:00 +0000\r\n"
CONTENT = HEAD + b"From: sue@sender.test\r\nSubject: hello\r\n\r\nworld\r\n"
SOURCE = Source(SENDER, b"Return-Path: <sue@sender.test>\r\n" + CONTENT, "spf=pass")


class Seals:
    def __init__(self) -> None:
        self.asked: list[tuple[str, bytes, str]] = []

    async def seal(self, domain: str, content: bytes, authserv_id: str, results: str) -> bytes:
        self.asked.append((domain, content, results))
        return f"ARC-Seal: {domain} {authserv_id}\r\n".encode()


class Unsigned:
    async def vouches(self, domain: str, content: bytes) -> bool:
        return False


def whole(mail: OutgoingMail) -> bytes:
    return mail.fields + mail.content


@pytest.fixture
def seals() -> Seals:
    return Seals()


@pytest.fixture
def redirects(house: House, seals: Seals) -> Redirects:
    srs = Srs(b"secret")
    recipients = Recipients(house.database, house.bus, house.clock, "example.test", "+", srs)
    forwarding = Forwarding(HOSTNAME, recipients, house.clock, srs, seals)
    own_mail = OwnMail(
        recipients,
        Unsigned(),
        FakeDns(Zone(txt={"_dmarc.example.test": ("v=DMARC1; p=reject",)}), house.clock),
    )
    return Redirects(recipients, forwarding, own_mail)


async def test_it_leaves_as_a_forwarded_copy_does(redirects: Redirects, seals: Seals) -> None:
    mail = await redirects.copy(ELSEWHERE, SOURCE, OWNER)
    assert mail.recipients == (ELSEWHERE,)
    assert mail.reverse_path.startswith("SRS0=")
    assert mail.reverse_path.endswith("=sender.test=sue@example.test")
    assert whole(mail) == (
        b"Delivered-To: alice@example.test\r\nARC-Seal: example.test mx.example.test\r\n" + CONTENT
    )
    assert seals.asked == [("example.test", CONTENT, "spf=pass")]
    assert (mail.domain, mail.smtputf8) == ("", False)


@pytest.mark.parametrize("sender", ["", "bob@example.test"])
async def test_some_reverse_paths_stay(redirects: Redirects, sender: str) -> None:
    mail = await redirects.copy(ELSEWHERE, replace(SOURCE, reverse_path=sender), OWNER)
    assert mail.reverse_path == sender


async def test_an_edited_message_leaves_as_it_was_edited(
    redirects: Redirects, seals: Seals
) -> None:
    edited = b"X-Seen: 1\r\n" + CONTENT
    mail = await redirects.copy(ELSEWHERE, SOURCE, OWNER, edited)
    assert whole(mail).endswith(b"mx.example.test\r\n" + edited)
    assert seals.asked[0][1] == edited


@pytest.mark.parametrize(
    "address",
    ["alice@example.test", "ALICE@example.test", "alice+y@example.test", "team@example.test"],
)
async def test_not_to_the_user(redirects: Redirects, address: str) -> None:
    with pytest.raises(Denied, match="address of the user"):
        await redirects.copy(address, SOURCE, OWNER)


async def test_not_to_what_is_no_address_or_nobodys(redirects: Redirects) -> None:
    with pytest.raises(Invalid):
        await redirects.copy("a@b\r\nBcc: c", SOURCE, OWNER)
    with pytest.raises(NotFound):
        await redirects.copy("nobody@example.test", SOURCE, OWNER)
    assert (await redirects.copy("bob@example.test", SOURCE, OWNER)).recipients


@pytest.mark.parametrize(
    "mark", [b"alice@example.test", b"Alice+y@Example.test", b"team@example.test"]
)
async def test_what_has_come_back_stays(redirects: Redirects, mark: bytes) -> None:
    again = replace(SOURCE, content=b"Delivered-To: %b\r\n" % mark + CONTENT)
    with pytest.raises(RoutingLoop):
        await redirects.copy(ELSEWHERE, again, OWNER)
    # What the script takes out stands in the message that came.
    with pytest.raises(RoutingLoop):
        await redirects.copy(ELSEWHERE, again, OWNER, CONTENT)


async def test_what_another_user_redirected_goes_on(redirects: Redirects) -> None:
    marked = b"Delivered-To: bob@example.test\r\n" + CONTENT
    mail = await redirects.copy(ELSEWHERE, replace(SOURCE, content=marked), OWNER)
    assert whole(mail).count(b"Delivered-To: ") == 2


async def test_marks_of_others_stay_whatever_the_script_takes_out(redirects: Redirects) -> None:
    marked = b"Delivered-To: bob@example.test\r\n" + CONTENT
    mail = await redirects.copy(ELSEWHERE, replace(SOURCE, content=marked), OWNER, CONTENT)
    assert whole(mail).count(b"Delivered-To: bob@example.test\r\n") == 1


async def test_two_users_who_redirect_to_each_other(redirects: Redirects) -> None:
    bob = Owner("bob@example.test", ("bob@example.test",))
    first = await redirects.copy("bob@example.test", SOURCE, OWNER)
    second = await redirects.copy("alice@example.test", replace(SOURCE, content=whole(first)), bob)
    with pytest.raises(RoutingLoop):
        await redirects.copy("bob@example.test", replace(SOURCE, content=whole(second)), OWNER)


async def test_after_many_hops_it_stays(redirects: Redirects) -> None:
    most = HEAD * (HOPS_MAX - 1) + CONTENT
    assert await redirects.copy(ELSEWHERE, replace(SOURCE, content=most), OWNER)
    with pytest.raises(RoutingLoop):
        await redirects.copy(ELSEWHERE, replace(SOURCE, content=HEAD + most), OWNER)


async def test_hops_are_counted_in_the_header(redirects: Redirects) -> None:
    body = CONTENT + b"Received: x\r\n" * 100
    assert await redirects.copy(ELSEWHERE, replace(SOURCE, content=body), OWNER)


async def test_what_forges_us_stays(redirects: Redirects) -> None:
    forged = HEAD + b"From: boss@example.test\r\n\r\npay\r\n"
    source = replace(SOURCE, content=forged)
    with pytest.raises(Denied, match="signed"):
        await redirects.copy(ELSEWHERE, source, OWNER)
    signed = Results(dkim=(SignatureResult(Status.PASS, "", "example.test"),))
    assert await redirects.copy(ELSEWHERE, replace(source, found=signed), OWNER)
    assert await redirects.copy(ELSEWHERE, replace(source, believed=True), OWNER)
    # A script could else turn anything that we signed into something that we did not.
    with pytest.raises(Denied, match="signed"):
        await redirects.copy(
            ELSEWHERE, replace(source, found=signed), OWNER, forged.replace(b"pay", b"pay him")
        )


async def test_utf8_is_asked_for_where_it_is_needed(redirects: Redirects) -> None:
    assert (await redirects.copy("zoë@elsewhere.test", SOURCE, OWNER)).smtputf8
    assert (await redirects.copy(ELSEWHERE, replace(SOURCE, smtputf8=True), OWNER)).smtputf8
    mail = await redirects.copy("ann@bücher.test", SOURCE, OWNER)
    assert (mail.recipients, mail.smtputf8) == (("ann@xn--bcher-kva.test",), False)


def watched(house: House, redirects: Redirects, limits: Limits) -> Redirects:
    watch = SendingWatch(
        house.database,
        house.store.keys,
        SendingLimits(user=limits),
        redirects.recipients,
        house.inbound.delivery,
        house.clock,
        IdSource(),
        HOSTNAME,
    )
    return replace(redirects, watch=watch)


async def test_it_counts_against_the_limits_of_the_user(house: House, redirects: Redirects) -> None:
    redirects = watched(house, redirects, Limits(messages_hour=2, newcomers_day=10))
    actor = house.actor()
    for address in (ELSEWHERE, "bob@example.test"):
        await house.database.write(redirects.counting(actor, (address,)))
    found = await house.database.read(counts.counted, Scope.USER, int(actor.account_id))
    assert found[Period.HOUR][Unit.MESSAGES] == 2
    assert found[Period.DAY][Unit.NEWCOMERS] == 1
    counting = redirects.counting(actor, (ELSEWHERE,))
    with pytest.raises(LimitReached):
        await house.database.write(counting)
    assert counting.reached is not None
    await counting.tell()
    (alert,) = await house.database.read(alerts.list_of)
    assert (alert.account_id, alert.what) == (actor.account_id, Unit.MESSAGES)


async def test_nobody_is_told_of_what_was_counted(house: House, redirects: Redirects) -> None:
    counting = watched(house, redirects, Limits(messages_hour=2)).counting(
        house.actor(), (ELSEWHERE,)
    )
    await house.database.write(counting)
    await counting.tell()
    assert not await house.database.read(alerts.list_of)


async def test_not_to_suppressed_addresses(house: House, redirects: Redirects) -> None:
    await house.database.write(suppression.add, None, ELSEWHERE, "hard bounce")
    with pytest.raises(Denied, match="hard bounce"):
        await house.database.write(redirects.counting(house.actor(), (ELSEWHERE,)))
    both = redirects.counting(house.actor(), (ELSEWHERE, "other@elsewhere.test"))
    await house.database.write(both)
