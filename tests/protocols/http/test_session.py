"""One connection: order, limits of size and time, flow in both directions, the end."""

import asyncio
from collections.abc import Callable

import pytest

from kit.http import HttpWire
from kit.web_house import MOST_BYTES, WebHouse, quick
from kit.wire import Wire
from pillarbox.protocols.stream.budget import InFlight

HEAD = b"Host: mail.example.test\r\n"


def request(method: str, target: str, fields: bytes = b"", body: bytes = b"") -> bytes:
    line = f"{method} {target} HTTP/1.1\r\n".encode()
    length = b"Content-Length: %d\r\n" % len(body) if body else b""
    return line + HEAD + length + fields + b"\r\n" + body


async def steady(measure: Callable[[], int]) -> int:
    """What is measured once it no longer changes: the buffers of both sides are full."""
    last = -1
    for _ in range(100):
        if last == (last := measure()):
            break
        await asyncio.sleep(0.2)
    return last


async def test_one_connection_for_many_requests(house: WebHouse) -> None:
    http = await house.open()
    for number in range(20):
        heard = await http.ask("PUT", "/echo", b"%d" % number)
        assert (heard.status, heard.body) == (200, b"%d" % number)
        assert "connection" not in heard.fields
    heard = await http.ask("PUT", "/echo", chunks=(b"one ", b"two"))
    assert heard.body == b"one two"
    heard = await http.ask("GET", "/", fields={"Connection": "close"})
    assert heard.fields["connection"] == "close"
    assert await http.ended()


async def test_answers_have_what_all_of_them_have(house: WebHouse) -> None:
    http = await house.open()
    heard = await http.ask("GET", "/healthz")
    assert (heard.status, heard.text) == (200, "ok\n")
    assert heard.fields["x-content-type-options"] == "nosniff"
    assert heard.fields["date"].endswith("GMT")
    assert "server" not in heard.fields
    for path in ("/.well-known/caldav", "/.well-known/carddav"):
        for method in ("GET", "PROPFIND", "HEAD"):
            heard = await http.ask(method, path)
            assert (heard.status, heard.fields["location"]) == (301, "/dav/")
    assert (await http.ask("OPTIONS", "*")).status == 204
    assert (await http.ask("GET", "/nowhere")).status == 404
    heard = await http.ask("DELETE", "/healthz")
    assert (heard.status, set(heard.fields["allow"].split(", "))) == (405, {"GET", "HEAD"})
    await http.close()


async def test_pipelined_requests_are_answered_in_order(house: WebHouse) -> None:
    async with await Wire.open(house.port) as wire:
        first = request("GET", "/held?1")
        await wire.send(
            first + b"".join(request("PUT", "/echo", body=b"x%d" % n) for n in range(9))
        )
        await house.began.wait()
        assert house.asked == ["1"]
        house.held.set()
        http = HttpWire(wire)
        assert (await http.hear()).text == "held 1"
        for number in range(9):
            assert (await http.hear("PUT")).body == b"x%d" % number


async def test_thousands_of_pipelined_requests(house: WebHouse) -> None:
    async with await Wire.open(house.port) as wire:
        sending = asyncio.create_task(wire.send(request("GET", "/healthz") * 2000))
        http = HttpWire(wire)
        for _ in range(2000):
            assert (await http.hear()).status == 200
        await sending


async def test_whoever_reads_slowly_holds_the_answer_up(house: WebHouse) -> None:
    async with await Wire.open(house.port) as wire:
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await wire.send(request("GET", "/large"))
        await asyncio.wait_for(house.began.wait(), 10)
        assert await steady(lambda: house.sent_pieces) < 200
        wire.writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert len((await HttpWire(wire).hear()).body) == 256 * 65536


async def test_whoever_sends_ahead_is_held_up(house: WebHouse) -> None:
    most = 64 << 20
    wire = await house.connect()
    await wire.send(request("PUT", "/held", b"Content-Length: %d\r\n" % most))
    await house.began.wait()
    wire.writer.transport.set_write_buffer_limits(0)
    sending = asyncio.create_task(wire.send(bytes(most)))
    left = await steady(wire.writer.transport.get_write_buffer_size)
    assert left > most // 2
    assert not sending.done()
    house.held.set()
    heard = await HttpWire(wire).hear("PUT")
    assert (heard.status, heard.fields["connection"]) == (200, "close")
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


