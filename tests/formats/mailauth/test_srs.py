"""The sender rewriting scheme: there, back, and what is not let through."""

from datetime import UTC, datetime, timedelta

import pytest

from pillarbox.formats.address import parse_path
from pillarbox.formats.mailauth.srs import VALID_DAYS, Srs, is_srs

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
SRS, SECOND, THIRD = Srs(b"a" * 32), Srs(b"b" * 32), Srs(b"c" * 32)


def local(address: str) -> str:
    return parse_path(address).local


@pytest.mark.parametrize(
    "address",
    [
        "bob@example.net",
        "Bob.Smith+tag@EXAMPLE.net",
        "a=b=c@example.net",
        '"a b"@example.net',
        "SRS9=x@example.net",
        "SRS1=x@example.net",
        "SRS1=x=y@example.net",
        "jürgen@example.net",
    ],
)
def test_there_and_back(address: str) -> None:
    rewritten = SRS.forward(address, "our.test", NOW)
    assert rewritten.endswith("@our.test")
    assert is_srs(local(rewritten))
    back = SRS.reverse(local(rewritten), NOW)
    assert back == str(parse_path(address).normalized())


def test_some_hosts_fold_local_parts() -> None:
    rewritten = SRS.forward("Bob@example.net", "our.test", NOW)
    assert SRS.reverse(local(rewritten).lower(), NOW) == "bob@example.net"
    assert SRS.reverse(local(rewritten).upper(), NOW) == "BOB@example.net"


def test_a_second_forwarder_leads_to_the_first_and_a_third_one_adds_nothing() -> None:
    first = SRS.forward("bob@example.net", "our.test", NOW)
    second = SECOND.forward(first, "second.test", NOW)
    third = THIRD.forward(second, "third.test", NOW)
    assert local(second).startswith("SRS1=")
    assert len(local(third)) == len(local(second))
    assert SECOND.reverse(local(second), NOW) == first
    assert THIRD.reverse(local(third), NOW) == first
    assert SRS.reverse(local(first), NOW) == "bob@example.net"


@pytest.mark.parametrize("separator", "=+-")
def test_other_separators_of_a_first_forwarder_are_kept(separator: str) -> None:
    theirs = f"SRS0{separator}ab=XY=example.net=bob@first.test"
    rewritten = SECOND.forward(theirs, "second.test", NOW)
    assert SECOND.reverse(local(rewritten), NOW) == theirs


def test_time_runs_out() -> None:
    rewritten = local(SRS.forward("bob@example.net", "our.test", NOW))
    assert SRS.reverse(rewritten, NOW + timedelta(days=VALID_DAYS)) is not None
    assert SRS.reverse(rewritten, NOW + timedelta(days=VALID_DAYS + 1)) is None
    assert SRS.reverse(rewritten, NOW - timedelta(days=2)) is None


def test_forgeries() -> None:
    good = local(SRS.forward("bob@example.net", "our.test", NOW))
    first, second = good.split("=", 2)[1:]
    assert SECOND.reverse(good, NOW) is None
    for bad in (
        "bob",
        "SRS0",
        "SRS0=",
        "SRS0===",
        "SRS0=" + first,
        good.replace("bob", "eve"),
        good.replace("example.net", "example.com"),
        good.replace(first, "AAAAAA"),
        good.replace(first, first[:4]),
        good.replace("SRS0", "SRS1"),
        "SRS1" + good[4:],
        f"SRS1=AAAAAA=host=={first}={second}",
        "SRS0=ÄÖ\ud800=" + second,
        "SRS0=" + "=" * 5000,
        good + "\r\nRCPT TO:<x@y>",
    ):
        assert SRS.reverse(bad, NOW) is None, bad


@pytest.mark.parametrize(
    "address",
    ["", "no address", "bob@[192.0.2.1]", "b" * 50 + "@example.net", f"bob@{'x' * 50}.example.net"],
)
def test_what_can_not_be_rewritten_gets_the_null_reverse_path(address: str) -> None:
    assert SRS.forward(address, "our.test", NOW) == ""


def test_what_fits_is_an_address_anybody_takes() -> None:
    for length in range(1, 64):
        rewritten = SRS.forward("b" * length + "@example.net", "our.test", NOW)
        assert rewritten == "" or len(parse_path(rewritten).local) <= 64
    assert SRS.forward("b" * 36 + "@example.net", "our.test", NOW) != ""
