"""Senders that pretend to be others, and senders that merely have a name like theirs."""

from collections.abc import Collection

import pytest

from kit.checks import arrival
from kit.clock import FakeClock
from pillarbox.domain.accounts import domains, users
from pillarbox.domain.accounts.model import Role
from pillarbox.domain.judgement.model import Kind
from pillarbox.pipeline.inbound.checks import lookalike
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.directory import KEPT_MS, Directory
from pillarbox.pipeline.inbound.checks.disguise import skeleton
from pillarbox.pipeline.inbound.checks.lookalike import LookalikeCheck
from pillarbox.pipeline.inbound.checks.resemblance import near
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

OWN = frozenset(("examplecorp.com", "example.test"))
PEOPLE = frozenset(("Bob Miller", "Müller, Jürgen", "Li"))
KNOWN = frozenset(("supplier-gmbh.de",))


async def own() -> Collection[str]:
    return OWN


async def people(domain: str) -> Collection[str]:
    return PEOPLE if domain == "example.test" else ()


async def known(arrival: Arrival) -> Collection[str]:
    return KNOWN


async def names(author: str, extra: str = "") -> set[str]:
    check = LookalikeCheck(own, people, known)
    found = await check.run(arrival(f"From: {author}\n{extra}Subject: x\n\nhello\n"))
    assert {one.name for one in found} <= {kind.name for kind in check.kinds}
    return {one.name for one in found}


SIGNS: list[tuple[Kind, str]] = [
    (lookalike.OTHER_ADDRESS, '"service@paypal.com" <x@evil.test>'),
    (lookalike.OTHER_ADDRESS, '"Bob <bob@other.test>" <x@evil.test>'),
    (lookalike.OTHER_ADDRESS, '"bob (at bob @ other.test)" <x@evil.test>'),
    (lookalike.OTHER_DOMAIN, '"paypal.com support" <x@evil.test>'),
    (lookalike.OF_OWN_DOMAIN, '"examplecorp.com mail" <x@evil.test>'),
    (lookalike.OF_USER, "Bob Miller <x@evil.test>"),
    (lookalike.OF_USER, '"Miller, Bob" <x@evil.test>'),
    (lookalike.OF_USER, "=?utf-8?q?B=D0=BEb_Miller?= <x@evil.test>"),
    (lookalike.OF_USER, "Jurgen Muller <x@evil.test>"),
    (lookalike.OF_OFFICE, "ExampleCorp IT Support <x@evil.test>"),
    (lookalike.OF_BRAND, "PayPal <x@evil.test>"),
    (lookalike.OF_BRAND, "P@yPa1 Service <x@evil.test>"),
    (lookalike.NAME_UNSEEN, "=?utf-8?b?QuKAi29i?= <x@evil.test>"),
    (lookalike.NAME_MIXED, "=?utf-8?q?B=D0=BEb?= <x@evil.test>"),
    (lookalike.LIKE_OWN, "x <x@examp1ecorp.com>"),
    (lookalike.LIKE_OWN, "x <x@exarnplecorp.com>"),
    (lookalike.LIKE_OWN, "x <x@examplecorps.com>"),
    (lookalike.LIKE_OWN, "x <x@exmaplecorp.com>"),
    (lookalike.LIKE_OWN, "x <x@mail.examplecrp.com>"),
    (lookalike.LIKE_OWN, "x <x@examplecorp-support.com>"),
    (lookalike.LIKE_OWN, "x <x@example-corp.com>"),
    (lookalike.LIKE_OWN, "x <x@examplecorp.com.evil.test>"),
    (lookalike.LIKE_OWN, "x <x@login.examplecorp-com.evil.test>"),
    (lookalike.LIKE_OWN, "x <x@xn--examplecrp-lvi.com>"),
    (lookalike.SUFFIX, "x <x@examplecorp.co>"),
    (lookalike.LIKE_KNOWN, "x <x@suppliergmbh.de>"),
    (lookalike.LIKE_BRAND, "x <x@paypa1.com>"),
    (lookalike.LIKE_BRAND, "x <x@paypall.com>"),
    (lookalike.LIKE_BRAND, "x <x@paypal-login.net>"),
    (lookalike.LIKE_BRAND, "x <x@paypal.com.evil.test>"),
    (lookalike.LIKE_BRAND, "x <x@rnicrosoft.com>"),
    (lookalike.DOMAIN_MIXED, "x <x@xn--pypal-4ve.com>"),
]


