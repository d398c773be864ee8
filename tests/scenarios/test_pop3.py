"""POP3 in the composed server: what comes in goes out, one session at a time, whatever dies."""

import asyncio
import os
import signal
import sqlite3
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from kit.accounts import PASSWORD as LIVE_PASSWORD
from kit.app import PASSWORD, AppUnderTest
from kit.live import LiveServer, live_server
from kit.sasl import ScramClientSide
from kit.wire import ImapWire, Pop3Wire, SmtpWire, Wire
from pillarbox.storage import leases

ALICE = "alice@example.test"
CONTENT = b"From: carol@example.org\r\nSubject: Hello\r\n\r\n.dot\r\n.\r\nEnd\r\n"


async def deliver(port: int, count: int) -> None:
    smtp = await SmtpWire.open(port)
    for _ in range(count):
        code, text = await smtp.data("carol@example.org", (ALICE,), CONTENT)
        assert code == 250, text
    await smtp.wire.close()


async def enter(app: AppUnderTest, listener: str = "pop3") -> Pop3Wire:
    return await Pop3Wire.open(app.ports[listener], ALICE, PASSWORD, tls=listener == "pop3s")


async def refused(app: AppUnderTest, password: str = PASSWORD) -> str:
    """Log in where that must fail; gives the answer."""
    pop3 = await Pop3Wire.open(app.ports["pop3"])
    await pop3.ok(f"USER {ALICE}")
    answer = await pop3.ask(f"PASS {password}")
    assert answer.startswith("-ERR"), answer
    await pop3.wire.close()
    return answer


@pytest.mark.parametrize("listener", ["pop3", "pop3s"])
async def test_mail_goes_out_as_it_is_stored(server: AppUnderTest, listener: str) -> None:
    await deliver(server.ports["smtp"], 2)
    imap = await ImapWire.open(server.ports["imap"], ALICE, PASSWORD, select="INBOX")
    stored = await imap.bodies()
    pop3 = await enter(server, listener)
    assert await pop3.listing("LIST") == {
        number: str(len(content)) for number, content in stored.items()
    }
    for number in (1, 2):
        assert await pop3.retrieve(number) == stored[number]
    assert b"\r\n.dot\r\n.\r\nEnd" in stored[1]
    await pop3.wire.close()
    await imap.wire.close()


async def test_odd_line_ends(server: AppUnderTest) -> None:
    imap = await ImapWire.open(server.ports["imap"], ALICE, PASSWORD)
    contents = [b"Subject: x\n\n.\n\0", b"Subject: y\r\n\r\nno end", b"Subject: z\r\n\r\n\r\n"]
    for content in contents:
        answer = await imap.append("INBOX", content, "~" if b"\0" in content else "")
        assert answer.startswith(b"OK"), answer
    pop3 = await enter(server)
    for number, content in enumerate(contents, 1):
        plain = content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        expected = plain if plain.endswith(b"\n") else plain + b"\r\n"
        assert await pop3.retrieve(number) == expected
    await pop3.wire.close()
    await imap.wire.close()


async def test_removal_wakes_an_idle_client(server: AppUnderTest) -> None:
    await deliver(server.ports["smtp"], 3)
    imap = await ImapWire.open(server.ports["imap"], ALICE, PASSWORD, select="INBOX")
    tag = imap.next_tag()
    await imap.wire.send(tag + b" IDLE\r\n")
    assert (await imap.line())[0].startswith(b"+")
    pop3 = await enter(server)
    await pop3.ok("DELE 2")
    await pop3.quit()
    assert (await imap.line())[0] == b"* 2 EXPUNGE"
    await imap.wire.close()
    again = await enter(server)
    assert [value.split("-")[1] for value in (await again.listing("UIDL")).values()] == ["1", "3"]
    await again.wire.close()


@pytest.fixture
async def workers(
    tmp_path: Path, database_settings: dict[str, str]
) -> AsyncIterator[tuple[AppUnderTest, AppUnderTest]]:
    """Two workers of one server."""
    async with (
        AppUnderTest(tmp_path, database_settings) as one,
        AppUnderTest(tmp_path, database_settings, index=1) as other,
    ):
        await one.add_users("alice", "bob")
        yield one, other


