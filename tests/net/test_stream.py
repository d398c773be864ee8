"""Connections to peers that behave well, badly, or not at all."""

import asyncio
import os
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from kit.authority import Authority
from kit.peers import Peers, until
from pillarbox.net import certs, stream
from pillarbox.net.client_tls import ClientContexts, TlsClientOptions, TlsFailure
from pillarbox.net.dial import DialOptions, dial
from pillarbox.net.stream import (
    READ_AHEAD_BYTES,
    READ_BYTES,
    TLS_OVERHEAD_BYTES,
    ClientStream,
)

NAME = "mx.example.test"
LARGE = bytes(range(256)) * 16384  # 4 MiB
OPTIONS = DialOptions(timeout_s=5, allow_private=True)

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter


async def connected(port: int) -> ClientStream:
    return await dial(["127.0.0.1"], port, OPTIONS)


async def read_all(connection: ClientStream) -> bytes:
    parts = []
    while part := await connection.read(5):
        assert len(part) <= READ_BYTES
        parts.append(part)
    return b"".join(parts)


async def write_on(connection: ClientStream) -> None:
    for _ in range(1000):
        connection.write(bytes(1 << 16))
        await connection.drain(0.3)


async def echo(reader: Reader, writer: Writer) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()


async def silence(reader: Reader, writer: Writer) -> None:
    await asyncio.Event().wait()


def starting_tls(
    context: ssl.SSLContext, then: Callable[[Reader, Writer], Awaitable[None]], extra: bytes = b""
) -> Callable[[Reader, Writer], Awaitable[None]]:
    """A session that says `go` and `extra`, and then speaks TLS."""

    async def session(reader: Reader, writer: Writer) -> None:
        await reader.readexactly(4)
        writer.write(b"go\n" + extra)
        await writer.drain()
        await writer.start_tls(context, ssl_handshake_timeout=5)
        await then(reader, writer)

    return session


class TestClear:
    async def test_there_and_back(self, peers: Peers) -> None:
        connection = await connected(await peers.serve(echo))
        assert (connection.ip, connection.local_ip) == ("127.0.0.1", "127.0.0.1")
        assert connection.quiet
        connection.write(b"hello")
        await connection.drain(5)
        assert await connection.read(5) == b"hello"
        await connection.close()
        assert not connection.quiet

    async def test_what_is_given_back_comes_first(self, peers: Peers) -> None:
        connection = await connected(await peers.serve(echo))
        connection.write(b"one two")
        data = await connection.read(5)
        connection.unread(data[3:])
        assert not connection.quiet
        assert await connection.read(5) == b" two"
        assert connection.quiet
        connection.abort()

    async def test_much_comes_in_bounded_pieces(self, peers: Peers) -> None:
        async def pour(reader: Reader, writer: Writer) -> None:
            writer.write(LARGE)
            await writer.drain()

        connection = await connected(await peers.serve(pour))
        assert await read_all(connection) == LARGE
        assert connection.finished
        await connection.close()

    async def test_who_talks_without_end_is_not_listened_to(self, peers: Peers) -> None:
        stuck = asyncio.Event()

        async def flood(reader: Reader, writer: Writer) -> None:
            writer.transport.set_write_buffer_limits(high=0)
            while True:
                writer.write(bytes(1 << 16))
                try:
                    await asyncio.wait_for(writer.drain(), 0.3)
                except TimeoutError:
                    stuck.set()
                    await asyncio.Event().wait()

        connection = await connected(await peers.serve(flood))
        await asyncio.wait_for(stuck.wait(), 10)
        # Held at most: what may lie ahead, and the one piece that went over it.
        assert connection._buffered_bytes <= READ_AHEAD_BYTES + (1 << 18)
        assert await connection.read(5)
        connection.abort()

    async def test_silence(self, peers: Peers) -> None:
        connection = await connected(await peers.serve(silence))
        with pytest.raises(TimeoutError, match="said nothing"):
            await connection.read(0.05)
        connection.abort()

    async def test_who_does_not_read_is_given_up(self, peers: Peers) -> None:
        connection = await connected(await peers.serve(silence))
        with pytest.raises(TimeoutError, match="does not read"):
            await write_on(connection)
        connection.abort()

    async def test_whether_all_has_gone_out(self, peers: Peers) -> None:
        connection = await connected(await peers.serve(silence))
        connection.write(bytes(1 << 25))
        assert connection.unsent
        connection.abort()
        connection = await connected(await peers.serve(echo))
        connection.write(b"hello")
        assert await connection.read(5) == b"hello"
        assert not connection.unsent
        connection.abort()

    async def test_a_reset_is_an_end(self, peers: Peers) -> None:
        async def reset(reader: Reader, writer: Writer) -> None:
            sock = writer.get_extra_info("socket")
            sock.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )  # close by RST
            await reader.readexactly(1)
            writer.transport.abort()

        connection = await connected(await peers.serve(reset))
        connection.write(b"x")
        assert await connection.read(5) == b""
        assert await connection.read(5) == b""
        await until(lambda: connection._lost)
        assert not connection.finished
        with pytest.raises(ConnectionError):
            await connection.drain(5)
        connection.write(b"goes nowhere")
        await connection.close()

    async def test_an_abort_wakes_who_waits(self, peers: Peers) -> None:
        connection = await connected(await peers.serve(silence))
        waiting = asyncio.create_task(connection.read(5))
        await asyncio.sleep(0)
        connection.abort()
        assert await waiting == b""

    async def test_what_came_last_is_read_after_the_end(self, peers: Peers) -> None:
        async def bye(reader: Reader, writer: Writer) -> None:
            writer.write(b"421 bye\r\n")

        connection = await connected(await peers.serve(bye))
        await until(lambda: connection._eof)
        assert not connection.quiet
        assert await connection.read(5) == b"421 bye\r\n"
        assert await connection.read(5) == b""
        await connection.close()

    async def test_closing_is_not_waited_for_for_ever(
        self, peers: Peers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stream, "CLOSE_TIMEOUT_S", 0.05)
        connection = await connected(await peers.serve(silence))
        for _ in range(200):
            connection.write(bytes(1 << 16))
        await asyncio.wait_for(connection.close(), 5)


