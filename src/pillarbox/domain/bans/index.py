"""Finding the ban of an address among many, without the database."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

from pillarbox.domain.bans.bans import Ban


class BanIndex:
    """Bans by the length of their prefix: a lookup takes a step for each length there is."""

    def __init__(self, bans: Iterable[Ban] = ()) -> None:
        found: dict[tuple[int, int], dict[int, Ban]] = {}
        for ban in bans:
            # Written by `bans`, so there is nothing to check; `ip_network` would take ten times as
            # long.
            text, _, bits = ban.network.partition("/")
            address = IPv6Address(text) if ":" in text else IPv4Address(text)
            shift = address.max_prefixlen - int(bits)
            found.setdefault((address.version, shift), {})[int(address) >> shift] = ban
        self._count = sum(map(len, found.values()))
        self._by_length = tuple((*kind, prefixes) for kind, prefixes in sorted(found.items()))

    def __len__(self) -> int:
        return self._count

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
