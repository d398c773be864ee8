"""One contract for every bus, and what is special about the one between processes."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from pillarbox.cluster.bus import Bus, LocalBus
from pillarbox.cluster.unix import UnixBus


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(5000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise TimeoutError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / ("deep" * 30) / "bus"


@pytest.fixture(params=["local", "unix", "unix-apart"])
async def ends(request: pytest.FixtureRequest, folder: Path) -> AsyncIterator[tuple[Bus, Bus]]:
    """Where hints are published, and where they are listened to."""
    if request.param == "local":
        one: Bus = LocalBus()
        other = one
    elif request.param == "unix":
        one = other = UnixBus(folder)
    else:
        one, other = UnixBus(folder), UnixBus(folder)
    yield one, other
    one.close()
    other.close()


async def test_listeners_of_the_topic_hear_hints(ends: tuple[Bus, Bus]) -> None:
    here, there = ends
    heard: list[str] = []
    there.subscribe("account:1", heard.append)
    stop = there.subscribe("account:2", heard.append)
    here.publish("account:1")
    here.publish("account:3")
    here.publish("account:2")
    await until(lambda: len(heard) >= 2)
    assert sorted(heard) == ["account:1", "account:2"]
    stop()
    here.publish("account:2")
    here.publish("account:1")
    await until(lambda: len(heard) >= 3)
    assert heard[2:] == ["account:1"]


async def test_closed_bus_is_silent(folder: Path) -> None:
    one, other = UnixBus(folder), UnixBus(folder)
    other.close()
    one.publish("x")
    await asyncio.sleep(0)
    one.close()
    one.publish("x")
    assert os.listdir(folder) == []


async def test_repeated_hints_of_a_turn_come_once(folder: Path) -> None:
    one, other = UnixBus(folder), UnixBus(folder)
    heard: list[str] = []
    other.subscribe("a", heard.append)
    other.subscribe("end", heard.append)
    for _ in range(1000):
        one.publish("a")
    one.publish("end")
    await until(lambda: "end" in heard)
    assert heard == ["a", "end"]
    one.close()
    other.close()


async def test_many_topics_arrive_though_the_socket_is_small(folder: Path) -> None:
    one, other = UnixBus(folder), UnixBus(folder)
    heard: set[str] = set()
    topics = [f"account:{number:060}" for number in range(5000)]
    for topic in topics:
        other.subscribe(topic, heard.add)
    for topic in topics[:2500]:
        one.publish(topic)
    await asyncio.sleep(0)
    for topic in topics[2500:]:
        one.publish(topic)
    await until(lambda: len(heard) == 5000)
    one.close()
    other.close()


async def test_socket_of_a_dead_process_is_removed(folder: Path) -> None:
    one = UnixBus(folder)
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    descriptor = os.open(folder, os.O_RDONLY)
    dead.bind(f"/proc/self/fd/{descriptor}/999-0.sock")
    os.close(descriptor)
    dead.close()
    one.publish("x")
    await until(lambda: len(os.listdir(folder)) == 1)
    one.close()


async def test_failing_listener_stops_nobody(ends: tuple[Bus, Bus]) -> None:
    here, there = ends
    heard: list[str] = []

    def fail(topic: str) -> None:
        raise ZeroDivisionError

    for topic in ("first", "second"):
        there.subscribe(topic, fail)
        there.subscribe(topic, heard.append)
    here.publish("first")
    here.publish("second")
    await until(lambda: len(heard) == 2)
    assert heard == ["first", "second"]


async def test_latency_is_short(folder: Path) -> None:
    one, other = UnixBus(folder), UnixBus(folder)
    arrived = asyncio.Event()
    other.subscribe("x", lambda topic: arrived.set())
    loop = asyncio.get_running_loop()
    best = 1.0
    for _ in range(50):
        arrived.clear()
        before = loop.time()
        one.publish("x")
        await arrived.wait()
        best = min(best, loop.time() - before)
    assert best < 0.003
    one.close()
    other.close()
