"""HTTP with anything a client may send: an answer or the end, and no request that was not sent."""

import asyncio
import contextlib
from dataclasses import replace
from typing import cast

from hypothesis import example, given, settings
from hypothesis import strategies as st

from kit.clock import FakeClock
from kit.connection import ScriptedConnection
from kit.login import FakeLogin
from kit.web_house import ALICE, USER, WebHouse
from pillarbox.pipeline.login import Login
from pillarbox.protocols.http.options import HttpOptions, HttpServices
from pillarbox.protocols.http.session import HttpSession
from pillarbox.protocols.stream.budget import InFlight
from pillarbox.protocols.stream.connection import Connection

FIELDS = st.sampled_from(
    [
        b"Host: a\r\n",
        b"Content-Length: 3\r\n",
        b"Content-Length: 0\r\n",
        b"Content-Length: -1\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: gzip\r\n",
        b"Connection: close\r\n",
        b"Connection: Upgrade\r\nUpgrade: h2c\r\n",
        b"Expect: 100-continue\r\n",
        b"Authorization: Basic YWxpY2VAZXhhbXBsZS50ZXN0OmNvcnJlY3QgaG9yc2U=\r\n",
        b"Authorization: Basic //8=\r\n",
        b"X: \xff\r\n",
        b"X:\n",
        b" folded\r\n",
        b"X" * 3000 + b": a\r\n",
    ]
)
LINES = st.builds(
    lambda method, target, version: b"%s %s HTTP/%s\r\n" % (method, target, version),
    st.sampled_from([b"GET", b"PUT", b"HEAD", b"OPTIONS", b"PROPFIND", b"CONNECT", b"get", b""]),
    st.sampled_from(
        [
            b"/",
            b"/echo",
            b"/who",
            b"/early",
            b"*",
            b"http://a/echo",
            b"/%00%ff/../echo",
            b"//",
            b"a",
        ]
    ),
    st.sampled_from([b"1.1", b"1.1", b"1.0", b"0.9", b"2.0", b"x"]),
)
BODIES = st.sampled_from(
    [
        b"",
        b"abc",
        b"3\r\nabc\r\n0\r\n\r\n",
        b"3;x=y\r\nabc\r\n0\r\nHost: b\r\n\r\n",
        b"ffffffffffffffff\r\n",
        b"3\r\nabcd",
    ]
)
REQUESTS = st.builds(
    lambda line, fields, body: line + b"".join(fields) + b"\r\n" + body,
    LINES,
    st.lists(FIELDS, max_size=5),
    BODIES,
)
TALKS = st.lists(st.one_of(REQUESTS, REQUESTS, st.binary(max_size=60)), max_size=8)


class Scripted(ScriptedConnection):
    """A connection that gives pieces and knows no end of the server."""

    draining = lost = False
    peer_port = 1

    async def read_or(
        self, wake: asyncio.Event, timeout_s: float, *, at_rest: bool = True
    ) -> bytes | None:
        await asyncio.sleep(0)
        return None if wake.is_set() else await self.read(timeout_s)


async def said_to(pieces: list[bytes], secure: bool) -> tuple[bytes, WebHouse, InFlight]:
    """What the server says to these, and its application."""
    in_flight, login = InFlight(), FakeLogin({ALICE: USER})
    house = WebHouse(in_flight=in_flight, login=login)
    options = replace(HttpOptions(), allow_plaintext_login=secure)
    services = HttpServices(cast(Login, login), FakeClock(), in_flight, options)
    connection = Scripted(pieces, 443)
    session = HttpSession(cast(Connection, connection), services, house.app)
    with contextlib.suppress(ConnectionError):
        await asyncio.wait_for(session.run(), 20)
    return connection.said, house, in_flight


@settings(max_examples=250, deadline=None)
@given(TALKS, st.lists(st.integers(1, 200), max_size=20), st.booleans())
@example([b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"], [], True)
def test_any_input_is_answered(talk: list[bytes], cuts: list[int], secure: bool) -> None:
    data, pieces = b"".join(talk), []
    for cut in cuts:
        pieces.append(data[:cut])
        data = data[cut:]
    said, house, in_flight = asyncio.run(said_to([*pieces, data], secure))
    assert in_flight.used_bytes == 0
    assert not said or said.startswith(b"HTTP/1.1 ")
    assert b" 500 " not in said
    if not secure:
        assert house.login.asked == []
    whole = b"".join([*pieces, data])
    assert len(house.asked) <= whole.count(b"/echo") + whole.count(b"/early")


@settings(max_examples=60, deadline=None)
@given(TALKS, st.lists(st.integers(1, 50), max_size=40))
def test_how_it_is_cut_does_not_matter(talk: list[bytes], cuts: list[int]) -> None:
    data = b"".join(talk)
    whole, house, _ = asyncio.run(said_to([data], True))
    pieces, rest = [], data
    for cut in cuts:
        pieces.append(rest[:cut])
        rest = rest[cut:]
    said, other, _ = asyncio.run(said_to([*pieces, rest], True))
    assert house.asked == other.asked
    assert said.count(b"\r\n\r\n") == whole.count(b"\r\n\r\n")
