"""Routes: which fits a message, how they are kept, what is refused."""

import pytest
from sqlalchemy import select

from pillarbox.base.errors import Exists, Invalid, NotFound
from pillarbox.base.ids import AccountId
from pillarbox.domain.routing import routes
from pillarbox.domain.routing.model import Match, Protocol, Route, RouteSecrets, RouteTls, choose
from pillarbox.domain.routing.tables import routes as routes_table
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

KEYS = KeyRing({1: b"k" * 32})
ANN = AccountId(7)


def relay(name: str, **match: object) -> Route:
    return Route(name, Match(**match), host="relay.example")  # type: ignore[arg-type]


class TestChoose:
    ROUTES = (
        relay("all"),
        relay("sender", sender_domain="home.example"),
        relay("user", account_id=ANN),
        relay("below", recipient_domain=".example.org"),
        relay("deeper", recipient_domain=".sub.example.org"),
        relay("name", recipient_domain="a.sub.example.org"),
        relay("both", recipient_domain="a.sub.example.org", sender_domain="home.example"),
    )

    @pytest.mark.parametrize(
        ("recipient", "sender", "account", "name"),
        [
            ("elsewhere.net", "x.example", None, "all"),
            ("elsewhere.net", "home.example", None, "sender"),
            ("elsewhere.net", "home.example", ANN, "user"),
            ("elsewhere.net", "home.example", AccountId(8), "sender"),
            ("b.example.org", "home.example", ANN, "below"),
            ("example.org", "x.example", None, "all"),
            ("notexample.org", "x.example", None, "all"),
            ("b.sub.example.org", "x.example", None, "deeper"),
            ("a.sub.example.org", "x.example", ANN, "name"),
            ("a.sub.example.org", "home.example", None, "both"),
        ],
    )
    def test_the_closest_wins(
        self, recipient: str, sender: str, account: AccountId | None, name: str
    ) -> None:
        found = choose(self.ROUTES, recipient, sender, account)
        assert found is not None
        assert found.name == name

    def test_the_first_of_two_alike(self) -> None:
        found = choose((relay("one"), relay("two")), "x.example", "", None)
        assert found is not None
        assert found.name == "one"

    def test_fallbacks_are_chosen_apart(self) -> None:
        spare = Route("spare", fallback=True, host="relay.example")
        assert choose((spare,), "x.example", "", None) is None
        assert choose((spare, relay("all")), "x.example", "", None, fallback=True) is spare

    def test_disabled_ones_are_left_aside(self) -> None:
        off = Route("off", host="relay.example", enabled=False)
        assert choose((off,), "x.example", "", None) is None


async def add(database: Database, route: Route) -> Route:
    return await database.write(routes.add, KEYS, route)


class TestRows:
    async def test_what_goes_in_comes_out(self, database: Database) -> None:
        route = Route(
            "out",
            Match(".example.org", "home.example", ANN),
            host="relay.example",
            port=465,
            protocol=Protocol.LMTP,
            tls=RouteTls.IMPLICIT,
            exchangers=True,
            sources=("192.0.2.1", "2001:db8::1"),
            helo="out.home.example",
            secrets=RouteSecrets("me", "hunter2", "", "proxy.example:1080", "p", "q"),
        )
        assert await add(database, route) == route
        assert await database.read(routes.all_of, KEYS) == (route,)
        assert await database.read(routes.require, KEYS, "out") == route

    async def test_secrets_are_sealed(self, database: Database) -> None:
        secrets = RouteSecrets("me", "hunter2")
        await add(database, Route("o", host="r.example", tls=RouteTls.VERIFIED, secrets=secrets))

        def raw(tx: Tx) -> bytes:
            return bytes(tx.select(select(routes_table.c.secrets))[0][0])

        stored = await database.read(raw)
        assert b"hunter2" not in stored
        assert b"username" not in stored
        assert "hunter2" not in repr(secrets)

    async def test_spellings_are_folded(self, database: Database) -> None:
        made = await add(database, Route(" a ", Match("*.BÜcher.example"), host="[192.0.2.1]"))
        assert (made.name, made.host) == ("a", "192.0.2.1")
        assert made.match.recipient_domain == ".xn--bcher-kva.example"

    async def test_enabling_and_removing(self, database: Database) -> None:
        await add(database, relay("a"))
        await database.write(routes.set_enabled, "a", False)
        (found,) = await database.read(routes.all_of, KEYS)
        assert not found.enabled
        await database.write(routes.remove, "a")
        assert await database.read(routes.all_of, KEYS) == ()
        with pytest.raises(NotFound):
            await database.write(routes.remove, "a")
        with pytest.raises(NotFound):
            await database.read(routes.require, KEYS, "a")
        with pytest.raises(NotFound):
            await database.write(routes.set_enabled, "a", True)

    async def test_names_are_given_once(self, database: Database) -> None:
        await add(database, relay("a"))
        with pytest.raises(Exists):
            await add(database, relay("a"))

    @pytest.mark.parametrize(
        "bad",
        [
            relay("direct"),
            relay("local"),
            relay(""),
            relay("a\nb"),
            relay("a", recipient_domain="no domain"),
            relay("a", sender_domain="[192.0.2.1]"),
            Route("a", host="no host"),
            Route("a", host="relay.example", port=0),
            Route("a", fallback=True, sources=("192.0.2.1",)),
            Route("a", sources=("not an address",)),
            Route("a", host="relay.example", secrets=RouteSecrets("me", "pw")),
            Route("a", secrets=RouteSecrets("me", "pw"), tls=RouteTls.VERIFIED),
            Route("a", host="relay.example", helo="two words"),
            Route("a", host="relay.example", helo="a.example\r\nRSET"),
            *(
                Route("a", host="relay.example", secrets=RouteSecrets(proxy=proxy))
                for proxy in (
                    "a",
                    "a:",
                    ":1080",
                    "a:0",
                    "a:70000",
                    "a:٣",
                    "::1:80",
                    "[a]:1",
                    "a b:1",
                )
            ),
        ],
    )
    async def test_what_can_not_be_is_refused(self, database: Database, bad: Route) -> None:
        with pytest.raises(Invalid):
            await add(database, bad)
