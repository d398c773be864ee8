"""Mail that an alias leads outside: how it leaves, and what happens when it comes back."""

from dataclasses import replace
from typing import Any

import pytest

from kit.smtp import HOSTNAME, House
from pillarbox.base.errors import Denied, NotFound
from pillarbox.domain.accounts import aliases, domains
from pillarbox.domain.mail import mailboxes
from pillarbox.domain.queue.model import QueuedMessage
from pillarbox.formats.mailauth.srs import Srs
from pillarbox.pipeline.inbound import forward
from pillarbox.pipeline.inbound.forward import Forwarding
from pillarbox.pipeline.inbound.message import Envelope, Origin
from pillarbox.pipeline.inbound.receive import Inbound
from pillarbox.pipeline.inbound.recipients import Recipients
from pillarbox.pipeline.inbound.trace import RoutingLoop
from pillarbox.storage.tx import Tx

ORIGIN = Origin("192.0.2.7", "c.test", "ESMTP")
CONTENT = b"Subject: hello\r\nMessage-ID: <1@x.test>\r\n\r\nworld\r\n"
SENDER = "sue@sender.test"


class Seals:
    """Seals with a field that names who asked for it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def seal(self, domain: str, content: bytes, authserv_id: str, results: str) -> bytes:
        self.asked.append(domain)
        assert content.startswith(b"Received: ")
        return f"ARC-Seal: {domain} {authserv_id}\r\n".encode()


@pytest.fixture
def seals() -> Seals:
    return Seals()


@pytest.fixture
def inbound(house: House, seals: Seals) -> Inbound:
    """A way in that forwards as the server does."""
    srs = Srs(b"secret")
    recipients = Recipients(house.database, house.bus, house.clock, "example.test", "+", srs)
    forwarding = Forwarding(HOSTNAME, recipients, house.clock, srs, seals)
    return replace(house.inbound, recipients=recipients, forwarding=forwarding)


async def receive(
    inbound: Inbound,
    *paths: str,
    content: bytes = CONTENT,
    sender: str = SENDER,
    **envelope: Any,
) -> Any:
    recipients = tuple([await inbound.recipient(path) for path in paths])
    return await inbound.receive(Envelope(ORIGIN, sender, recipients, **envelope), content)


async def only(house: House) -> QueuedMessage:
    (queued,) = await house.queued()
    return queued


async def test_a_forwarded_copy_leads_back_through_us(house: House, inbound: Inbound) -> None:
    await receive(inbound, "Both@example.test")
    queued = await only(house)
    assert queued.reverse_path.startswith("SRS0=")
    assert queued.reverse_path.endswith("=sender.test=sue@example.test")
    content = await house.queued_content(queued)
    assert content.startswith(
        b"Delivered-To: both@example.test\r\nARC-Seal: example.test mx.example.test\r\nReceived: "
    )
    assert content.endswith(CONTENT)
    (bob,) = await house.contents("bob@example.test")
    assert bob.startswith(b"Return-Path: <sue@sender.test>\r\nReceived: ")
    assert b"Delivered-To" not in bob


async def test_what_comes_back_to_it_goes_to_the_sender(house: House, inbound: Inbound) -> None:
    await receive(inbound, "away@example.test")
    back = (await only(house)).reverse_path
    report = await inbound.recipient(back)
    assert (report.local, report.outside, report.here) == ((), (SENDER,), True)
    await receive(inbound, back, sender="", content=b"Subject: failed\r\n\r\nx\r\n")
    queued = (await house.queued())[1]
    assert queued.reverse_path == ""
    assert [one.address for one in queued.recipients] == [SENDER]


async def test_only_reports_come_back_that_way(house: House, inbound: Inbound) -> None:
    """Whoever got forwarded mail knows such an address, and it is no relay for them."""
    await receive(inbound, "away@example.test")
    back = (await only(house)).reverse_path
    local, _, domain = back.partition("@")
    for path in (back, back.lower(), f'"{local}"@{domain}'):
        with pytest.raises(Denied):
            await inbound.recipient(path, 0, "mallory@evil.test")
        assert (await inbound.recipient(path)).outside == (SENDER,)
    await house.change(aliases.create, "srs0-team@example.test", ["alice@example.test"])
    assert (await inbound.recipient("srs0-team@example.test", 0, SENDER)).local


async def test_forged_and_old_reverse_paths_are_refused(house: House, inbound: Inbound) -> None:
    await house.change(
        lambda tx: domains.set_catch_all(
            tx, domains.require(tx, "example.test"), "alice@example.test"
        )
    )
    back = Srs(b"secret").forward(SENDER, "example.test", house.clock.now())
    local = back.partition("@")[0]
    forged = ("A" if local[5] != "A" else "B").join((local[:5], local[6:]))
    for path in (f"{forged}@example.test", "SRS0=x@example.test"):
        with pytest.raises(NotFound):
            await inbound.recipient(path)
    assert (await inbound.recipient(back)).outside == (SENDER,)
    house.clock.advance(days=23)
    with pytest.raises(NotFound):
        await inbound.recipient(back)


async def test_somebody_may_be_called_like_a_reverse_path(house: House, inbound: Inbound) -> None:
    await house.change(aliases.create, "srs0-team@example.test", ["alice@example.test"])
    assert (await inbound.recipient("SRS0-team@example.test")).local
    with pytest.raises(NotFound):
        await inbound.recipient("srs0-crew@example.test")


async def test_a_reverse_path_that_leads_to_one_of_us_is_resolved(inbound: Inbound) -> None:
    back = Srs(b"secret").forward("alice@example.test", "example.test", inbound.clock.now())
    found = await inbound.recipient(back)
    assert [target.address for target in found.local] == ["alice@example.test"]


@pytest.mark.parametrize("sender", ["", "alice@example.test", f"{'x' * 60}@sender.test"])
async def test_reverse_paths_that_stay(house: House, inbound: Inbound, sender: str) -> None:
    await receive(inbound, "away@example.test", sender=sender)
    assert (await only(house)).reverse_path == sender


async def test_mail_for_a_domain_of_another_server_passes_unchanged(
    house: House, inbound: Inbound, seals: Seals
) -> None:
    await house.change(domains.create, "backup.test", True)
    await receive(inbound, "Ann@backup.test")
    queued = await only(house)
    assert queued.reverse_path == SENDER
    assert (await house.queued_content(queued)).startswith(b"Received: ")
    assert seals.asked == []


async def test_aliases_do_not_show_each_other(house: House, inbound: Inbound, seals: Seals) -> None:
    await house.change(aliases.create, "far@example.test", ["joe@distant.test"])
    await receive(inbound, "away@example.test", "far@example.test", "alice@example.test")
    first, second = await house.queued()
    contents = [await house.queued_content(one) for one in (first, second)]
    assert b"far@example.test" not in contents[0]
    assert b"away@example.test" not in contents[1]
    assert seals.asked == ["example.test"]


async def test_many_forwards_share_a_copy(
    house: House, inbound: Inbound, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forward, "COPIES_MAX", 1)

    def more(tx: Tx) -> None:
        for number in range(3):
            aliases.create(tx, f"far{number}@example.test", [f"joe{number}@distant.test"])

    await house.change(more)
    await receive(inbound, *(f"far{number}@example.test" for number in range(3)))
    alone, shared = await house.queued()
    assert [one.address for one in alone.recipients] == ["joe0@distant.test"]
    assert [one.address for one in shared.recipients] == ["joe1@distant.test", "joe2@distant.test"]
    assert b"Delivered-To" not in await house.queued_content(shared)
    assert shared.reverse_path.startswith("SRS0=")


async def test_what_comes_back_from_where_it_was_forwarded_is_refused(
    house: House, inbound: Inbound
) -> None:
    await receive(inbound, "both@example.test")
    returned = await house.queued_content(await only(house))
    with pytest.raises(RoutingLoop):
        await receive(inbound, "Both@example.test", content=returned)
    received = await receive(inbound, "both@example.test", "alice@example.test", content=returned)
    assert received.outcomes == (None, None)
    assert len(await house.contents("bob@example.test")) == 1
    assert len(await house.contents("alice@example.test")) == 1
    assert len(await house.queued()) == 1


async def test_on_lmtp_only_the_address_it_came_back_to_fails(
    house: House, inbound: Inbound
) -> None:
    content = b"Delivered-To: <x>\r\nDELIVERED-TO:  Both@example.test \r\n" + CONTENT
    received = await receive(
        inbound, "alice@example.test", "both@example.test", content=content, each=True
    )
    assert [type(one) for one in received.outcomes] == [type(None), RoutingLoop]


async def test_the_address_that_was_given_goes_along(house: House, inbound: Inbound) -> None:
    await receive(inbound, "both@example.test", envid="QQ", ret="HDRS")
    rows = await house.queue_rows()
    assert [(row["dsn_orcpt"], row["dsn_envid"], row["dsn_ret"]) for row in rows] == [
        ("rfc822;both@example.test", "QQ", "HDRS")
    ]


async def test_the_mailbox_of_a_sub_address_is_found_in_any_case(house: House) -> None:
    alice = house.users["alice@example.test"].account_id
    await house.database.write(mailboxes.create, alice, "Lists/Ü")
    await receive(house.inbound, "alice+lists/ü@example.test", smtputf8=True)
    await receive(house.inbound, "alice+SENT@example.test")
    assert len(await house.contents("alice@example.test", "Lists/Ü")) == 1
    assert len(await house.contents("alice@example.test", "Sent")) == 0
