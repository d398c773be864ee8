"""What the client calls itself in HELO or EHLO, compared with what it is (RFC 5321 §4.1.1.1)."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from pillarbox.base.errors import GrammarError, Unavailable
from pillarbox.domain.judgement.model import Finding, Kind, Stage
from pillarbox.formats.address import ascii_domain
from pillarbox.net.dns import Resolver
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.check import Check
from pillarbox.pipeline.inbound.checks.generic_names import looks_generic

NOT_FULL = Kind("helo_no_name", 1.0, "comes from a host whose HELO is not a full name")
LITERAL = Kind("helo_literal", 0.5, "comes from a host whose HELO is an address and no name")
OTHER_ADDRESS = Kind(
    "helo_other_address", 2.0, "comes from a host whose HELO is the address of another"
)
OURS = Kind("helo_ours", 3.0, "comes from a host that says in HELO it were this server")
UNKNOWN = Kind("helo_unknown", 1.0, "comes from a host whose HELO is a name without an address")
GENERIC = Kind(
    "helo_generic", 1.0, "comes from a host whose HELO is a name like those of home networks"
)

_Address = IPv4Address | IPv6Address


class HeloCheck(Check):
    """Small signs: there are honest servers that were set up in haste.

    `own_domains` gives the domains served here; `own_ips` are addresses of this server besides
    those its hostname has.
    """

    name = "helo"
    stage = Stage.MAIL
    asks_names = True
    kinds = (NOT_FULL, LITERAL, OTHER_ADDRESS, OURS, UNKNOWN, GENERIC)
    deadline_s = 10.0

    def __init__(
        self,
        resolver: Resolver,
        hostname: str,
        own_domains: Callable[[], Awaitable[Collection[str]]],
        own_ips: Collection[str] = (),
    ) -> None:
        self._resolver = resolver
        self._hostname = hostname.lower().rstrip(".")
        self._own_domains = own_domains
        self._own_ips = frozenset(_plain(ip_address(one)) for one in own_ips)

    async def run(self, arrival: Arrival) -> Sequence[Finding]:
        """Compare; names are looked up."""
        if not arrival.peer.outside:
            return ()
        helo = arrival.helo.strip()
        client = _plain(ip_address(arrival.peer.ip))
        address = _address(helo)
        if address is not None:
            return await self._literal(helo, address, client)
        try:
            name = ascii_domain(helo.rstrip(".").replace("_", "-"))
        except GrammarError:
            return (NOT_FULL.found(helo),)
        if "." not in name:
            return (NOT_FULL.found(helo),)
        plain = helo.lower().rstrip(".") if helo.isascii() else name
        if plain == self._hostname or plain in await self._own_domains():
            # The host of somebody's web site may well be called as their domain.
            at_home = client in await self._addresses_of(plain)
            return () if at_home else (OURS.found(plain),)
        if looks_generic(plain, str(client)):
            return (GENERIC.found(plain),)
        return (UNKNOWN.found(plain),) if await self._leads_nowhere(plain) else ()

    async def _literal(self, helo: str, address: _Address, client: _Address) -> Sequence[Finding]:
        if address == client:
            return (LITERAL.found(helo),)
        if address in self._own_ips or address in await self._addresses_of(self._hostname):
            return (OURS.found(helo),)
        return (OTHER_ADDRESS.found(f"{helo}, and is {client}"),)

    async def _addresses_of(self, name: str) -> Collection[_Address]:
        """The addresses of one of our names; none where nobody answers."""
        try:
            found = await self._resolver.addresses(name)
        except Unavailable:
            return ()
        return {_plain(ip_address(one)) for one in found}

    async def _leads_nowhere(self, name: str) -> bool:
        try:
            return not await self._resolver.addresses(name)
        except Unavailable:
            return False


def _address(helo: str) -> _Address | None:
    """The address in a HELO, with brackets as is right or without."""
    text = helo[1:-1] if helo[:1] == "[" and helo[-1:] == "]" else helo
    if text[:5].lower() == "ipv6:":
        text = text[5:]
    try:
        return _plain(ip_address(text))
    except ValueError:
        return None


def _plain(address: _Address) -> _Address:
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or address
    return address
