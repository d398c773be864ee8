"""Routes as rows: adding, changing, listing. Logins and proxies are sealed.

Called by the command line and by `pipeline/outbound/router`, which keeps all routes in memory.
"""

import re
from dataclasses import replace
from ipaddress import ip_address

from msgspec import json as msgspec_json
from sqlalchemy import bindparam, delete, select, update

from pillarbox.base.errors import Exists, GrammarError, Invalid, NotFound
from pillarbox.domain.accounts import names
from pillarbox.domain.routing.model import (
    DIRECT,
    LOCAL,
    Match,
    Protocol,
    Route,
    RouteSecrets,
    RouteTls,
)
from pillarbox.domain.routing.tables import routes
from pillarbox.formats.address import ascii_domain
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Row, Tx

TOPIC = "directory"
"""The bus topic: routes are kept in memory with the rest of the directory."""

MAX_ROUTES = 1000

_KEY_PURPOSE = "routes"
_COLUMNS = tuple(routes.c)
_ALL = Statement(select(*_COLUMNS).order_by(routes.c.id))
_BY_NAME = Statement(select(*_COLUMNS).where(routes.c.name == bindparam("name")))
_INSERT = insert_row(routes)
_DELETE = Statement(delete(routes).where(routes.c.name == bindparam("route")))
_SET_ENABLED = Statement(
    update(routes).where(routes.c.name == bindparam("route")).values(enabled=bindparam("is_on"))
)
_NO_SECRETS = RouteSecrets()
# RFC 5321 §4.1.1.1: a domain or an address literal.
_HELO = re.compile(
    r"(?=.{1,255}\Z)(?:[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*|\[[A-Za-z0-9.:-]+\])"
)


def add(tx: Tx, keys: KeyRing, route: Route) -> Route:
    """Add a route, its names in the directory's spelling.

    Raises `Exists` for a name that is taken, `Invalid` for what can't be.
    """
    route = _checked(route)
    known = tx.all(_ALL)
    if any(row[1] == route.name for row in known):
        raise Exists(f"There is a route {route.name} already")
    if len(known) >= MAX_ROUTES:
        raise Invalid(f"There can be no more than {MAX_ROUTES} routes")
    number = tx.next_id()
    sealed = None
    if route.secrets != _NO_SECRETS:
        plain = msgspec_json.encode(route.secrets)
        sealed = keys.system(_KEY_PURPOSE).seal(plain, number.to_bytes(8, "big"))
    tx.run(
        _INSERT,
        id=number,
        name=route.name,
        recipient_domain=route.match.recipient_domain,
        sender_domain=route.match.sender_domain,
        account_id=route.match.account_id,
        fallback=int(route.fallback),
        host=route.host,
        port=route.port,
        protocol=int(route.protocol),
        tls=int(route.tls),
        exchangers=int(route.exchangers),
        sources=" ".join(route.sources),
        helo=route.helo,
        secrets=sealed,
        enabled=int(route.enabled),
        created_ms=tx.now_ms,
    )
    tx.emit(TOPIC)
    return route


def all_of(tx: Tx, keys: KeyRing) -> tuple[Route, ...]:
    """Every route, in the order they were made."""
    return tuple(_route(keys, row) for row in tx.all(_ALL))


def require(tx: Tx, keys: KeyRing, name: str) -> Route:
    """The route of that name; `NotFound` if there is none."""
    row = tx.one(_BY_NAME, name=name)
    if row is None:
        raise NotFound(f"There is no route {name}; `pillarbox route list` shows those there are")
    return _route(keys, row)


def set_enabled(tx: Tx, name: str, enabled: bool) -> None:
    """Use a route or leave it aside; `NotFound` if there is none of that name."""
    if not tx.run(_SET_ENABLED, route=name, is_on=int(enabled)):
        raise NotFound(f"There is no route {name}")
    tx.emit(TOPIC)


def remove(tx: Tx, name: str) -> None:
    """Forget a route; `NotFound` if there is none of that name."""
    if not tx.run(_DELETE, route=name):
        raise NotFound(f"There is no route {name}")
    tx.emit(TOPIC)


def _checked(route: Route) -> Route:
    name = route.name.strip()
    if not 0 < len(name) <= 100 or not name.isprintable() or name in (DIRECT, LOCAL):
        raise Invalid(f"{name!r} can't be the name of a route")
    match = Match(
        _below(route.match.recipient_domain),
        None if route.match.sender_domain is None else names.domain_key(route.match.sender_domain),
        route.match.account_id,
    )
    if not 1 <= route.port <= 65535:
        raise Invalid(f"{route.port} is no port")
    if route.fallback and route.host is None:
        raise Invalid("A fallback route needs a host")
    if route.secrets.username and route.host is None:
        raise Invalid("A login needs the host it is for")
    if route.helo and not _HELO.fullmatch(route.helo):
        raise Invalid(f"{route.helo!r} can't be a name to greet with")
    if route.secrets.proxy and not _is_proxy(route.secrets.proxy):
        raise Invalid(f"{route.secrets.proxy!r} is no proxy; write it as host:port")
    if route.secrets.username and route.tls in (RouteTls.OFF, RouteTls.OPPORTUNISTIC):
        raise Invalid("A login needs TLS: say required, verified or implicit")
    return replace(
        route,
        name=name,
        match=match,
        host=None if route.host is None else _host(route.host),
        sources=tuple(_ip(source) for source in route.sources),
    )


def _is_proxy(proxy: str) -> bool:
    host, _, port = proxy.rpartition(":")
    if not (port.isascii() and port.isdecimal() and len(port) < 6 and 0 < int(port) < 65536):
        return False
    bare = host.removeprefix("[").removesuffix("]")
    try:
        return bool(ip_address(bare)) and (":" in bare) == host.startswith("[")
    except ValueError:
        return bool(_HELO.fullmatch(host)) and not host.startswith("[")


def _below(domain: str | None) -> str | None:
    if domain is None:
        return None
    if domain.startswith((".", "*.")):
        return "." + names.domain_key(domain.lstrip("*").lstrip("."))
    return names.domain_key(domain)


def _host(host: str) -> str:
    """A name, or an address with or without brackets."""
    bare = host.strip().removeprefix("[").removesuffix("]")
    try:
        return str(ip_address(bare))
    except ValueError:
        pass
    try:
        return ascii_domain(bare.rstrip("."))
    except GrammarError as error:
        raise Invalid(f"{host!r} is not the name or address of a host", str(error)) from error


def _ip(source: str) -> str:
    try:
        return str(ip_address(source))
    except ValueError as error:
        raise Invalid(f"{source!r} is not an IP address") from error


def _route(keys: KeyRing, row: Row) -> Route:
    number, name, recipient, sender, account, fallback, host, port, protocol, tls, *rest = row
    exchangers, sources, helo, sealed, enabled, _ = rest
    secrets = _NO_SECRETS
    if sealed is not None:
        plain = keys.system(_KEY_PURPOSE).open(sealed, number.to_bytes(8, "big"))
        secrets = msgspec_json.decode(plain, type=RouteSecrets)
    return Route(
        name,
        Match(recipient, sender, account),
        bool(fallback),
        host,
        port,
        Protocol(protocol),
        RouteTls(tls),
        bool(exchangers),
        tuple(sources.split()),
        helo,
        secrets,
        bool(enabled),
    )
