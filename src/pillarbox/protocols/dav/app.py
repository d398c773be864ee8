"""WebDAV, CalDAV and CardDAV as an application: who asks, by which method, and what goes wrong."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from pillarbox.base.errors import Denied, Failure, GrammarError, NotFound
from pillarbox.base.ids import AccountId
from pillarbox.base.log import logger
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.collections import homes
from pillarbox.domain.scheduling.model import SchedulingDenied
from pillarbox.domain.sharing import principals
from pillarbox.domain.sharing.principals import PrincipalKind
from pillarbox.protocols.dav.acl import acl
from pillarbox.protocols.dav.call import Call, joined_names, xml_answer
from pillarbox.protocols.dav.copy_move import copy, move
from pillarbox.protocols.dav.delete import delete
from pillarbox.protocols.dav.errors import DavError, conflict, of_failure
from pillarbox.protocols.dav.get import get
from pillarbox.protocols.dav.methods import DAV_CLASSES, methods_of
from pillarbox.protocols.dav.mkcol import mkcalendar, mkcol
from pillarbox.protocols.dav.options import DavServices
from pillarbox.protocols.dav.paths import PREFIXES, Area, Path, prefix_of, read_path
from pillarbox.protocols.dav.post import post
from pillarbox.protocols.dav.propfind import propfind
from pillarbox.protocols.dav.proppatch import proppatch
from pillarbox.protocols.dav.put import put
from pillarbox.protocols.dav.report.answer import report
from pillarbox.storage.tx import Tx
from pillarbox.wire.dav.hrefs import decoded_path
from pillarbox.wire.dav.multistatus import error_body, missing_privileges_body
from pillarbox.wire.dav.names import D
from pillarbox.wire.dav.xml import XmlError

Handler = Callable[[Call], Awaitable[Response]]

METHODS: Final = MappingProxyType[str, Handler](
    {
        "GET": get,
        "HEAD": get,
        "PUT": put,
        "DELETE": delete,
        "PROPFIND": propfind,
        "PROPPATCH": proppatch,
        "MKCOL": mkcol,
        "MKCALENDAR": mkcalendar,
        "COPY": copy,
        "MOVE": move,
        "POST": post,
        "ACL": acl,
        "REPORT": report,
    }
)
_PRIVILEGES: Final = MappingProxyType(
    {
        "PUT": D + "write-content",
        "DELETE": D + "unbind",
        "PROPPATCH": D + "write-properties",
        "MKCOL": D + "bind",
        "MKCALENDAR": D + "bind",
        "COPY": D + "bind",
        "MOVE": D + "unbind",
        "POST": D + "bind",
        "ACL": D + "write-acl",
    }
)
"""Which privilege a method needs, told where it is missing; the others need DAV:read."""
_MAKING: Final = ("PUT", "MKCOL", "MKCALENDAR")
"""Where there is nothing that could hold it, it is a conflict (RFC 4918 §9.3.1, §9.7.1)."""
REMEMBERED: Final = 10_000
"""Accounts of which it is known that they have their first collections."""

_log = logger("dav")


def dav_routes(services: DavServices) -> tuple[BaseRoute, ...]:
    """The routes of this face."""
    app = DavApp(services)
    return tuple(
        route
        for prefix in PREFIXES
        for route in (Route(prefix, app.endpoint), Route(prefix + "/{path:path}", app.endpoint))
    )


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """An ASGI application, which Starlette gives every method."""

    answer: Callable[[Request], Awaitable[Response]]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        response = await self.answer(request)
        response.status_code = int(response.status_code)
        await response(scope, receive, send)


class DavApp:
    """Answers requests; one for a process."""

    def __init__(self, services: DavServices) -> None:
        self._services = services
        self._opened: set[int] = set()
        self.endpoint = _Endpoint(self.answer)

    async def answer(self, request: Request) -> Response:
        """The answer to a request; raises `Refused` for who is not logged in."""
        method = request.method
        if method == "OPTIONS":
            return self._options(request)
        actor = await self._services.login.actor(request)
        try:
            url = decoded_path(request.scope["raw_path"].decode("ascii", "replace"))
            path, root = read_path(url), prefix_of(url)
        except GrammarError as error:
            return _refusal(DavError(HTTPStatus.BAD_REQUEST, text=error.text))
        except NotFound as failure:
            if method in _MAKING:
                return _refusal(conflict(text=failure.public))
            return _refusal(of_failure(failure))
        call = Call(self._services, request, actor, path, root)
        handler = METHODS.get(method)
        if handler is None:
            return _not_allowed(path)
        try:
            await self._open(actor, path)
            return await handler(call)
        except (DavError, Failure, GrammarError) as error:
            return _refused(call, error)

    def _options(self, request: Request) -> Response:
        """What there is to be had, which is no secret: who may have it is found out later."""
        try:
            path = read_path(decoded_path(request.scope["raw_path"].decode("ascii", "replace")))
        except (GrammarError, NotFound):
            path = Path()
        allowed = joined_names(methods_of(path))
        return Response(b"", HTTPStatus.OK, {"allow": allowed, "dav": DAV_CLASSES})

    async def _open(self, actor: Actor, path: Path) -> None:
        """See that the actor has their first collections, and so the group it is about."""
        database = self._services.database
        if actor.account_id not in self._opened:
            if not await database.lookup(homes.is_open, actor.account_id):
                await database.write(homes.ensure, actor.account_id)
            self._remember(actor.account_id)
        if path.area not in (Area.CALENDARS, Area.CONTACTS) or path.address == actor.address:
            return
        account = await database.lookup(_without_login, path.address)
        if account is not None and account not in self._opened:
            if not await database.lookup(homes.is_open, account):
                await database.write(homes.ensure, account)
            self._remember(account)

    def _remember(self, account: int) -> None:
        if len(self._opened) >= REMEMBERED:
            self._opened.clear()
        self._opened.add(account)


def _without_login(tx: Tx, address: str) -> AccountId | None:
    """The account of a group, room or resource, which nobody logs in to."""
    found = principals.find(tx, address) if address else None
    if found is None or found.kind is PrincipalKind.USER:
        return None
    return found.account_id


def _of_failure(call: Call, failure: Failure) -> DavError:
    collection = call.path.parent if call.path.href else call.path
    is_card = call.path.area is Area.CONTACTS
    return of_failure(failure, is_card, collection.written(call.root))


def _refused(call: Call, error: DavError | Failure | GrammarError) -> Response:
    """The answer to what went wrong."""
    match error:
        case DavError(status=HTTPStatus.METHOD_NOT_ALLOWED):
            return _not_allowed(call.path, error.text)
        case DavError():
            return _refusal(error)
        case XmlError(condition=str(condition)):
            return _refusal(DavError(HTTPStatus.FORBIDDEN, condition, text=error.text))
        case GrammarError():
            return _refusal(DavError(HTTPStatus.BAD_REQUEST, text=error.text))
        case Denied() if not isinstance(error, SchedulingDenied):
            return _missing(call)
    if error.cause is not None:
        _log.warning("refused", method=call.request.method, cause=error.cause)
    return _refusal(_of_failure(call, error))


def _refusal(error: DavError) -> Response:
    headers = {}
    if error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["retry-after"] = "10"
    return xml_answer(error_body(error.conditions, error.text), error.status, headers)


def _missing(call: Call) -> Response:
    privilege = _PRIVILEGES.get(call.request.method, D + "read")
    body = missing_privileges_body([(call.path.written(call.root), privilege)])
    return xml_answer(body, HTTPStatus.FORBIDDEN)


def _not_allowed(path: Path, text: str = "") -> Response:
    allowed = {"allow": joined_names(methods_of(path))}
    body = error_body((), text or "This method is not offered here")
    return xml_answer(body, HTTPStatus.METHOD_NOT_ALLOWED, allowed)
