"""Connections as a proxy passes them on: servers under test take them from `PROXY`."""

import struct
from ipaddress import IPv4Address, IPv6Address

from pillarbox.wire.proxy import V2_SIGNATURE

PROXY = "127.0.0.2"
"""An address of this machine from which nothing else connects."""


def proxied(ip: str, port: int = 40000) -> bytes:
    """The header of version 1 for a client's connection."""
    family, here = ("TCP6", "::1") if ":" in ip else ("TCP4", "127.0.0.1")
    return f"PROXY {family} {ip} {here} {port} 25\r\n".encode()


def proxied_binary(ip: str, port: int = 40000, fields: bytes = b"") -> bytes:
    """The header of version 2; `fields` follow the addresses."""
    packed = (IPv6Address if ":" in ip else IPv4Address)(ip).packed
    body = packed + bytes(len(packed)) + struct.pack("!HH", port, 25) + fields
    return V2_SIGNATURE + struct.pack("!BBH", 0x21, 0x21 if ":" in ip else 0x11, len(body)) + body


def own(fields: bytes = b"") -> bytes:
    """The header of version 2 by which a proxy speaks for itself."""
    return V2_SIGNATURE + struct.pack("!BBH", 0x20, 0, len(fields)) + fields
