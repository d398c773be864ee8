"""Each sign of a link, and honest links that have none."""

import pytest

from kit.checks import arrival
from pillarbox.domain.judgement.model import Kind
from pillarbox.pipeline.inbound.checks import links
from pillarbox.pipeline.inbound.checks.links import LinkCheck


async def names(content: str) -> set[str]:
    check = LinkCheck()
    found = await check.run(arrival(content))
    assert {one.name for one in found} <= {kind.name for kind in check.kinds}
    return {one.name for one in found}


def page(markup: str, author: str = "ann@sender.test") -> str:
    return f"From: {author}\nContent-Type: text/html; charset=utf-8\n\n<p>{markup}</p>\n"


def plain(text: str, author: str = "ann@sender.test") -> str:
    return f"From: {author}\nContent-Type: text/plain; charset=utf-8\n\nSee {text} for it\n"


SIGNS: list[tuple[Kind, str]] = [
    (links.SHOWS_OTHER, page('<a href="https://evil.test/x">https://www.paypal.com/</a>')),
    (links.SHOWS_OTHER, page('<a href="https://evil.test/x"><b>www.paypal.com</b></a>')),
    (links.TO_ADDRESS, plain("http://192.0.2.9/login")),
    (links.TO_ADDRESS, page("<a href=http://[2001:db8::1]/x>here</a>")),
    (links.TO_NUMBER, page("<a href=http://3221225993/x>here</a>")),
    (links.TO_NUMBER, page("<a href=http://0xC0.0x0.0x2.0x9/x>here</a>")),
    (links.PUNYCODE, plain("https://xn--pypal-4ve.com/")),
    (links.LOGIN, page('<a href="https://www.paypal.com@evil.test/">here</a>')),
    (links.SHORTENED, plain("https://bit.ly/3abc")),
    (links.PROGRAM, plain("https://files.test/setup.exe")),
    (links.PORT, plain("http://files.test:8181/x")),
    (links.MANY_HOSTS, page(" ".join(f"<a href=https://h{n}.test/>x</a>" for n in range(60)))),
]


@pytest.mark.parametrize(("kind", "content"), SIGNS)
async def test_a_sign_is_found(kind: Kind, content: str) -> None:
    assert kind.name in await names(content)


def test_every_kind_is_tried() -> None:
    assert {kind for kind, _ in SIGNS} == set(links.KINDS)


@pytest.mark.parametrize(
    "content",
    [
        plain("https://www.shop.test/a?b=c#d"),
        page('<a href="https://login.shop.test/x">www.shop.test</a>'),
        # A newsletter counts the clicks on links to its own pages.
        page('<a href="https://click.counter.test/x">www.sender.test</a>'),
        page('<a href="https://click.counter.test/x">www.signer.com</a>', "x@mail.signer.net"),
        page('<a href="https://www.sender.test/x">www.partner.test</a>'),
        page('<a href="https://shop.test/x">Version 2.0.1 of it</a>'),
        page('<a href="mailto:x@shop.test">x@shop.test</a>'),
        plain("https://bit.ly/x", author="news@bit.ly"),
        plain("https://shop.test:443/x"),
        plain("https://medium.test/@writer/post"),
        plain("nothing"),
    ],
)
async def test_honest_links_have_no_sign(content: str) -> None:
    assert await names(content) == set()