class TestTls:
    async def begun(
        self,
        port: int,
        contexts: ClientContexts,
        options: TlsClientOptions | None = None,
    ) -> ClientStream:
        connection = await connected(port)
        connection.write(b"tls\n")
        assert await connection.read(5) == b"go\n"
        await connection.start_tls(options or TlsClientOptions(NAME, timeout_s=5), contexts)
        return connection

    async def test_any_certificate_will_do(self, peers: Peers) -> None:
        pair = certs.make(["other.test"], datetime.now(UTC))
        names: list[str | None] = []
        context = certs.server_context(pair)
        context.sni_callback = lambda tls, name, context: names.append(name)
        port = await peers.serve(starting_tls(context, echo))
        connection = await self.begun(port, ClientContexts())
        facts = connection.tls
        assert facts is not None
        assert (facts.version, names) == ("TLSv1.3", [NAME])
        assert facts.cipher.startswith("TLS_")
        assert facts.chain == (ssl.PEM_cert_to_DER_cert(pair.chain.decode()),)
        connection.write(b"hello")
        assert await connection.read(5) == b"hello"
        await connection.close()

    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
    async def test_much_goes_both_ways(
        self, peers: Peers, authority: Authority, version: ssl.TLSVersion
    ) -> None:
        context = authority.issue(NAME).server_context()
        context.maximum_version = version
        done = asyncio.Event()

        async def take_and_give(reader: Reader, writer: Writer) -> None:
            assert await reader.readexactly(len(LARGE)) == LARGE
            writer.write(LARGE)
            await writer.drain()
            done.set()

        connection = await self.begun(
            await peers.serve(starting_tls(context, take_and_give)), ClientContexts()
        )
        for start in range(0, len(LARGE), 1 << 16):
            connection.write(LARGE[start : start + (1 << 16)])
            await connection.drain(5)
        received = await read_all(connection)
        assert received == LARGE
        assert done.is_set()
        assert connection.finished
        await connection.close()

    async def test_who_wraps_next_to_nothing_is_not_unwrapped_for_ever(
        self, peers: Peers, authority: Authority
    ) -> None:
        async def drip(reader: Reader, writer: Writer) -> None:
            while not writer.is_closing():
                for _ in range(1000):
                    writer.write(b"x")
                await writer.drain()

        context = authority.issue(NAME).server_context()
        connection = await self.begun(
            await peers.serve(starting_tls(context, drip)), ClientContexts()
        )
        received = await read_all(connection)
        assert 10_000 < len(received) < TLS_OVERHEAD_BYTES / 20
        assert not connection.finished

    async def test_tls_from_the_first_byte(
        self, peers: Peers, authority: Authority, contexts: ClientContexts
    ) -> None:
        port = await peers.serve(echo, tls=authority.issue(NAME).server_context())
        connection = await connected(port)
        await connection.start_tls(TlsClientOptions(NAME, True, (NAME,), 5), contexts)
        connection.write(b"hello")
        assert await connection.read(5) == b"hello"
        await connection.close()

    async def test_the_whole_chain_is_told(self, peers: Peers, authority: Authority) -> None:
        issued = authority.intermediate().issue(NAME)
        port = await peers.serve(starting_tls(issued.server_context(), echo))
        connection = await self.begun(port, ClientContexts())
        assert connection.tls is not None
        assert len(issued.chain) == 3
        assert connection.tls.chain == issued.chain
        connection.abort()

    @pytest.mark.parametrize(
        ("shown", "wanted", "result"),
        [
            ((NAME,), (NAME,), ""),
            (("other.test", NAME), ("first.test", NAME), ""),
            (("*.example.test",), (NAME,), ""),
            ((NAME,), (".example.test",), ""),
            (("127.0.0.1",), ("127.0.0.1",), ""),
            (("other.test",), (NAME,), "certificate-host-mismatch"),
            ((NAME,), (), "certificate-host-mismatch"),
        ],
    )
    async def test_the_names_of_a_verified_certificate(
        self,
        peers: Peers,
        authority: Authority,
        contexts: ClientContexts,
        shown: tuple[str, ...],
        wanted: tuple[str, ...],
        result: str,
    ) -> None:
        port = await peers.serve(
            starting_tls(authority.intermediate().issue(*shown).server_context(), echo)
        )
        options = TlsClientOptions(NAME, True, wanted, 5)
        if not result:
            (await self.begun(port, contexts, options)).abort()
            return
        with pytest.raises(TlsFailure) as raised:
            await self.begun(port, contexts, options)
        assert (raised.value.result, raised.value.certificate) == (result, True)

    @pytest.mark.parametrize(
        "result",
        ["certificate-expired", "certificate-not-trusted", "validation-failure"],
    )
    async def test_certificates_nobody_should_believe(
        self, peers: Peers, authority: Authority, contexts: ClientContexts, result: str
    ) -> None:
        issued = {
            "certificate-expired": lambda: authority.expired(NAME),
            "certificate-not-trusted": lambda: Authority("Somebody").issue(NAME),
            "validation-failure": lambda: authority.issue(NAME, client=True),
        }[result]()
        port = await peers.serve(starting_tls(issued.server_context(), echo))
        with pytest.raises(TlsFailure) as raised:
            await self.begun(port, contexts, TlsClientOptions(NAME, True, (NAME,), 5))
        assert (raised.value.result, raised.value.certificate) == (result, True)
        # Where nobody asks, it is still as good as any.
        (await self.begun(port, contexts)).abort()

    async def test_the_system_does_not_believe_strangers(
        self, peers: Peers, authority: Authority
    ) -> None:
        port = await peers.serve(starting_tls(authority.issue(NAME).server_context(), echo))
        with pytest.raises(TlsFailure) as raised:
            await self.begun(port, ClientContexts(), TlsClientOptions(NAME, True, (NAME,), 5))
        assert raised.value.result == "certificate-not-trusted"

    async def test_authorities_that_can_not_be_read(self, peers: Peers, tmp_path: Path) -> None:
        port = await peers.serve(echo)
        for content in (None, b"nothing"):
            if content is not None:
                (tmp_path / "missing.pem").write_bytes(content)
            connection = await connected(port)
            with pytest.raises(TlsFailure, match=r"missing\.pem"):
                await connection.start_tls(
                    TlsClientOptions(NAME, True), ClientContexts(tmp_path / "missing.pem")
                )
            assert not connection.quiet

    async def test_what_was_said_before_is_an_injection(
        self, peers: Peers, authority: Authority
    ) -> None:
        """RFC 3207 §6."""

        async def inject(reader: Reader, writer: Writer) -> None:
            writer.write(b"250 injected\r\n")
            await reader.read()

        connection = await connected(await peers.serve(inject))
        await until(lambda: not connection.quiet)
        with pytest.raises(TlsFailure, match="before TLS"):
            await connection.start_tls(TlsClientOptions(NAME), ClientContexts())
        assert await connection.read(1) == b"250 injected\r\n"
        connection.write(b"goes nowhere")
        with pytest.raises(ConnectionError):
            await connection.drain(1)

    async def test_leftovers_in_the_clear_end_the_handshake(
        self, peers: Peers, authority: Authority
    ) -> None:
        """They come only after the client has begun."""

        async def inject(reader: Reader, writer: Writer) -> None:
            await reader.readexactly(5)
            writer.write(b"250 injected\r\n")
            await reader.read()

        connection = await connected(await peers.serve(inject))
        with pytest.raises(TlsFailure):
            await connection.start_tls(TlsClientOptions(NAME), ClientContexts())

    async def test_a_version_too_old(self, peers: Peers, authority: Authority) -> None:
        context = authority.issue(NAME).server_context()
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        port = await peers.serve(starting_tls(context, echo))
        with pytest.raises(TlsFailure) as raised:
            await self.begun(port, ClientContexts())
        assert not raised.value.certificate

    @pytest.mark.parametrize("ciphers", ["AES128-SHA", "AES256-GCM-SHA384"])
    async def test_old_servers(
        self,
        peers: Peers,
        authority: Authority,
        contexts: ClientContexts,
        tmp_path: Path,
        ciphers: str,
    ) -> None:
        """Weak ciphers are better than none, but not where somebody vouches for the server."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
        context.set_ecdh_curve("prime256v1")
        key = rsa.generate_private_key(65537, 1024)
        context.load_cert_chain(*authority.issue(NAME, key=key).write(tmp_path))
        port = await peers.serve(starting_tls(context, echo))
        connection = await self.begun(port, ClientContexts())
        assert connection.tls is not None
        assert connection.tls.version == "TLSv1.2"
        connection.abort()
        with pytest.raises(TlsFailure):
            await self.begun(port, contexts, TlsClientOptions(NAME, True, (NAME,), 5))

    async def test_who_stops_in_the_handshake(self, peers: Peers) -> None:
        connection = await connected(await peers.serve(silence))
        with pytest.raises(TimeoutError, match="handshake"):
            await connection.start_tls(TlsClientOptions(NAME, timeout_s=0.05), ClientContexts())
        assert await connection.read(1) == b""

    async def test_who_leaves_in_the_handshake(self, peers: Peers) -> None:
        async def leave(reader: Reader, writer: Writer) -> None:
            await reader.readexactly(5)

        connection = await connected(await peers.serve(leave))
        with pytest.raises(TlsFailure):
            await connection.start_tls(TlsClientOptions(NAME, timeout_s=5), ClientContexts())

    async def test_no_second_handshake(self, peers: Peers, authority: Authority) -> None:
        port = await peers.serve(starting_tls(authority.issue(NAME).server_context(), echo))
        connection = await self.begun(port, ClientContexts())
        with pytest.raises(TlsFailure, match="already"):
            await connection.start_tls(TlsClientOptions(NAME), ClientContexts())

    @pytest.mark.parametrize(
        "name",
        ["", "127.0.0.1", "::1", "a..b", "x" * 64 + ".test", "m\u00fc.test", ".test", "a" * 300],
    )
    async def test_odd_names_are_not_asked_for(
        self, peers: Peers, authority: Authority, name: str
    ) -> None:
        port = await peers.serve(starting_tls(authority.issue(NAME).server_context(), echo))
        (await self.begun(port, ClientContexts(), TlsClientOptions(name, timeout_s=5))).abort()

    async def test_what_is_cut_off_is_known(self, peers: Peers, authority: Authority) -> None:
        async def cut(reader: Reader, writer: Writer) -> None:
            writer.write(b"part")
            await writer.drain()
            writer.transport.abort()

        port = await peers.serve(starting_tls(authority.issue(NAME).server_context(), cut))
        connection = await self.begun(port, ClientContexts())
        assert await read_all(connection) == b"part"
        assert not connection.finished
        connection.abort()

    async def test_broken_records_end_it(self, peers: Peers, authority: Authority) -> None:
        async def garble(reader: Reader, writer: Writer) -> None:
            sock = writer.get_extra_info("socket")
            await reader.readexactly(1)
            # Beside the TLS of the event loop.
            with socket.socket(fileno=os.dup(sock.fileno())) as copy:
                copy.send(b"\x17\x03\x03\x00\x20" + bytes(32))
            await reader.read()

        port = await peers.serve(starting_tls(authority.issue(NAME).server_context(), garble))
        connection = await self.begun(port, ClientContexts())
        connection.write(b"x")
        assert await read_all(connection) == b""
        assert not connection.finished
        connection.abort()
