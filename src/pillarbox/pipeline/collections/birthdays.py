"""Turning the calendar of birthdays on, with the cards there are, and off."""

from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.collections import collections, homes, listing
from pillarbox.domain.collections.model import ALL_RIGHTS, Access, Collection
from pillarbox.domain.contacts import birthdays
from pillarbox.pipeline.collections.reading import birthdays_of
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

_AT_ONCE = 20


class Birthdays:
    """The calendar of birthdays of whoever acts."""

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self._database = database
        self._keys = keys

    async def turn_on(self, actor: Actor) -> Collection:
        """Make the calendar and fill it from all cards; where it is there, bring it up to date.

        Raises as `collections.create`, and `OverQuota`.
        """
        made = await self._database.write(birthdays.turn_on, self._keys, actor)
        for book in await self._database.read(self._books, actor):
            after: int | None = 0
            while after is not None:
                after = await self._database.write(self._follow, book, after)
        return made

    async def turn_off(self, actor: Actor) -> bool:
        """Remove the calendar; whether there was one."""
        return await self._database.write(self._remove, actor)

    # What runs in transactions.

    def _books(self, tx: Tx, actor: Actor) -> list[Collection]:
        return homes.of_owner(tx, self._keys, actor.account_id, homes.CARD_KINDS)

    def _follow(self, tx: Tx, book: Collection, after: int) -> int | None:
        """Follow some cards; the id to go on behind."""
        cards = listing.contents(tx, self._keys, book, after, _AT_ONCE)
        for card, content in cards:
            birthdays.follow(tx, self._keys, book, card, birthdays_of(content))
        return cards[-1][0].id if len(cards) == _AT_ONCE else None

    def _remove(self, tx: Tx, actor: Actor) -> bool:
        calendar = birthdays.find(tx, self._keys, actor.account_id)
        if calendar is None:
            return False
        collections.remove(tx, Access(calendar, ALL_RIGHTS))
        return True
