"""Putting, removing, copying and moving objects: the one way for every face and the importer.

Content is parsed, checked and packed before the transaction. What a change means to the others of a
meeting is found there too, from the object as it was; where it changed meanwhile all is done anew.
"""

from dataclasses import dataclass

from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.collections.model import (
    NO_CONDITION,
    Condition,
    Item,
)
from pillarbox.pipeline.collections.places import Place
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing


@dataclass(frozen=True, slots=True)
class Manner:
    """How a change is to be made known (RFC 6638 §8.1): `schedule_reply` false sends none."""

    schedule_reply: bool = True


@dataclass(frozen=True, slots=True)
class Stored:
    """An object that was stored; with `as_sent` its content is what the client sent, to the byte.

    `content` is what was stored where it is not.
    """

    item: Item
    created: bool
    as_sent: bool
    content: bytes


class Objects:
    """The objects of whoever acts; one for a process."""

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self._database = database
        self._keys = keys

    async def put(
        self,
        actor: Actor,
        place: Place,
        href: str,
        content: bytes,
        condition: Condition = NO_CONDITION,
        manner: Manner = Manner(),
    ) -> Stored:
        """Store an object under a name, instead of the one there if there is one.

        Raises `ItemInvalid`, `ComponentNotTaken`, `UidTaken`, `PreconditionFailed`, `TooLarge`,
        `OverQuota`, `Denied`, `NotFound` where there is no such collection, and what scheduling
        does not allow.
        """
        raise NotImplementedError

    async def delete(
        self,
        actor: Actor,
        place: Place,
        href: str,
        condition: Condition = NO_CONDITION,
        manner: Manner = Manner(),
    ) -> None:
        """Remove an object; others of a meeting are told. Raises as `put`."""
        raise NotImplementedError

    async def copy(
        self,
        actor: Actor,
        source: tuple[Place, str],
        target: tuple[Place, str],
        overwrite: bool = True,
        condition: Condition = NO_CONDITION,
    ) -> Stored:
        """Store a copy elsewhere; nobody is told. Raises as `put`."""
        raise NotImplementedError

    async def move(
        self,
        actor: Actor,
        source: tuple[Place, str],
        target: tuple[Place, str],
        overwrite: bool = True,
        condition: Condition = NO_CONDITION,
    ) -> Stored:
        """Give an object another name or collection; nobody is told. Raises as `put`."""
        raise NotImplementedError

    async def remove_collection(
        self, actor: Actor, place: Place, manner: Manner = Manner()
    ) -> None:
        """Remove a collection with all objects; others of meetings are told. Raises as `put`."""
        raise NotImplementedError
