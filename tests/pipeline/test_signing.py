"""Signing with the keys of the directory, on every kind of database."""

from collections.abc import AsyncIterator

import pytest

from kit.clock import FakeClock
from kit.dns import FakeDns, Zone
from pillarbox.base.cpu import Cpu
from pillarbox.cluster.bus import LocalBus
from pillarbox.domain.accounts import domains
from pillarbox.domain.policy import policies
from pillarbox.domain.policy.model import TOPIC as POLICY
from pillarbox.domain.signing import keys
from pillarbox.domain.signing.make import KeyChoice, first_keys, kept
from pillarbox.domain.signing.model import TOPIC, KeyState, NewKey
from pillarbox.formats.mailauth.keys import KeyAlgorithm, key_record, new_key
from pillarbox.formats.mailauth.message import read_message
from pillarbox.formats.mailauth.results import SignatureResult, Status
from pillarbox.formats.mailauth.verify import Verification
from pillarbox.pipeline.signing import INLINE_BYTES, Signing
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

RING = KeyRing({1: b"k" * 32})
BODY = b"To: bob@example.net\r\nSubject: x\r\n\r\nhello\r\n"


def message(sender: str) -> bytes:
    return f"From: Ann <ann@{sender}>\r\n".encode() + BODY


class Bench:
    """A directory, its name servers, and what signs for it."""

    def __init__(self, database: Database, clock: FakeClock) -> None:
        self.database = database
        self.clock = clock
        self.zone = Zone()
        self.bus = LocalBus()
        self.cpu = Cpu(1, 8)
        self.signing = Signing(database, RING, self.cpu, clock, self.bus, FakeDns(self.zone, clock))

    async def domain(self, name: str, *new: NewKey) -> None:
        """Serve a domain with these keys, published; without any it gets two quick ones."""
        if not new:
            quick = kept(new_key(KeyAlgorithm.RSA, 1024), "mail")
            new = (quick, *first_keys(KeyChoice.ED25519, "ed"))

        def add(tx: Tx) -> None:
            domain = domains.create(tx, name)
            keys.add_first(tx, RING, domain.id, new)

        await self.database.write(add)
        for one in new:
            record = key_record(one.algorithm, one.public)
            self.zone.txt[f"{one.selector}._domainkey.{name}"] = (record,)

    async def signed(self, content: bytes, domain: str) -> list[SignatureResult]:
        """What a recipient finds out about the message as it is signed."""
        content = await self.signing.sign(domain, content) + content
        verification = Verification(read_message(content))
        answers = {name: self.zone.txt.get(name, ()) for name in verification.questions}
        return list(verification.results(answers, self.clock.now_ms() // 1000))


@pytest.fixture
async def bench(database: Database, clock: FakeClock) -> AsyncIterator[Bench]:
    made = Bench(database, clock)
    yield made
    made.signing.close()
    made.cpu.close()


async def domains_of(bench: Bench, content: bytes, envelope: str) -> set[str]:
    found = await bench.signed(content, envelope)
    assert all(one.status is Status.PASS for one in found)
    return {one.domain for one in found}


async def test_the_from_field_says_whose_key_it_is(bench: Bench) -> None:
    await bench.domain("example.org")
    await bench.domain("example.com")
    assert await domains_of(bench, message("example.org"), "example.com") == {"example.org"}
    assert await domains_of(bench, message("EXAMPLE.org"), "example.com") == {"example.org"}
    assert await domains_of(bench, message("elsewhere.net"), "example.com") == {"example.com"}
    assert await domains_of(bench, BODY, "example.com") == {"example.com"}
    several = b"From: x@elsewhere.net, y@example.org\r\n" + BODY
    assert await domains_of(bench, several, "example.com") == {"example.org"}
    twice = b"From: x@example.org\r\n" + message("example.com")
    assert await domains_of(bench, twice, "example.com") == {"example.com"}


async def test_each_key_in_use_signs(bench: Bench) -> None:
    await bench.domain("example.org")
    found = await bench.signed(message("example.org"), "example.org")
    assert [one.selector for one in found] == ["mail", "ed"]


async def test_subdomains_fall_to_their_parent(bench: Bench) -> None:
    await bench.domain("example.org")
    await bench.domain("news.example.org")
    for name, signer in (
        ("mx.example.org", "example.org"),
        ("a.b.c.example.org", "example.org"),
        ("a.news.example.org", "news.example.org"),
    ):
        assert await domains_of(bench, message(name), name) == {signer}
    await bench.database.write(domains.create, "bare.example.org")
    assert await domains_of(bench, message("bare.example.org"), "x.test") == {"example.org"}


async def test_other_scripts(bench: Bench) -> None:
    await bench.domain("bücher.example")
    bench.zone.txt = {
        name.replace("bücher", "xn--bcher-kva"): records for name, records in bench.zone.txt.items()
    }
    assert await domains_of(bench, message("bücher.example"), "") == {"xn--bcher-kva.example"}


@pytest.mark.parametrize("sender", ["nowhere.test", "org", "[192.0.2.1]", "", "a..b", "\udcff"])
async def test_nothing_without_keys(bench: Bench, sender: str) -> None:
    await bench.domain("example.org")
    content = f"From: x@{sender}\r\n".encode("utf-8", "surrogateescape") + BODY
    assert await bench.signing.sign(sender, content) == b""
    assert await bench.signing.seal(sender, content, "mx", "") == b""


async def test_a_header_too_long_is_not_signed(bench: Bench) -> None:
    await bench.domain("example.org")
    content = b"X: y\r\n" * 60_000 + message("example.org")
    assert await bench.signing.sign("example.org", content) == b""


async def test_large_bodies_and_long_keys(bench: Bench) -> None:
    await bench.domain("example.org")
    content = message("example.org") + b"a line of text\r\n" * (INLINE_BYTES // 8)
    assert await domains_of(bench, content, "") == {"example.org"}
    await bench.domain("long.test", *first_keys(KeyChoice.RSA4096, "mail"))
    assert [one.key_bits for one in await bench.signed(message("long.test"), "")] == [4096]


async def test_keys_are_dropped_at_a_hint_and_after_half_a_minute(bench: Bench) -> None:
    await bench.domain("example.org")
    content = message("example.org")

    def retire_all(tx: Tx) -> None:
        for key in keys.of_domain(tx, domains.require(tx, "example.org").id):
            if key.state is KeyState.ACTIVE:
                keys.retire(tx, key)

    assert len(await bench.signed(content, "")) == 2
    await bench.database.write(retire_all)
    assert len(await bench.signed(content, "")) == 2  # still in memory
    bench.bus.publish(TOPIC)
    assert await bench.signed(content, "") == []
    await bench.domain("example.net")
    assert await bench.signed(content, "example.net")
    bench.clock.advance(seconds=31)
    assert await bench.signed(message("example.net"), "")


async def test_a_key_of_another_ring_does_not_stop_mail(bench: Bench, database: Database) -> None:
    await bench.domain("example.org")
    other = Signing(database, KeyRing({1: b"x" * 32}), bench.cpu, bench.clock, bench.bus)
    assert await other.sign("example.org", message("example.org")) == b""
    other.close()


async def test_seals_continue_a_chain(bench: Bench) -> None:
    await bench.domain("example.org")
    await bench.domain("lists.test")
    content = message("elsewhere.net")
    for name in ("example.org", "lists.test", "example.org"):
        added = await bench.signing.seal(name, content, "mx." + name, "spf=pass; dkim=none")
        assert added.startswith(b"ARC-Seal:")
        assert b"; a=rsa-sha256;" in added
        content = added + content
    found = await bench.signing.chain(read_message(content))
    assert (found.status, found.instance) == (Status.PASS, 3)
    broken = content.replace(b"hello", b"goodbye")
    assert (await bench.signing.chain(read_message(broken))).status is Status.FAIL
    closed = await bench.signing.seal("lists.test", broken, "mx", "") + broken
    assert b"cv=fail" in closed
    assert await bench.signing.seal("lists.test", closed, "mx", "") == b""


async def test_what_can_not_be_checked_is_not_sealed(bench: Bench) -> None:
    await bench.domain("example.org")
    await bench.domain("down.test")
    content = message("elsewhere.net")
    content = await bench.signing.seal("down.test", content, "mx", "spf=pass") + content
    bench.zone.failing.add("TXT mail._domainkey.down.test")
    assert await bench.signing.seal("example.org", content, "mx", "spf=pass") == b""
    blind = Signing(bench.database, RING, bench.cpu, bench.clock, bench.bus)
    assert await blind.seal("example.org", content, "mx", "spf=pass") == b""
    assert await blind.seal("example.org", message("a.test"), "mx", "spf=pass") != b""
    blind.close()


async def test_who_vouches_for_mail_from_elsewhere(bench: Bench) -> None:
    await bench.domain("example.org")
    content = message("example.org")
    signed = await bench.signing.sign("example.org", content) + content
    vouches = bench.signing.vouches
    assert await vouches("example.org", signed)
    assert await vouches("Bounce.Example.org", signed)
    for domain in ("org", "notexample.org", "elsewhere.net", ""):
        assert not await vouches(domain, signed)
    assert not await vouches("example.org", content)
    assert not await vouches("example.org", signed.replace(b"hello", b"buy"))
    assert not await vouches("example.org", b"From: x@example.net\r\n" + signed)
    published = dict(bench.zone.txt)
    for name, (record,) in published.items():
        bench.zone.txt[name] = (f"{record}; t=y",)
    assert not await vouches("example.org", signed)


async def test_a_domain_whose_policy_says_so_signs_nothing(bench: Bench) -> None:
    await bench.domain("example.com")
    assert await bench.signed(message("example.com"), "example.com")
    await bench.database.write(policies.set_values, "example.com", {"dkim_signing_enabled": "off"})
    bench.bus.publish(POLICY)
    assert not await bench.signed(message("example.com"), "example.com")


async def test_the_policy_says_which_fields_are_signed(bench: Bench) -> None:
    await bench.domain("example.org")
    content = b"X-Note: one\r\nX-Note: two\r\n" + message("example.org")

    async def held(content: bytes, *changes: tuple[bytes, bytes]) -> list[bool]:
        signed = await bench.signing.sign("example.org", content) + content
        found = []
        for old, new in changes:
            verification = Verification(read_message(signed.replace(old, new, 1)))
            answers = {name: bench.zone.txt.get(name, ()) for name in verification.questions}
            results = verification.results(answers, bench.clock.now_ms() // 1000)
            found.append(all(one.status is Status.PASS for one in results))
        return found

    changes = (
        (b"Subject: x", b"Subject: y"),
        (b"X-Note: one", b"X-Note: 1"),
        (b"From: Ann", b"From: <x@x.test>\r\nFrom: Ann"),
        (b"To: bob", b"To: <x@x.test>\r\nTo: bob"),
    )
    assert await held(content, *changes) == [False, True, False, False]
    wanted = {"dkim_headers_to_sign": '["To", "X-Note", "X-Gone"]'}
    await bench.database.write(policies.set_values, "example.org", wanted)
    assert await held(content, *changes) == [False, True, False, False]  # still in memory
    bench.bus.publish(POLICY)
    assert await held(content, *changes) == [True, False, False, False]
    assert await held(content, (b"", b""), (b"", b"Subject: z\r\n")) == [True, True]
