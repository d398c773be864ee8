"""Lists of domains and of hashed addresses, asked about what a message mentions."""

import hashlib

import pytest

from kit.checks import arrival
from kit.clock import FakeClock
from kit.dns import FakeDns, Zone
from pillarbox.domain.judgement.model import Finding
from pillarbox.formats.dns_lists import parse_lists
from pillarbox.pipeline.inbound.checks.uri_lists import ADDRESSES_MAX, DOMAINS_MAX, UriListsCheck

URI = "dbl.spamhaus.org,multi.surbl.org,uri.test=&8"


@pytest.fixture
def zone() -> Zone:
    return Zone()


@pytest.fixture
def resolver(zone: Zone, clock: FakeClock) -> FakeDns:
    return FakeDns(zone, clock)


async def own_domains() -> frozenset[str]:
    return frozenset({"example.test", "mail.own.test"})


def message(body: str, author: str = "ann@sender.test", more: str = "", kind: str = "plain") -> str:
    return f"From: {author}\n{more}Content-Type: text/{kind}; charset=utf-8\n\n{body}\n"


async def found(
    resolver: FakeDns, clock: FakeClock, content: str, uri: str = URI, hashes: str = ""
) -> list[Finding]:
    check = UriListsCheck(resolver, clock, own_domains, parse_lists(uri), parse_lists(hashes))
    findings = list(await check.run(arrival(content)))
    assert {one.name for one in findings} <= {kind.name for kind in check.kinds}
    return findings


async def test_domains_of_text_html_and_header(
    zone: Zone, resolver: FakeDns, clock: FakeClock
) -> None:
    await found(resolver, clock, message(
        "see http://a.one.test/x hxxp://two[.]test",
        "ann@x.three.test", "Reply-To: b@FOUR.test, c@example.test\n",
    ), "uri.test")  # fmt: skip
    assert resolver.asked == [
        "A three.test.uri.test", "A four.test.uri.test", "A one.test.uri.test",
        "A two.test.uri.test",
    ]  # fmt: skip
    resolver.asked.clear()
    markup = "<a href='http://a.b\u00fccher.test/'>www.six.test</a> http://192.0.2.1/ "
    await found(resolver, clock, message(markup, kind="html"), "uri.test")
    assert set(resolver.asked) == {
        "A sender.test.uri.test", "A xn--bcher-kva.test.uri.test", "A six.test.uri.test"
    }  # fmt: skip


async def test_listed(zone: Zone, resolver: FakeDns, clock: FakeClock) -> None:
    zone.addresses["bad.test.dbl.spamhaus.org"] = ("127.0.1.4",)
    zone.addresses["worse.test.dbl.spamhaus.org"] = ("127.0.1.2",)
    zone.addresses["bad.test.multi.surbl.org"] = ("127.0.0.24",)
    zone.addresses["bad.test.uri.test"] = ("127.0.0.2",)
    findings = await found(resolver, clock, message("http://bad.test/ www.worse.test"))
    assert [(one.name, one.points, one.detail) for one in findings] == [
        ("uribl_dbl_spamhaus_org", 4.0, "dbl.spamhaus.org: bad.test (phishing), worse.test (spam)"),
        ("uribl_multi_surbl_org", 4.0, "multi.surbl.org: bad.test (phishing, malware)"),
    ]
    assert findings[0].reply == (
        "It mentions bad.test (phishing), worse.test (spam), listed by dbl.spamhaus.org"
    )


async def test_an_honest_domain_that_is_misused(
    zone: Zone, resolver: FakeDns, clock: FakeClock
) -> None:
    zone.addresses["bad.test.dbl.spamhaus.org"] = ("127.0.1.102",)
    (one,) = await found(resolver, clock, message("http://bad.test/"))
    assert one.points == 2.0
    zone.addresses["worse.test.dbl.spamhaus.org"] = ("127.0.1.2",)
    (one,) = await found(resolver, clock, message("http://bad.test/ http://worse.test"))
    assert one.points == 4.0


@pytest.mark.parametrize("answer", ["127.255.255.254", "127.0.0.1", "198.51.100.1"])
async def test_a_list_that_refuses_counts_for_nothing(
    zone: Zone, resolver: FakeDns, clock: FakeClock, answer: str
) -> None:
    zone.addresses["bad.test.multi.surbl.org"] = (answer,)
    assert await found(resolver, clock, message("http://bad.test/")) == []


async def test_a_list_of_everything_counts_for_nothing(
    zone: Zone, resolver: FakeDns, clock: FakeClock
) -> None:
    zone.addresses["bad.test.multi.surbl.org"] = ("127.0.0.8",)
    zone.addresses["invalid.multi.surbl.org"] = ("127.0.0.8",)
    assert await found(resolver, clock, message("http://bad.test/")) == []


async def test_domains_served_here_are_not_asked_about(resolver: FakeDns, clock: FakeClock) -> None:
    content = message("http://www.example.test/ http://own.test", "ann@example.test")
    assert await found(resolver, clock, content) == []
    assert resolver.asked == []


async def test_so_many_and_no_more(resolver: FakeDns, clock: FakeClock) -> None:
    domains = " ".join(f"http://d{n}.test/ a{n}@x.test" for n in range(300))
    await found(resolver, clock, message(domains), "uri.test", "hash.test")
    assert len([one for one in resolver.asked if "uri.test" in one]) == DOMAINS_MAX
    assert len([one for one in resolver.asked if "hash.test" in one]) == ADDRESSES_MAX


@pytest.mark.parametrize(
    ("written", "hashed"),
    [
        ("Bad.Man+x@Else.TEST", "bad.man+x@else.test"),
        ("Bad.Man+x@googlemail.com", "badman@gmail.com"),
    ],
)
@pytest.mark.parametrize("where", ["Reply-To", "text", "html"])
async def test_hashed_addresses(
    zone: Zone, resolver: FakeDns, clock: FakeClock, written: str, hashed: str, where: str
) -> None:
    digest = hashlib.sha1(hashed.encode()).hexdigest()
    zone.addresses[f"{digest}.ebl.test"] = ("127.0.0.2",)
    content = {
        "Reply-To": message("x", more=f"Reply-To: {written}\n"),
        "text": message(f"write to {written}."),
        "html": message(f"<a href='mailto:{written}?subject=x'>me</a>", kind="html"),
    }[where]
    (one,) = await found(resolver, clock, content, "", "ebl.test:3")
    assert (one.name, one.points) == ("hashbl_ebl_test", 3.0)
    assert one.detail == f"ebl.test: {hashed}"


async def test_one_dead_list_does_not_hide_the_others(
    zone: Zone, resolver: FakeDns, clock: FakeClock
) -> None:
    zone.addresses["bad.test.multi.surbl.org"] = ("127.0.0.8",)
    zone.failing.add("A bad.test.dbl.spamhaus.org")
    findings = await found(resolver, clock, message("http://bad.test/"))
    assert [one.name for one in findings] == ["uribl_multi_surbl_org"]


async def test_without_lists_nothing_is_read(resolver: FakeDns, clock: FakeClock) -> None:
    assert await found(resolver, clock, message("http://bad.test/"), "") == []
