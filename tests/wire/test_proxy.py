"""PROXY headers of both versions: what they tell, and what is refused."""

import struct

import pytest

from kit.proxy import own, proxied, proxied_binary
from pillarbox.base.errors import GrammarError
from pillarbox.wire.proxy import V1_MAX_BYTES, V2_MAX_BYTES, V2_SIGNATURE, Client, HeaderReader

TLVS = b"\x01\x00\x02h2" + b"\x04\x00\x03\0\0\0"


def read(data: bytes) -> HeaderReader:
    reader = HeaderReader()
    assert reader.feed(data)
    return reader


@pytest.mark.parametrize("ip", ["192.0.2.7", "2001:db8::7"])
@pytest.mark.parametrize("make", [proxied, proxied_binary])
def test_client_is_told(make: object, ip: str) -> None:
    wire = proxied(ip, 65535) if make is proxied else proxied_binary(ip, 65535, TLVS)
    reader = read(wire + b"EHLO x\r\n")
    assert reader.client == Client(ip, 65535)
    assert reader.rest == b"EHLO x\r\n"


def test_header_may_come_in_pieces() -> None:
    for wire in (proxied("192.0.2.7"), proxied_binary("192.0.2.7", fields=TLVS), own()):
        reader = HeaderReader()
        pieces = [reader.feed(wire[at : at + 1]) for at in range(len(wire))]
        assert pieces == [False] * (len(wire) - 1) + [True]
        assert reader.rest == b""


@pytest.mark.parametrize(
    "wire",
    [
        own(),
        own(TLVS),
        V2_SIGNATURE + b"\x20\x11\x00\x0c" + bytes(12),  # LOCAL: addresses are not looked at
        V2_SIGNATURE + b"\x21\x00\x00\x00",
        b"PROXY UNKNOWN\r\n",
        b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n",
    ],
)
def test_proxy_may_speak_for_itself(wire: bytes) -> None:
    reader = read(wire + b"rest")
    assert reader.client is None
    assert reader.rest == b"rest"


def test_mapped_address_is_one_of_ipv4() -> None:
    assert read(proxied("::ffff:192.0.2.7")).client == Client("192.0.2.7", 40000)
    assert read(proxied_binary("::ffff:192.0.2.7")).client == Client("192.0.2.7", 40000)


@pytest.mark.parametrize(
    "wire",
    [
        b"EHLO client.example\r\n",
        b"proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY\r\n",
        b"PROXY \r\n",
        b"PROXY TCP4\r\n",
        b"PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
        b"PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 2001:db8::2 1 2\r\n",
        b"PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.02.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 \r\n",
        b"PROXY TCP4 192.0.2.1  192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
        b"PROXY TCP4 \xb2.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY UNKNOWN " + b"x" * V1_MAX_BYTES,
        b"PROXY UNKNOWN " + b"x" * (V1_MAX_BYTES - 15) + b"\r\n",
        V2_SIGNATURE + b"\x11\x11\x00\x0c" + bytes(12),
        V2_SIGNATURE + b"\x22\x11\x00\x0c" + bytes(12),
        V2_SIGNATURE + b"\x21\x12\x00\x0c" + bytes(12),
        V2_SIGNATURE + b"\x21\x31\x00\xd8" + bytes(216),
        V2_SIGNATURE + b"\x21\x11\x00\x0b" + bytes(11),
        V2_SIGNATURE + b"\x21\x21\x00\x0c" + bytes(12),
        V2_SIGNATURE + b"\x21\x11" + struct.pack("!H", V2_MAX_BYTES + 1),
        V2_SIGNATURE[:-1] + b"\r",
    ],
)
def test_anything_else_is_refused(wire: bytes) -> None:
    with pytest.raises(GrammarError):
        HeaderReader().feed(wire)


def test_longest_lines_are_taken() -> None:
    assert read(b"PROXY UNKNOWN " + b"x" * (V1_MAX_BYTES - 16) + b"\r\n").client is None
    longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
    line = f"PROXY TCP6 {longest} {longest} 65535 65535\r\n".encode()
    assert read(line).client == Client(longest, 65535)
    fields = bytes(V2_MAX_BYTES - 12)
    assert read(proxied_binary("192.0.2.7", fields=fields)).client == Client("192.0.2.7", 40000)
