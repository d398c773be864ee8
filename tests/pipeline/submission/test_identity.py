"""As whom users may send: their own addresses, and those of others who let them."""

import pytest

from kit.smtp import House
from pillarbox.base.errors import Denied, Invalid
from pillarbox.domain.accounts import aliases, users
from pillarbox.domain.mail import mailboxes
from pillarbox.domain.sharing import acl, groups
from pillarbox.domain.sharing.acl import RightsChange
from pillarbox.domain.sharing.rights import parse_rights
from pillarbox.pipeline.inbound.message import Envelope, Origin
from pillarbox.storage.tx import Tx

ORIGIN = Origin("192.0.2.7", "laptop", "ESMTPSA")
ALICE, BOB = "alice@example.test", "bob@example.test"
REST = b"Date: Thu, 1 Jan 2026 00:00:00 +0000\r\nMessage-ID: <1@x>\r\n\r\nhi\r\n"


async def sent(house: House, header: bytes, sender: str = ALICE) -> bytes:
    """What bob gets of a message of alice's."""
    await house.submission.sender(house.actor(), sender)
    recipient = await house.submission.recipient(BOB)
    envelope = Envelope(ORIGIN, sender, (recipient,))
    await house.submission.submit(house.actor(), envelope, header + REST)
    return (await house.contents(BOB))[-1]


def crew(tx: Tx) -> None:
    """A group alice is in, with an alias, and one she is not in."""
    group = groups.create(tx, "crew@example.test")
    groups.add_member(tx, group, users.require(tx, ALICE))
    aliases.create(tx, "sailors@example.test", ["crew@example.test"])
    groups.create(tx, "board@example.test")


async def test_members_send_as_their_group_and_are_named_as_sender(house: House) -> None:
    await house.change(crew)
    for address in ("crew@example.test", "Crew+x@example.test", "sailors@example.test"):
        seen = await sent(house, f"From: The crew <{address}>\r\n".encode(), address)
        assert b"\r\nSender: <alice@example.test>\r\n" in seen
        assert seen.startswith(f"Return-Path: <{address}>\r\n".encode())


async def test_others_do_not_send_as_a_group(house: House) -> None:
    await house.change(crew)
    with pytest.raises(Denied):
        await house.submission.sender(house.actor(), "board@example.test")
    with pytest.raises(Denied):
        await house.submission.sender(house.actor(BOB), "crew@example.test")
    with pytest.raises(Denied):
        await sent(house, b"From: board@example.test\r\n")


def let(rights: str, who: str = ALICE) -> object:
    """Something that gives rights to bob's INBOX."""

    def change(tx: Tx) -> None:
        bob = users.require(tx, BOB)
        inbox = mailboxes.by_name(tx, bob.account_id, "INBOX")
        assert inbox is not None
        acl.change(tx, inbox, who, RightsChange.SET, parse_rights(rights))

    return change


async def test_the_right_to_post_lends_another_users_address(house: House) -> None:
    await house.change(let("lrswite"))
    with pytest.raises(Denied):
        await sent(house, b"From: bob@example.test\r\n")
    await house.change(let("p"))
    seen = await sent(house, b"From: bob@example.test\r\n", BOB)
    assert b"\r\nSender: <alice@example.test>\r\n" in seen
    await house.change(let(""))
    with pytest.raises(Denied):
        await house.submission.sender(house.actor(), BOB)


async def test_the_sender_is_named_where_only_the_envelope_is_a_groups(house: House) -> None:
    await house.change(crew)
    seen = await sent(house, b"", "crew@example.test")
    assert b"\r\nFrom: <crew@example.test>\r\n" in seen
    assert b"\r\nSender: <alice@example.test>\r\n" in seen


async def test_the_envelope_is_judged_with_the_content_again(house: House) -> None:
    await house.change(let("p"))
    await house.submission.sender(house.actor(), BOB)
    await house.change(let(""))
    envelope = Envelope(ORIGIN, BOB, (await house.submission.recipient(BOB),))
    with pytest.raises(Denied):
        await house.submission.submit(house.actor(), envelope, b"From: alice@example.test\r\n\r\n")


async def test_a_sender_field_of_ones_own_stays(house: House) -> None:
    await house.change(crew)
    header = b"From: crew@example.test\r\nSender: Alice <Alice+crew@example.test>\r\n"
    seen = await sent(house, header)
    assert seen.count(b"Sender:") == 1
    with pytest.raises(Denied):
        await sent(house, b"From: crew@example.test\r\nSender: bob@example.test\r\n")


async def test_own_mail_gets_no_sender_field_unless_from_names_several(house: House) -> None:
    assert b"Sender:" not in await sent(house, b"From: alice@example.test\r\n")
    header = b"From: alice@example.test, team@example.test\r\n"
    assert b"\r\nSender: <alice@example.test>\r\n" in await sent(house, header)


async def test_a_full_mailbox_does_not_take_an_alias_away(house: House) -> None:
    await house.change(users.set_quota, house.users[ALICE].account_id, 1)
    await house.change(aliases.create, "al@example.test", [ALICE])
    await sent(house, b"From: al@example.test\r\n" + b"X-Filler: x\r\n" * 10, "al@example.test")
    await house.submission.sender(house.actor(), "al@example.test")


@pytest.mark.parametrize(
    "value",
    [
        "bob@example.test<alice@example.test",
        "bob@example.test <alice@example.test>",
        "<alice@example.test> bob@example.test",
        "<alice@example.test>bob@example.test (",
        ',bob@example.test)<"alice@example.test',
        "alice@example.test (bob@example.test",
        'bob@example.test"@<alice@example.test>',
        ";,:bob@example.test<alice@example.test>",
        "alice@example.test bob@example.test",
        "Bob\x0b <alice@example.test>",
        "Boss: alice@example.test;",
        "alice@example.test,",
    ],
)
async def test_what_readers_may_see_another_address_in(house: House, value: str) -> None:
    """Else it would be signed as if bob had written it, for whoever sees him there."""
    for name in ("From", "Sender"):
        header = f"{name}: {value}\r\n"
        if name == "Sender":
            header += "From: alice@example.test\r\n"
        with pytest.raises((Invalid, Denied)):
            await sent(house, header.encode())


@pytest.mark.parametrize(
    "value",
    [
        "Alice B. Lee [work] <alice@example.test>",
        '"Lee, Alice \\"bob@example.test\\"" <alice@example.test>',
        "alice@example.test (Alice (at work))",
        "alice@example.test <Alice@example.test>",
        "=?utf-8?q?J=C3=B6rg?= <alice@example.test>",
        "Jörg Süß\r\n <alice@example.test>",
        "Alice\t<alice+x@example.test>,\r\n <alice@example.test>",
    ],
)
async def test_what_programs_write(house: House, value: str) -> None:
    assert f"From: {value}\r\n".encode() in await sent(house, f"From: {value}\r\n".encode())


@pytest.mark.parametrize("name", ["From\x0b", "From\u00a0", "From\0", "From x", "\x0cFrom", "Ba d"])
async def test_lines_that_some_take_for_a_field(house: House, name: str) -> None:
    header = f"From: alice@example.test\r\n{name}: bob@example.test\r\n"
    with pytest.raises(Invalid):
        await sent(house, header.encode())
