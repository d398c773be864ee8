"""The gate of the composed server: who is greeted, who is slowed down, who is sent away."""

import asyncio
from pathlib import Path

from kit.app import AppUnderTest
from kit.geo import write_countries
from kit.wire import SmtpWire, Wire
from pillarbox.domain.bans import bans
from pillarbox.domain.bans.bans import TOPIC
from pillarbox.domain.policy import policies

CLIENT, OTHER = "192.0.2.7", "192.0.2.8"
SENDER, ALICE, BOB = "sue@sender.test", "alice@example.test", "bob@example.test"
NO_TARPIT = {"SMTP_TARPIT": "0"}
BARRED = b"554 5.7.1 No mail is taken from your network\r\n"


async def greeting(server: AppUnderTest, ip: str = CLIENT) -> bytes:
    """Everything that a client with this address hears, or the greeting alone."""
    async with await Wire.open(server.ports["smtp"], ip=ip) as wire:
        line = await wire.line()
        if line.startswith(b"554"):  # RFC 5321 §3.1 has the server wait for QUIT
            await wire.send(b"EHLO c.test\r\nMAIL FROM:<>\r\nQUIT\r\n")
            for _ in range(2):
                assert (await wire.line()).startswith(b"503 5.5.1 No mail is taken")
            assert (await wire.rest()).startswith(b"221 ")
            return line
        return line if line.startswith(b"220") else line + await wire.rest()


async def test_barred_clients_are_not_greeted(server: AppUnderTest) -> None:
    services = server.services
    assert (await greeting(server)).startswith(b"220 ")
    await services.database.write(bans.add, "192.0.2.0/29")
    services.bus.publish(TOPIC)
    assert await greeting(server) == BARRED
    assert (await greeting(server, OTHER)).startswith(b"220 ")
    for listener in ("submission", "imap"):
        async with await Wire.open(server.ports[listener], ip=CLIENT) as wire:
            assert (await wire.line())[:4] in (b"220 ", b"* OK")
    await services.database.write(bans.release, "192.0.2.0/29")
    services.bus.publish(TOPIC)
    assert (await greeting(server)).startswith(b"220 ")


async def test_countries(tmp_path: Path, database_settings: dict[str, str]) -> None:
    path = tmp_path / "geo.mmdb"
    write_countries(path, {"192.0.2.7/32": "DE", "192.0.2.8/32": "FR"})
    settings = database_settings | {"GEO_DATABASE": str(path), "GEO_DENY": "de"}
    async with AppUnderTest(tmp_path / "data", settings) as server:
        assert await greeting(server) == b"554 5.7.1 No mail is taken from your country\r\n"
        assert (await greeting(server, OTHER)).startswith(b"220 ")
        async with await Wire.open(server.ports["smtp"]) as wire:
            assert (await wire.line()).startswith(b"220 ")


async def test_too_many_connections(tmp_path: Path, database_settings: dict[str, str]) -> None:
    settings = database_settings | {"SMTP_CONNECTIONS_MIN": "2"}
    async with AppUnderTest(tmp_path / "data", settings) as server:
        for _ in range(2):
            assert (await greeting(server)).startswith(b"220 ")
        assert await greeting(server) == b"421 4.7.0 Too many connections within a minute\r\n"
        assert (await greeting(server, OTHER)).startswith(b"220 ")


async def test_who_guesses_is_sent_away_and_barred(
    tmp_path: Path, database_settings: dict[str, str]
) -> None:
    settings = database_settings | NO_TARPIT | {"SMTP_UNKNOWN_RECIPIENTS": "6"}
    async with AppUnderTest(tmp_path / "data", settings) as server:
        await server.add_users("alice")
        smtp = await SmtpWire.open(server.ports["smtp"], ip=CLIENT)
        async with smtp.wire:
            await smtp.say(f"MAIL FROM:<{SENDER}>", 250)
            for number in range(5):
                await smtp.say(f"RCPT TO:<guess{number}@example.test>", 550)
            await smtp.say("RCPT TO:<guess@example.test>", 550)
            assert (await smtp.reply())[0] == 421
            assert await smtp.wire.rest() == b""
        server.services.bus.publish(TOPIC)
        assert await greeting(server) == BARRED
        assert (await greeting(server, OTHER)).startswith(b"220 ")


async def test_messages_are_counted_by_the_domains_policy(server: AppUnderTest) -> None:
    services = server.services
    wanted = {"ratelimit_smtp_per_ip": "2", "greylist_enabled": "false"}
    await services.database.write(policies.set_values, "example.test", wanted)
    services.bus.publish("policy")
    smtp = await SmtpWire.open(server.ports["smtp"], ip=CLIENT)
    async with smtp.wire:
        for _ in range(3):
            await smtp.begin(SENDER, (ALICE, BOB))
            await smtp.say("RSET", 250)  # what never comes counts for nothing
        for _ in range(2):
            assert (await smtp.data(SENDER, (ALICE, BOB), b"Subject: x\r\n\r\nWords.\r\n"))[
                0
            ] == 250
        await smtp.say(f"MAIL FROM:<{SENDER}>", 250)
        text = await smtp.say(f"RCPT TO:<{ALICE}>", 451)
        assert text == "4.7.1 Too many messages from your address; try again later"


async def test_errors_are_answered_slowly(
    tmp_path: Path, database_settings: dict[str, str]
) -> None:
    settings = database_settings | {"SMTP_TARPIT": "1"}
    async with AppUnderTest(tmp_path / "data", settings) as server:
        smtp = await SmtpWire.open(server.ports["smtp"], ip=CLIENT)
        loop = asyncio.get_running_loop()
        async with smtp.wire:
            took_s = []
            for _ in range(4):
                begun_s = loop.time()
                await smtp.say("NONSENSE", 500)
                took_s.append(loop.time() - begun_s)
            assert max(took_s[:2]) < 0.4
            assert took_s[2] >= 0.45
            assert took_s[3] >= 0.95
            begun_s = loop.time()
            trusted = await SmtpWire.open(server.ports["smtp"])
            async with trusted.wire:
                for _ in range(4):
                    await trusted.say("NONSENSE", 500)
            assert loop.time() - begun_s < 1.5


async def test_who_speaks_first_is_noticed(
    tmp_path: Path, database_settings: dict[str, str]
) -> None:
    settings = database_settings | {"SMTP_GREETING_PAUSE": "30"}
    async with AppUnderTest(tmp_path / "data", settings) as server:
        async with await Wire.open(server.ports["smtp"], ip=CLIENT) as wire:
            await wire.send(b"EHLO early.example\r\n")
            assert (await wire.line()).startswith(b"220 ")  # nobody waits for the rest of it
            assert (await wire.line()).startswith(b"250-")
        async with await Wire.open(server.ports["smtp"], ip=CLIENT) as wire:
            resting = asyncio.ensure_future(wire.rest())
            await asyncio.sleep(0)
            begun_s = asyncio.get_running_loop().time()
            await server.drain(5)
            assert (await resting).startswith(b"421 ")
            assert asyncio.get_running_loop().time() - begun_s < 5
