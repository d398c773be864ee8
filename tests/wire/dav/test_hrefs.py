"""Hrefs: one way to write a path, and none that means two things."""

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.wire.dav.hrefs import (
    OtherHost,
    decoded_path,
    host_name,
    href_address,
    href_path,
    quoted,
)


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("/dav/calendars/a@x.test/personal/", "/dav/calendars/a@x.test/personal/"),
        ("/a b", "/a%20b"),
        ("/\u00e9\U0001f600", "/%C3%A9%F0%9F%98%80"),
        ("/100%", "/100%25"),
        ("/a%2Fb", "/a%252Fb"),
        ("/<a>&\"'", "/%3Ca%3E%26%22%27"),
        ("/a?b#c", "/a%3Fb%23c"),
        ("/a:(b);c=d,e+f!g*h$i~j", "/a:(b);c=d,e+f!g*h$i~j"),
    ],
)
def test_paths_are_quoted(path: str, written: str) -> None:
    assert quoted(path) == written
    assert decoded_path(written) == path


@pytest.mark.parametrize(
    ("href", "path"),
    [
        ("/", "/"),
        ("/a/b/", "/a/b/"),
        ("/a%40x.test/%7euser", "/a@x.test/~user"),
        (" /a \r\n", "/a"),
        ("https://mail.example.test/a%20b", "/a b"),
        ("HTTPS://MAIL.example.test:443/a", "/a"),
        ("http://mail.example.test", "/"),
        ("http://mail.example.test:5232/a", "/a"),
        ("http://[::1]:80/a", "/a"),
        ("/...", "/..."),
        ("/.a/b..", "/.a/b.."),
        ("/a+b", "/a+b"),
    ],
)
def test_hrefs_have_paths(href: str, path: str) -> None:
    assert href_path(href, {"mail.example.test", "[::1]"}) == path


@pytest.mark.parametrize(
    "href",
    [
        "",
        "a",
        "../a",
        "//evil.test/a",
        "ftp://mail.example.test/a",
        "http:/a",
        "http:///a",
        "http://user@mail.example.test/a",
        "http://mail.example.test:x/a",
        "http://ma il/a",
        "/a?b",
        "/a#b",
        "http://mail.example.test?a",
        "/a/../b",
        "/a/./b",
        "/..",
        "/a/%2e%2E/b",
        "/%2e",
        "/a//b",
        "//",
        "/a%2fb",
        "/a%2Fb",
        "/a%5Cb",
        "/a\\b",
        "/a%00b",
        "/a\0b",
        "/a%0d%0aSet-Cookie:x",
        "/a%7f",
        "/a%c2%85",
        "/a%e2%80%a8b",
        "/%",
        "/%4",
        "/%zz",
        "/%u0041",
        "/%c0%ae%c0%ae/",
        "/%ff",
        "/%ed%a0%80",
        "/" + "a" * 4096,
    ],
)
def test_what_could_mean_two_things_is_refused(href: str) -> None:
    with pytest.raises(GrammarError):
        href_path(href, {"mail.example.test"})


def test_other_servers_are_told_apart() -> None:
    for href in ("https://evil.test/a", "https://mail.example.test.evil.test/", "http://[::1]/a"):
        with pytest.raises(OtherHost):
            href_path(href, {"mail.example.test"})
    assert href_path("https://evil.test/a") == "/a"


def test_decoding_is_done_once() -> None:
    assert href_path("/a%252e%252e%252fb") == "/a%2e%2e%2fb"


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        ("Mail.Example.Test", "mail.example.test"),
        ("a.test:443", "a.test"),
        ("a.test:", "a.test"),
        ("a.test.", "a.test"),
        ("[::1]", "[::1]"),
        ("[::1]:80", "[::1]"),
    ],
)
def test_hosts_have_no_ports(authority: str, host: str) -> None:
    assert host_name(authority) == host


@pytest.mark.parametrize(
    ("href", "address"),
    [
        ("mailto:a@x.test", "a@x.test"),
        (" MAILTO:a%2Bb@x.test?subject=x\n", "a+b@x.test"),
        ("mailto:a", None),
        ("mailto:a%0a@x.test", None),
        ("mailto:a%@x.test", None),
        ("mailto:%ff@x.test", None),
        ("/dav/principals/a@x.test/", None),
        ("urn:uuid:a@b", None),
        ("mailto:" + "a" * 5000 + "@x.test", None),
    ],
)
def test_addresses(href: str, address: str | None) -> None:
    assert href_address(href) == address
