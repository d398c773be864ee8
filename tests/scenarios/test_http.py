"""HTTP in the composed server: TLS, proxies, logins beside those of mail, the end, many workers."""

import asyncio
import os
import signal
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from kit.app import PASSWORD, AppUnderTest
from kit.authority import Authority
from kit.http import HttpWire, basic
from kit.live import LiveServer, live_server
from kit.wire import ImapWire, Wire
from pillarbox.domain.accounts import tokens, users
from pillarbox.domain.accounts.model import Scope
from pillarbox.domain.bans import bans
from pillarbox.domain.policy import policies
from pillarbox.protocols.http.body import read_body
from pillarbox.protocols.http.login import HttpLogin
from pillarbox.protocols.http.web import WebApp
from pillarbox.storage.tx import Tx

ALICE, BOB = "alice@example.test", "bob@example.test"
CLIENT, OTHER = "192.0.2.7", "192.0.2.8"


async def with_login(app: AppUnderTest) -> AppUnderTest:
    """Let `/who` say who logged in and `/sent` how much was sent; the application is the test's."""
    login = HttpLogin(app.services.login, "dav")

    async def who(request: Request) -> Response:
        return PlainTextResponse((await login.actor(request)).address)

    async def sent(request: Request) -> Response:
        await login.actor(request)
        return PlainTextResponse(str(len(await read_body(request, 20_000_000))))

    routes = (Route("/who", who), Route("/sent", sent, methods=["PUT"]))
    await app.services.http.site.engine(lambda: WebApp(routes))
    return app


@pytest.fixture
async def web(server: AppUnderTest) -> AppUnderTest:
    return await with_login(server)


@pytest.fixture
async def strict(tmp_path: Path) -> AsyncIterator[AppUnderTest]:
    """A server that lets no password cross in clear, and trusts nobody."""
    settings = {"TRUSTED_NETWORKS": ""}
    async with AppUnderTest(tmp_path / "strict", settings, plaintext_login=False) as app:
        await app.add_users("alice", "bob")
        yield await with_login(app)


async def status(http: HttpWire, field: str) -> int:
    return (await http.ask("GET", "/who", fields={"Authorization": field})).status


async def imap_login(app: AppUnderTest, ip: str, password: str) -> bytes:
    async with await Wire.open(app.ports["imaps"], tls=True, ip=ip) as wire:
        await wire.line()
        return (await ImapWire(wire).do(f'LOGIN {ALICE} "{password}"'))[1]


async def test_every_listener_serves(web: AppUnderTest) -> None:
    for listener, tls in (("https", True), ("webclient", False), ("caldav", True)):
        http = await HttpWire.open(web.ports[listener], ALICE, PASSWORD, tls=tls)
        for _ in range(3):
            assert (await http.ask("GET", "/healthz")).text == "ok\n"
            assert (await http.ask("GET", "/who")).text == ALICE
        heard = await http.ask("PUT", "/sent", bytes(10_000_000))
        assert heard.text == "10000000"
        await http.close()


async def test_without_faces_there_is_a_greeting(server: AppUnderTest) -> None:
    http = await server.http()
    assert "pillarbox" in (await http.ask("GET", "/")).text
    assert (await http.ask("PROPFIND", "/.well-known/carddav")).fields["location"] == "/dav/"
    await http.close()


async def test_a_password_in_clear_is_not_looked_at(strict: AppUnderTest) -> None:
    for password in (PASSWORD, "wrong"):
        for _ in range(10):  # none of them counts
            async with await strict.http(tls=False, ip=CLIENT) as http:
                heard = await http.ask(
                    "GET", "/who", fields={"Authorization": basic(ALICE, password)}
                )
                assert (heard.status, "https://" in heard.text) == (403, True)
    async with await strict.http("alice", ip=CLIENT) as http:
        assert (await http.ask("GET", "/who")).status == 200
    async with await strict.http("alice", tls=False) as http:
        assert (await http.ask("GET", "/who")).status == 200  # from this machine


async def test_failures_are_counted_with_those_of_mail(strict: AppUnderTest) -> None:
    async with await strict.http(ip=CLIENT) as http:
        for user in (ALICE, "nobody@example.test", ALICE):
            assert await status(http, basic(user, "wrong")) == 401
    for _ in range(2):
        assert (await imap_login(strict, CLIENT, "wrong")).startswith(b"NO")
    async with await strict.http("alice", ip=CLIENT) as http:
        heard = await http.ask("GET", "/who")
        assert (heard.status, heard.fields["retry-after"]) == (429, "60")
    async with await strict.http("alice", ip=OTHER) as http:
        assert (await http.ask("GET", "/who")).status == 200
        for _ in range(5):
            assert await status(http, basic(BOB, "wrong")) == 401
        assert await status(http, basic(BOB, PASSWORD)) == 429
    assert (await imap_login(strict, OTHER, PASSWORD)).startswith(b"NO")


async def test_banned_addresses(strict: AppUnderTest) -> None:
    write = strict.services.database.write
    await write(bans.add, CLIENT)
    await write(policies.set_values, "_default", {"auth_ip_blacklist_enabled": "1"})
    async with await strict.http("alice", ip=CLIENT) as http:
        assert (await http.ask("GET", "/who")).status == 429
        assert (await http.ask("GET", "/healthz")).status == 200


