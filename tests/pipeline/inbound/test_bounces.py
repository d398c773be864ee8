"""Reports that come back, true ones and forged ones."""

import pytest

from kit.queue import put_without_blob, settlement, take_all
from kit.smtp import House
from pillarbox.base.ids import QueueId
from pillarbox.domain.queue import inspect, log
from pillarbox.domain.queue.model import LeasedMessage, Outcome, Outgoing, Status
from pillarbox.domain.queue.settle import settle
from pillarbox.pipeline.inbound.bounces import Bounces
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

SENDER = "alice@example.test"
ENVID = "pb.00112233"
KEYS = KeyRing({1: bytes(32)})


def report(
    *groups: str, envid: str | None = ENVID, message_id: str | None = "<m1@example.test>"
) -> bytes:
    about = "Reporting-MTA: dns; mx.far.test\n"
    if envid:
        about += f"Original-Envelope-Id: {envid}\n"
    status = "\n".join((about, *groups))
    returned = f"Message-ID: {message_id}\n" if message_id else "Subject: x\n"
    return f"""\
From: <MAILER-DAEMON@mx.far.test>
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

sorry
--b
Content-Type: message/delivery-status

{status}
--b
Content-Type: text/rfc822-headers

{returned}
--b--
""".replace("\n", "\r\n").encode()


def group(address: str, action: str = "failed", original: str | None = None) -> str:
    first = f"Original-Recipient: rfc822;{original}\n" if original else ""
    return (
        f"{first}Final-Recipient: rfc822; {address}\nAction: {action}\nStatus: 5.1.1\n"
        "Diagnostic-Code: smtp; 550 5.1.1 No such user\n"
    )


def sent(tx: Tx, addresses: tuple[str, ...], outcome: Outcome) -> QueueId:
    outgoing = Outgoing(SENDER, (), envid=ENVID, message_id="<m1@example.test>")
    message_id = put_without_blob(tx, *addresses, outgoing=outgoing)
    merged: list[LeasedMessage] = take_all(tx)
    for message in merged:
        settle(tx, settlement(message, outcome, tx.now_ms + 1000))
    return message_id


class Desk:
    """Messages that were sent, and what became of them."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.bounces = Bounces(house.database, KEYS)

    async def sent(self, *addresses: str, outcome: Outcome = Outcome.DELIVERED) -> QueueId:
        return await self.house.database.write(sent, addresses, outcome)

    async def states(self, message_id: QueueId) -> dict[str, Status]:
        found = await self.house.database.read(inspect.get, message_id)
        assert found is not None
        return {recipient.address: recipient.status for recipient in found.recipients}


@pytest.fixture
def desk(house: House) -> Desk:
    return Desk(house)


@pytest.mark.parametrize(
    ("envid", "message_id"),
    [
        (ENVID, None),
        (None, "<m1@example.test>"),
        ("other", "<m1@example.test>"),
        (ENVID, "<other@x>"),
    ],
)
async def test_failure_is_recorded(desk: Desk, envid: str | None, message_id: str | None) -> None:
    queued = await desk.sent("bob@far.test", "carol@far.test")
    content = report(group("bob@far.test"), envid=envid, message_id=message_id)
    assert await desk.bounces.take(content, SENDER, "")
    assert await desk.states(queued) == {
        "bob@far.test": Status.BOUNCED,
        "carol@far.test": Status.DELIVERED,
    }
    lines = await desk.house.database.read(log.of_message, queued)
    (line,) = [one for one in lines if one.outcome is Outcome.BOUNCED]
    assert (line.address, line.enhanced) == ("bob@far.test", "5.1.1")
    assert "550 5.1.1 No such user" in line.reply
    assert line.way.host == "mx.far.test"


async def test_again_changes_nothing(desk: Desk) -> None:
    queued = await desk.sent("bob@far.test", "carol@far.test")
    for _ in range(2):
        assert await desk.bounces.take(report(group("Bob@far.test")), "Alice@example.test", "")
    lines = await desk.house.database.read(log.of_message, queued)
    assert len([one for one in lines if one.outcome is Outcome.BOUNCED]) == 1


async def test_original_recipient_counts_where_the_address_changed(desk: Desk) -> None:
    queued = await desk.sent("bob@far.test", "carol@far.test")
    said = group("r.o.b@further.test", original="bob@far.test")
    assert await desk.bounces.take(report(said), SENDER, "")
    assert (await desk.states(queued))["bob@far.test"] is Status.BOUNCED


async def test_only_recipient_is_meant_whatever_it_is_called(desk: Desk) -> None:
    queued = await desk.sent("bob@far.test")
    assert await desk.bounces.take(report(group("r.o.b@further.test")), SENDER, "")
    assert await desk.states(queued) == {"bob@far.test": Status.BOUNCED}


async def test_of_several_recipients_an_unknown_one_is_nobody(desk: Desk) -> None:
    queued = await desk.sent("bob@far.test", "carol@far.test")
    assert await desk.bounces.take(report(group("r.o.b@further.test")), SENDER, "")
    assert set((await desk.states(queued)).values()) == {Status.DELIVERED}


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "expanded"])
async def test_what_is_no_failure_changes_nothing(desk: Desk, action: str) -> None:
    queued = await desk.sent("bob@far.test")
    assert await desk.bounces.take(report(group("bob@far.test", action)), SENDER, "")
    assert await desk.states(queued) == {"bob@far.test": Status.DELIVERED}


async def test_who_waits_or_failed_stays_so(desk: Desk) -> None:
    queued = await desk.sent("bob@far.test", outcome=Outcome.DEFERRED)
    assert await desk.bounces.take(report(group("bob@far.test")), SENDER, "")
    assert await desk.states(queued) == {"bob@far.test": Status.PENDING}


@pytest.mark.parametrize(
    ("recipient", "reverse_path"),
    [("bob@example.test", ""), (SENDER, "mallory@far.test"), ("", "")],
)
async def test_only_to_the_sender_and_from_nobody(
    desk: Desk, recipient: str, reverse_path: str
) -> None:
    queued = await desk.sent("bob@far.test")
    content = report(group("bob@far.test"))
    assert not await desk.bounces.take(content, recipient, reverse_path)
    assert await desk.states(queued) == {"bob@far.test": Status.DELIVERED}


@pytest.mark.parametrize(
    "content",
    [
        b"Subject: hello\r\n\r\nworld\r\n",
        report(group("bob@far.test"), envid=None, message_id=None),
        report(group("bob@far.test"), envid="guess", message_id="<guess@x>"),
    ],
)
async def test_what_names_no_message_of_ours(desk: Desk, content: bytes) -> None:
    queued = await desk.sent("bob@far.test")
    assert not await desk.bounces.take(content, SENDER, "")
    assert await desk.states(queued) == {"bob@far.test": Status.DELIVERED}


async def test_large_report_is_read_too(desk: Desk) -> None:
    queued = await desk.sent("bob@far.test")
    content = report(group("bob@far.test")) + b"x" * 100_000
    assert await desk.bounces.take(content, SENDER, "")
    assert await desk.states(queued) == {"bob@far.test": Status.BOUNCED}
