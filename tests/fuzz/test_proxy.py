"""Properties of PROXY headers: only GrammarError, no dependence on splits, bounded."""

from ipaddress import ip_address
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from kit.proxy import own, proxied, proxied_binary
from pillarbox.base.errors import GrammarError
from pillarbox.wire.proxy import V2_MAX_BYTES, V2_SIGNATURE, Client, HeaderReader

few = settings(max_examples=250, deadline=None)

FRAGMENTS = [
    b"PROXY ", b"TCP4 ", b"TCP6 ", b"UNKNOWN", b" ", b"192.0.2.1 ", b"2001:db8::1 ", b"25", b"\r\n",
    b"\r", b"\n", b"QUIT\n", b"\x00", V2_SIGNATURE, V2_SIGNATURE[:6], b"\x21\x11\x00\x0c",
    b"\x20\x00\x00\x00", b"\x21\x21\x00\x24", b"\xc0\x00\x02\x01", b"\xff\xff", bytes(16),
]  # fmt: skip
pieces = st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=4), max_size=12).map(b"".join)
headers = st.builds(
    lambda make, ip, port, rest: make(str(ip), port) + rest,
    st.sampled_from([proxied, proxied_binary]),
    st.ip_addresses(),
    st.integers(0, 65535),
    st.binary(max_size=8),
)
cuts = st.lists(st.integers(0, 10**6), max_size=6)


def outcome(parts: list[bytes]) -> object:
    reader, after = HeaderReader(), b""
    for part in parts:
        if reader.complete:
            after += part
            continue
        try:
            reader.feed(part)
        except GrammarError:
            return GrammarError
    return reader.complete, reader.client, reader.rest + after


@few
@given(pieces | headers | st.binary(max_size=40), cuts)
def test_splits_do_not_matter(wire: bytes, places: list[int]) -> None:
    edges = [0, *sorted(place % (len(wire) + 1) for place in places), len(wire)]
    parts = [wire[start:end] for start, end in pairwise(edges)]
    assert outcome(parts) == outcome([wire])


@few
@given(st.ip_addresses(), st.integers(0, 65535), st.binary(max_size=300))
def test_clients_survive_the_wire(ip: object, port: int, fields: bytes) -> None:
    address = ip_address(str(ip))
    mapped = getattr(address, "ipv4_mapped", None)
    expected = Client(str(mapped or address), port)
    for wire in (proxied(str(ip), port), proxied_binary(str(ip), port, fields)):
        assert outcome([wire + b"x"]) == (True, expected, b"x")
    assert outcome([own(fields) + b"x"]) == (True, None, b"x")


@few
@given(st.sampled_from([b"PROXY ", V2_SIGNATURE]), st.binary(min_size=1, max_size=9))
def test_no_header_goes_on_for_ever(start: bytes, unit: bytes) -> None:
    wire = start + unit * (2 * V2_MAX_BYTES // len(unit))
    found = outcome([wire])
    assert found is GrammarError or (isinstance(found, tuple) and found[0])