@pytest.mark.parametrize(("kind", "author"), SIGNS)
async def test_pretence_is_found(kind: Kind, author: str) -> None:
    assert kind.name in await names(author)


def test_every_kind_is_tried() -> None:
    assert {kind for kind, _ in SIGNS} == set(lookalike.KINDS)


@pytest.mark.parametrize(
    "author",
    [
        "Ann <ann@sender.test>",
        "ann@sender.test",
        '"ann@sender.test" <ann@sender.test>',
        '"ANN@mail.sender.test" <ann@sender.test>',
        "Bob Miller <bob@example.test>",
        "Bob Miller <bob@mail.examplecorp.com>",
        "Bob <x@evil.test>",
        "Li <x@evil.test>",
        "Booking.com <noreply@booking.com>",
        "Amazon.de <order@amazon.de>",
        "Amazon.de <order@amazon.com>",
        "PayPal <service@paypal.de>",
        "Facebook <n@facebookmail.com>",
        "Support Team <help@shop.test>",
        "x <x@examplestore.com>",
        "x <x@sample.test>",
        "x <x@supplier-gmbh.de>",
        "x <x@service.supplier-gmbh.de>",
        "Sparkasse Bremen <x@sparkasse-bremen.de>",
        "x <x@xn--mller-kva.de>",
        "x <x@apples.test>",
        "J.Smith <j.smith@firm.test>",
        "Dr. med. Ann Weber, M.Sc. <a@firm.test>",
        "=?utf-8?q?=D0=98=D0=B2=D0=B0=D0=BD_Ivanov?= <i@firm.test>",
        "x <x@localhost>",
        "x <x@[192.0.2.1]>",
    ],
)
async def test_others_pretend_nothing(author: str) -> None:
    assert await names(author) == set()


async def test_lists_speak_for_their_members() -> None:
    author = "\"'ann@far.test' via Garden\" <garden@lists.test>"
    assert await names(author, "List-Id: <garden.lists.test>\n") == set()
    assert await names(author) == {lookalike.OTHER_ADDRESS.name}


async def test_only_domains_of_recipients_are_asked_for_names() -> None:
    asked: list[str] = []

    async def asking(domain: str) -> Collection[str]:
        asked.append(domain)
        return PEOPLE

    check = LookalikeCheck(own, asking)
    to = ("a@examplecorp.com", "b@examplecorp.com", "c@elsewhere.test")
    found = await check.run(arrival("From: Bob Miller <x@evil.test>\n\nx\n", to=to))
    assert {one.name for one in found} == {lookalike.OF_USER.name}
    assert asked == ["examplecorp.com"]
    await check.run(arrival("From: Bob <x@evil.test>\n\nx\n", to=to))
    assert asked == ["examplecorp.com"]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("paypal", "paypall", True),
        ("paypal", "paypa", True),
        ("paypal", "papyal", True),
        ("paypal", "paybal", True),
        ("paypal", "paypal", False),
        ("paypal", "pabbal", False),
        ("paypal", "pyapla", False),
        ("paypal", "apaypall", False),
        ("abcdef", "xbcdef", True),
        ("abcdef", "abcdefgh", False),
    ],
)
def test_one_edit(one: str, other: str, expected: bool) -> None:
    assert near(one, other) is expected
    assert near(other, one) is expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("раураl", "paypal"),
        ("PAYPAL", "paypal"),
        ("ｐａｙｐａｌ", "paypal"),
        ("payp\u00e4l", "paypal"),
        ("rnicrosoft", "microsoft"),
        ("micr0s0ft", "microsoft"),
        ("goog1e", "google"),
        ("νideo", "video"),
    ],
)
def test_what_looks_the_same_has_one_skeleton(one: str, other: str) -> None:
    assert skeleton(one) == skeleton(other)


async def test_the_directory_remembers_for_some_minutes(database: Database) -> None:
    clock = FakeClock()
    directory = Directory(database, clock)

    def add(tx: Tx, name: str) -> None:
        domains.create(tx, name)
        users.create(tx, f"bob@{name}", "x", "Bob Miller", Role.USER, 0)

    await database.write(add, "example.test")
    assert await directory.names("example.test") == {"Bob Miller"}
    first = await directory.domains()
    assert set(first) == {"example.test"}
    await database.write(add, "other.test")
    assert await directory.domains() is first
    clock.advance(milliseconds=KEPT_MS)
    assert set(await directory.domains()) == {"example.test", "other.test"}
    assert await directory.names("unknown.test") == frozenset()
