"""Published calendars: whoever has the address reads them, without logging in.

What is marked as private or confidential is left out.

One that is not large is put together once for each of its changes, however many ask for it. What
the log tells of these requests holds no token (`http/answering`).
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from pillarbox.base.errors import Busy, GrammarError, NotFound
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.collections import items, links
from pillarbox.domain.collections.model import Collection, CollectionKind
from pillarbox.domain.sharing import principals
from pillarbox.pipeline.collections.exporting import Exporter
from pillarbox.pipeline.collections.places import Place
from pillarbox.protocols.dav.options import DavServices
from pillarbox.protocols.dav.props.sharing import PUBLIC
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx
from pillarbox.wire.dav.headers import parse_etags

KEPT_BYTES: Final = 8 << 20
"""Of calendars that were put together, for all who ask."""
KEPT_ONE_BYTES: Final = 1 << 20
"""Larger ones are put together for each request, a part at a time."""
LARGE_AT_ONCE: Final = 4
FRESH_S: Final = 300
"""So long programs need not ask again."""
TOKEN_CHARACTERS: Final = 100
_NOTHING: Final = "There is no calendar here. Whoever gave you this address may have ended it.\n"
_BUSY: Final = "Too many read large calendars at once; try again later"
_TYPE: Final = "text/calendar; charset=utf-8"


def public_routes(services: DavServices) -> tuple[BaseRoute, ...]:
    """The route of published calendars."""
    calendars = PublicCalendars(services)
    return (Route(PUBLIC + "{token}", calendars.answer, methods=["GET", "HEAD"]),)


@dataclass(frozen=True, slots=True)
class _Found:
    """A published calendar and whose it is."""

    collection: Collection
    owner: Actor
    size_bytes: int

    @property
    def place(self) -> Place:
        return Place(self.owner.account_id, CollectionKind.CALENDAR, self.collection.name)


@dataclass(slots=True)
class _Kept:
    """Calendars as they were put together, those asked for last at the end."""

    contents: OrderedDict[int, tuple[int, bytes]] = field(default_factory=OrderedDict)
    size_bytes: int = 0

    def get(self, collection: Collection) -> bytes | None:
        """A calendar as it is since its newest change."""
        modseq, content = self.contents.get(collection.id, (0, b""))
        if modseq != collection.modseq:
            return None
        self.contents.move_to_end(collection.id)
        return content

    def put(self, collection: Collection, content: bytes) -> None:
        """Keep a calendar instead of what was kept of it, and let go of others for it."""
        _, before = self.contents.pop(collection.id, (0, b""))
        self.contents[collection.id] = (collection.modseq, content)
        self.size_bytes += len(content) - len(before)
        while self.size_bytes > KEPT_BYTES:
            _, (_, gone) = self.contents.popitem(last=False)
            self.size_bytes -= len(gone)


class PublicCalendars:
    """Answers whoever has a link; one for a process."""

    def __init__(self, services: DavServices) -> None:
        self._database = services.database
        self._keys = services.keys
        self._exporter = Exporter(services.database, services.keys)
        self._kept = _Kept()
        self._making: dict[int, asyncio.Lock] = {}
        self._large = 0

    async def answer(self, request: Request) -> Response:
        """Answer a GET or HEAD."""
        token = request.path_params["token"].removesuffix(".ics")[:TOKEN_CHARACTERS]
        found = await self._database.lookup(_found, self._keys, token)
        if found is None:
            return PlainTextResponse(_NOTHING, 404, {"cache-control": "no-store"})
        headers = _headers(found, token)
        if _is_known(request, headers["etag"]):
            return Response(b"", 304, headers)
        if found.size_bytes <= KEPT_ONE_BYTES:
            return Response(await self._whole(found), 200, headers, _TYPE)
        if request.method == "HEAD":
            return Response(b"", 200, headers, _TYPE)
        if self._large >= LARGE_AT_ONCE:
            raise Busy(_BUSY)
        return StreamingResponse(self._parts(found), 200, headers, _TYPE)

    async def _whole(self, found: _Found) -> bytes:
        """A calendar as one text; others who ask meanwhile wait for the same."""
        collection = found.collection
        lock = self._making.setdefault(collection.id, asyncio.Lock())
        try:
            async with lock:
                content = self._kept.get(collection)
                if content is None:
                    parts = self._exporter.run(found.owner, found.place, only_public=True)
                    content = b"".join([part async for part in parts])
                    self._kept.put(collection, content)
                return content
        finally:
            if not lock.locked():
                self._making.pop(collection.id, None)

    async def _parts(self, found: _Found) -> AsyncIterator[bytes]:
        if self._large >= LARGE_AT_ONCE:
            raise Busy(_BUSY)
        self._large += 1
        try:
            async for part in self._exporter.run(found.owner, found.place, only_public=True):
                yield part
        finally:
            self._large -= 1


def _found(tx: Tx, keys: KeyRing, token: str) -> _Found | None:
    collection = links.find(tx, keys, token)
    if collection is None or collection.kind is not CollectionKind.CALENDAR:
        return None
    owner = principals.by_account(tx, collection.account_id)
    if owner is None or not owner.enabled:
        return None
    try:
        _, size_bytes = items.usage(tx, collection)
    except NotFound:
        return None
    return _Found(collection, owner.actor, size_bytes)


def _headers(found: _Found, token: str) -> dict[str, str]:
    collection = found.collection
    tag = hashlib.sha256(f"{token}:{collection.modseq}".encode("utf-8", "replace")).hexdigest()
    name = quote(f"{collection.properties.display_name or collection.name}.ics", safe="")
    return {
        "etag": f'"{tag[:24]}"',
        "cache-control": f"max-age={FRESH_S}",
        "content-disposition": f"inline; filename*=UTF-8''{name}",
        "x-robots-tag": "noindex, nofollow",
    }


def _is_known(request: Request, etag: str) -> bool:
    said = request.headers.get("if-none-match")
    if said is None:
        return False
    try:
        return parse_etags(said).matches(etag.strip('"'), weakly=True)
    except GrammarError:
        return False
