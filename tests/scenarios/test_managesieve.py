"""ManageSieve in the composed server: what one session stores another one sees, whoever ends."""

import os
import signal
from base64 import b64decode, b64encode
from pathlib import Path

from kit.accounts import PASSWORD as LIVE_PASSWORD
from kit.app import PASSWORD, AppUnderTest
from kit.live import live_server
from kit.sasl import ScramClientSide
from kit.wire import ImapWire, ManageSieveWire, SmtpWire, Wire

ALICE, BOB = "alice@example.test", "bob@example.test"
FILING = b'require "fileinto";\r\nif header :contains "subject" "list" { fileinto "Archive"; }\r\n'


async def enter(app: AppUnderTest, user: str = ALICE, *, tls: bool = True) -> ManageSieveWire:
    return await ManageSieveWire.open(app.ports["managesieve"], user, PASSWORD, tls=tls)


async def deliver(app: AppUnderTest, subject: str) -> None:
    smtp = await SmtpWire.open(app.ports["smtp"])
    content = f"From: carol@example.org\r\nSubject: {subject}\r\n\r\nHello\r\n".encode()
    code, text = await smtp.data("carol@example.org", (ALICE,), content)
    assert code == 250, text
    await smtp.wire.close()


async def counts(app: AppUnderTest, *mailboxes: str) -> list[int]:
    imap = await ImapWire.open(app.ports["imap"], ALICE, PASSWORD)
    found = [(await imap.status(mailbox))["MESSAGES"] for mailbox in mailboxes]
    await imap.wire.close()
    return found


async def test_two_sessions_and_the_mail_between_them(server: AppUnderTest) -> None:
    one, other = await enter(server), await enter(server, tls=False)
    bob = await enter(server, BOB)
    await one.ok('PUTSCRIPT "filing"', FILING)
    assert await other.names() == {"filing": False}
    assert await bob.names() == {}
    await deliver(server, "list 1")
    assert await counts(server, "INBOX", "Archive") == [1, 0]
    await other.ok('SETACTIVE "filing"')
    assert await one.names() == {"filing": True}
    await deliver(server, "list 2")
    assert await counts(server, "INBOX", "Archive") == [1, 1]
    # What replaces the active script is active at once; what can't be compiled replaces nothing.
    _, response = await other.ask('PUTSCRIPT "filing"', b"fileinto")
    assert response.startswith(b"NO")
    assert await one.script("filing") == FILING
    await deliver(server, "list 3")
    assert await counts(server, "INBOX", "Archive") == [1, 2]
    await other.ok('PUTSCRIPT "filing"', b"# nothing\r\n")
    await deliver(server, "list 4")
    assert await counts(server, "INBOX", "Archive") == [2, 2]
    _, response = await one.ask('DELETESCRIPT "filing"')
    assert response.startswith(b"NO (ACTIVE)")
    await one.ok('RENAMESCRIPT "filing" "kept"')
    await one.ok('SETACTIVE ""')
    await other.ok('DELETESCRIPT "kept"')
    assert await one.names() == {}
    for sieve in (one, other, bob):
        await sieve.logout()


async def test_scripts_survive_a_restart(tmp_path: Path) -> None:
    async with AppUnderTest(tmp_path) as app:
        await app.add_users("alice")
        sieve = await enter(app)
        await sieve.ok('PUTSCRIPT "filing"', FILING)
        await sieve.ok('SETACTIVE "filing"')
        sieve.wire.abort()
    async with AppUnderTest(tmp_path) as app:
        sieve = await enter(app)
        assert await sieve.names() == {"filing": True}
        assert await sieve.script("filing") == FILING
        await sieve.logout()


async def test_what_is_told_before_and_after_tls(server: AppUnderTest) -> None:
    sieve = ManageSieveWire(await Wire.open(server.ports["managesieve"]))
    before = sieve.capabilities(await sieve.ok())
    after = await sieve.starttls()
    assert "STARTTLS" in before
    assert "STARTTLS" not in after
    extensions = (after["SIEVE"] or "").split()
    assert {"fileinto", "vacation", "imap4flags", "enotify"} <= set(extensions)
    assert (before["MAXREDIRECTS"], before["NOTIFY"], before["VERSION"]) == ("5", "mailto", "1.0")
    assert "SCRAM-SHA-256-PLUS" in (after["SASL"] or "")
    await sieve.logout()


async def test_nothing_crosses_into_tls(server: AppUnderTest) -> None:
    sieve = ManageSieveWire(await Wire.open(server.ports["managesieve"]))
    await sieve.ok()
    response = b64encode(f"\0{ALICE}\0{PASSWORD}".encode()).decode()
    injected = f'STARTTLS\r\nAUTHENTICATE "PLAIN" "{response}"\r\n'
    await sieve.wire.send(injected.encode())
    # What came in clear is no handshake, and no login either: at most the connection is gone.
    _, answer = await sieve.answer()
    assert answer == b'OK "Begin TLS now"'
    await sieve.wire.send(b"This is no handshake, which ends it.\r\n")
    rest = await sieve.wire.rest()
    assert b"Logged in" not in rest
    await sieve.wire.close()


