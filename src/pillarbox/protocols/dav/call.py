"""One request: who makes it, what it is about, and how it is answered."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TypeVar, TypeVarTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.collections.model import Condition
from pillarbox.domain.sharing.principals import Principal
from pillarbox.pipeline.collections.objects import Manner
from pillarbox.pipeline.collections.places import Place
from pillarbox.protocols.dav.errors import DavError
from pillarbox.protocols.dav.options import DavServices
from pillarbox.protocols.dav.paths import Path
from pillarbox.protocols.dav.resources import Resource, find, owner_of
from pillarbox.protocols.dav.view import View
from pillarbox.protocols.http.body import read_body
from pillarbox.storage.tx import Tx
from pillarbox.wire.dav.headers import (
    Depth,
    Etags,
    Preferences,
    StateList,
    parse_depth,
    parse_etags,
    parse_flag,
    parse_if,
    parse_prefer,
    parse_schedule_tag,
)
from pillarbox.wire.dav.hrefs import quoted
from pillarbox.wire.dav.multistatus import CONTENT_TYPE

Ts = TypeVarTuple("Ts")
R = TypeVar("R")

PARSED_AT_ONCE_BYTES = 32 * 1024
HELD_BYTES = 1 << 20
"""Of an answer, before what there is of it is sent."""


@dataclass(slots=True)
class Call:
    """A request of somebody who is logged in; `root` is the prefix that its answers name."""

    services: DavServices
    request: Request
    actor: Actor
    path: Path
    root: str
    _preferences: Preferences | None = field(default=None)

    async def read(self, fn: Callable[[View, *Ts], R], *args: *Ts) -> R:
        """Run `fn` in a thread, in a transaction that sees one state of the database."""
        return await self.services.database.read(self._run, fn, args)

    async def lookup(self, fn: Callable[[View, *Ts], R], *args: *Ts) -> R:
        """Run `fn`, which looks at a few rows."""
        return await self.services.database.lookup(self._run, fn, args)

    async def write(self, fn: Callable[[View, *Ts], R], *args: *Ts) -> R:
        """Run `fn` in a transaction that changes something; it may be run several times."""
        return await self.services.database.write(self._run, fn, args)

    def _run(self, tx: Tx, fn: Callable[..., R], args: tuple[object, ...]) -> R:
        return fn(self.view(tx), *args)

    def view(self, tx: Tx) -> View:
        """What the actor sees in a transaction."""
        services = self.services
        return View(tx, services.keys, self.actor, services.options, self.root)

    async def resource(self) -> Resource:
        """What the request is about; `NotFound` or `Denied`."""
        return await self.lookup(find, self.path)

    def of_collection(self) -> "Call":
        """The same request of the collection that an object is in; the request itself of others."""
        return replace(self, path=self.path.parent) if self.path.href else self

    async def place(self, path: Path | None = None) -> Place:
        """Where the collection is that a path names or is in."""
        path = self.path if path is None else path
        owner = await self.lookup(_owner, path)
        return Place(owner.account_id, path.kind, path.name)

    async def body(self, most_bytes: int | None = None) -> bytes:
        """What the request brings."""
        return await read_body(self.request, most_bytes or self.services.options.body_bytes)

    async def parsed(self, parse: Callable[[bytes], R]) -> R:
        """What the request brings, as `parse` reads it; in a thread where that takes long."""
        body = await self.body()
        if len(body) > PARSED_AT_ONCE_BYTES:
            return await asyncio.to_thread(parse, body)
        return parse(body)

    @property
    def headers(self) -> Mapping[str, str]:
        """The header fields, by their names in lower case."""
        return self.request.headers

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names under which the client may mean this server."""
        host = self.headers.get("host", "").rpartition(":")
        name = host[0] if host[1] and host[2].isdigit() else self.headers.get("host", "")
        return (*self.services.options.hosts, name.lower())

    @property
    def preferences(self) -> Preferences:
        """What the client would like."""
        if self._preferences is None:
            values = self.request.headers.getlist("prefer")
            if self.headers.get("brief", "").strip().lower() == "t":
                values.append("return=minimal")
            self._preferences = parse_prefer(values)
        return self._preferences

    def depth(self, default: Depth) -> Depth:
        """The Depth of the request."""
        return parse_depth(self.headers.get("depth"), default)

    def url(self, path: Path) -> str:
        """A path as it stands in a header field."""
        return quoted(path.written(self.root))

    def manner(self) -> Manner:
        """How others of a meeting are to be told."""
        reply = parse_flag("Schedule-Reply", self.headers.get("schedule-reply"), True)
        return Manner(schedule_reply=reply)

    def with_timezones(self) -> bool:
        """Whether time zones that everybody knows are to be told (RFC 7809 §7.1)."""
        return parse_flag("CalDAV-Timezones", self.headers.get("caldav-timezones"), True)

    async def condition(self) -> Condition:
        """What has to hold for the change; `DavError` (412) where it is known not to."""
        headers = self.headers
        match = _etags(headers.get("if-match"))
        none_match = _etags(headers.get("if-none-match"))
        tag = headers.get("if-schedule-tag-match")
        wanted = None if match is None else _strong(match)
        if "if" in headers:
            wanted = await self._state_lists(parse_if(headers["if"], self.hosts), wanted)
        return Condition(
            wanted,
            None if none_match is None else (*_strong(none_match), *none_match.weak),
            None if tag is None else parse_schedule_tag(tag),
        )

    async def _state_lists(
        self, lists: tuple[StateList, ...], wanted: tuple[str, ...] | None
    ) -> tuple[str, ...] | None:
        """The entity tags an If field asks for; nothing is locked here, so no token holds."""
        etag = await self.lookup(_etag_at, self.path)
        own = self.path.written().rstrip("/")
        tested = False
        for one in lists:
            here = one.path is None or one.path.rstrip("/") == own
            now = etag if here and not one.other_host else None
            holds = all(
                ((now is not None and test.etag == now and not test.weak) != test.negate)
                if test.etag is not None
                else test.negate
                for test in one.tests
            )
            tested = any(test.etag is not None and not test.negate for test in one.tests)
            if holds:
                break
        else:
            raise DavError(HTTPStatus.PRECONDITION_FAILED)
        if not tested or etag is None:
            return wanted
        return (etag,) if wanted is None or etag in wanted or wanted == ("*",) else ()


