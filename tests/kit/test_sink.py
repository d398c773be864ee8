"""The sink itself: it takes, counts and misbehaves as told."""

import pytest

from kit.sink import Drop, Say, Sink, running
from kit.wire import Wire

GROUP = (
    b"MAIL FROM:<a@b.test>\r\nRCPT TO:<x@sink.test>\r\nRCPT TO:<y@sink.test>\r\nDATA\r\n"
    b"X-Marker: m1\r\n\r\n..dot\r\n.\r\n"
)


async def open_wire(sink: Sink) -> Wire:
    wire = await Wire.open(sink.port)
    assert (await wire.line()).startswith(b"220 ")
    await wire.send(b"EHLO c.test\r\n")
    while not (await wire.line()).startswith(b"250 "):
        pass
    return wire


async def answers(wire: Wire, count: int) -> list[int]:
    return [int((await wire.line())[:3]) for _ in range(count)]


async def test_counts_what_is_pipelined_without_pause() -> None:
    async with running(Sink()) as sink:
        wire = await open_wire(sink)
        await wire.send(GROUP * 50)
        assert await answers(wire, 250) == [250, 250, 250, 354, 250] * 50
        await sink.wait_for(50)
        assert sink.counts == {"m1": 50}
        assert sink.delivered["m1", "y@sink.test"] == 50
        assert sink.taken[0].content == b"X-Marker: m1\r\n\r\n.dot\r\n"
        wire.abort()


async def test_does_as_told_as_often_as_told() -> None:
    async with running(Sink()) as sink:
        sink.on("RCPT", Say("550 5.1.1 No"), of="y@", times=1)
        sink.on("CONTENT", Say("451 4.3.0 Later"), of="m1", times=1)
        wire = await open_wire(sink)
        await wire.send(GROUP * 2)
        assert await answers(wire, 10) == [250, 250, 550, 354, 451, 250, 250, 250, 354, 250]
        assert sink.delivered == {("m1", "x@sink.test"): 1, ("m1", "y@sink.test"): 1}
        wire.abort()


async def test_takes_and_drops() -> None:
    async with running(Sink()) as sink:
        sink.on("CONTENT", Drop(takes=True))
        wire = await open_wire(sink)
        await wire.send(GROUP)
        assert await answers(wire, 4) == [250, 250, 250, 354]
        with pytest.raises(ConnectionError):
            await wire.line()
        assert sink.counts == {"m1": 1}
        wire.abort()


async def test_lmtp_answers_for_each_recipient() -> None:
    async with running(Sink(lmtp=True)) as sink:
        sink.on("CONTENT", Say("550 5.2.2 Full"), of="x@")
        wire = await open_wire(sink)
        await wire.send(GROUP)
        assert await answers(wire, 5) == [250, 250, 250, 354, 550]
        assert await answers(wire, 1) == [250]
        assert sink.delivered == {("m1", "y@sink.test"): 1}
        wire.abort()
