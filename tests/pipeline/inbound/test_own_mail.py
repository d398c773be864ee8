"""Mail that claims to be ours, comes from elsewhere and is to be forwarded."""

from contextlib import nullcontext
from dataclasses import replace

import pytest

from kit.dns import FakeDns, Zone
from kit.smtp import HOSTNAME, House
from pillarbox.base.errors import Denied, Unavailable
from pillarbox.formats.mailauth.results import SignatureResult, Status
from pillarbox.formats.mailauth.srs import Srs
from pillarbox.formats.mime.header import HEADER_BYTES
from pillarbox.pipeline.inbound.checks.arrival import Results
from pillarbox.pipeline.inbound.forward import Forwarding
from pillarbox.pipeline.inbound.message import Envelope, Origin
from pillarbox.pipeline.inbound.own_mail import OwnMail
from pillarbox.pipeline.inbound.receive import Inbound

ORIGIN = Origin("192.0.2.7", "c.test", "ESMTP")
REJECT, NONE = ("v=DMARC1; p=reject",), ("v=DMARC1; p=none",)


class Signed:
    """Domains that have signed whatever is asked about."""

    def __init__(self) -> None:
        self.domains: set[str] = set()

    async def vouches(self, domain: str, content: bytes) -> bool:
        return domain in self.domains


@pytest.fixture
def zone() -> Zone:
    return Zone(txt={"_dmarc.example.test": REJECT})


@pytest.fixture
def signed() -> Signed:
    return Signed()


@pytest.fixture
def inbound(house: House, zone: Zone, signed: Signed) -> Inbound:
    forwarding = Forwarding(HOSTNAME, house.inbound.recipients, house.clock, Srs(b"secret"))
    own_mail = OwnMail(house.inbound.recipients, signed, FakeDns(zone, house.clock))
    return replace(house.inbound, forwarding=forwarding, own_mail=own_mail)


async def send(
    inbound: Inbound, sender: str, to: str = "both@example.test", *, each: bool = False
) -> None:
    content = f"From: {sender}\r\nSubject: x\r\n\r\ntext\r\n".encode()
    recipient = await inbound.recipient(to)
    await inbound.receive(Envelope(ORIGIN, "x@sender.test", (recipient,), each=each), content)


FORGED = (
    "boss@example.test",
    "Boss <boss@EXAMPLE.test>",
    "x@sender.test, boss@example.test",
    '"boss@example.test" <x@sender.test>',
    "boss@ example.test",
    "boss@(at)example.test",
    "boss@example(dot).test",
    "=?utf-8?q?boss=40example=2Etest?=",
    "boss@sub.example.test",
    "x@sender.test\r\nFrom: boss@example.test",
)


@pytest.mark.parametrize("sender", FORGED)
async def test_a_forgery_is_not_forwarded(house: House, inbound: Inbound, sender: str) -> None:
    with pytest.raises(Denied, match="only if that domain has signed"):
        await send(inbound, sender)
    assert await house.queued() == []
    assert await house.contents("bob@example.test") == []


@pytest.mark.parametrize("sender", ["boss@example.test", "boss@sub.example.test"])
async def test_what_the_domain_signed_is(
    house: House, inbound: Inbound, signed: Signed, sender: str
) -> None:
    signed.domains.add(sender.rpartition("@")[2])
    await send(inbound, sender)
    assert len(await house.queued()) == 1


@pytest.mark.parametrize(
    "sender", ["x@sender.test", "x@notexample.test", "nobody", "x@[192.0.2.1]"]
)
async def test_mail_in_others_names_is(house: House, inbound: Inbound, sender: str) -> None:
    await send(inbound, sender)
    assert len(await house.queued()) == 1


async def test_a_domain_that_asks_for_nothing_is_not_protected(
    house: House, inbound: Inbound, zone: Zone
) -> None:
    zone.txt["_dmarc.example.test"] = NONE
    await send(inbound, "boss@example.test")
    del zone.txt["_dmarc.example.test"]
    await send(inbound, "boss@example.test")
    assert len(await house.queued()) == 2