async def test_one_session_on_all_workers(workers: tuple[AppUnderTest, AppUnderTest]) -> None:
    one, other = workers
    await deliver(one.ports["smtp"], 1)
    first = await enter(one)
    for worker in workers:
        assert (await refused(worker)).startswith("-ERR [IN-USE]")
    bob = await Pop3Wire.open(other.ports["pop3"], "bob@example.test", PASSWORD)
    await bob.quit()
    await first.quit()
    second = await enter(other)
    assert (await refused(one)).startswith("-ERR [IN-USE]")
    await second.ok("DELE 1")
    await second.quit()
    third = await enter(one)
    assert await third.ok("STAT") == "0 0"
    await third.wire.close()


async def test_many_at_once_have_one_winner(workers: tuple[AppUnderTest, AppUnderTest]) -> None:
    async def try_once(app: AppUnderTest) -> tuple[Pop3Wire, str]:
        pop3 = await Pop3Wire.open(app.ports["pop3"])
        await pop3.ok(f"USER {ALICE}")
        return pop3, await pop3.ask(f"PASS {PASSWORD}")

    found = await asyncio.gather(*(try_once(app) for app in workers * 5))
    answers = [answer for _, answer in found]
    assert sum(answer.startswith("+OK") for answer in answers) == 1
    assert sum(answer.startswith("-ERR [IN-USE]") for answer in answers) == 9
    for pop3, _ in found:
        await pop3.wire.close()


async def test_lost_connection_removes_nothing_and_frees_the_maildrop(
    server: AppUnderTest,
) -> None:
    await deliver(server.ports["smtp"], 2)
    pop3 = await enter(server)
    await pop3.ok("DELE 1")
    pop3.wire.abort()
    for _ in range(500):
        again = await Pop3Wire.open(server.ports["pop3"])
        await again.ok(f"USER {ALICE}")
        if (await again.ask(f"PASS {PASSWORD}")).startswith("+OK"):
            break
        again.wire.abort()
        await asyncio.sleep(0.01)
    assert (await again.ok("STAT")).startswith("2 ")
    await again.wire.close()


async def test_draining_removes_nothing(server: AppUnderTest) -> None:
    await deliver(server.ports["smtp"], 1)
    pop3 = await enter(server)
    await pop3.ok("DELE 1")
    await server.drain()
    assert (await pop3.wire.line()).startswith(b"-ERR [SYS/TEMP]")
    assert await pop3.wire.rest() == b""
    await pop3.wire.close()
    busy = await server.services.database.lookup(leases.busy_until)
    assert not [name for name in busy if name.startswith("maildrop")]


async def test_quiet_clients_are_let_go(tmp_path: Path) -> None:
    async with AppUnderTest(tmp_path, {"POP3_IDLE_TIMEOUT": "1"}) as app:
        await app.add_users("alice")
        await deliver(app.ports["smtp"], 1)
        pop3 = await enter(app)
        await pop3.ok("DELE 1")
        assert await pop3.wire.rest() == b""  # not a word (RFC 1939 §3)
        await pop3.wire.close()
        pop3 = await enter(app)
        assert (await pop3.ok("STAT")).startswith("1 ")
        await pop3.quit()


@pytest.mark.parametrize("listener", ["pop3", "pop3s"])
async def test_slow_readers_are_waited_for(server: AppUnderTest, listener: str) -> None:
    content = b"Subject: large\r\n\r\n" + (b"." + b"x" * 990 + b"\r\n") * 16_000
    imap = await ImapWire.open(server.ports["imap"], ALICE, PASSWORD)
    assert (await imap.append("INBOX", content)).startswith(b"OK")
    await imap.wire.close()
    pop3 = await enter(server, listener)
    transport = pop3.wire.writer.transport
    assert isinstance(transport, asyncio.ReadTransport)
    transport.pause_reading()
    await pop3.wire.send(b"RETR 1\r\n")
    other = await Pop3Wire.open(server.ports["pop3"], "bob@example.test", PASSWORD)
    for _ in range(5000):
        await other.ok("NOOP")
        if unsent_bytes(server):
            break
    await other.quit()
    assert 0 < unsent_bytes(server) < 1 << 20
    transport.resume_reading()
    await pop3.wire.line()
    assert b"".join(await pop3.rest()) == content
    await pop3.quit()


