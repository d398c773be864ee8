"""Which connections are kept, used again, given up, and how many there are."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from kit.letters import QUICK, connections, hop, letter
from kit.sink import KEYWORDS, Drop, Say, Sink, Slow, running
from pillarbox.domain.queue.model import Stage
from pillarbox.pipeline.outbound.model import HostFailure, Security, TlsDemand


async def until_closed(sink: Sink) -> None:
    """Wait until the sink has no connection left."""
    await sink.until(lambda: not sink.open_now)


class TestKept:
    async def test_closed_when_nobody_needs_it(self) -> None:
        async with running(Sink()) as sink, connections(idle_s=0.1) as client:
            await client.send(hop(sink), letter())
            assert sink.open_now == 1
            await until_closed(sink)
            assert sink.commands[-1] == "QUIT"
            assert not client._pools

    async def test_as_many_messages_as_may_be(self) -> None:
        async with running(Sink()) as sink, connections(messages=3) as client:
            for _ in range(7):
                await client.send(hop(sink), letter())
            assert [one.session for one in sink.taken] == [1, 1, 1, 2, 2, 2, 3]

    async def test_as_many_messages_as_are_announced(self) -> None:
        async with running(Sink((*KEYWORDS, "LIMITS MAILMAX=2"))) as sink, connections() as client:
            for _ in range(5):
                await client.send(hop(sink), letter())
            assert [one.session for one in sink.taken] == [1, 1, 2, 2, 3]

    @pytest.mark.parametrize(
        "other",
        [
            {"helo": "other.test"},
            {"host": "other.test"},
            {"sources": ("127.0.0.2",)},
            {"addresses": ("127.0.0.1", "127.0.0.2")},
            {"tls": TlsDemand(Security.PLAIN)},
            {"tls": TlsDemand(Security.OPPORTUNISTIC, ("other.test",))},
            {"tls": TlsDemand(Security.OPPORTUNISTIC, policy="memory")},
        ],
    )
    async def test_not_for_another_hop(self, other: dict[str, Any]) -> None:
        async with running(Sink()) as sink, connections() as client:
            await client.send(hop(sink), letter())
            await client.send(replace(hop(sink), **other), letter())
            assert [one.session for one in sink.taken] == [1, 2]

    async def test_not_for_one_that_asks_for_more(self) -> None:
        """What was had without asking is not what is demanded."""
        async with running(Sink()) as sink, connections() as client:
            await client.send(hop(sink), letter())
            for security in (Security.ENCRYPTED, Security.VERIFIED, Security.DANE):
                with pytest.raises(HostFailure) as failure:
                    await client.send(hop(sink, security), letter())
                assert failure.value.stage is Stage.TLS
            with pytest.raises(HostFailure):
                await client.send(hop(sink), letter(require_tls=True))
            assert sink.messages == 1

    async def test_no_more_than_the_limit_of_all(self) -> None:
        async with running(Sink()) as sink, connections(idle=2) as client:
            for number in range(5):
                await client.send(hop(sink, helo=f"h{number}.test"), letter())
            await sink.until(lambda: sink.open_now == 2)

    async def test_close_leaves_nothing(self) -> None:
        async with running(Sink()) as sink:
            async with connections() as client:
                await client.send(hop(sink), letter())
                sink.on("CONTENT", Slow(0.1))
                busy = asyncio.ensure_future(client.send(hop(sink), letter()))
                await sink.until(lambda: sink.commands.count("DATA") == 2)
            assert (await busy).answers[0].reply.is_success
            await until_closed(sink)
            assert sink.messages == 2


class TestFoundDead:
    """A kept connection may be gone at any time: the letter goes over a fresh one at once."""

    @pytest.mark.parametrize("act", [Drop(), Drop(reset=True), Say("421 4.4.2 Idle too long")])
    @pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
    @pytest.mark.parametrize("keywords", [KEYWORDS, ("SIZE 1000000",)], ids=["at once", "in turn"])
    async def test_at_the_first_word(
        self, act: Drop | Say, stage: str, keywords: tuple[str, ...]
    ) -> None:
        async with running(Sink(keywords)) as sink, connections() as client:
            await client.send(hop(sink), letter(marker="1"))
            sink.on(stage, act, times=1)
            sent = await client.send(hop(sink), letter(marker="2"))
            assert sent.answers[0].reply.is_success
            assert not sent.peer.reused
            assert sink.counts == {"1": 1, "2": 1}
            assert sink.sessions == 2

    async def test_before_the_first_word(self) -> None:
        async with running(Sink()) as sink, connections() as client:
            sink.on("CONTENT", Say("250 2.0.0 Taken\r\n421 4.4.2 Idle too long"), times=1)
            await client.send(hop(sink), letter())
            sent = await client.send(hop(sink), letter())
            assert sent.answers[0].reply.is_success
            assert sink.messages == 2

    async def test_not_twice(self) -> None:
        async with running(Sink()) as sink, connections() as client:
            await client.send(hop(sink), letter())
            sink.on("MAIL", Drop())
            with pytest.raises(HostFailure) as failure:
                await client.send(hop(sink), letter())
            assert failure.value.stage is Stage.MAIL
            assert sink.sessions == 2

    async def test_not_after_the_content(self) -> None:
        async with running(Sink()) as sink, connections() as client:
            await client.send(hop(sink), letter())
            sink.on("CONTENT", Drop(takes=True), times=1)
            sent = await client.send(hop(sink), letter())
            assert sent.broken
            assert not sent.answers[0].reply.is_success
            assert sink.messages == 2


class TestHowMany:
    async def test_no_more_than_the_limit_of_a_hop(self) -> None:
        async with running(Sink()) as sink, connections(per_hop=3) as client:
            sink.on("DATA", Slow(0.005))
            letters = [letter(marker=str(number)) for number in range(30)]
            sent = await asyncio.gather(*(client.send(hop(sink), one) for one in letters))
            assert all(one.answers[0].reply.is_success for one in sent)
            assert sink.most_open == sink.sessions == 3
            assert set(sink.counts.values()) == {1}

    async def test_a_failure_makes_room(self) -> None:
        async with running(Sink()) as sink, connections(per_hop=1) as client:
            sink.on("CONNECT", Drop(), times=3)
            for _ in range(3):
                with pytest.raises(HostFailure):
                    await client.send(hop(sink), letter())
            assert (await client.send(hop(sink), letter())).answers[0].reply.is_success

    async def test_a_cancelled_letter_leaves_no_connection(self) -> None:
        async with running(Sink()) as sink, connections(per_hop=1) as client:
            sink.on("DATA", Slow(30), times=1)
            sending = asyncio.ensure_future(client.send(hop(sink), letter()))
            await sink.until(lambda: "DATA" in sink.commands)
            sending.cancel()
            with suppress(asyncio.CancelledError):
                await sending
            assert (await client.send(hop(sink), letter())).answers[0].reply.is_success
            assert sink.sessions == 2


class TestAddresses:
    async def test_nobody_there(self) -> None:
        async with running(Sink()) as sink:
            gone = hop(sink)
        async with connections(QUICK) as client:
            with pytest.raises(HostFailure) as failure:
                await client.send(gone, letter())
        assert failure.value.stage is Stage.CONNECT
        assert failure.value.reply.enhanced == "4.4.1"
        assert "refused" in failure.value.reply.text
        assert failure.value.peer is not None
        assert failure.value.peer.ip == "127.0.0.1"

    async def test_the_next_one_where_the_first_does_not_greet(self) -> None:
        async with (
            running(Sink()) as sink,
            running(Sink(), "127.0.0.2", sink.port) as other,
            connections() as client,
        ):
            sink.on("CONNECT", Say("421 4.3.2 Busy"))
            both = hop(sink, addresses=("127.0.0.1", "127.0.0.2"))
            sent = await client.send(both, letter())
            assert sent.peer.ip == "127.0.0.2"
            assert other.messages == 1
            other.on("CONNECT", Say("554 5.3.2 No"))
            with pytest.raises(HostFailure) as failure:
                await client.send(replace(both, helo="x.test"), letter())
            assert failure.value.reply.code == 554

    async def test_private_addresses_only_where_allowed(self) -> None:
        async with running(Sink()) as sink, connections(allow_private=False) as client:
            with pytest.raises(HostFailure) as failure:
                await client.send(hop(sink, Security.PLAIN), letter())
            assert failure.value.stage is Stage.CONNECT
            assert sink.sessions == 0
