"""The domains of contacts: kept until address books change, and what a check makes of them."""

from dataclasses import replace

from kit.checks import arrival
from kit.collections import KEYS, put_card
from pillarbox.base.ids import AccountId
from pillarbox.domain.accounts.model import LocalTarget
from pillarbox.domain.accounts.owned import open_account
from pillarbox.pipeline.inbound.checks import lookalike
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.correspondents import ContactDomains
from pillarbox.pipeline.inbound.checks.lookalike import LookalikeCheck
from pillarbox.storage.db import Database


def coming(author: str, *accounts: AccountId) -> Arrival:
    found = arrival(f"From: {author}\nSubject: x\n\nhello\n")
    (recipient,) = found.recipients
    local = tuple(LocalTarget(one, "x@example.test", None) for one in accounts)
    found.recipients = [replace(recipient, local=local)]
    return found


async def test_kept_until_they_change(database: Database) -> None:
    ann, bob = [await database.write(open_account, 0) for _ in range(2)]
    domains = ContactDomains(database, KEYS)
    assert await domains.of(coming("x@y.test")) == frozenset()
    assert await domains.of(coming("x@y.test", ann)) == frozenset()
    await database.write(put_card, KEYS, ann, "e", "eve@supplier-gmbh.de", "eve@gmail.com")
    first = await domains.of(coming("x@y.test", ann))
    assert first == {"supplier-gmbh.de"}
    assert await domains.of(coming("x@y.test", ann, bob)) is first
    await database.write(put_card, KEYS, bob, "f", "fay@far.test", "x@shop.amazon.com")
    assert await domains.of(coming("x@y.test", ann, bob)) == {"supplier-gmbh.de", "far.test"}
    assert await domains.of(coming("x@y.test", bob)) == {"far.test"}


async def test_what_resembles_a_contact_is_seen(database: Database) -> None:
    async def nothing(*about: object) -> frozenset[str]:
        return frozenset()

    ann = await database.write(open_account, 0)
    check = LookalikeCheck(nothing, nothing, ContactDomains(database, KEYS).of)
    pretender = coming("x@supp1ier-gmbh.de", ann)
    assert list(await check.run(pretender)) == []
    await database.write(put_card, KEYS, ann, "e", "eve@supplier-gmbh.de")
    assert {one.name for one in await check.run(pretender)} == {lookalike.LIKE_KNOWN.name}
    assert list(await check.run(coming("eve@supplier-gmbh.de", ann))) == []
