"""Mail our users send: as whom, to whom, and with what header."""

from dataclasses import replace

import pytest

from kit.smtp import House
from pillarbox.base.errors import Denied, Invalid, NotFound
from pillarbox.domain.accounts import aliases, domains, users
from pillarbox.pipeline.inbound.message import Envelope, Origin
from pillarbox.pipeline.submission.submit import Submission
from pillarbox.storage.tx import Tx

ORIGIN = Origin("192.0.2.7", "laptop", "ESMTPSA", "TLSv1.3 X")
FROM = b"From: Alice <alice@example.test>\r\n"
WHOLE = FROM + b"Date: Thu, 1 Jan 2026 00:00:00 +0000\r\nMessage-ID: <1@x>\r\n"


async def submit(
    house: House, content: bytes, *paths: str, use: Submission | None = None, sent: bool = False
) -> None:
    submission = use or house.submission
    recipients = tuple([await submission.recipient(path) for path in paths])
    envelope = Envelope(ORIGIN, "alice@example.test", recipients)
    await submission.submit(house.actor(), envelope, content, sent)


@pytest.mark.parametrize(
    "sender", ["alice@example.test", "Alice+x@EXAMPLE.test", "team@example.test", ""]
)
async def test_own_addresses_may_send(house: House, sender: str) -> None:
    await house.submission.sender(house.actor(), sender)


@pytest.mark.parametrize(
    "sender",
    ["bob@example.test", "nobody@example.test", "alice@elsewhere.test", "away@example.test"],
)
async def test_other_addresses_may_not(house: House, sender: str) -> None:
    with pytest.raises(Denied):
        await house.submission.sender(house.actor(), sender)


async def test_a_catch_all_address_may_send(house: House) -> None:
    def catch_all(tx: Tx) -> None:
        domains.set_catch_all(tx, domains.require(tx, "example.test"), "alice@example.test")

    await house.change(catch_all)
    await house.submission.sender(house.actor(), "anything@example.test")


async def test_the_login_of_another_is_not_lent_with_forwarded_mail(house: House) -> None:
    """An alias that keeps a copy for bob and sends one to alice does not make her bob."""

    def forward(tx: Tx) -> None:
        aliases.create(tx, "bob@example.test", ("bob@example.test", "alice@example.test"))

    def disable(tx: Tx) -> None:
        users.set_enabled(tx, house.users["bob@example.test"].account_id, False)

    await house.change(forward)
    for sender in ("bob@example.test", "BOB+x@example.test"):
        with pytest.raises(Denied):
            await house.submission.sender(house.actor(), sender)
    await house.submission.sender(house.actor("bob@example.test"), "Bob@example.test")
    await house.change(disable)
    with pytest.raises(Denied):
        await house.submission.sender(house.actor(), "bob@example.test")


@pytest.mark.parametrize(
    "header",
    [
        b'From: "Alice <in Paris>" <alice@example.test>\r\n',
        b"From: alice@example.test (Alice)\r\n",
        b"From: Alice <alice@example.test>, team@example.test\r\n",
        b"From: alice@example.test <alice@example.test>\r\n",
    ],
)
async def test_own_addresses_in_every_form(house: House, header: bytes) -> None:
    await submit(house, header + b"\r\nhi\r\n", "bob@example.test")
    assert len(await house.contents("bob@example.test")) == 1


async def test_local_ones_get_it_and_others_wait_in_the_queue(house: House) -> None:
    await submit(house, WHOLE + b"\r\nhi\r\n", "bob@example.test", "Ann@Elsewhere.test")
    (bob,) = await house.contents("bob@example.test")
    (queued,) = await house.queued()
    assert bob.startswith(b"Return-Path: <alice@example.test>\r\nReceived: by mx.example.test with")
    assert b"192.0.2.7" not in bob
    assert bob.endswith(b"\r\n" + WHOLE + b"\r\nhi\r\n")
    assert queued.account_id == house.users["alice@example.test"].account_id
    assert [r.address for r in queued.recipients] == ["Ann@elsewhere.test"]
    assert (await house.queued_content(queued)).endswith(WHOLE + b"\r\nhi\r\n")


async def test_an_unknown_local_user_is_refused(house: House) -> None:
    with pytest.raises(NotFound):
        await house.submission.recipient("nobody@example.test")


async def test_a_recipient_that_is_no_address_is_refused(house: House) -> None:
    with pytest.raises(Invalid):
        await house.submission.recipient("ann@-bad-.test")


async def test_missing_fields_are_added(house: House) -> None:
    await submit(house, b"Subject: x\r\n\r\nhi\r\n", "bob@example.test")
    (bob,) = await house.contents("bob@example.test")
    assert b"\r\nFrom: <alice@example.test>\r\n" in bob
    assert b"\r\nDate: Thu, 1 Jan 2026 12:00:00 +0000\r\n" in bob
    assert b"\r\nMessage-ID: <" in bob
    assert bob.endswith(b"@example.test>\r\nSubject: x\r\n\r\nhi\r\n")


async def test_content_without_header_gets_one(house: House) -> None:
    await submit(house, b"just text\r\n", "bob@example.test")
    (bob,) = await house.contents("bob@example.test")
    assert bob.endswith(b"@example.test>\r\n\r\njust text\r\n")


async def test_bcc_is_seen_by_nobody_but_the_sender(house: House) -> None:
    content = b"BCC: bob@example.test,\r\n ann@elsewhere.test\r\n" + WHOLE + b"\r\nBcc: text\r\n"
    await submit(house, content, "bob@example.test", "ann@elsewhere.test", sent=True)
    (bob,) = await house.contents("bob@example.test")
    (queued,) = await house.queued()
    for seen in (bob, await house.queued_content(queued)):
        assert b"BCC" not in seen
        assert b"ann@elsewhere.test" not in seen
        assert seen.endswith(WHOLE + b"\r\nBcc: text\r\n")
    assert await house.contents("alice@example.test", "Sent") == [content]


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        (b"From: bob@example.test\r\n", Denied),
        (b"From: alice@example.test, bob@example.test\r\n", Denied),
        (b"From: alice@example.test <bob@example.test>\r\n", Invalid),
        (FROM + b"Sender: bob@example.test\r\n", Denied),
        (FROM + b"from: bob@example.test\r\n", Invalid),
        (b"From:\r\n", Invalid),
        (b"From: nonsense\r\n", Invalid),
        (b"From: bob@example.test: alice@example.test;\r\n", Invalid),
        (b"From: <alice@example.test> <bob@example.test>\r\n", Invalid),
        (b"From: alice@example.test" + b"," * 8192 + b"bob@example.test\r\n", Invalid),
        (FROM + b"From\0: bob@example.test\r\n", Invalid),
    ],
)
async def test_the_header_is_checked_too(house: House, header: bytes, kind: type) -> None:
    with pytest.raises(kind):
        await submit(house, header + b"\r\nhi\r\n", "bob@example.test")
    assert await house.contents("bob@example.test") == []


async def test_the_trap_gets_what_is_meant_for_elsewhere(house: House) -> None:
    trapped = replace(house.submission, trap="alice@example.test")
    await submit(house, WHOLE + b"\r\n", "ann@elsewhere.test", "both@example.test", use=trapped)
    assert len(await house.contents("alice@example.test")) == 1
    assert len(await house.contents("bob@example.test")) == 1
    assert await house.queued() == []
