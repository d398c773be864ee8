"""How people write where a daemon listens."""

import pytest

from pillarbox.net.daemon_address import DaemonAddress, parse_address

SOCKET = DaemonAddress(path="/run/x.sock")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("/run/x.sock", SOCKET),
        ("unix:/run/x.sock", SOCKET),
        ("local:/run/x.sock", SOCKET),
        ("127.0.0.1:3310", DaemonAddress(host="127.0.0.1", port=3310)),
        ("clamav", DaemonAddress(host="clamav", port=783)),
        (" clamav.lan:99 ", DaemonAddress(host="clamav.lan", port=99)),
        ("[::1]:99", DaemonAddress(host="::1", port=99)),
        ("[::1]", DaemonAddress(host="::1", port=783)),
        ("inet:127.0.0.1:99", DaemonAddress(host="127.0.0.1", port=99)),
        ("inet:99@127.0.0.1", DaemonAddress(host="127.0.0.1", port=99)),
        ("inet6:99@[::1]", DaemonAddress(host="::1", port=99)),
        ("tcp:clamav:99", DaemonAddress(host="clamav", port=99)),
    ],
)
def test_addresses(text: str, address: DaemonAddress) -> None:
    assert parse_address(text, 783) == address
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    "text",
    ["", ":99", "a:0", "a:65536", "a:b", "a b:9", "::1:99", "unix:x.sock", "unix:", "/" + "x" * 107,
     "http://a:9", "a:9:9", "a@b", "inet:/run/x", "/a\0b"],
)  # fmt: skip
def test_no_addresses(text: str) -> None:
    with pytest.raises(ValueError):
        parse_address(text, 783)


def test_a_port_is_needed_where_there_is_no_usual_one() -> None:
    with pytest.raises(ValueError):
        parse_address("clamav")