async def test_a_subdomain_may_have_its_own_policy(inbound: Inbound, zone: Zone) -> None:
    zone.txt["_dmarc.example.test"] = ("v=DMARC1; p=none; sp=quarantine",)
    with pytest.raises(Denied):
        await send(inbound, "boss@sub.example.test")
    await send(inbound, "boss@example.test")
    zone.txt["_dmarc.sub.example.test"] = NONE
    await send(inbound, "boss@sub.example.test")


RESULTS = [
    ((), False),
    ((SignatureResult(Status.PASS, "", domain="example.test"),), True),
    ((SignatureResult(Status.PASS, "", domain="test"),), True),
    ((SignatureResult(Status.PASS, "", domain="sender.test"),), False),
    ((SignatureResult(Status.FAIL, "", domain="example.test"),), False),
    ((SignatureResult(Status.PASS, "", domain="example.test", beyond=3),), False),
    ((SignatureResult(Status.PASS, "", domain="example.test", testing=True),), False),
]


@pytest.mark.parametrize(("signatures", "allowed"), RESULTS)
async def test_what_the_checks_found_counts(
    inbound: Inbound, signed: Signed, signatures: tuple[SignatureResult, ...], allowed: bool
) -> None:
    own_mail = inbound.own_mail
    assert own_mail is not None
    if not allowed:
        signed.domains.add("example.test")  # nobody is asked again
    content = b"From: boss@example.test\r\n\r\ntext\r\n"
    with nullcontext() if allowed else pytest.raises(Denied):
        await own_mail.check(content, Results(dkim=signatures))


async def test_what_was_not_checked_is_checked_now(inbound: Inbound, signed: Signed) -> None:
    signed.domains.add("example.test")
    assert inbound.own_mail is not None
    await inbound.own_mail.check(b"From: boss@example.test\r\n\r\ntext\r\n", Results())


async def test_names_that_do_not_exist(inbound: Inbound, zone: Zone) -> None:
    zone.txt["_dmarc.example.test"] = ("v=DMARC1; p=none; np=reject",)
    zone.addresses["there.example.test"] = ("192.0.2.1",)
    await send(inbound, "boss@there.example.test")
    with pytest.raises(Denied):
        await send(inbound, "boss@gone.example.test")


async def test_delivery_here_is_not_touched(house: House, inbound: Inbound) -> None:
    await send(inbound, "boss@example.test", "bob@example.test")
    assert len(await house.contents("bob@example.test")) == 1


async def test_a_relay_of_ours_is_believed(house: House, inbound: Inbound) -> None:
    await send(inbound, "boss@example.test", each=True)
    assert len(await house.queued()) == 1


async def test_without_name_servers_it_waits(house: House, inbound: Inbound, zone: Zone) -> None:
    zone.failing.add("TXT _dmarc.example.test")
    with pytest.raises(Unavailable):
        await send(inbound, "boss@example.test")


async def test_too_many_senders(inbound: Inbound) -> None:
    with pytest.raises(Denied, match="too many"):
        await send(inbound, ", ".join(f"x@d{n}.test" for n in range(11)))


async def test_a_sender_behind_what_is_looked_at(house: House, inbound: Inbound) -> None:
    with pytest.raises(Denied, match="too long"):
        await send(inbound, "x@sender.test\r\nX: " + "x" * HEADER_BYTES)
    assert await house.queued() == []


async def test_a_message_without_a_header(house: House, inbound: Inbound) -> None:
    recipient = await inbound.recipient("both@example.test")
    content = b"\r\nFrom: boss@example.test\r\n\r\ntext\r\n"
    await inbound.receive(Envelope(ORIGIN, "x@sender.test", (recipient,)), content)
    assert len(await house.queued()) == 1
