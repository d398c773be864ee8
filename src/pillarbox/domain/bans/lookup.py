"""Whether one address is barred, by the database alone: for what is rare, such as logins."""

from ipaddress import IPv6Address, ip_address, ip_network

from sqlalchemy import or_, select

from pillarbox.domain.bans.bans import SHORTEST_4, SHORTEST_6
from pillarbox.domain.bans.tables import bans
from pillarbox.storage.tx import Tx

_b = bans.c


def is_barred(tx: Tx, ip: str) -> bool:
    """Whether a network that is barred now holds the address; what is none is not barred."""
    try:
        address = ip_address(ip.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    shortest = SHORTEST_4 if address.version == 4 else SHORTEST_6
    lengths = range(shortest, address.max_prefixlen + 1)
    names = [str(ip_network((str(address), bits), strict=False)) for bits in lengths]
    runs = or_(_b.expires_ms.is_(None), _b.expires_ms > tx.now_ms)
    return bool(tx.select(select(_b.network).where(_b.network.in_(names), runs).limit(1)))
