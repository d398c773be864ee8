"""Which addresses are of the public network, and which are this machine's."""

import pytest

from pillarbox.net.addresses import is_own, is_public


@pytest.mark.parametrize(
    "ip",
    ["8.8.8.8", "203.0.112.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"],
)
def test_public(ip: str) -> None:
    assert is_public(ip)


@pytest.mark.parametrize(
    "ip",
    ["", "x", "127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
     "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
     "192.88.99.1", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fec0::1", "ff02::1",
     "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1",
     "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1", "::127.0.0.1", "127.1", "0x7f000001"],
)  # fmt: skip
def test_not_public(ip: str) -> None:
    assert not is_public(ip)


def test_own() -> None:
    assert is_own("127.0.0.1")
    assert is_own("127.3.2.1")
    assert is_own("0.0.0.0")


@pytest.mark.parametrize(
    "ip", ["", "x", "192.0.2.1", "2001:db8::1", "224.0.0.1", "255.255.255.255"]
)
def test_not_own(ip: str) -> None:
    assert not is_own(ip)
