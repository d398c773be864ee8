"""Managed attachments: stored beside an event, which is changed to refer to them (RFC 8607).

The attachment is stored first, then the event is put: what nothing refers to is swept later, so
nothing is lost or left over whenever the process stops.
"""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from pillarbox.base.clock import Clock
from pillarbox.base.errors import Busy, NotFound, TooLarge
from pillarbox.base.ids import AccountId, BlobId
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.collections import attachments, items, listing
from pillarbox.domain.collections.attachments import (
    MAX_BYTES,
    MAX_OF_OBJECT,
    Attachment,
)
from pillarbox.domain.collections.model import (
    Condition,
    Item,
    ItemInvalid,
    PreconditionFailed,
    Right,
)
from pillarbox.formats.ical.attachments import (
    NoSuchInstance,
    attachment_line,
    managed_ids,
    with_attachment,
    with_exchanged,
    without_attachment,
)
from pillarbox.formats.ical.component import Component, parse_calendar
from pillarbox.pipeline.collections.objects import IN_THE_USUAL_MANNER, Manner, Objects, Stored
from pillarbox.pipeline.collections.places import Place
from pillarbox.storage.blobs.sealed import SealedBlob, seal, unseal
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

PATH = "/calendars/attachments/"
SWEEP_EVERY_S = 3600
UNUSED_FOR_MS = 24 * 3_600_000
"""What was made so recently is left alone: its event may be on its way."""
TRIES = 4


@dataclass(frozen=True, slots=True)
class File:
    """What is to be attached."""

    content: bytes
    filename: str
    media_type: str


@dataclass(frozen=True, slots=True)
class Target:
    """The object that is changed; an instance is named by its recurrence id in `rids`."""

    place: Place
    href: str
    condition: Condition
    rids: tuple[str, ...] = ()
    manner: Manner = IN_THE_USUAL_MANNER


class Attachments:
    """Attaches files for whoever acts; one for a process. `hostname` is in their addresses."""

    def __init__(self, database: Database, keys: KeyRing, objects: Objects, hostname: str) -> None:
        self._database = database
        self._keys = keys
        self._objects = objects
        self._hostname = hostname

    async def add(self, actor: Actor, target: Target, file: File) -> tuple[Stored, str]:
        """Attach a file; what was stored, and the id of the attachment.

        Raises as `Objects.put`; `TooLarge`, `ItemInvalid` with the rules of RFC 8607 §3.4.3.
        """
        made = await self._made(actor, target, file)
        line = attachment_line(
            self._url(made), made.managed_id, made.filename, made.media_type, made.size_bytes
        )
        return await self._changed(
            actor, target, lambda calendar: with_attachment(calendar, line, target.rids), made
        )

    async def update(
        self, actor: Actor, target: Target, managed_id: str, file: File
    ) -> tuple[Stored, str]:
        """Exchange an attachment for a new one, which has another id; raises as `add`."""
        await self._require(actor, target, managed_id)
        made = await self._made(actor, target, file)
        line = attachment_line(
            self._url(made), made.managed_id, made.filename, made.media_type, made.size_bytes
        )
        return await self._changed(
            actor, target, lambda calendar: with_exchanged(calendar, managed_id, line), made
        )

    async def remove(self, actor: Actor, target: Target, managed_id: str) -> Stored:
        """Take an attachment off an object; raises as `add`."""
        await self._require(actor, target, managed_id)
        stored, _ = await self._changed(
            actor, target, lambda calendar: without_attachment(calendar, managed_id, target.rids)
        )
        return stored

    async def read(self, token: str) -> tuple[Attachment, bytes] | None:
        """The attachment at an address, whoever asks."""
        found = await self._database.read(attachments.find, self._keys, token)
        if found is None:
            return None
        attachment, data = found
        content = await asyncio.to_thread(unseal, attachment.sealed_as, attachment.key, data)
        return attachment, content

    def _url(self, attachment: Attachment) -> str:
        name = quote(attachment.filename, safe="")
        return f"https://{self._hostname}{PATH}{attachment.token}/{name}"

    async def _require(self, actor: Actor, target: Target, managed_id: str) -> None:
        _, content = await self._database.read(self._look, actor, target)
        if managed_id not in managed_ids(parse_calendar(content)):
            raise ItemInvalid("The object has no such attachment", "valid-managed-id-parameter")

    async def _made(self, actor: Actor, target: Target, file: File) -> Attachment:
        if len(file.content) > MAX_BYTES:
            raise TooLarge(f"An attachment has {MAX_BYTES >> 20} MB at most")
        item, _ = await self._database.read(self._look, actor, target)
        items.check(target.condition, item)
        sealed = await asyncio.to_thread(seal, BlobId(secrets.randbits(63)), file.content)
        return await self._database.write(self._add, actor, target, file, item.facts.uid, sealed)

    async def _changed(
        self,
        actor: Actor,
        target: Target,
        change: Callable[[Component], Component],
        made: Attachment | None = None,
    ) -> tuple[Stored, str]:
        """Put the object as `change` makes it; what was made for it goes if that is refused."""
        try:
            stored = await self._put(actor, target, change)
        except BaseException:
            if made is not None:
                await asyncio.shield(self._forget(made.id, made.account_id))
            raise
        return stored, "" if made is None else made.managed_id

    async def _put(
        self, actor: Actor, target: Target, change: Callable[[Component], Component]
    ) -> Stored:
        for _ in range(TRIES):
            item, content = await self._database.read(self._look, actor, target)
            items.check(target.condition, item)
            changed = await asyncio.to_thread(_written, content, change)
            try:
                return await self._objects.put(
                    actor,
                    target.place,
                    target.href,
                    changed,
                    Condition(if_match=(item.etag,)),
                    target.manner,
                )
            except PreconditionFailed:
                continue
        raise Busy("The event is being changed by others; try again")

    async def _forget(self, attachment: int, owner: AccountId) -> None:
        await self._database.write(attachments.remove, attachment, owner)

    # What runs in transactions.

    def _look(self, tx: Tx, actor: Actor, target: Target) -> tuple[Item, bytes]:
        access = target.place.require(tx, self._keys, actor, Right.WRITE)
        found = listing.read(tx, self._keys, access.collection, [target.href])
        if not found:
            raise NotFound("There is no such object")
        return found[0]

    def _add(
        self, tx: Tx, actor: Actor, target: Target, file: File, uid: str, sealed: SealedBlob
    ) -> Attachment:
        access = target.place.require(tx, self._keys, actor, Right.WRITE)
        return attachments.add(tx, self._keys, access, uid, sealed, file.filename, file.media_type)


@dataclass(frozen=True, slots=True)
class Sweeping:
    """Removes attachments that no event refers to any longer; a periodic job."""

    database: Database
    keys: KeyRing
    clock: Clock

    async def run(self) -> None:
        """Look at all of them; may be stopped and begun again at any point."""
        before_ms = self.clock.now_ms() - UNUSED_FOR_MS
        after: int | None = 0
        while after is not None:
            gone, after = await self.database.read(attachments.unused, self.keys, after, before_ms)
            for one in gone:
                await self.database.write(attachments.remove, one.id, one.account_id)


def _written(content: bytes, change: Callable[[Component], Component]) -> bytes:
    try:
        calendar = change(parse_calendar(content))
    except NoSuchInstance as error:
        raise ItemInvalid(error.text, "valid-rid-parameter") from error
    if len(managed_ids(calendar)) > MAX_OF_OBJECT:
        text = f"An event has {MAX_OF_OBJECT} attachments at most"
        raise ItemInvalid(text, "max-attachments-per-resource")
    return calendar.written()
