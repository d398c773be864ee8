"""Connections whose both directions are DEFLATE (RFC 4978), over loopback and over TLS."""

import asyncio
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.protocols.stream import connection as stream
from pillarbox.protocols.stream.connection import READ_AHEAD_BYTES, Connection
from pillarbox.protocols.stream.deflate import Deflate
from protocols.stream.test_listener import Server, pair, server

__all__ = ["pair", "server"]

WAIT_S = 20.0


class Packer:
    """The client's two directions."""

    def __init__(self) -> None:
        self._deflater = zlib.compressobj(6, zlib.DEFLATED, -15)
        self._inflater = zlib.decompressobj(-15)

    def pack(self, data: bytes) -> bytes:
        return self._deflater.compress(data) + self._deflater.flush(zlib.Z_SYNC_FLUSH)

    async def read(self, reader: asyncio.StreamReader, size: int) -> bytes:
        """So many bytes of what the server sent, expanded."""
        got = b""
        while len(got) < size:
            packed = await asyncio.wait_for(reader.read(1 << 16), WAIT_S)
            assert packed, got
            got += self._inflater.decompress(packed)
        return got


async def compressed_echo(connection: Connection) -> None:
    connection.start_compression(b"")
    while data := await connection.read(WAIT_S):
        connection.write(data)
        await connection.drain()


@pytest.mark.parametrize("tls", [False, True])
async def test_both_ways(server: Server, tls: bool) -> None:
    await server.start(compressed_echo, implicit=tls)
    reader, writer = await server.connect(tls=tls)
    packer = Packer()
    sent = b"hello " * 200_000
    for data in (b"a", b"NOOP\r\n", sent):
        packed = packer.pack(data)
        writer.write(packed)
        assert await packer.read(reader, len(data)) == data
    writer.close()


async def test_input_in_single_bytes(server: Server) -> None:
    await server.start(compressed_echo)
    reader, writer = await server.connect()
    packer = Packer()
    for byte in packer.pack(b"t NOOP\r\n"):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0)
    assert await packer.read(reader, 8) == b"t NOOP\r\n"
    writer.close()


async def test_what_came_early_is_expanded(server: Server) -> None:
    packer = Packer()
    early = packer.pack(b"early ")

    async def session(connection: Connection) -> None:
        taken = b""
        while len(taken) < len(early):
            taken += await connection.read(WAIT_S)
        connection.start_compression(taken)
        connection.write(await connection.read(WAIT_S))

    await server.start(session)
    reader, writer = await server.connect()
    writer.write(early)
    assert await packer.read(reader, 6) == b"early "
    writer.close()


