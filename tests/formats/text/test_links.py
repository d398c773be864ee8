"""Links and addresses as they stand in mail, honest and disguised."""

import time

import pytest

from pillarbox.formats.text.links import (
    ADDRESSES_MAX,
    LINKS_MAX,
    Link,
    links_in_html,
    links_in_text,
)
from pillarbox.formats.text.url_host import FOREIGN_MAX, HostReader


@pytest.mark.parametrize(
    ("text", "url", "host"),
    [
        ("See http://one.test/a?b=c#d.", "http://one.test/a?b=c#d", "one.test"),
        ("(https://one.test/a_(b))", "https://one.test/a_(b)", "one.test"),
        ("<https://one.test>", "https://one.test", "one.test"),
        ('"HTTPS://One.TEST/Path"', "https://One.TEST/Path", "one.test"),
        ("www.one.test, and", "http://www.one.test", "www.one.test"),
        ("one.test/offer now", "http://one.test/offer", "one.test"),
        ("hxxps://one[.]test/a", "https://one.test/a", "one.test"),
        ("hXXp[:]//one(dot)test", "http://one.test", "one.test"),
        ("www[.]one[.]test", "http://www.one.test", "www.one.test"),
        ("ftp://one.test/a", "ftp://one.test/a", "one.test"),
        ("http://user:pw@one.test:8080/", "http://user:pw@one.test:8080/", "one.test"),
        ("http://b\u00fccher.test/", "http://b\u00fccher.test/", "xn--bcher-kva.test"),
        ("http://one\u3002test/", "http://one\u3002test/", "one.test"),
        ("http://192.0.2.7/x", "http://192.0.2.7/x", "192.0.2.7"),
        ("http://3221225991/x", "http://3221225991/x", "192.0.2.7"),
        ("http://0xC0.0.0x207/", "http://0xC0.0.0x207/", "192.0.2.7"),
        ("http://0300.0.02.07/", "http://0300.0.02.07/", "192.0.2.7"),
        ("http://[2001:DB8::7]:80/", "http://[2001:DB8::7]:80/", "2001:db8::7"),
        ("http://%6fne.test/", "http://%6fne.test/", "one.test"),
        ("http://a_b.one.test/", "http://a_b.one.test/", "a_b.one.test"),
    ],
)
def test_in_text(text: str, url: str, host: str) -> None:
    assert links_in_text(text).links == (Link(url, host),)


@pytest.mark.parametrize(
    "text",
    ["and/or", "e.g./x", "file.txt", "one.test", "http://", "http:///", "https://localhost/",
     "http://1.2.3.4.5/", "http://300.1.1.1/", "http://09.1.1.1/", "http://x..test/", "xhttp://a.b",
     "http://[::1", "http://%ff.test", "www.", "javascript:alert(1)"],
)  # fmt: skip
def test_no_links_in_text(text: str) -> None:
    found = [one for one in links_in_text(text).links if one.host != "::1"]
    assert found == []


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("Write to Bob.X+y@One.TEST.", ("bob.x+y@one.test",)),
        ("<a@one.test>, b@two.test;", ("a@one.test", "b@two.test")),
        ("mailto:a@one.test?x", ("a@one.test",)),
        ("a@b\u00fccher.test", ("a@xn--bcher-kva.test",)),
        ("a@one", ()),
        ("@one.test a@ a@b@c", ()),
        ("x" * 65 + "@one.test", ()),
    ],
)
def test_addresses(text: str, addresses: tuple[str, ...]) -> None:
    assert links_in_text(text).addresses == addresses


def test_each_stands_there_once() -> None:
    found = links_in_text("http://a.test/1 http://a.test/2 http://a.test/1 x@a.test X@A.test")
    assert [one.url for one in found.links] == ["http://a.test/1", "http://a.test/2"]
    assert found.hosts == ("a.test",)
    assert found.addresses == ("x@a.test",)


