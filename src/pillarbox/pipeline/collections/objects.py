"""Putting, removing, copying and moving objects: the one way for every face and the importer.

Content is parsed, checked and packed before the transaction. What a change means to the others of a
meeting is found there too, from the object as it was; where it changed meanwhile all is done anew.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from pillarbox.base.errors import Busy
from pillarbox.base.ids import AccountId
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.collections import items, listing
from pillarbox.domain.collections.model import (
    NO_CONDITION,
    Access,
    CollectionKind,
    Condition,
    Item,
    PreconditionFailed,
    Right,
    ScheduleTag,
)
from pillarbox.domain.collections.prepare import Prepared, prepare
from pillarbox.domain.contacts import birthdays
from pillarbox.domain.scheduling.model import SchedulingDenied
from pillarbox.pipeline.collections.places import Place
from pillarbox.pipeline.collections.reading import Reader, Reading, birthdays_of
from pillarbox.pipeline.collections.storing import remove_collection, store
from pillarbox.pipeline.scheduling.scheduling import Plan, Scheduling
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

TRIES = 4
MEETINGS_TOLD = 1000
"""Of a calendar that goes: for so many of its meetings the others are told."""

R = TypeVar("R")

_UNIQUE = "unique-scheduling-object-resource"


@dataclass(frozen=True, slots=True)
class Manner:
    """How a change is to be made known (RFC 6638 §8.1): without `schedule_reply` none is sent."""

    schedule_reply: bool = True


IN_THE_USUAL_MANNER = Manner()


@dataclass(frozen=True, slots=True)
class Stored:
    """An object that was stored; with `as_sent` its content is what the client sent, to the byte.

    `content` is what was stored.
    """

    item: Item
    created: bool
    as_sent: bool
    content: bytes


@dataclass(frozen=True, slots=True)
class _Before:
    """What was under a name: nothing, or an object with its content; and whose it is."""

    owner: AccountId
    item: Item | None
    content: bytes | None

    @property
    def unchanged(self) -> Condition:
        """That nobody changed it meanwhile."""
        if self.item is None:
            return Condition(if_none_match=("*",))
        return Condition(if_match=(self.item.etag,))


class _IsMeeting(Exception):
    """What is there, or would go, is a meeting: others have to be told."""


class Objects:
    """The objects of whoever acts; one for a process."""

    def __init__(self, database: Database, keys: KeyRing, scheduling: Scheduling) -> None:
        self._database = database
        self._keys = keys
        self._scheduling = scheduling
        self._reader = Reader()

    async def put(
        self,
        actor: Actor,
        place: Place,
        href: str,
        content: bytes,
        condition: Condition = NO_CONDITION,
        manner: Manner = IN_THE_USUAL_MANNER,
    ) -> Stored:
        """Store an object under a name, instead of the one there if there is one.

        Raises `ItemInvalid`, `ComponentNotTaken`, `UidTaken`, `PreconditionFailed`, `TooLarge`,
        `OverQuota`, `Denied`, `NotFound` where there is no such collection, `SchedulingDenied`,
        and `Busy`.
        """
        reading = await self._reader.read(place.kind, content)
        if not reading.is_meeting:
            try:
                put = await self._database.write(
                    self._put_plain, actor, place, href, reading, condition
                )
                return Stored(put.item, put.created, True, content)
            except _IsMeeting:
                pass

        async def change(before: _Before, plan: Plan) -> Stored:
            kept, prepared = content, reading.prepared
            if not plan.as_sent and plan.content is not None:
                kept = plan.content
                prepared = await asyncio.to_thread(prepare, prepared.facts, kept)
            put = await self._database.write(
                self._put_planned, actor, place, href, prepared, before, plan
            )
            return Stored(put.item, put.created, plan.as_sent, kept)

        return await self._planned(actor, place, href, content, condition, manner, change)

    async def delete(
        self,
        actor: Actor,
        place: Place,
        href: str,
        condition: Condition = NO_CONDITION,
        manner: Manner = IN_THE_USUAL_MANNER,
    ) -> None:
        """Remove an object; others of a meeting are told. Raises as `put`."""
        try:
            await self._database.write(self._delete_plain, actor, place, href, condition)
            return
        except _IsMeeting:
            pass

        async def change(before: _Before, plan: Plan) -> None:
            await self._database.write(self._delete_planned, actor, place, href, before, plan)

        await self._planned(actor, place, href, None, condition, manner, change)

    async def copy(
        self,
        actor: Actor,
        source: tuple[Place, str],
        target: tuple[Place, str],
        overwrite: bool = True,
        condition: Condition = NO_CONDITION,
    ) -> items.Put:
        """Store a copy elsewhere; nobody is told. Raises as `put`, and `Taken`."""
        return await self._database.write(
            self._transfer, actor, source, target, overwrite, condition, False
        )

    async def move(
        self,
        actor: Actor,
        source: tuple[Place, str],
        target: tuple[Place, str],
        overwrite: bool = True,
        condition: Condition = NO_CONDITION,
    ) -> items.Put:
        """Give an object another name or collection; nobody is told. Raises as `copy`."""
        return await self._database.write(
            self._transfer, actor, source, target, overwrite, condition, True
        )

    async def remove_collection(
        self, actor: Actor, place: Place, manner: Manner = IN_THE_USUAL_MANNER
    ) -> None:
        """Remove a collection with all objects; others of meetings are told. Raises as `put`."""
        owner, meetings = await self._database.read(self._meetings, actor, place)
        plans = [
            await self._scheduling.plan(owner, content, None, reply=manner.schedule_reply)
            for content in meetings
        ]
        await self._database.write(self._remove_collection, actor, place, plans)
        if any(plan.messages for plan in plans):
            await self._scheduling.settle(owner)

    async def _planned(
        self,
        actor: Actor,
        place: Place,
        href: str,
        content: bytes | None,
        condition: Condition,
        manner: Manner,
        change: Callable[[_Before, Plan], Awaitable[R]],
    ) -> R:
        """Change an object as it means for others, and tell them; anew where it has changed."""
        for _ in range(TRIES):
            before = await self._before(actor, place, href, condition, Right.WRITE)
            plan = await self._scheduling.plan(
                before.owner, before.content, content, reply=manner.schedule_reply
            )
            try:
                done = await change(before, plan)
            except PreconditionFailed:
                continue
            if plan.messages:
                await self._scheduling.settle(before.owner)
            return done
        raise Busy("The meeting is being changed by others; try again")

    async def _before(
        self, actor: Actor, place: Place, href: str, condition: Condition, right: Right
    ) -> _Before:
        """What is under a name now; raises `PreconditionFailed` as the client wants it."""
        before = await self._database.read(self._look, actor, place, href, right)
        items.check(condition, before.item)
        return before

    # What runs in transactions.

    def _look(self, tx: Tx, actor: Actor, place: Place, href: str, right: Right) -> _Before:
        access = place.require(tx, self._keys, actor, right)
        found = listing.read(tx, self._keys, access.collection, [href])
        item, content = found[0] if found else (None, None)
        return _Before(access.collection.account_id, item, content)

    def _put_plain(
        self,
        tx: Tx,
        actor: Actor,
        place: Place,
        href: str,
        reading: Reading,
        condition: Condition,
    ) -> items.Put:
        access = place.require(tx, self._keys, actor, Right.WRITE)
        put = store(tx, self._keys, access, href, reading, condition)
        if put.before is not None and put.before.schedule_tag is not None:
            raise _IsMeeting
        return put

    def _put_planned(
        self,
        tx: Tx,
        actor: Actor,
        place: Place,
        href: str,
        prepared: Prepared,
        before: _Before,
        plan: Plan,
    ) -> items.Put:
        access = place.require(tx, self._keys, actor, Right.WRITE)
        tag = ScheduleTag.NONE
        if plan.is_scheduled:
            tag = ScheduleTag.NEW
            self._require_unique(tx, access, href, prepared.facts.uid)
        put = items.put(tx, self._keys, access, href, prepared, before.unchanged, tag=tag)
        self._scheduling.note(tx, before.owner, plan)
        return put

    def _require_unique(self, tx: Tx, access: Access, href: str, uid: str) -> None:
        """Raise `SchedulingDenied` where another calendar of the owner has the meeting."""
        collection = access.collection
        kind = CollectionKind.CALENDAR
        for item in listing.everywhere(tx, self._keys, collection.account_id, kind, uid):
            if (item.collection_id, item.href) != (collection.id, href):
                text = "The meeting is in another calendar or under another name already"
                raise SchedulingDenied(text, _UNIQUE)

    def _delete_plain(
        self, tx: Tx, actor: Actor, place: Place, href: str, condition: Condition
    ) -> None:
        access = place.require(tx, self._keys, actor, Right.WRITE)
        gone = items.delete(tx, self._keys, access, href, condition)
        birthdays.follow(tx, self._keys, access.collection, gone.item)
        if gone.item.schedule_tag is not None and place.kind is CollectionKind.CALENDAR:
            raise _IsMeeting

    def _delete_planned(
        self, tx: Tx, actor: Actor, place: Place, href: str, before: _Before, plan: Plan
    ) -> None:
        access = place.require(tx, self._keys, actor, Right.WRITE)
        items.delete(tx, self._keys, access, href, before.unchanged)
        self._scheduling.note(tx, before.owner, plan)

    def _transfer(
        self,
        tx: Tx,
        actor: Actor,
        source: tuple[Place, str],
        target: tuple[Place, str],
        overwrite: bool,
        condition: Condition,
        moving: bool,
    ) -> items.Put:
        keys = self._keys
        here = source[0].require(tx, keys, actor, Right.WRITE if moving else Right.READ)
        there = target[0].require(tx, keys, actor, Right.WRITE)
        transfer = items.move if moving else items.copy
        put = transfer(tx, keys, here, source[1], there, target[1], overwrite, condition)
        if there.collection.kind is CollectionKind.ADDRESS_BOOK:
            if put.before is not None:
                birthdays.follow(tx, keys, there.collection, put.before)
            if moving:
                birthdays.follow(tx, keys, here.collection, put.item)
            if birthdays.is_on(tx, there.collection.account_id):
                # The card as it is now: what was read before may have changed meanwhile.
                for item, content in listing.read(tx, keys, there.collection, [target[1]]):
                    birthdays.follow(tx, keys, there.collection, item, birthdays_of(content))
        return put

    def _meetings(self, tx: Tx, actor: Actor, place: Place) -> tuple[AccountId, list[bytes]]:
        access = place.require(tx, self._keys, actor, Right.ADMIN)
        collection = access.collection
        found: list[bytes] = []
        if collection.kind is not CollectionKind.CALENDAR:
            return collection.account_id, found
        hrefs = [
            item.href
            for item in listing.list_of(tx, self._keys, collection)
            if item.schedule_tag is not None
        ]
        read = listing.read(tx, self._keys, collection, hrefs[:MEETINGS_TOLD])
        return collection.account_id, [content for _, content in read]

    def _remove_collection(self, tx: Tx, actor: Actor, place: Place, plans: list[Plan]) -> None:
        access = place.require(tx, self._keys, actor, Right.ADMIN)
        remove_collection(tx, self._keys, access)
        for plan in plans:
            self._scheduling.note(tx, access.collection.account_id, plan)
