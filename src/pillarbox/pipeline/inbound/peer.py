"""What a peer is called: the name its address has, if that name has the address (RFC 8601 §3).

Called by `protocols/smtp` when a connection begins and when a message is whole; asks
`net/dns`. What is found goes into the trace.
"""

import asyncio
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from pillarbox.base.errors import GrammarError, Unavailable
from pillarbox.formats.address import ascii_domain
from pillarbox.net.dns import Resolver

NAMES_TRIED = 10
"""More names than this of one address are not looked at (RFC 7208 §4.6.4)."""

# Addresses that mean nothing to the public name servers.
_INSIDE = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::/127",
        "fc00::/7",
        "fe80::/10",
    )
)


def is_outside(ip: str) -> bool:
    """Whether an address is one of the internet; false for the empty one of a Unix socket."""
    if not ip:
        return False
    address = _address(ip)
    return not any(address in network for network in _INSIDE)


async def verified_name(resolver: Resolver, ip: str) -> str | None:
    """The first name of an address that leads back to it; `None` also when nobody answers."""
    return (await reverse_checked(resolver, ip))[1]


async def reverse_checked(resolver: Resolver, ip: str) -> tuple[str, str | None]:
    """The outcome of iprev in the words of RFC 8601 §2.7.3, and the name if it passed.

    `permerror` is an address without a name.
    """
    address = _address(ip)
    try:
        names = await resolver.reverse(ip)
    except Unavailable:
        return "temperror", None
    outcome = "fail" if names else "permerror"
    for name in names[:NAMES_TRIED]:
        if not _is_host(name):
            continue
        try:
            found = await resolver.addresses(name)
        except Unavailable:
            outcome = "temperror"
            continue
        if any(_address(one) == address for one in found):
            return "pass", name
    return outcome, None


class PeerName:
    """The verified name of one peer, looked up while its session goes on; `close` ends that.

    Without a resolver, and for peers of no public address, there is none and nobody is asked.
    """

    __slots__ = ("_ip", "_resolver", "_task")

    def __init__(self, resolver: Resolver | None, ip: str) -> None:
        self._resolver = resolver
        self._ip = ip
        self._task: asyncio.Task[str | None] | None = None

    def look_up(self) -> None:
        """Begin to look."""
        if self._resolver is not None and is_outside(self._ip):
            self._task = asyncio.create_task(verified_name(self._resolver, self._ip))

    async def within(self, wait_s: float) -> str | None:
        """The name, waited for so long; what is not known then is given up for good."""
        task = self._task
        if task is None:
            return None
        if not task.done():
            await asyncio.wait((task,), timeout=wait_s)
        if not task.done():
            self.close()
            return None
        return task.result()

    def close(self) -> None:
        """Look no further."""
        if self._task is not None:
            self._task.cancel()
            self._task = None


def _address(ip: str) -> IPv4Address | IPv6Address:
    address = ip_address(ip)
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or address
    return address


def _is_host(name: str) -> bool:
    try:
        return name[:1] != "[" and ascii_domain(name) == name
    except GrammarError:
        return False
