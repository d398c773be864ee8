"""The directory of a domain as an address book."""

from dataclasses import dataclass

import pytest

from pillarbox.base.errors import NotFound
from pillarbox.domain.accounts import resources, users
from pillarbox.domain.accounts.model import Actor, Role, User
from pillarbox.domain.accounts.resources import ResourceKind
from pillarbox.domain.collections.model import TokenForgotten
from pillarbox.domain.contacts import directory
from pillarbox.domain.contacts.directory import DirectoryCard
from pillarbox.domain.policy import policies
from pillarbox.domain.sharing import groups
from pillarbox.formats.vcard.card import check_card, parse_card
from pillarbox.formats.vcard.facts import CardFacts, facts_of
from pillarbox.storage.db import Database


def actor_of(user: User) -> Actor:
    return Actor(user.account_id, user.address, user.domain_id, user.role)


@dataclass
class Firm:
    """ann, bob, a group with both and a room at example.org; carl at example.net."""

    database: Database
    ann: User
    bob: User
    carl: User

    async def cards(self, who: User | None = None) -> list[DirectoryCard]:
        return await self.database.read(directory.list_of, actor_of(who or self.ann))

    async def one(self, href: str, who: User | None = None) -> DirectoryCard | None:
        return await self.database.read(directory.find, actor_of(who or self.ann), href)

    async def facts(self, href: str) -> CardFacts:
        card = await self.one(href)
        assert card is not None
        return facts_of(parse_card(card.content))

    async def policy(self, domain: str, wanted: str) -> None:
        await self.database.write(policies.set_values, domain, {"directory_enabled": wanted})


@pytest.fixture
async def firm(database: Database, add_user) -> Firm:
    people = [
        await database.write(add_user, address)
        for address in ("ann@example.org", "bob@example.org", "carl@example.net")
    ]
    team = await database.write(groups.create, "team@example.org")
    for user in people:
        await database.write(groups.add_member, team, user)
    await database.write(resources.create, "room@example.org", "Room 1", ResourceKind.ROOM)
    await database.write(resources.create, "van@example.org", "Van", ResourceKind.RESOURCE)
    return Firm(database, *people)


async def test_everybody_of_the_domain(firm: Firm) -> None:
    cards = await firm.cards()
    assert [card.item.href for card in cards] == [
        *("ann@example.org.vcf", "bob@example.org.vcf", "room@example.org.vcf"),
        *("team@example.org.vcf", "van@example.org.vcf"),
    ]
    for card in cards:
        found = parse_card(card.content)
        check_card(found)
        assert found.value("UID") == card.item.facts.uid
        assert card.item.size_bytes == len(card.content)
        assert card.item.facts.addresses == (card.item.href.removesuffix(".vcf"),)
        # By name it is the same card.
        assert await firm.one(card.item.href) == card
    assert len({card.item.facts.uid for card in cards}) == len(cards)
    assert [card.item.href for card in await firm.cards(firm.carl)] == ["carl@example.net.vcf"]


async def test_kinds_and_members(firm: Firm) -> None:
    team = await firm.facts("team@example.org.vcf")
    assert (team.kind, team.name) == ("group", "team")
    ann, bob = await firm.facts("ann@example.org.vcf"), await firm.facts("bob@example.org.vcf")
    # Somebody of another domain is not in this directory.
    assert team.members == (f"urn:uuid:{ann.uid}", f"urn:uuid:{bob.uid}")
    room = await firm.facts("room@example.org.vcf")
    assert (room.kind, room.name, room.emails) == ("location", "Room 1", ("room@example.org",))
    assert (await firm.facts("van@example.org.vcf")).kind == "device"


@pytest.mark.parametrize(
    "href",
    [
        *("carl@example.net.vcf", "nobody@example.org.vcf", "ann@example.org", "ann.vcf", ".vcf"),
        *("ANN@example.org.vcf", "", "a\0b@example.org.vcf", "\ud800@example.org.vcf", "@.vcf"),
    ],
)
async def test_what_is_not_in_it(firm: Firm, href: str) -> None:
    assert await firm.one(href) is None


async def test_some_by_name(firm: Firm) -> None:
    hrefs = ["bob@example.org.vcf", "carl@example.net.vcf", "ann@example.org.vcf"]
    found = await firm.database.read(directory.read, actor_of(firm.ann), hrefs)
    assert [card.item.href for card in found] == [hrefs[0], hrefs[2]]


async def test_changes_are_seen(firm: Firm) -> None:
    before = await firm.cards()
    token = directory.token_of(before)
    assert await firm.cards() == before
    directory.check_token(await firm.cards(firm.bob), token)
    await firm.database.write(users.set_enabled, firm.bob.account_id, False)
    after = await firm.cards()
    assert [card.item.href for card in after] == [
        card.item.href for card in before if card.item.href != "bob@example.org.vcf"
    ]
    with pytest.raises(TokenForgotten):
        directory.check_token(after, token)
    tags = {card.item.href: card.item.etag for card in before}
    changed = [card.item.href for card in after if tags[card.item.href] != card.item.etag]
    assert changed == ["team@example.org.vcf"]
    assert await firm.one("bob@example.org.vcf") is None


async def test_who_comes_anew_is_somebody_else(firm: Firm, add_user) -> None:
    before = await firm.facts("bob@example.org.vcf")
    await firm.database.write(users.delete, firm.bob.account_id)
    await firm.database.write(add_user, "bob@example.org")
    assert (await firm.facts("bob@example.org.vcf")).uid != before.uid


async def test_a_domain_may_turn_it_off(firm: Firm) -> None:
    actor = actor_of(firm.ann)
    assert await firm.database.read(directory.is_open, actor)
    await firm.policy("example.org", "off")
    assert not await firm.database.read(directory.is_open, actor)
    for call, rest in (
        (directory.list_of, ()),
        (directory.find, ("ann@example.org.vcf",)),
        (directory.read, (["ann@example.org.vcf"],)),
    ):
        with pytest.raises(NotFound):
            await firm.database.read(call, actor, *rest)
    assert await firm.cards(firm.carl)
    await firm.policy("_default", "off")
    with pytest.raises(NotFound):
        await firm.cards(firm.carl)
    await firm.policy("example.org", "on")
    assert await firm.cards()


async def test_it_can_be_bounded(firm: Firm) -> None:
    found = await firm.database.read(directory.list_of, actor_of(firm.ann), 2)
    assert [card.item.href for card in found] == ["ann@example.org.vcf", "bob@example.org.vcf"]


async def test_names_are_shown(firm: Firm) -> None:
    await firm.database.write(users.create, "dora@example.org", "hash", "Dora Lind", Role.USER, 0)
    facts = await firm.facts("dora@example.org.vcf")
    assert (facts.name, facts.family_name, facts.given_name) == ("Dora Lind", "Lind", "Dora")
    assert (await firm.facts("ann@example.org.vcf")).name == "ann"
