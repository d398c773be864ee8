"""The one HTTP application: the routes of all faces, and what holds for every answer.

Made by `app/web` from the routes that the faces give. A face's handlers get Starlette's `Request`,
give a `Response` and may raise any `Failure` or `Refused`. Who logged in says
`http/login.HttpLogin.actor(request)`, what was sent `http/body.read_body(request, most_bytes)`, and
where it came from `http/visit.visit_of(request)`.

Paths: `request.scope["raw_path"]` is the path as it was sent (bytes, percent-encoded, without the
query). Starlette matches the decoded `path`, in which an encoded slash is a slash.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from pillarbox.base.errors import Failure
from pillarbox.protocols.http.errors import Refused, refused

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

DAV_ROOT = "/dav/"
WELL_KNOWN = ("/.well-known/caldav", "/.well-known/carddav")
GREETING = (
    "This is a pillarbox mail server.\n"
    "Calendars, contacts and tasks: add an account with your address in your program, or give it\n"
    "this server's name.\n"
)


class WebApp:
    """An ASGI application of these routes; the first that fits a path has it."""

    def __init__(self, routes: Sequence[BaseRoute] = ()) -> None:
        self._app = Starlette(
            routes=[*routes, *own_routes()],
            exception_handlers={Refused: _answer_refused, Failure: _answer_failure},
        )

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["path"] == "*":  # only OPTIONS has that, and asks nothing of any resource
            await Response(status_code=204)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def own_routes() -> tuple[BaseRoute, ...]:
    """What a server answers without any face, where those have no other answer."""
    return (
        Route("/", _greet, methods=["GET"]),
        Route("/", _ToDav(), methods=["PROPFIND"]),
        Route("/healthz", _health, methods=["GET"]),
        *(Route(path, _ToDav()) for path in WELL_KNOWN),
    )


class _ToDav:
    """Leads every method to the root of DAV (RFC 6764 §5); nobody has to log in for that."""

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        await RedirectResponse(DAV_ROOT, 301)(scope, receive, send)


async def _greet(request: Request) -> Response:
    return PlainTextResponse(GREETING)


async def _health(request: Request) -> Response:
    return PlainTextResponse("ok\n", headers={"Cache-Control": "no-store"})


async def _answer_refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, Refused):
        raise error
    return error.response()


async def _answer_failure(request: Request, error: Exception) -> Response:
    if not isinstance(error, Failure):
        raise error
    return refused(error).response()
