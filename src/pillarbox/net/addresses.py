"""What kind of address an IP address is."""

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

# Addresses of IPv6 that lead to one of IPv4 (RFC 6052 §2.1, RFC 3056 §2): their bits of it.
_NAT64 = IPv6Network("64:ff9b::/96")
_6TO4 = IPv6Network("2002::/16")
# Ranges that no host of the public network has, which Python's list does not tell.
_NOT_PUBLIC = (
    IPv4Network("192.88.99.0/24"),
    IPv6Network("64:ff9b:1::/48"),
    IPv6Network("fec0::/10"),
    IPv6Network("5f00::/16"),
    IPv6Network("3fff::/20"),
)


def is_public(ip: str) -> bool:
    """Whether a host of the public network may have this address; false for what is none."""
    try:
        address = ip_address(ip)
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        inner = _inside(address)
        if inner is not None:
            address = inner
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    return not any(
        address.version == network.version and address in network for network in _NOT_PUBLIC
    )


def network_of(ip: str, bits_4: int = 32, bits_6: int = 64) -> str:
    """The network that counts as one client, such as `192.0.2.7/32` or `2001:db8::/64`.

    One customer has as many addresses of IPv6 as they like. Raises `ValueError` for no address.
    """
    address = ip_address(ip.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(ip_network((address, bits_4 if address.version == 4 else bits_6), strict=False))


def is_own(ip: str) -> bool:
    """Whether an address is one of this machine's own; false for what is none.

    An address that a router in front of it translates is not known here.
    """
    try:
        address = ip_address(ip)
    except ValueError:
        return False
    if address.is_unspecified:
        return True
    if address.is_multicast or ip == "255.255.255.255":
        return False  # sockets may be bound to these all the same
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((ip, 0))
    except (OSError, OverflowError):
        return False
    return True


def _inside(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(address.packed[12:])
    if address in _6TO4:
        return IPv4Address(address.packed[2:6])
    return None