async def test_a_bomb_is_expanded_only_as_far_as_it_is_read(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, came, go_on = asyncio.Event(), asyncio.Event(), asyncio.Event()
    feed = Deflate.feed

    def noting(deflate: Deflate, data: bytes) -> None:
        feed(deflate, data)
        if data:
            came.set()

    monkeypatch.setattr(Deflate, "feed", noting)
    held: list[Connection] = []
    sizes: list[int] = []

    async def session(connection: Connection) -> None:
        connection.start_compression(b"")
        held.append(connection)
        begun.set()
        await go_on.wait()
        while data := await connection.read(WAIT_S):
            sizes.append(len(data))
            if data.endswith(b"!"):
                break
        connection.write(b"done")

    await server.start(session)
    reader, writer = await server.connect()
    await asyncio.wait_for(begun.wait(), WAIT_S)
    packer = Packer()
    size = 64 << 20
    writer.write(packer.pack(b"\0" * size + b"!"))
    await writer.drain()
    await asyncio.wait_for(came.wait(), WAIT_S)
    for _ in range(20):  # what else there is to do at once
        await asyncio.sleep(0)
    assert 0 < held[0]._buffered_bytes <= READ_AHEAD_BYTES + 1
    go_on.set()
    assert await packer.read(reader, 4) == b"done"
    assert sum(sizes) == size + 1
    assert max(sizes) <= READ_AHEAD_BYTES + 1
    writer.close()


@pytest.mark.parametrize("packed", [b"\xff\xff\xff", b"NOOP\r\n" * 10])
async def test_what_is_no_deflate_ends_the_connection(server: Server, packed: bytes) -> None:
    await server.start(compressed_echo)
    reader, writer = await server.connect()
    writer.write(packed)
    try:
        assert await asyncio.wait_for(reader.read(), WAIT_S) == b""
    except ConnectionError:
        pass
    writer.close()


async def test_the_end_of_the_stream_is_the_end_of_input(server: Server) -> None:
    ended = asyncio.Event()

    async def session(connection: Connection) -> None:
        connection.start_compression(b"")
        got = b""
        while data := await connection.read(WAIT_S):
            got += data
        assert got == b"last words"
        ended.set()

    await server.start(session)
    _, writer = await server.connect()
    deflater = zlib.compressobj(6, zlib.DEFLATED, -15)
    writer.write(deflater.compress(b"last words") + deflater.flush() + b"ignored")
    await asyncio.wait_for(ended.wait(), WAIT_S)
    writer.close()


async def test_input_before_the_end_is_not_lost(server: Server) -> None:
    total: list[int] = []
    ended = asyncio.Event()

    async def session(connection: Connection) -> None:
        connection.start_compression(b"")
        while data := await connection.read(WAIT_S):
            total.append(len(data))
        ended.set()

    await server.start(session)
    _, writer = await server.connect()
    writer.write(Packer().pack(b"x" * (5 << 20)))
    writer.close()
    await asyncio.wait_for(ended.wait(), WAIT_S)
    assert sum(total) == 5 << 20


async def test_a_resting_connection_lets_go_of_its_compressor(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "COMPRESSOR_REST_S", 0.01)
    rested = asyncio.Event()
    rest = Deflate.rest

    def noting(deflate: Deflate) -> None:
        rest(deflate)
        rested.set()

    monkeypatch.setattr(Deflate, "rest", noting)
    await server.start(compressed_echo)
    reader, writer = await server.connect()
    packer = Packer()
    for number in range(3):
        data = b"words that are said again and again %d" % number
        writer.write(packer.pack(data))
        assert await packer.read(reader, len(data)) == data
        await asyncio.wait_for(rested.wait(), WAIT_S)
        rested.clear()
    writer.close()


async def test_no_tls_after_compression(server: Server) -> None:
    offered: list[bool] = []

    async def session(connection: Connection) -> None:
        offered.append(connection.can_start_tls)
        connection.start_compression(b"")
        offered.append(connection.can_start_tls)

    await server.start(session)
    reader, writer = await server.connect()
    await asyncio.wait_for(reader.read(), WAIT_S)
    writer.close()
    assert offered == [True, False]


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=300), st.lists(st.integers(1, 40), min_size=1))
def test_hostile_input_is_refused_or_ends(data: bytes, rooms: list[int]) -> None:
    deflate = Deflate()
    deflate.feed(data)
    for turn in range(100_000):
        if not deflate.waiting:
            return
        room = rooms[turn % len(rooms)]
        try:
            assert len(deflate.expand(room)) <= room
        except zlib.error:
            return
    raise AssertionError("no end")


@settings(deadline=None, max_examples=100)
@given(st.lists(st.binary(max_size=200)), st.integers(1, 7), st.integers(1, 50))
def test_what_is_compressed_comes_back(pieces: list[bytes], cut: int, room: int) -> None:
    here, there = Deflate(), Deflate()
    packed = b""
    for number, piece in enumerate(pieces):
        packed += here.compress(piece)
        if number % 3 == 1:
            here.rest()
    got = b""
    for at in range(0, len(packed), cut):
        there.feed(packed[at : at + cut])
        while there.waiting:
            got += there.expand(room)
    assert got == b"".join(pieces)


def test_every_size_of_room_gives_the_same() -> None:
    data = bytes(range(256)) * 20 + b"a" * 3000
    packed = Packer().pack(data)
    for room in (1, 2, 3, 257, 258, 259, 1000, len(data)):
        deflate = Deflate()
        deflate.feed(packed)
        got = b""
        while deflate.waiting:
            piece = deflate.expand(room)
            assert len(piece) <= room
            got += piece
        assert got == data, room
