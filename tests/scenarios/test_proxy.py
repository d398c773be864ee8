"""The composed server behind a proxy: who its clients are, over SMTP and IMAP with TLS."""

import asyncio

import pytest

from kit.app import PASSWORD, AppUnderTest
from kit.proxy import PROXY
from kit.wire import ImapWire, SmtpWire, Wire
from pillarbox.domain.policy import policies

CLIENT, OTHER = "192.0.2.7", "192.0.2.8"
ALICE = "alice@example.test"
LETTER = b"From: sue@sender.test\r\nSubject: hello\r\n\r\nWords.\r\n"


async def test_mail_says_where_it_came_from(server: AppUnderTest) -> None:
    await server.services.database.write(
        policies.set_values, "_default", {"greylist_enabled": "false"}
    )
    smtp = await SmtpWire.open(server.ports["smtp"], ip=CLIENT)
    async with smtp.wire:
        assert (await smtp.data("sue@sender.test", (ALICE,), LETTER))[0] == 250
    imap = await ImapWire.open(
        server.ports["imaps"], ALICE, PASSWORD, tls=True, select="INBOX", ip=CLIENT
    )
    async with imap.wire:
        (body,) = (await imap.bodies()).values()
    assert b"[192.0.2.7]" in body
    assert PROXY.encode() not in body


async def test_failed_logins_bar_the_client_and_not_the_proxy(server: AppUnderTest) -> None:
    port = server.ports["imaps"]

    async def tried(ip: str, password: str) -> bytes:
        async with await Wire.open(port, tls=True, ip=ip) as wire:
            imap = ImapWire(wire)
            await wire.line()
            return (await imap.do(f'LOGIN {ALICE} "{password}"'))[1]

    for _ in range(5):
        assert (await tried(CLIENT, "wrong")).startswith(b"NO")
    assert (await tried(CLIENT, PASSWORD)).startswith(b"NO")
    assert (await tried(OTHER, PASSWORD)).startswith(b"OK")


async def test_without_a_header_a_proxy_hears_nothing(server: AppUnderTest) -> None:
    for listener in ("smtp", "imap", "imaps", "pop3", "managesieve"):
        opening = asyncio.open_connection(
            "127.0.0.1", server.ports[listener], local_addr=(PROXY, 0)
        )
        wire = Wire(*await opening)
        async with wire:
            await wire.send(b"EHLO client.example\r\n")
            assert await wire.rest() == b""


async def test_others_send_no_header(server: AppUnderTest) -> None:
    async with await Wire.open(server.ports["smtp"]) as wire:
        await wire.send(b"PROXY TCP4 192.0.2.7 127.0.0.1 1 25\r\n")
        assert (await wire.line()).startswith(b"220 ")
        assert (await wire.line()).startswith(b"500 ")


@pytest.mark.parametrize("listener", ["smtps", "pop3s"])
async def test_other_listeners_with_tls(server: AppUnderTest, listener: str) -> None:
    async with await Wire.open(server.ports[listener], tls=True, ip=CLIENT) as wire:
        assert (await wire.line()).startswith((b"220 ", b"+OK"))
