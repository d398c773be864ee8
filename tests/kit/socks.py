"""A SOCKS5 proxy of a test, on loopback; what it was asked for is in `asked`."""

import asyncio
from contextlib import suppress
from ipaddress import ip_address

from kit.peers import Peers

HOST = "127.0.0.1"


class SocksProxy:
    """Connects anywhere for as long as a block lasts; `login` is a name and a password.

    With `from_ip` it connects from that address.
    """

    def __init__(self, login: tuple[str, str] | None = None, from_ip: str = "") -> None:
        self._login = login
        self._from = (from_ip, 0) if from_ip else None
        self._peers = Peers()
        self.asked: list[tuple[str, int]] = []
        self.port = 0

    async def __aenter__(self) -> "SocksProxy":
        self.port = await self._peers.serve(self._serve, host=HOST)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._peers.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not await self._admitted(reader, writer):
            return
        kind = (await reader.readexactly(4))[3]
        ip = str(ip_address(await reader.readexactly(4 if kind == 1 else 16)))
        port = int.from_bytes(await reader.readexactly(2), "big")
        self.asked.append((ip, port))
        try:
            there = await asyncio.open_connection(ip, port, local_addr=self._from)
        except OSError:
            writer.write(b"\x05\x05\x00\x01" + bytes(6))
            return
        # Together with what the server says first, where it speaks first.
        try:
            first = await asyncio.wait_for(there[0].read(1 << 16), 0.2)
        except TimeoutError:
            first = b""
        try:
            writer.write(b"\x05\x00\x00\x01" + bytes(6) + first)
            await asyncio.gather(_pass(reader, there[1]), _pass(there[0], writer))
        finally:
            there[1].close()
            with suppress(OSError):
                await there[1].wait_closed()

    async def _admitted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        methods = await reader.readexactly((await reader.readexactly(2))[1])
        wanted = 2 if self._login else 0
        if wanted not in methods:
            writer.write(b"\x05\xff")
            return False
        writer.write(bytes((5, wanted)))
        if self._login is None:
            return True
        name = await reader.readexactly((await reader.readexactly(2))[1])
        password = await reader.readexactly((await reader.readexactly(1))[0])
        right = (name.decode(), password.decode()) == self._login
        writer.write(bytes((1, 0 if right else 1)))
        return right


async def _pass(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(1 << 16):
            target.write(data)
            await target.drain()
    finally:
        target.close()
