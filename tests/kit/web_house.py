"""HTTP over a real listener on loopback, with an application of the test and one user."""

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from kit.clock import FakeClock
from kit.http import HttpWire
from kit.login import FakeLogin
from kit.wire import Wire
from pillarbox.base.ids import AccountId, DomainId
from pillarbox.base.log import logger
from pillarbox.domain.accounts.model import Role, User
from pillarbox.pipeline.login import Login
from pillarbox.protocols.http.body import read_body
from pillarbox.protocols.http.login import HttpLogin
from pillarbox.protocols.http.options import HttpOptions, HttpServices
from pillarbox.protocols.http.session import HttpSession
from pillarbox.protocols.http.web import WebApp
from pillarbox.protocols.stream.budget import InFlight
from pillarbox.protocols.stream.connection import Connection
from pillarbox.protocols.stream.listener import (
    ConnectionLimits,
    LimitOptions,
    Listener,
    ListenerSpec,
)

ALICE = "alice@example.test"
MOST_BYTES = 1 << 20
USER = User(AccountId(1), DomainId(1), ALICE, "", Role.USER, True, 0, 0, 0)


@dataclass
class WebHouse:
    """Starts with `async with`. Its application answers:

    `/echo` what was sent, `/who` who logged in, `/other` the same of another face, `/held` once
    `held` is set, `/large` 16 MiB in pieces, `/early` without looking at the body, `/broken` not at
    all.
    """

    options: HttpOptions = field(default_factory=HttpOptions)
    in_flight: InFlight = field(default_factory=InFlight)
    login: FakeLogin = field(default_factory=lambda: FakeLogin({ALICE: USER}))
    held: asyncio.Event = field(default_factory=asyncio.Event)
    began: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[str] = field(default_factory=list)
    sent_pieces: int = 0
    port: int = 0
    listener: Listener | None = None
    _wires: list[Wire] = field(default_factory=list)

    def app(self) -> WebApp:
        """The application."""
        return WebApp(self._routes())

    async def open(self) -> HttpWire:
        """A client."""
        return HttpWire(await self.connect())

    async def connect(self) -> Wire:
        """A connection; it is closed when the house is."""
        wire = await Wire.open(self.port)
        self._wires.append(wire)
        return wire

    async def raw(self, data: bytes) -> bytes:
        """What the server says to these bytes until it closes; the client closes its side first."""
        async with await Wire.open(self.port) as wire:
            await wire.send(data)
            wire.writer.write_eof()
            return await wire.rest()

    async def __aenter__(self) -> "WebHouse":
        login = cast(Login, self.login)
        services = HttpServices(login, FakeClock(), self.in_flight, self.options)

        async def serve(connection: Connection) -> None:
            await HttpSession(connection, services, self.app).run()

        bound = socket.create_server(("127.0.0.1", 0))
        self.port = bound.getsockname()[1]
        limits = ConnectionLimits(LimitOptions(), lambda ip: False)
        spec = ListenerSpec("test", (bound,), False, None, serve)
        self.listener = Listener(spec, limits, logger("test"))
        await self.listener.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for wire in self._wires:
            await wire.__aexit__()
        if self.listener is not None:
            await self.listener.drain(0.1)

    def _routes(self) -> Sequence[BaseRoute]:
        login = HttpLogin(cast(Login, self.login), "dav")
        other = HttpLogin(cast(Login, self.login), "other")

        async def echo(request: Request) -> Response:
            body = await read_body(request, MOST_BYTES)
            self.asked.append(request.url.path)
            return Response(body)

        async def who(request: Request) -> Response:
            asked = other if request.url.path == "/other" else login
            return PlainTextResponse((await asked.actor(request)).address)

        async def held(request: Request) -> Response:
            self.asked.append(request.url.query)
            self.began.set()
            await self.held.wait()
            return PlainTextResponse("held " + request.url.query)

        async def large(request: Request) -> Response:
            async def pieces() -> Any:
                self.began.set()
                for _ in range(256):
                    self.sent_pieces += 1
                    yield bytes(65536)

            return StreamingResponse(pieces())

        async def early(request: Request) -> Response:
            self.asked.append(request.url.path)
            return PlainTextResponse("no", 403)

        async def broken(request: Request) -> Response:
            raise ValueError("a fault of ours")

        methods = ["GET", "PUT", "POST"]
        found = {"echo": echo, "who": who, "held": held, "large": large, "early": early}
        return [
            Route("/calendars/public/{key}", early),
            Route("/other", who),
            *(
                Route(f"/{name}", function, methods=methods)
                for name, function in {**found, "broken": broken}.items()
            ),
        ]


def quick(**changed: float) -> HttpOptions:
    """Options of a server that waits half a second for anything."""
    names = ("keep_alive_s", "head_timeout_s", "body_silence_s", "body_grace_s")
    return replace(HttpOptions(), **dict.fromkeys(names, 0.5) | changed)
