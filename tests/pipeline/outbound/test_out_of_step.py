"""Servers whose answers are not those to what was asked: none of it counts as a delivery."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest

from kit.letters import QUICK, connections, hop, letter
from kit.sink import KEYWORDS, Hang, Say, Sink, running
from pillarbox.domain.queue.model import Stage
from pillarbox.pipeline.outbound.model import HostFailure

Finish = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

A, B = "a@sink.test", "b@sink.test"
A_LOT = 4_000_000


def content(more: int) -> bytes:
    """So many bytes more than are out of the sender's hands at once."""
    size = taken_by_the_system() + more
    return b"A: b\r\n\r\n" + b"0123456789abcdef\r\n" * (size // 18)


def listener() -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    return listening


def taken_by_the_system() -> int:
    """How much can be sent before anybody reads."""
    taken = 0
    with listener() as listening, socket.create_connection(listening.getsockname()) as sending:
        sending.settimeout(0.2)
        try:
            while True:
                taken += sending.send(bytes(1 << 17))
        except TimeoutError:
            return taken


@asynccontextmanager
async def taking_up_to_the_content(finish: Finish) -> AsyncIterator[Sink]:
    """A server with small buffers that says yes to all, and does as told once content comes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"220 sink.test\r\n")
            while line := await reader.readline():
                verb = line[:4].upper()
                writer.write(b"354 Go on\r\n" if verb == b"DATA" else b"250 OK\r\n")
                if verb == b"DATA":
                    await reader.read(100)
                    await finish(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass  # the test is over
        finally:
            writer.close()

    listening = listener()
    server = await asyncio.start_server(serve, sock=listening, limit=4096)
    try:
        yield Sink(port=listening.getsockname()[1])
    finally:
        server.close()
        await server.wait_closed()


async def test_success_before_all_was_sent() -> None:
    async def finish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"250 2.0.0 Taken, whatever comes\r\n")
        await asyncio.sleep(0.1)
        while await reader.read(65536):
            pass

    async with taking_up_to_the_content(finish) as sink, connections() as client:
        with pytest.raises(HostFailure) as failure:
            await client.send(hop(sink), letter(content=content(A_LOT)))
        assert (failure.value.stage, failure.value.permanent) == (Stage.CONTENT, False)


async def test_a_refusal_before_all_was_sent_is_heard() -> None:
    async def finish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"552 5.3.4 Too much\r\n")
        while await reader.read(65536):
            pass

    async with taking_up_to_the_content(finish) as sink, connections() as client:
        sent = await client.send(hop(sink), letter(content=content(A_LOT)))
        (answer,) = sent.answers
        assert (answer.reply.code, answer.ours, sent.broken) == (552, False, True)


@pytest.mark.parametrize("keywords", [KEYWORDS, ("SIZE 1000000",)], ids=["at once", "in turn"])
@pytest.mark.parametrize("extra", ["250 OK", "550 No", "354 Go on"])
@pytest.mark.parametrize("stage", ["EHLO", "MAIL", "RCPT", "DATA"])
async def test_an_answer_too_many(stage: str, extra: str, keywords: tuple[str, ...]) -> None:
    async with running(Sink(keywords)) as sink, connections(QUICK) as client:
        sink.on(stage, Say(f"{'354' if stage == 'DATA' else '250'} Yes\r\n{extra}"))
        with suppress(HostFailure):
            sent = await client.send(hop(sink), letter(A, B))
            assert not any(answer.reply.is_success for answer in sent.answers)
        assert not sink.messages


async def test_an_answer_too_few() -> None:
    async with running(Sink()) as sink, connections(QUICK) as client:
        sink.on("RCPT", Hang(), of=B)
        with pytest.raises(HostFailure) as failure:
            await client.send(hop(sink), letter(A, B))
        assert failure.value.stage is Stage.RCPT
        assert not sink.messages


async def test_success_for_nobody_ends_the_connection() -> None:
    """Whose reply the 250 to DATA was, nobody knows."""
    async with running(Sink()) as sink, connections() as client:
        sink.on("RCPT", Say("550 5.1.1 Unknown"), times=1)
        sink.on("DATA", Say("250 OK"), times=1)
        sent = await client.send(hop(sink), letter(A))
        assert sent.broken
        await client.send(hop(sink), letter(A))
        assert sink.sessions == 2


@pytest.mark.parametrize("keywords", [KEYWORDS, ("SIZE 1000000",)], ids=["at once", "in turn"])
async def test_who_forgets_nobody_gets_nothing_more(keywords: tuple[str, ...]) -> None:
    """A server that refuses RSET still has the recipients of the message before."""
    async with running(Sink(keywords)) as sink, connections() as client:
        sink.on("DATA", Say("451 4.3.0 Later"), times=1)
        await client.send(hop(sink), letter(A, marker="1"))
        sink.on("RSET", Say("500 5.5.1 What?"))
        sent = await client.send(hop(sink), letter(B, marker="2"))
        assert sent.answers[0].reply.is_success
        assert [(one.recipients, one.session) for one in sink.taken] == [((B,), 2)]


async def test_another_code_to_go_on_for_nobody() -> None:
    """What a server takes for a content must not be the commands of the next letter."""
    async with running(Sink()) as sink, connections(QUICK) as client:
        sink.on("RCPT", Say("550 5.1.1 Unknown"), times=1)
        sink.on("DATA", Say("350 Go on"), times=1)
        sink.on(".", Say("554 5.5.1 No recipients"), times=1)
        await client.send(hop(sink), letter(A))
        await client.send(hop(sink), letter(B))
        assert "." in sink.commands
        assert sink.sessions == 1


async def test_all_addresses_together_have_the_time_of_one() -> None:
    """Whoever lets us wait at each of many addresses holds a place for others' mail."""
    timeouts = replace(QUICK, greeting_s=5.0, setup_s=0.5)
    ips = tuple(f"127.0.0.{number}" for number in range(1, 5))
    async with (
        running(Sink().on("CONNECT", Hang())) as first,
        running(Sink().on("CONNECT", Hang()), ips[1], first.port) as second,
        connections(timeouts) as client,
    ):
        with pytest.raises(HostFailure) as failure:
            await client.send(hop(first, addresses=ips), letter())
        assert failure.value.stage is Stage.GREETING
        assert (first.sessions, second.sessions) == (1, 0)