async def test_unknown_and_known_users_get_one_answer(web: AppUnderTest) -> None:
    heard = []
    for user in (ALICE, "nobody@example.test", "nobody@elsewhere.test"):
        async with await web.http() as http:
            answer = await http.ask("GET", "/who", fields={"Authorization": basic(user, "wrong")})
            answer.fields.pop("date")
            heard.append(answer)
    assert heard[0] == heard[1] == heard[2]
    assert heard[0].status == 401


async def test_tokens_stand_for_passwords(web: AppUnderTest) -> None:
    def mint(tx: Tx, scope: Scope) -> str:
        return tokens.mint(tx, users.require(tx, ALICE).account_id, "", (scope,))[1]

    def revoke(tx: Tx) -> int:
        return tokens.delete_all(tx, users.require(tx, ALICE).account_id)

    write = web.services.database.write
    good, other = await write(mint, Scope.DAV), await write(mint, Scope.MAIL)
    async with await web.http() as http:
        assert await status(http, basic(ALICE, good)) == 200
        assert await status(http, f"Bearer {good}") == 200
        assert await status(http, basic(BOB, good)) == 401
        assert await status(http, basic(ALICE, other)) == 403
        assert await status(http, f"Bearer {other}") == 403
        assert await status(http, basic(ALICE, good)) == 200
        await write(revoke)
        assert await status(http, basic(ALICE, good)) == 401


async def test_a_login_lasts_no_longer_than_its_password(web: AppUnderTest) -> None:
    async with await web.http("alice") as http:
        assert (await http.ask("GET", "/who")).status == 200
        services = web.services
        stored = await services.cpu.run(
            services.login.verifiers.secrets, services.passwords, ALICE, "another one"
        )

        def change(tx: Tx) -> None:
            account = users.require(tx, ALICE).account_id
            users.set_password(tx, account, stored.hash, stored.scram)

        await services.database.write(change)
        assert (await http.ask("GET", "/who")).status == 401
        assert await status(http, basic(ALICE, "another one")) == 200


async def test_stopping(web: AppUnderTest) -> None:
    async with await web.http("alice") as idle, await web.http("alice") as busy:
        assert (await idle.ask("GET", "/who")).status == 200
        head = f"PUT /sent HTTP/1.1\r\nHost: a\r\nAuthorization: {busy.authorization}\r\n"
        await busy.wire.send(head.encode() + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert await busy.wire.line() == b"HTTP/1.1 100 Continue\r\n"
        draining = asyncio.create_task(web.drain(10))
        assert await idle.ended()
        await busy.wire.line()
        await busy.wire.send(b"abc")
        heard = await busy.hear("PUT")
        assert (heard.text, heard.fields["connection"]) == ("3", "close")
        await draining


async def test_garbage_and_plain_text_at_the_tls_port(web: AppUnderTest) -> None:
    for talk in (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\xff\xff" + bytes(300)):
        async with await Wire.open(web.ports["https"]) as wire:
            await wire.send(talk)
            wire.writer.write_eof()
            assert b"HTTP/" not in await wire.rest()
    async with await web.http() as http:
        assert (await http.ask("GET", "/healthz")).status == 200


async def greeted(server: LiveServer) -> None:
    for listener, tls in (("HTTPS", True), ("WEBCLIENT", False)):
        http = await HttpWire.open(server.port(listener), tls=tls)
        assert (await http.ask("GET", "/healthz")).text == "ok\n"
        assert (await http.ask("GET", "/")).status == 200
        await http.close()


async def test_two_workers_and_their_end(tmp_path: Path) -> None:
    with live_server(tmp_path, {"WORKERS": "2"}) as server:
        await asyncio.gather(*(greeted(server) for _ in range(20)))
        os.kill(server.workers()[0], signal.SIGKILL)
        kept = await HttpWire.open(server.port("HTTPS"))
        try:
            await kept.ask("GET", "/healthz")
        except ConnectionError:
            pass  # it was the one that was killed
        for _ in range(5):
            await greeted(server)
        await kept.close()
        assert server.stop() == 0
        assert "Traceback" not in server.log()


async def test_hangup_changes_the_certificate(tmp_path: Path) -> None:
    authority = Authority()

    def shown(server: LiveServer) -> str:
        return ssl.get_server_certificate(("127.0.0.1", server.port("HTTPS")))

    chain, key = authority.issue("mx.example.test").write(tmp_path)
    settings = {"TLS_MODE": "file", "TLS_CERT": str(chain), "TLS_KEY": str(key)}
    with live_server(tmp_path, settings) as server:
        before = await asyncio.to_thread(shown, server)
        kept = await HttpWire.open(server.port("HTTPS"))
        assert (await kept.ask("GET", "/healthz")).status == 200
        authority.issue("mx.example.test").write(tmp_path)
        os.kill(server.supervisor(), signal.SIGHUP)
        for _ in range(500):
            if "reloaded" in server.log():
                break
            await asyncio.sleep(0.02)
        assert await asyncio.to_thread(shown, server) != before
        assert (await kept.ask("GET", "/healthz")).status == 200
        await kept.close()
