"""Properties of what parses bytes of other servers: one kind of error, and nothing made up."""

import asyncio
import random
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.authority import Authority
from kit.clock import FakeClock
from kit.nameserver import HOST, NameServer
from pillarbox.base.errors import Unavailable
from pillarbox.net import dane
from pillarbox.net.certificate_names import any_matches
from pillarbox.net.dane import Tlsa
from pillarbox.net.der import DerError, public_key, value
from pillarbox.net.dns import DnsOptions, SystemResolver
from pillarbox.net.socks import Proxy, Socks, SocksError

few = settings(max_examples=300, deadline=None)

NAME = "mx.example.test"
NOW = datetime.now(UTC)
AUTHORITY = Authority(root_in_chain=True)
ISSUED = AUTHORITY.intermediate().issue(NAME)
GOOD = b"\x05\x02\x01\x00\x05\x00\x00\x01" + bytes(6)
REPLIES = [
    b"\x05\x00", b"\x05\x02", b"\x01\x00", b"\x01\x01", b"\x05\xff", b"\x05\x00\x00\x01", bytes(6),
    b"\x05\x00\x00\x03\x05hello", b"\x05\x00\x00\x04", bytes(18), b"220 mx\r\n",
]  # fmt: skip
replies = st.lists(st.sampled_from(REPLIES) | st.binary(max_size=4), max_size=8)


@few
@given(replies, st.sampled_from((Proxy("p", 1), Proxy("p", 1, "user", "secret"))))
def test_socks_ends_or_waits(pieces: list[bytes], proxy: Proxy) -> None:
    socks = Socks(proxy, "192.0.2.1", 25)
    socks.begin()
    sent = b""
    for piece in pieces:
        try:
            sent += socks.receive(piece)
        except SocksError:
            return
        if socks.done:
            said = b"".join(pieces)
            assert b"".join(pieces[: pieces.index(piece) + 1]).endswith(socks.rest)
            assert said[0] == 5
            break
    assert len(sent) < 600
    if proxy.username == "":
        assert b"secret" not in sent


@few
@given(st.lists(st.integers(1, 5), max_size=20), st.binary(max_size=20))
def test_socks_in_pieces_of_any_size(sizes: list[int], rest: bytes) -> None:
    socks = Socks(Proxy("p", 1, "user", "secret"), "192.0.2.1", 25)
    sent, position = socks.begin(), 0
    for size in (*sizes, len(GOOD)):
        if socks.done or position >= len(GOOD):
            break
        sent += socks.receive(GOOD[position : position + size])
        position += size
    assert socks.done
    assert sent == b"\x05\x02\x00\x02\x01\x04user\x06secret\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x19"
    whole = Socks(Proxy("p", 1, "user", "secret"), "192.0.2.1", 25)
    whole.receive(GOOD + rest)
    assert (whole.done, whole.rest) == (True, rest)


@few
@given(st.binary(max_size=64))
def test_der_gives_a_value_or_an_error(data: bytes) -> None:
    try:
        _, content, rest = value(data)
    except DerError:
        pass
    else:
        assert data.endswith(content + rest)
    try:
        assert public_key(data) in data
    except DerError:
        pass


records = st.builds(
    Tlsa,
    st.integers(0, 255) | st.sampled_from((2, 3)),
    st.integers(0, 255) | st.sampled_from((0, 1)),
    st.integers(0, 255) | st.sampled_from((0, 1, 2)),
    st.binary(max_size=64) | st.sampled_from((AUTHORITY.der, AUTHORITY.spki, bytes(32))),
)


@few
@given(st.lists(records, max_size=8))
def test_only_what_can_be_checked_is_usable(found: list[Tlsa]) -> None:
    for one in dane.usable(found):
        assert one in found
        assert (one.usage in (2, 3), one.selector in (0, 1), one.matching in (0, 1, 2)) == (
            True, True, True,
        )  # fmt: skip
        assert one.data
    assert dane.usable(dane.usable(found)) == dane.usable(found)


@settings(max_examples=200, deadline=None)
@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@given(st.data())
def test_a_certificate_that_was_touched_is_not_vouched_for(data: st.DataObject) -> None:
    """By the authority: one bit in the server's certificate or in that of the intermediate."""
    record = Tlsa(2, 0, 0, AUTHORITY.der)
    chain = [bytearray(one) for one in ISSUED.chain]
    place = data.draw(st.integers(0, 1))
    bit = data.draw(st.integers(0, len(chain[place]) * 8 - 1))
    chain[place][bit // 8] ^= 1 << bit % 8
    touched = tuple(map(bytes, chain))
    assert dane.fault(touched, [record], (NAME,), NOW)
    assert not dane.fault(ISSUED.chain, [record], (NAME,), NOW)


labels = st.sampled_from(("*", "mx", "example", "test", "", "a*", "xn--a", "1", "127"))
names = st.lists(labels, max_size=5).map(".".join)


@few
@given(names, names)
def test_names_match_label_by_label(presented: str, wanted: str) -> None:
    if not any_matches([presented], [wanted]):
        return
    shown, sought = presented.rstrip(".").split("."), wanted.rstrip(".").split(".")
    assert len(shown) == len(sought)
    assert shown[1:] == sought[1:]
    assert shown[0] == sought[0] or "*" in (shown[0],) or not sought[0]


async def test_answers_that_were_changed_on_the_way() -> None:
    """Whatever a name server says is an answer or `Unavailable`."""
    changes = random.Random(1)

    def garble(wire: bytes) -> bytes:
        changed = bytearray(wire)
        for _ in range(changes.randint(1, 6)):
            changed[changes.randrange(2, len(changed))] = changes.randrange(256)
        return bytes(changed[: changes.randint(2, len(changed) * 2)])

    zone = """
        @ MX 10 mx
        *.one MX 10 mx
        *.one TXT "one" "two"
        *.one A 192.0.2.1
        *.one TLSA 3 1 3 ab
        *.two CNAME mx
        mx A 192.0.2.1
    """
    async with NameServer({"test": zone}) as server:
        resolver = SystemResolver(FakeClock(), DnsOptions((HOST,), server.port, timeout_s=1))
        assert (await resolver.mx("test")).hosts
        server.garble = garble
        asking = []
        for number in range(60):
            name = f"n{number}.one.test"
            asking += [resolver.mx(name), resolver.txt(name), resolver.tlsa(name)]
            asking += [resolver.host(name), resolver.host(f"n{number}.two.test")]
        found = await asyncio.gather(*asking, return_exceptions=True)
    failed = [one for one in found if isinstance(one, BaseException)]
    assert all(isinstance(one, Unavailable) for one in failed)
    assert 0 < len(failed) < len(found)