@pytest.mark.parametrize(
    ("markup", "link"),
    [
        ('<a href="//a.test/?x=1&amp;y=2">b</a>', Link("//a.test/?x=1&y=2", "a.test", "b")),
        ("<A\nHREF = 'ftp://a.test'>b <b>c</b>\n d</A>", Link("ftp://a.test", "a.test", "b c d")),
        ("<a href=//a.test/x>b</a>", Link("//a.test/x", "a.test", "b")),
        ("<a href=https:a.test/x>b</a>", Link("https:a.test/x", "a.test", "b")),
        ('<a href=" ht\ntp:\\\\a.test">b</a>', Link("http:\\\\a.test", "a.test", "b")),
        ('<a href="&#104;ttp://a&#46;test/">b</a>', Link("http://a.test/", "a.test", "b")),
        ('<a title="x > y" href=http://a.test>b', Link("http://a.test", "a.test", "b")),
        ('<a title=" href=//no" href=//a.test>b</a>', Link("//a.test", "a.test", "b")),
        ('<img src="http://a.test/p.gif">', Link("http://a.test/p.gif", "a.test")),
        ('<form action="http://a.test/"></form>', Link("http://a.test/", "a.test")),
        ('<base href="http://a.test/">', Link("http://a.test/", "a.test")),
        ('<a href="http://a.test">x.pdf</a>', Link("http://a.test", "a.test", "x.pdf")),
        ('<a href="http://a.test">b.test</a>', Link("http://a.test", "a.test", "b.test", "b.test")),
        (
            '<a href="http://a.test">B.Test/login</a>',
            Link("http://a.test", "a.test", "B.Test/login", "b.test"),
        ),
        (
            '<a href="http://a.test">w<i>ww.b</i>&#46;test</a>',
            Link("http://a.test", "a.test", "www.b.test", "www.b.test"),
        ),
    ],
)  # fmt: skip
def test_in_html(markup: str, link: Link) -> None:
    assert links_in_html(markup).links[0] == link


@pytest.mark.parametrize(
    "markup",
    ["<!-- <a href='http://a.test'> -->", "<style>a{background:url(http://a.test)}</style>",
     '<script>x="<a href=//a.test>"</script>', '<a href="/x">b</a>', '<a href="#x">b</a>',
     '<a href="cid:x">b</a>', '<a href="javascript:x">b</a>', '<a name="http://a.test">b</a>'],
)  # fmt: skip
def test_no_links_in_html(markup: str) -> None:
    assert links_in_html(markup).links == ()


def test_visible_text_of_html_is_read_too() -> None:
    found = links_in_html('<p>Go to http://a.test/x, ask b@c.test <a href="mailto:D%40e.test?x">')
    assert found.links == (Link("http://a.test/x", "a.test"),)
    assert found.addresses == ("d@e.test", "b@c.test")


def test_no_more_than_so_many() -> None:
    text = " ".join(f"http://h{n}.test x{n}@a.test" for n in range(2000))
    found = links_in_text(text)
    assert (len(found.links), len(found.addresses)) == (LINKS_MAX, ADDRESSES_MAX)


def test_few_foreign_names_are_converted() -> None:
    reader = HostReader()
    found = [reader.read(f"\u00fc{n}.test") for n in range(FOREIGN_MAX + 5)]
    assert sum(map(bool, found)) == FOREIGN_MAX


UNITS = ["a", "a.", "www.", "http://", "http://x.t/((", "a@", "a@b.", "<a href=", "<a href='x' ",
         " ", "//", "a[.]", "<a =", "x]", "http://a.b/)]", "http://\u00fc.test/ ", "<a ", "&#1",
         "a.b/", "[.", "mailto:a@b.c,", "<a href=http://x.test>"]  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("start", ["", "<a href='", "x@"])
def test_time_grows_no_more_than_the_text(unit: str, start: str) -> None:
    def seconds(size: int) -> float:
        text = start + unit * (size // len(unit))
        begun = time.process_time()
        links_in_text(text)
        links_in_html(text)
        return time.process_time() - begun

    assert seconds(50_000) < 40 * max(seconds(5_000), 0.005)


def test_lines_without_a_sign_of_links_do_not_hide_those_around_them() -> None:
    prose = "Nothing to be found here.\n" * 9
    text = f"{prose}see www[.\n]one.test\n{prose}{prose}https://two.test/x and ann@three.test\n"
    found = links_in_text(text + prose + "four.test/y\nfive.test/z" + prose)
    assert found.hosts == ("www.one.test", "two.test", "four.test", "five.test")
    assert found.addresses == ("ann@three.test",)
