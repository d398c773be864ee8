"""Address lists of header fields, and envelope addresses."""

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.formats.address import (
    Address,
    Group,
    Mailbox,
    ascii_domain,
    mailboxes,
    parse_address_list,
    parse_path,
    split_subaddress,
)


def box(
    name: str | None, local: str, domain: str = "x.test", route: bytes | None = None
) -> Mailbox:
    return Mailbox(None if name is None else name.encode(), local.encode(), domain.encode(), route)


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("", []),
        (" , ,", []),
        ("a@x.test", [box(None, "a")]),
        ("Ann B. <a@x.test>", [box("Ann B.", "a")]),
        ('"B, Ann" <a@x.test>,<b@x.test>', [box("B, Ann", "a"), box(None, "b")]),
        ('"B \\"A\\"" <a@x.test>', [box('B "A"', "a")]),
        ("=?utf-8?q?a?= =?utf-8?q?b?= <a@x.test>", [box("=?utf-8?q?a?= =?utf-8?q?b?=", "a")]),
        ("a@x.test (Ann)", [box("Ann", "a")]),
        ("Ann (comment) <a@x.test>", [box("Ann", "a")]),
        ("Ann <a(c)@ x . test>", [box("Ann", "a")]),
        ('"john doe"@x.test', [box(None, "john doe")]),
        ("Ann <@r.test,@s.test:a@x.test>, b@x.test",
            [box("Ann", "a", route=b"@r.test,@s.test"), box(None, "b")]),
        ("<@r.test : a@x.test>", [box(None, "a", route=b"@r.test")]),
        ("Ann <a@x.test, b@x.test", [box("Ann", "a"), box(None, "b")]),
        ("a@[IPv6:::1], b@x.test", [box(None, "a", "[IPv6:::1]"), box(None, "b")]),
        ("root", [Mailbox(None, b"root", b"")]),
        ("G: a@x.test, B <b@x.test>; c@x.test",
            [Group(b"G", (box(None, "a"), box("B", "b"))), box(None, "c")]),
        ("undisclosed-recipients:;", [Group(b"undisclosed-recipients", ())]),
        ("G: a@x.test", [Group(b"G", (box(None, "a"),))]),
        ('"open <a@x.test>', [box("open", "a")]),
        ("(open a@x.test", []),
        ("Grüße <a@x.test>", [box("Grüße", "a")]),
        ("<<a@x.test>>", [box(None, "a")]),
    ],
)  # fmt: skip
def test_address_lists(text: str, entries: list[Mailbox | Group]) -> None:
    assert parse_address_list(text.encode()) == entries


def test_list_is_limited() -> None:
    assert len(parse_address_list(b"a@b," * 100, count_max=7)) == 7
    assert len(parse_address_list(b"(c)a@b," * 100, count_max=7)) == 7
    group = parse_address_list(b"g:" + b"(c)a@b," * 100, count_max=7)
    assert len(mailboxes(group)) == 7


@pytest.mark.parametrize(
    ("text", "local", "domain"),
    [
        ("a@x.test", "a", "x.test"),
        ("<a.b+c@X.test>", "a.b+c", "X.test"),
        ('"a b"@x.test', "a b", "x.test"),
        ('"a\\"b"@x.test', 'a"b', "x.test"),
        ('"plain"@x.test', "plain", "x.test"),
        ("a@[192.0.2.1]", "a", "[192.0.2.1]"),
        ("a@[IPv6:2001:db8::1]", "a", "[IPv6:2001:db8::1]"),
        ("jürgen@bücher.test", "jürgen", "bücher.test"),
        ("<@r.test,@s.test:a@x.test>", "a", "x.test"),
        ("a@localhost", "a", "localhost"),
        ("x" * 64 + "@x.test", "x" * 64, "x.test"),
    ],
)
def test_paths(text: str, local: str, domain: str) -> None:
    assert parse_path(text) == Address(local, domain)


@pytest.mark.parametrize(
    "text",
    [
        "", "<>", "a", "@x.test", "a@", "a@@x.test", "a b@x.test", ".a@x.test", "a.@x.test",
        "a..b@x.test", "a@x.test>", '"a"b@x.test', "\ud800@x.test", "a@" + "é" * 3000,
        "a@-x.test", "a@x-.test", "a@x..test", "a@x.test.", "a@x_y.test", "a@[1.2.3]", "a@[IPv6:x]",
        "a@[IPv6:fe80::1%eth0]", "a@[x", '"a@x.test', '"a\nb"@x.test', "<a@x.test",
        "a\0@x.test", "a\r\n@x.test", "a@x.test\n", "x" * 65 + "@x.test", "a@" + "x" * 64 + ".test",
        "é" * 33 + "@x.test", "a@" + "x." * 126 + "test", "a@\u2488com",
    ],
)  # fmt: skip
def test_bad_paths(text: str) -> None:
    with pytest.raises(GrammarError):
        parse_path(text)


def test_address_forms() -> None:
    address = parse_path('"A B"@BÜCHER.test')
    assert str(address) == '"A B"@BÜCHER.test'
    assert address.domain_ascii == "xn--bcher-kva.test"
    assert address.normalized() == Address("A B", "xn--bcher-kva.test")
    assert parse_path("Ann+List@X.Test").key("+") == "ann@x.test"
    assert parse_path("Ann+List@X.Test").key() == "ann+list@x.test"
    assert parse_path("A@[IPv6:2001:DB8:0::1]").domain_ascii == "[ipv6:2001:db8::1]"
    assert not parse_path("jürgen@x.test").is_ascii
    assert parse_path("a@bücher.test").is_ascii
    assert str(Address('a"\\', "x")) == '"a\\"\\\\"@x'
    with pytest.raises(GrammarError):
        ascii_domain("xn--" + "ü" * 80)


@pytest.mark.parametrize(
    ("local", "parts"),
    [("a+b+c", ("a", "b+c")), ("a", ("a", None)), ("a+", ("a", "")), ("+a", ("+a", None))],
)
def test_subaddress(local: str, parts: tuple[str, str | None]) -> None:
    assert split_subaddress(local) == parts