async def test_old_clients_get_no_chunks(house: WebHouse) -> None:
    said = await house.raw(b"GET /large HTTP/1.0\r\n\r\n")
    head, _, body = said.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head.lower()
    assert b"connection: close" in head
    assert len(body) == 256 * 65536


async def test_too_large(house: WebHouse) -> None:
    http = await house.open()
    heard = await http.ask("PUT", "/echo", bytes(MOST_BYTES))
    assert heard.status == 200
    heard = await http.ask("PUT", "/echo", bytes(MOST_BYTES + 1))
    assert (heard.status, heard.fields["connection"]) == (413, "close")
    assert f"{MOST_BYTES} bytes" in heard.text
    for _ in range(2):
        http = await house.open()
        heard = await http.ask("PUT", "/echo", chunks=tuple([bytes(65536)] * 17))
        assert heard.status == 413
    assert house.in_flight.used_bytes == 0


async def test_what_is_too_large_need_not_be_sent(house: WebHouse) -> None:
    http = await house.open()
    wire = http.wire
    fields = b"Expect: 100-continue\r\nContent-Length: %d\r\n" % (MOST_BYTES + 1)
    await wire.send(request("PUT", "/echo", fields))
    assert (await http.hear("PUT")).status == 413
    async with asyncio.timeout(10):  # less than the time there is for a body
        assert await http.ended()
    wire = await house.connect()
    await wire.send(request("PUT", "/echo", b"Expect: 100-continue\r\nContent-Length: 3\r\n"))
    assert await wire.line() == b"HTTP/1.1 100 Continue\r\n"
    assert await wire.line() == b"\r\n"
    await wire.send(b"abc")
    assert (await HttpWire(wire).hear("PUT")).body == b"abc"
    await wire.close()


async def test_a_small_body_that_nobody_reads_does_not_end_the_connection(house: WebHouse) -> None:
    http = await house.open()
    for size in (10, 50_000):
        heard = await http.ask("PUT", "/early", bytes(size))
        assert (heard.status, "connection" in heard.fields) == (403, False)
    heard = await http.ask("PUT", "/early", bytes(1_000_000))
    assert (heard.status, heard.fields["connection"]) == (403, "close")


async def test_memory_of_all_requests_is_bounded() -> None:
    async with WebHouse(in_flight=InFlight(100_000)) as house:
        first, second = await house.open(), await house.open()
        await first.wire.send(request("PUT", "/echo", b"Content-Length: 90000\r\n") + bytes(80_000))
        for _ in range(1000):
            if house.in_flight.used_bytes == 80_000:
                break
            await asyncio.sleep(0.01)
        heard = await second.ask("PUT", "/echo", bytes(50_000))
        assert (heard.status, heard.fields["retry-after"]) == (503, "10")
        await first.wire.send(bytes(10_000))
        assert len((await first.hear("PUT")).body) == 90_000
        assert house.in_flight.used_bytes == 0


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n" + HEAD + b"X: " + b"a" * 70_000,
        b"GET / HTTP/1.1\r\n" + HEAD + b"X: a\r\n" * 101 + b"\r\n",
        b"GET / HTTP/1.1\r\n" + HEAD + (b"X: " + b"a" * 9000 + b"\r\n") * 8 + b"\r\n",
        request("PUT", "/echo", b"Transfer-Encoding: chunked\r\n")
        + b"0\r\n"
        + b"X: a\r\n" * 101
        + b"\r\n",
    ],
)
async def test_too_many_fields(house: WebHouse, head: bytes) -> None:
    http = await house.open()
    await http.wire.send(head)
    assert (await http.hear()).status == 431
    assert await http.ended()


async def test_endless_parts_without_content(house: WebHouse) -> None:
    for talk in (b"GET /" + b"a" * 20_000, b"\r\n" * 80_000):
        http = await house.open()
        await http.wire.send(talk)
        assert (await http.hear()).status in (414, 431)
    http = await house.open()
    chunked = request("PUT", "/echo", b"Transfer-Encoding: chunked\r\n")
    await http.wire.send(chunked + b"1\r\na\r\n0\r\nX: " + b"a" * 200_000)
    assert (await http.hear("PUT")).status == 431


