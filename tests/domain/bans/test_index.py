"""Finding bans by address, as going through all of them does."""

from ipaddress import ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from pillarbox.domain.bans.bans import Ban
from pillarbox.domain.bans.index import BanIndex


def ban(network: str, expires_ms: int | None = None) -> Ban:
    return Ban(network, "", False, 0, expires_ms)


def test_the_smallest_network_that_holds() -> None:
    index = BanIndex([ban("192.0.2.0/24"), ban("192.0.2.7/32", 100), ban("2001:db8::/32")])
    assert index.find("192.0.2.7", 99) == ban("192.0.2.7/32", 100)
    assert index.find("192.0.2.7", 100) == ban("192.0.2.0/24")
    assert index.find("::ffff:192.0.2.1", 0) == ban("192.0.2.0/24")
    assert index.find("192.0.3.1", 0) is None
    assert index.find("2001:db8:ffff::1", 0) == ban("2001:db8::/32")
    assert BanIndex().find("192.0.2.7", 0) is None


networks = st.builds(
    lambda ip, length: str(ip_network((ip, min(length, ip.max_prefixlen)), strict=False)),
    st.ip_addresses(),
    st.integers(0, 8) | st.integers(8, 128),
)


@given(st.lists(networks, max_size=12), st.ip_addresses())
def test_it_finds_what_there_is(found: list[str], ip: object) -> None:
    address = ip_address(str(ip))
    if getattr(address, "ipv4_mapped", None) is not None:
        return
    expected = [one for one in found if address in ip_network(one)]
    ban_found = BanIndex(map(ban, found)).find(str(ip), 0)
    if not expected:
        assert ban_found is None
    else:
        assert ban_found is not None
        longest = max(ip_network(one).prefixlen for one in expected)
        assert ip_network(ban_found.network).prefixlen == longest