async def test_scram(server: AppUnderTest) -> None:
    sieve = ManageSieveWire(await Wire.open(server.ports["managesieve"]))
    await sieve.ok()
    await sieve.starttls()
    for password, end in (("wrong", b"NO"), (PASSWORD, b'OK (SASL "')):
        client = ScramClientSide(ALICE, password)
        first = b64encode(client.first()).decode()
        await sieve.wire.send(f'AUTHENTICATE "SCRAM-SHA-256" "{first}"\r\n'.encode())
        challenge = b64decode((await sieve.wire.line()).strip(b'"\r\n'))
        final = b64encode(client.final(challenge)).decode()
        _, answer = await sieve.ask(f'"{final}"')
        assert answer.startswith(end)
    assert client.is_servers(b64decode(answer.split(b'"')[1]))
    await sieve.logout()


async def test_failed_logins_bar_the_address_everywhere(tmp_path: Path) -> None:
    settings = {"TRUSTED_NETWORKS": "", "BRUTE_MAX_TRIES": "2"}
    async with AppUnderTest(tmp_path, settings) as app:
        await app.add_users("alice")
        sieve = await ManageSieveWire.open(app.ports["managesieve"], tls=True)
        wrong = b64encode(f"\0{ALICE}\0wrong".encode()).decode()
        right = b64encode(f"\0{ALICE}\0{PASSWORD}".encode()).decode()
        for _ in range(2):
            _, answer = await sieve.ask(f'AUTHENTICATE "PLAIN" "{wrong}"')
            assert answer.startswith(b'NO "')
        _, answer = await sieve.ask(f'AUTHENTICATE "PLAIN" "{right}"')
        assert answer.startswith(b"NO (TRYLATER) ")
        imap = ImapWire(await Wire.open(app.ports["imap"]))
        await imap.line()
        assert (await imap.do(f'LOGIN {ALICE} "{PASSWORD}"'))[1].startswith(b"NO")
        await imap.wire.close()
        await sieve.wire.close()


async def test_too_many_connections(tmp_path: Path) -> None:
    settings = {"TRUSTED_NETWORKS": "", "CONNECTIONS_PER_IP": "1"}
    async with AppUnderTest(tmp_path, settings) as app:
        first = await ManageSieveWire.open(app.ports["managesieve"])
        second = await Wire.open(app.ports["managesieve"])
        assert await second.rest() == b'BYE "Too many connections"\r\n'
        await first.logout()
        await second.close()


async def test_settings(tmp_path: Path) -> None:
    settings = {
        "SIEVE_MAX_REDIRECTS": "3",
        "SIEVE_MAX_SCRIPTS_PER_USER": "1",
        "SIEVE_MAX_SCRIPT_SIZE": "1K",
        "SIEVE_EXTENSIONS_OFF": "enotify,vacation",
        "SIEVE_IMAP_ENABLED": "false",
    }
    async with AppUnderTest(tmp_path, settings) as app:
        await app.add_users("alice")
        sieve = await enter(app)
        told = sieve.capabilities(await sieve.ok("CAPABILITY"))
        assert (told["MAXREDIRECTS"], told["OWNER"]) == ("3", ALICE)
        assert "NOTIFY" not in told
        assert {"vacation", "imapsieve"}.isdisjoint((told["SIEVE"] or "").split())
        _, answer = await sieve.ask("CHECKSCRIPT", b'require "vacation"; vacation "x";')
        assert answer.startswith(b"NO")
        _, answer = await sieve.ask('HAVESPACE "a" 1025')
        assert answer.startswith(b"NO (QUOTA/MAXSIZE)")
        await sieve.ok('PUTSCRIPT "a"', b"keep;")
        _, answer = await sieve.ask('PUTSCRIPT "b"', b"keep;")
        assert answer.startswith(b"NO (QUOTA/MAXSCRIPTS)")
        await sieve.logout()


async def test_a_restart_is_announced(server: AppUnderTest) -> None:
    sieve = await enter(server)
    await server.drain()
    _, answer = await sieve.answer()
    assert answer == b'BYE "The server is restarting"'
    assert await sieve.wire.rest() == b""
    await sieve.wire.close()


async def test_what_was_stored_survives_a_kill(tmp_path: Path) -> None:
    with live_server(tmp_path, {"WORKERS": "2"}) as server:
        port = server.port("MANAGESIEVE")
        sieve = await ManageSieveWire.open(port, ALICE, LIVE_PASSWORD, tls=True)
        await sieve.ok('PUTSCRIPT "filing"', FILING)
        await sieve.ok('SETACTIVE "filing"')
        for pid in server.processes():
            os.kill(pid, signal.SIGKILL)
        server.reap()
        sieve.wire.abort()
        server.start()
        sieve = await ManageSieveWire.open(port, ALICE, LIVE_PASSWORD, tls=True)
        assert await sieve.names() == {"filing": True}
        assert await sieve.script("filing") == FILING
        # Each worker sees what the other one has stored.
        others = [
            await ManageSieveWire.open(port, ALICE, LIVE_PASSWORD, tls=True) for _ in range(6)
        ]
        await sieve.ok('SETACTIVE ""')
        for other in others:
            assert await other.names() == {"filing": False}
            await other.logout()
        await sieve.logout()
