"""Databases of countries, in the format of MaxMind (version 2.0)."""

import struct
from collections.abc import Mapping
from ipaddress import IPv4Network, ip_network
from pathlib import Path

_POINTER_BITS = 24
_SEPARATOR = bytes(16)


def write_countries(path: Path, networks: Mapping[str, str]) -> None:
    """A file that has these networks, which must not overlap, with codes of countries."""
    nodes: list[list[int | None]] = [[None, None]]
    data = b""
    leaves: list[tuple[int, int, int]] = []
    for text, code in networks.items():
        place = len(data)
        data += _map({"country": _map({"iso_code": _text(code)})})
        bits = _bits(text)
        node = 0
        for bit in bits[:-1]:
            following = nodes[node][bit]
            if following is None:
                nodes.append([None, None])
                following = nodes[node][bit] = len(nodes) - 1
            node = following
        leaves.append((node, bits[-1], place))
    count = len(nodes)
    for node, bit, place in leaves:
        nodes[node][bit] = count + len(_SEPARATOR) + place
    tree = b"".join(
        (count if value is None else value).to_bytes(3, "big") for pair in nodes for value in pair
    )
    metadata = {
        "node_count": _number(6, count),
        "record_size": _number(5, _POINTER_BITS),
        "ip_version": _number(5, 6),
        "database_type": _text("Test-Country"),
        "languages": bytes([0, 4]),  # an empty array
        "binary_format_major_version": _number(5, 2),
        "binary_format_minor_version": _number(5, 0),
        "build_epoch": bytes([8, 2]) + struct.pack("!Q", 1_700_000_000),
        "description": _map({}),
    }
    path.write_bytes(tree + _SEPARATOR + data + b"\xab\xcd\xefMaxMind.com" + _map(metadata))


def _bits(text: str) -> list[int]:
    """A network's prefix as bits of IPv6; IPv4 lies at ::/96."""
    network = ip_network(text)
    length = network.prefixlen + (96 if isinstance(network, IPv4Network) else 0)
    number = int(network.network_address)
    return [number >> (127 - place) & 1 for place in range(length)]


def _map(values: Mapping[str, bytes]) -> bytes:
    return bytes([7 << 5 | len(values)]) + b"".join(
        _text(name) + value for name, value in values.items()
    )


def _text(text: str) -> bytes:
    if len(text) < 29:
        return bytes([2 << 5 | len(text)]) + text.encode()
    return bytes([2 << 5 | 29, len(text) - 29]) + text.encode()


def _number(kind: int, value: int) -> bytes:
    return bytes([kind << 5 | 2]) + struct.pack("!H", value)