@pytest.mark.parametrize(
    ("talk", "status"),
    [
        (b"G", 408),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: ", 408),
        (request("PUT", "/echo", b"Content-Length: 10\r\n") + b"abc", 408),
        (request("PUT", "/echo", b"Transfer-Encoding: chunked\r\n") + b"3\r\nabc\r\n", 408),
    ],
)
async def test_silence_within_a_request(talk: bytes, status: int) -> None:
    async with WebHouse(quick()) as house:
        http = await house.open()
        await http.wire.send(talk)
        heard = await http.hear("PUT" if b"PUT" in talk else "GET")
        assert (heard.status, heard.fields["connection"]) == (status, "close")
        assert await http.ended()


@pytest.mark.parametrize(
    "talk",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nX: ",
        request("PUT", "/echo", b"Content-Length: 1000000\r\n"),
        request("PUT", "/echo", b"Transfer-Encoding: chunked\r\n") + b"1;ext=",
    ],
)
async def test_trickling_buys_no_time(talk: bytes) -> None:
    async with WebHouse(quick()) as house, asyncio.timeout(8):
        http = await house.open()
        await http.wire.send(talk)
        hearing = asyncio.create_task(http.hear("PUT"))
        while not hearing.done():
            await http.wire.send(b"a")
            await asyncio.wait({hearing}, timeout=0.1)
        assert (await hearing).status == 408


async def test_idle_connections_are_closed() -> None:
    async with WebHouse(quick()) as house, asyncio.timeout(8):
        http = await house.open()
        assert await http.ended()
        http = await house.open()
        assert (await http.ask("GET", "/")).status == 200
        assert await http.ended()


async def test_work_of_the_server_is_not_the_clients_time() -> None:
    async with WebHouse(quick()) as house:
        http = await house.open()
        await http.say("GET", "/held")
        await house.began.wait()
        await asyncio.sleep(0.8)  # longer than any patience
        house.held.set()
        assert (await http.hear()).status == 200
        assert (await http.ask("PUT", "/echo", b"on")).body == b"on"


async def test_requests_that_end_early_do_nothing(house: WebHouse) -> None:
    said = await house.raw(request("PUT", "/echo", b"Content-Length: 10\r\n") + b"abc")
    assert said.startswith(b"HTTP/1.1 400 ")
    assert await house.raw(b"GET / HT") != b""
    assert await house.raw(b"") == b""
    wire = await house.connect()
    await wire.send(request("GET", "/held"))
    await house.began.wait()
    wire.abort()
    house.held.set()
    assert (await (await house.open()).ask("GET", "/")).status == 200


async def test_half_closed_clients_get_their_answer(house: WebHouse) -> None:
    said = await house.raw(
        request("PUT", "/echo", body=b"abc") + request("PUT", "/echo", body=b"d")
    )
    assert said.count(b"HTTP/1.1 200 OK") == 2
    assert said.endswith(b"\r\n\r\nd")


async def test_faults_of_the_application(house: WebHouse) -> None:
    http = await house.open()
    heard = await http.ask("GET", "/broken")
    assert (heard.status, heard.text) == (500, "Internal Server Error")
    assert (await http.ask("PUT", "/echo", b"on")).body == b"on"


async def test_stopping(house: WebHouse) -> None:
    idle, busy = await house.open(), await house.open()
    assert (await idle.ask("GET", "/")).status == 200
    await busy.say("GET", "/held")
    await house.began.wait()
    assert house.listener is not None
    draining = asyncio.create_task(house.listener.drain(20))
    assert await idle.ended()
    house.held.set()
    heard = await busy.hear()
    assert (heard.status, heard.fields["connection"]) == (200, "close")
    assert await busy.ended()
    await draining


async def test_requests_that_do_not_end_are_cut_off(house: WebHouse) -> None:
    http = await house.open()
    await http.say("GET", "/held")
    await house.began.wait()
    assert house.listener is not None
    async with asyncio.timeout(5):
        await house.listener.drain(0.1)
        with pytest.raises(ConnectionError):
            await http.hear()
