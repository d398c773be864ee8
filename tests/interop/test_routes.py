"""Mail that goes another way: relays with a login, LMTP inside, a proxy, a primary exchanger."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest

from interop.programs import HOST, needs
from interop.sites import Sites
from kit.daemons import START_S, start, wait_for_port
from kit.dovecot import PASSWORD, USER, Dovecot, dovecot, needs_dovecot
from kit.far import Arrived, Far, needs_postfix
from kit.live import free_ports
from kit.nameserver import NameServer
from kit.sender import ALICE, Sender, letter
from pillarbox.domain.accounts.model import TOPIC
from pillarbox.domain.queue.model import Outcome, Status
from pillarbox.domain.routing import routes
from pillarbox.domain.routing.model import Match, Route, RouteSecrets, RouteTls

pytestmark = needs_postfix


@pytest.fixture(scope="session")
def inside(sites: Sites) -> Iterator[Dovecot]:
    """A Dovecot that Postfix asks about logins, and that takes mail for people inside."""
    with dovecot(sites.login_port, *free_ports(1), ("ann", "ben", "cat")) as running:
        yield running


Add = Callable[[Route], Awaitable[None]]


@pytest.fixture
def add(sender: Sender) -> Add:
    """Adds a route; the others do so by the command line."""

    async def add(route: Route) -> None:
        services = sender.app.services
        await services.database.write(routes.add, services.keys, route)

    return add


def provider(far: Far, tls: RouteTls = RouteTls.VERIFIED, password: str = PASSWORD) -> Route:
    """A relay with a login."""
    secrets = RouteSecrets(USER, password)
    return Route("provider", host="relay.test", port=far.port, tls=tls, secrets=secrets)


def queue_id(taken: Arrived) -> str:
    """What Postfix calls a message in its log."""
    found = re.search(r"SMTPS?A? id (\w+)", taken.trace)
    assert found is not None
    return found[1]


@needs_dovecot
@pytest.mark.parametrize(
    ("host", "tls", "vouched"),
    [
        ("relay", RouteTls.VERIFIED, True),
        ("scram", RouteTls.REQUIRED, True),  # as it is looked at before a password is shown
        ("strange", RouteTls.REQUIRED, False),
        ("implicit", RouteTls.IMPLICIT, True),
    ],
)
async def test_relay_with_a_login(
    sender: Sender, far: Far, names: NameServer, inside: Dovecot, add: Add,
    host: str, tls: RouteTls, vouched: bool,
) -> None:  # fmt: skip
    names.add("relay.test", f"@ A {far.ip(host)}")
    await add(provider(far, tls))
    recipient = f"{host}@nowhere.test"
    await sender.send(recipient, content=letter("by relay"))
    line = await sender.delivered()
    assert (line.way.route, line.way.host, line.way.ip) == ("provider", "relay.test", far.ip(host))
    assert line.way.tls is not None
    assert line.way.tls.startswith("TLSv1.3 ")
    assert line.way.tls.endswith(" pkix") == vouched
    taken = await far.message(recipient)
    assert taken.sender == ALICE
    assert re.search(r"with ESMTPSA id", taken.trace)
    await far.logged(f"sasl_method=SCRAM-SHA-256, sasl_username={USER}", queue_id(taken))


@needs_dovecot
async def test_relay_that_knows_only_plain(
    sender: Sender, far: Far, names: NameServer, inside: Dovecot, add: Add
) -> None:
    names.add("relay.test", f"@ A {far.ip('plainlogin')}")
    await add(provider(far))
    await sender.send("plainly@nowhere.test")
    await sender.delivered()
    taken = await far.message("plainly@nowhere.test")
    await far.logged(f"sasl_method=PLAIN, sasl_username={USER}", queue_id(taken))


@needs_dovecot
async def test_password_is_not_shown_to_whom_nobody_vouches_for(
    sender: Sender, far: Far, names: NameServer, inside: Dovecot, add: Add
) -> None:
    names.add("relay.test", f"@ A {far.ip('strangeplain')}")
    await add(provider(far, RouteTls.REQUIRED))
    await sender.send("shy@nowhere.test")
    line = await sender.deferred()
    assert line.stage == "auth"
    assert "nobody vouches for its certificate" in line.reply
    assert far.kept("shy@nowhere.test") == []


@needs_dovecot
@pytest.mark.parametrize("extra_settings", [{"QUEUE_RETRY_MINS": "60"}])
async def test_wrong_password_keeps_mail_in_the_queue(
    sender: Sender, far: Far, names: NameServer, inside: Dovecot, add: Add
) -> None:
    names.add("relay.test", f"@ A {far.ip('relay')}")
    await add(provider(far, password="wrong"))
    await sender.send("patient@nowhere.test")
    line = await sender.deferred()
    assert (line.stage, line.enhanced) == ("auth", "4.7.8")
    assert "relay.test refused the login as relayed: 535 5.7.8" in line.reply
    assert "check user name and password of the route" in line.reply
    assert (await sender.recipient("patient@nowhere.test")).status is not Status.FAILED
    assert await sender.inbox() == []
    await sender.command("route", "remove", "provider", "--yes")
    await add(provider(far))
    await sender.command("queue", "retry", "--all")
    await far.message("patient@nowhere.test")


@pytest.mark.parametrize("host", ["tls", "plain", "mixed"])
async def test_relay_whose_name_nobody_vouches_for(
    sender: Sender, far: Far, names: NameServer, add: Add, host: str
) -> None:
    """Neither the login nor the mail goes there."""
    names.add("relay.test", f"@ A {far.ip(host)}")
    await add(provider(far))
    await sender.send(f"careful-{host}@nowhere.test")
    line = await sender.deferred()
    assert line.stage in ("tls", "auth")
    assert far.kept(f"careful-{host}@nowhere.test") == []


async def test_relay_of_the_settings(sender: Sender, far: Far, names: NameServer) -> None:
    """Without a login and with TLS as it can be had; a route of a domain comes before it."""
    await sender.command("route", "add", "direct-one", "--to", "plain.test", "--helo", "x.test")
    sender.settings |= {"RELAY_HOST": f"{far.ip('tls')}:{far.port}", "RELAY_TLS": "required"}
    await sender.restart()
    await sender.send("ann@nowhere.test", "ann@plain.test")
    assert (await sender.delivered("ann@nowhere.test")).way.route == "relay"
    line = await sender.delivered("ann@plain.test")
    assert (line.way.route, line.way.ip) == ("direct-one", far.ip("plain"))
    assert "from x.test " in (await far.message("ann@plain.test")).trace
    await far.message("ann@nowhere.test")


async def test_fallback_where_the_exchangers_refuse(
    sender: Sender, far: Far, names: NameServer, add: Add
) -> None:
    names.add("shut.test", f"@ MX 10 mx\nmx A {far.network}.199\n")  # where nobody listens
    await add(Route("spare", host=far.ip("tls"), port=far.port, fallback=True))
    await sender.send("ann@shut.test", "ann@plain.test")
    await far.message("ann@shut.test")
    assert (await sender.delivered("ann@shut.test")).way.ip == far.ip("tls")
    assert (await sender.delivered("ann@plain.test")).way.route == "direct"


@needs_dovecot
async def test_lmtp_to_dovecot(sender: Sender, inside: Dovecot) -> None:
    """Its answers are for each recipient; one of them does not exist."""
    where = ("--host", f"127.0.0.1:{inside.lmtp_port}", "--to", "inside.test", "--lmtp")
    await sender.command("route", "add", "inside", *where)
    content = letter("inside", ".\r\n..\r\nWords.")
    recipients = ("ann@inside.test", "nobody@inside.test", "ben@inside.test")
    await sender.send(*recipients, content=content)
    for user in ("ann", "ben"):
        assert (await inside.message(user)).endswith(content)
        line = await sender.delivered(f"{user}@inside.test")
        assert (line.way.route, line.way.port) == ("inside", inside.lmtp_port)
    line = await sender.line(Outcome.FAILED, "nobody@inside.test")
    assert (line.code, line.enhanced) == (550, "5.1.1")
    assert b"nobody@inside.test" in await sender.mail()


@contextmanager
def microsocks(*options: str) -> Iterator[int]:
    """A SOCKS5 proxy; gives its port."""
    (port,) = free_ports(1)
    process = start("microsocks", "-i", HOST, "-p", str(port), *options)
    try:
        wait_for_port(process, HOST, port)
        yield port
    finally:
        process.kill()
        process.wait(START_S)


@needs("microsocks")
async def test_through_a_proxy(sender: Sender, far: Far, add: Add) -> None:
    """It connects from an address of its own, which Postfix sees."""
    out = f"{far.network}.180"
    with microsocks("-b", out) as port:
        await add(Route("proxied", secrets=RouteSecrets(proxy=f"{HOST}:{port}")))
        await sender.send("proxied@tls.test")
        line = await sender.delivered()
        assert (line.way.route, line.way.ip) == ("proxied", far.ip("tls"))
    taken = await far.message("proxied@tls.test")
    assert f"[{out}]" in taken.trace
    assert "using TLSv1.3" in taken.trace


async def test_a_source_address_of_the_route(sender: Sender, far: Far, add: Add) -> None:
    out = f"{far.network}.181"
    match = Match(sender_domain="example.test")
    await add(Route("second", match, sources=(out,), helo="two.test"))
    await sender.send("sourced@plain.test")
    taken = await far.message("sourced@plain.test")
    assert f"from two.test (unknown [{out}])" in taken.trace


@pytest.mark.parametrize("extra_settings", [{"QUEUE_RETRY_MINS": "3s"}])
async def test_backup_for_a_primary_that_is_down(
    sender: Sender, far: Far, names: NameServer
) -> None:
    primary = Far({"primary": {}}, port=far.port)
    names.add(
        "backup.test",
        f"@ MX 10 primary\n@ MX 20 mx.example.test.\n@ MX 30 {far.zone('plain').split()[3]}\n"
        f"primary A {primary.ip('primary')}\n",
    )
    await sender.command("domain", "add", "--relay", "backup.test")
    sender.app.services.bus.publish(TOPIC)
    content = letter("for the primary", sender="sue@plain.test")
    try:
        await sender.take("sue@plain.test", "ann@backup.test", content=content)
        line = await sender.deferred()
        assert (line.stage, line.way.host) == ("connect", "primary.backup.test")
        await asyncio.to_thread(primary.start)
        taken = await primary.message("ann@backup.test")
        assert taken.sender == "sue@plain.test"
        assert taken.content.endswith(content)
        await sender.stands("ann@backup.test", Status.DELIVERED)
    finally:
        primary.stop()
        primary.remove()
