"""A milter of a test, on loopback: notes what it is told and answers as the test says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from kit.daemon import daemon
from kit.peers import until
from pillarbox.net.daemon_address import DaemonAddress

CONTINUE = b"c"
REPLIES = frozenset("CHMRTLNBE")
"""The commands that are answered; `E` is the last."""


def pack(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


@dataclass
class FakeMilter:
    """`answers` are packets by the letter of the command, one list for each time it is said.

    Whatever is not in there is answered by CONTINUE.
    """

    actions: int = 0x1
    steps: int = 0
    version: int = 6
    answers: dict[str, list[list[bytes]]] = field(default_factory=dict)
    silent: frozenset[str] = frozenset()
    """Commands that it asked not to answer."""
    greeting: bytes | None = None
    """Instead of the negotiation."""
    told: list[tuple[str, bytes]] = field(default_factory=list)
    macros: dict[str, dict[bytes, bytes]] = field(default_factory=dict)
    _open: int = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[DaemonAddress]:
        """Serve for as long as the block lasts, and until all have left."""

        async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._open += 1
            try:
                await self._session(reader, writer)
            finally:
                self._open -= 1

        async with daemon(session) as address:
            yield address
            await until(lambda: self._open == 0)

    def all(self, letter: str) -> list[bytes]:
        """The data of every command of that letter."""
        return [data for one, data in self.told if one == letter]

    @property
    def letters(self) -> str:
        """The commands in their order, without macros."""
        return "".join(letter for letter, _ in self.told)

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            length = int.from_bytes(await reader.readexactly(4), "big")
            packet = await reader.readexactly(length)
            letter, data = chr(packet[0]), packet[1:]
            if letter == "D":
                words = data[1:].split(b"\0")
                self.macros[chr(data[0])] = dict(zip(words[::2], words[1::2], strict=False))
                continue
            self.told.append((letter, data))
            if letter == "Q":
                return
            if letter == "O":
                words = [self.version, self.actions, self.steps]
                offer = b"O" + b"".join(one.to_bytes(4, "big") for one in words)
                writer.write(pack(offer) if self.greeting is None else self.greeting)
            elif letter in REPLIES and letter not in self.silent:
                turns = self.answers.get(letter)
                for one in turns.pop(0) if turns else [CONTINUE]:
                    writer.write(pack(one))
            await writer.drain()
