"""Requests that a proxy before the server could see otherwise than the server does.

RFC 9112 §11.2 tells of them.
"""

import re

import pytest

from kit.web_house import WebHouse

HOST = b"Host: a\r\n"
NEXT = b"GET /echo?smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


def put(fields: bytes, body: bytes, version: bytes = b"1.1", host: bytes = HOST) -> bytes:
    return b"PUT /echo HTTP/" + version + b"\r\n" + host + fields + b"\r\n" + body


@pytest.mark.parametrize(
    ("talk", "status"),
    [
        (put(b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n" + NEXT), 400),
        (put(b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", b"0\r\n\r\n" + NEXT), 400),
        (put(b"Content-Length: 3\r\nContent-Length: 4\r\n", b"abcd" + NEXT), 400),
        (put(b"Content-Length: 3\r\nContent-Length: 3\r\n", b"abc" + NEXT), 400),
        (put(b"Content-Length: 3, 3\r\n", b"abc" + NEXT), 400),
        (put(b"Content-Length: +3\r\n", b"abc" + NEXT), 400),
        (put(b"Content-Length: 0x3\r\n", b"abc" + NEXT), 400),
        (put(b"Content-Length: -1\r\n", NEXT), 400),
        (put(b"Content-Length: 99999999999999999999999\r\n", NEXT), 400),
        (put(b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n" + NEXT), 501),
        (put(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n" + NEXT), 501),
        (put(b"Transfer-Encoding: chunked, gzip\r\n", b"0\r\n\r\n" + NEXT), 400),
        (put(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", NEXT), 400),
        (put(b"Transfer-Encoding : chunked\r\n", b"0\r\n\r\n" + NEXT), 400),
        (put(b" Transfer-Encoding: chunked\r\n", b"0\r\n\r\n" + NEXT), 400),
        (put(b"X: a\r\n Transfer-Encoding: chunked\r\n", b"0\r\n\r\n" + NEXT), 400),
        (put(b"X: a\rTransfer-Encoding: chunked\r\n", b"0\r\n\r\n" + NEXT), 400),
        (put(b"X: a\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n" + NEXT), 400),
        (put(b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n" + NEXT, b"1.0"), 400),
        (put(b"Transfer-Encoding: chunked\r\n", b"3\nabc\n0\n\n" + NEXT), 400),
        (put(b"Transfer-Encoding: chunked\r\n", b"3 \r\nabc\r\n0\r\n\r\n" + NEXT), 400),
        (put(b"Transfer-Encoding: chunked\r\n", b"0x3\r\nabc\r\n0\r\n\r\n" + NEXT), 400),
        (put(b"Transfer-Encoding: chunked\r\n", b"3\r\nabcd\r\n0\r\n\r\n" + NEXT), 400),
        (put(b"Transfer-Encoding: chunked\r\n", b"-3\r\nabc\r\n0\r\n\r\n" + NEXT), 400),
        (put(b"Transfer-Encoding: chunked\r\n", b"f" * 17 + b"\r\nabc\r\n" + NEXT), 400),
        (
            put(b"Upgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 3\r\n", b"abc" + NEXT),
            400,
        ),
        (put(b"Content-Length: 0\r\n", NEXT, host=b""), 400),
        (put(b"Content-Length: 0\r\n", NEXT, host=HOST + b"Host: b\r\n"), 400),
        (put(b"Content-Length: 0\r\n", NEXT, host=b"Host: a/b\r\n"), 400),
        (put(b"Content-Length: 0\r\n", NEXT, host=b"Host: a@b\r\n"), 400),
        (put(b"Content-Length: 0\r\n", NEXT, host=b"Host: \r\n"), 400),
        (put(b"", b"", b"2.0"), 505),
        (b"GET /\r\n\r\n" + NEXT, 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"CONNECT a:25 HTTP/1.1\r\nHost: a\r\n\r\nEHLO a\r\n", 501),
        (b"NONSENSE / HTTP/1.1\r\nHost: a\r\n\r\n" + NEXT, 501),
        (b"GET http://a:99999999/ HTTP/1.1\r\nHost: a\r\n\r\n" + NEXT, 400),
        (b"GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n" + NEXT, 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 501),
        (b"EHLO client.example.test\r\n", 501),
    ],
)
async def test_refused(house: WebHouse, talk: bytes, status: int) -> None:
    said = await house.raw(talk)
    assert said.startswith(b"HTTP/1.1 %d " % status), said
    assert len(re.findall(rb"HTTP/1.1 \d", said)) == 1
    assert b"\r\nConnection: close\r\n" in said
    assert house.asked == []


async def test_a_fault_behind_a_good_request_comes_after_its_answer(house: WebHouse) -> None:
    good = put(b"Content-Length: 3\r\n", b"abc")
    said = await house.raw(good + good + b"NONSENSE" + NEXT)
    assert said.startswith(b"HTTP/1.1 200 OK")
    assert said.count(b"HTTP/1.1 200 OK") == 2
    assert said.count(b"HTTP/1.1 501 ") == 1
    assert house.asked == ["/echo", "/echo"]


async def test_behind_the_last_request_nothing_is_read(house: WebHouse) -> None:
    said = await house.raw(put(b"Connection: close\r\nContent-Length: 3\r\n", b"abc") + NEXT)
    assert said.count(b"HTTP/1.1 ") == 1
    assert house.asked == ["/echo"]


async def test_an_upgrade_is_not_taken(house: WebHouse) -> None:
    upgrade = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    said = await house.raw(upgrade + put(b"Content-Length: 3\r\n", b"abc"))
    assert said.count(b"HTTP/1.1 200 OK") == 2
    assert b"HTTP/1.1 101" not in said


async def test_fields_behind_the_body_mean_nothing(house: WebHouse) -> None:
    trailer = b"0\r\nAuthorization: Basic YTpi\r\nHost: b\r\n\r\n"
    talk = b"PUT /who HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + trailer
    said = await house.raw(talk)
    assert said.startswith(b"HTTP/1.1 401 ")
    assert house.login.asked == []
