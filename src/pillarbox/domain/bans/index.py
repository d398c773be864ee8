"""Finding the ban of an address among many, without the database."""

from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address, ip_network

from pillarbox.domain.bans.bans import Ban


class BanIndex:
    """Bans by the length of their prefix: a lookup takes a step for each length there is."""

    def __init__(self, bans: Iterable[Ban] = ()) -> None:
        found: dict[tuple[int, int], dict[int, Ban]] = {}
        for ban in bans:
            network = ip_network(ban.network)
            shift = network.max_prefixlen - network.prefixlen
            prefixes = found.setdefault((network.version, shift), {})
            prefixes[int(network.network_address) >> shift] = ban
        self._by_length = tuple((*kind, prefixes) for kind, prefixes in sorted(found.items()))

    def find(self, ip: str, now_ms: int) -> Ban | None:
        """The ban of the smallest network that holds the address and is barred now."""
        address = ip_address(ip)
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        version, number = address.version, int(address)
        for of_version, shift, prefixes in self._by_length:
            if of_version != version:
                continue
            ban = prefixes.get(number >> shift)
            if ban is not None and (ban.expires_ms is None or ban.expires_ms > now_ms):
                return ban
        return None