def _owner(view: View, path: Path) -> Principal:
    return owner_of(view, path)


def _etag_at(view: View, path: Path) -> str | None:
    from pillarbox.base.errors import Failure

    try:
        found = find(view, path)
    except Failure:
        return None
    return None if found.item is None else found.item.etag


def _etags(value: str | None) -> Etags | None:
    return None if value is None else parse_etags(value)


def _strong(etags: Etags) -> tuple[str, ...]:
    return ("*",) if etags.any else etags.strong


class Pieces(Response):
    """An answer whose body is sent piece by piece, without being put together."""

    def __init__(
        self,
        pieces: list[bytes],
        status: int = HTTPStatus.MULTI_STATUS,
        headers: Mapping[str, str] | None = None,
        content_type: str = CONTENT_TYPE,
    ) -> None:
        """`pieces` are let go of as they are sent."""
        length = str(sum(map(len, pieces)))
        self._pieces = pieces
        super().__init__(
            b"", status, {**(headers or {}), "content-type": content_type, "content-length": length}
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        pieces = [] if scope["method"] == "HEAD" else self._pieces
        for at, piece in enumerate(pieces):
            pieces[at] = b""
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class Streamed(Response):
    """An answer that is longer than is good to be held at once."""

    def __init__(
        self, first: list[bytes], rest: AsyncIterator[bytes], headers: Mapping[str, str]
    ) -> None:
        """`first` is sent before `rest` is asked for more."""
        self._first = first
        self._rest = rest
        super().__init__(b"", HTTPStatus.MULTI_STATUS, headers)
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        body = b"".join(self._first)
        self._first.clear()
        await send({"type": "http.response.body", "body": body, "more_body": True})
        async for piece in self._rest:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def multistatus(
    pieces: AsyncIterator[bytes], headers: Mapping[str, str] | None = None
) -> Response:
    """A 207 of these pieces; nothing is sent before there is some, so that failures are told."""
    first: list[bytes] = []
    size_bytes = 0
    headers = {**(headers or {}), "content-type": CONTENT_TYPE}
    async for piece in pieces:
        first.append(piece)
        size_bytes += len(piece)
        if size_bytes >= HELD_BYTES:
            return Streamed(first, pieces, headers)
    return Pieces(first, headers=headers)


def xml_answer(
    body: bytes, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer with an XML body."""
    return Response(body, status, {**(headers or {}), "content-type": CONTENT_TYPE})


def joined_names(names: Iterable[str]) -> str:
    """Names of methods or classes, as a header field lists them."""
    return ", ".join(names)