def unsent_bytes(app: AppUnderTest) -> int:
    """How much the server holds that its clients have not read."""
    assert app._worker is not None
    return sum(
        connection._transport.get_write_buffer_size()
        for listener in app._worker._listeners
        for connection in listener._open
        if connection._transport is not None
    )


async def test_scram_over_tls(server: AppUnderTest) -> None:
    pop3 = await Pop3Wire.open(server.ports["pop3s"], tls=True)
    await pop3.ok("CAPA")
    (offered,) = (line for line in await pop3.rest() if line.startswith(b"SASL "))
    assert b" SCRAM-SHA-256" in offered
    for password, end in (("wrong", "-ERR [AUTH]"), (PASSWORD, "+OK 0 messages")):
        client = ScramClientSide(ALICE, password)
        first = b64encode(client.first()).decode()
        answer = await pop3.ask(f"AUTH SCRAM-SHA-256 {first}")
        assert answer.startswith("+ "), answer
        answer = await pop3.ask(b64encode(client.final(b64decode(answer[2:]))).decode())
        if answer.startswith("+ "):
            assert client.is_servers(b64decode(answer[2:]))
            answer = await pop3.ask("")
        assert answer.startswith(end), answer
    await pop3.quit()


async def test_failed_logins_bar_the_address_everywhere(tmp_path: Path) -> None:
    settings = {"TRUSTED_NETWORKS": "", "BRUTE_MAX_TRIES": "2"}
    async with AppUnderTest(tmp_path, settings) as app:
        await app.add_users("alice")
        for _ in range(2):
            assert (await refused(app, "wrong")).startswith("-ERR [AUTH]")
        assert (await refused(app)).startswith("-ERR [SYS/TEMP] Too many failed logins")
        imap = ImapWire(await Wire.open(app.ports["imap"]))
        await imap.line()
        assert (await imap.do(f'LOGIN {ALICE} "{PASSWORD}"'))[1].startswith(b"NO")
        await imap.wire.close()


async def test_too_many_connections(tmp_path: Path) -> None:
    settings = {"TRUSTED_NETWORKS": "", "CONNECTIONS_PER_IP": "1"}
    async with AppUnderTest(tmp_path, settings) as app:
        first = await Pop3Wire.open(app.ports["pop3"])
        second = await Wire.open(app.ports["pop3"])
        assert await second.rest() == b"-ERR [SYS/TEMP] Too many connections\r\n"
        await first.wire.close()
        await second.close()


def let_leases_run_out(server: LiveServer) -> None:
    """What a minute does, to a server that is stopped."""
    with closing(sqlite3.connect(server.data / "pillarbox.db")) as database, database:
        done = database.execute("UPDATE leases SET expires_ms = 1 WHERE name LIKE 'maildrop%'")
        assert done.rowcount == 1


async def test_killed_workers_remove_nothing(tmp_path: Path) -> None:
    with live_server(tmp_path, {"WORKERS": "2"}) as server:
        await deliver(server.port("SMTP"), 3)
        port = server.port("POP3S")
        pop3 = await Pop3Wire.open(port, ALICE, LIVE_PASSWORD, tls=True)
        await pop3.ok("DELE 1")
        for pid in server.workers():
            os.kill(pid, signal.SIGKILL)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await pop3.ok("QUIT")
        other = await Pop3Wire.open(port, tls=True)
        await other.ok(f"USER {ALICE}")
        assert (await other.ask(f"PASS {LIVE_PASSWORD}")).startswith("-ERR [IN-USE]")
        await other.wire.close()
        assert server.stop() == 0
        let_leases_run_out(server)
        server.start()
        again = await Pop3Wire.open(port, ALICE, LIVE_PASSWORD, tls=True)
        assert list(await again.listing("UIDL")) == [1, 2, 3]
        assert (await again.retrieve(1)).endswith(CONTENT)
        await again.quit()


async def test_is_off_unless_it_is_asked_for(tmp_path: Path) -> None:
    off = {"POP3_ENABLED": "false", "POP3S_ENABLED": "false"}
    with live_server(tmp_path, off) as server:
        for listener in ("POP3", "POP3S"):
            with pytest.raises(ConnectionRefusedError):
                await Wire.open(server.port(listener))
