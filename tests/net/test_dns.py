"""The resolver of the network and that of the tests keep one contract.

The first asks a name server on loopback.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import cast

import dns.reversename
import pytest

from kit.clock import FakeClock
from kit.dns import FakeDns, Zone
from kit.nameserver import HOST, NameServer
from pillarbox.base.errors import Unavailable
from pillarbox.net.dane import Tlsa
from pillarbox.net.dns import (
    DnsOptions,
    HostAnswer,
    MxAnswer,
    MxHost,
    Resolver,
    SystemResolver,
    TlsaAnswer,
    Validating,
)

TLSA = Tlsa(3, 1, 1, bytes(range(32)))
SERVICE = "_25._tcp.mx.signed.test"


def text_of(zone: Zone) -> str:
    """A zone of everything, as a file."""
    lines = []
    for name, addresses in zone.addresses.items():
        lines += [f"{name}. {'A' if ':' not in one else 'AAAA'} {one}" for one in addresses]
        lines += [] if addresses else [f"{name}. HINFO a b"]
    for ip, names in zone.reverse.items():
        lines += [f"{dns.reversename.from_address(ip)} PTR {one}." for one in names]
    for name, hosts in zone.mx.items():
        lines += [f"{name}. MX {preference} {host}." for preference, host in hosts]
    for name, texts in zone.txt.items():
        lines += [f"{name}. TXT {' '.join(_quoted(one))}" for one in texts]
    for name, records in zone.tlsa.items():
        lines += [
            f"{name}. TLSA {one.usage} {one.selector} {one.matching} {one.data.hex()}"
            for one in records
        ]
    lines += [f"{name}. CNAME {other}." for name, other in zone.aliases.items()]
    return "\n".join(lines)


def _quoted(text: str) -> list[str]:
    return [f'"{text[start : start + 200]}"' for start in range(0, len(text), 200)]


@pytest.fixture
def zone() -> Zone:
    return Zone(
        addresses={
            "mx.example.test": ("2001:db8::7", "192.0.2.7", "192.0.2.8"),
            "six.example.test": ("2001:db8::9",),
            "empty.example.test": (),
            "mx.signed.test": ("192.0.2.10",),
        },
        reverse={
            "192.0.2.7": ("mx.example.test", "other.example.test"),
            "2001:db8::7": ("mx.example.test",),
        },
        failing={"broken.example.test", "192.0.2.66", "_25._tcp.broken.signed.test"},
        mx={
            "example.test": ((20, "mx2.example.test"), (10, "mx.example.test")),
            "null.example.test": ((0, ""),),
            "signed.test": ((10, "mx.signed.test"),),
        },
        txt={"_mta-sts.example.test": ("v=STSv1; id=A1;", "Other " + "x" * 600)},
        tlsa={SERVICE: (TLSA,), "_25._tcp.mx.example.test": (TLSA,)},
        aliases={
            "alias.example.test": "example.test",
            "www.signed.test": "mx.signed.test",
            "out.signed.test": "mx.example.test",
            "dangling.signed.test": "nobody.signed.test",
        },
        signed={"signed.test"},
    )


@pytest.fixture
async def server(zone: Zone) -> AsyncIterator[NameServer]:
    server = NameServer({".": text_of(zone)}, signed=zone.signed)
    for name in zone.failing:
        server.failing.add(pointer(name) if name[0].isdigit() else name)
    async with server:
        yield server


def pointer(ip: str) -> str:
    return dns.reversename.from_address(ip).to_text(omit_final_dot=True)


@pytest.fixture
def system(server: NameServer, clock: FakeClock) -> SystemResolver:
    return asked_at(server, clock)


def asked_at(server: NameServer, clock: FakeClock, **options: object) -> SystemResolver:
    """A resolver that asks the test's server."""
    return SystemResolver(clock, DnsOptions((HOST,), server.port, **options))  # type: ignore[arg-type]


@pytest.fixture(params=["system", "fake"])
def resolver(request: pytest.FixtureRequest, zone: Zone, clock: FakeClock) -> Resolver:
    if request.param == "fake":
        return FakeDns(zone, clock)
    return cast(Resolver, request.getfixturevalue("system"))


class TestContract:
    async def test_reverse(self, resolver: Resolver) -> None:
        names = await resolver.reverse("192.0.2.7")
        assert sorted(names) == ["mx.example.test", "other.example.test"]
        assert await resolver.reverse("2001:db8::7") == ("mx.example.test",)

    async def test_addresses_have_ipv4_first(self, resolver: Resolver) -> None:
        found = await resolver.addresses("mx.example.test")
        assert sorted(found[:2]) == ["192.0.2.7", "192.0.2.8"]
        assert found[2:] == ("2001:db8::7",)
        assert await resolver.addresses("six.example.test") == ("2001:db8::9",)

    async def test_addresses_of_one_kind(self, resolver: Resolver) -> None:
        assert sorted(await resolver.a("mx.example.test")) == ["192.0.2.7", "192.0.2.8"]
        assert await resolver.aaaa("MX.example.test.") == ("2001:db8::7",)
        assert await resolver.a("six.example.test") == ()
        assert await resolver.aaaa("nobody.example.test") == ()
        for ask in (resolver.a, resolver.aaaa):
            with pytest.raises(Unavailable):
                await ask("broken.example.test")

    async def test_names_are_spelled_in_any_way(self, resolver: Resolver) -> None:
        assert await resolver.addresses("SIX.example.TEST.") == ("2001:db8::9",)
        answer = await resolver.mx("Signed.TEST.")
        assert answer == MxAnswer((MxHost(10, "mx.signed.test"),), True, "signed.test")

    @pytest.mark.parametrize(
        "name",
        ["nobody.example.test", "empty.example.test", "a..test", "x" * 64 + ".test", "", "@",
         ".".join(["x" * 60] * 5), "m\u00fcller.test", "a b.test", "\\.test"],
    )  # fmt: skip
    async def test_what_does_not_exist_is_empty(self, resolver: Resolver, name: str) -> None:
        assert await resolver.addresses(name) == ()
        assert (await resolver.mx(name)).hosts == ()
        assert await resolver.txt(name) == ()
        assert (await resolver.tlsa(name)).records == ()

    async def test_no_reverse_name_is_empty(self, resolver: Resolver) -> None:
        assert await resolver.reverse("192.0.2.99") == ()

    async def test_failures_are_told(self, resolver: Resolver) -> None:
        """SERVFAIL is what a bogus zone gives: never the answer that there is nothing."""
        with pytest.raises(Unavailable):
            await resolver.addresses("broken.example.test")
        with pytest.raises(Unavailable):
            await resolver.mx("broken.example.test")
        with pytest.raises(Unavailable):
            await resolver.tlsa("_25._tcp.broken.signed.test")
        with pytest.raises(Unavailable):
            await resolver.reverse("192.0.2.66")

    async def test_mail_servers(self, resolver: Resolver) -> None:
        hosts = (MxHost(10, "mx.example.test"), MxHost(20, "mx2.example.test"))
        assert await resolver.mx("example.test") == MxAnswer(hosts, False, "example.test")
        # The alias is not signed either.
        assert await resolver.mx("alias.example.test") == MxAnswer(hosts, False, "example.test")

    async def test_no_mail(self, resolver: Resolver) -> None:
        """RFC 7505 §3."""
        assert (await resolver.mx("null.example.test")).hosts == (MxHost(0, ""),)

    async def test_whether_a_name_exists(self, resolver: Resolver) -> None:
        nobody, empty = "nobody.example.test", "mx.example.test"
        assert await resolver.mx(nobody) == MxAnswer((), False, nobody, exists=False)
        assert await resolver.mx(empty) == MxAnswer((), False, empty)
        assert await resolver.host(nobody) == HostAnswer((), False, nobody, exists=False)
        assert await resolver.host("example.test") == HostAnswer((), False, "example.test")
        dangling = await resolver.host("dangling.signed.test")
        assert dangling == HostAnswer((), True, "nobody.signed.test", exists=False)

    async def test_texts(self, resolver: Resolver) -> None:
        texts = await resolver.txt("_mta-sts.example.test")
        assert sorted(texts) == ["Other " + "x" * 600, "v=STSv1; id=A1;"]

    async def test_security_goes_all_along_the_aliases(self, resolver: Resolver) -> None:
        """RFC 7672 §2.2.2."""
        assert await resolver.host("mx.signed.test") == HostAnswer(
            ("192.0.2.10",), True, "mx.signed.test"
        )
        assert await resolver.host("www.signed.test") == HostAnswer(
            ("192.0.2.10",), True, "mx.signed.test"
        )
        out = await resolver.host("out.signed.test")
        assert (out.secure, out.name, out.alias_secure) == (False, "mx.example.test", True)

    async def test_tlsa_records(self, resolver: Resolver) -> None:
        assert await resolver.tlsa(SERVICE) == TlsaAnswer((TLSA,), True)
        assert await resolver.tlsa("_25._tcp.mx.example.test") == TlsaAnswer((TLSA,), False)
        assert await resolver.tlsa("_465._tcp.mx.signed.test") == TlsaAnswer((), True)


class TestValidation:
    """Whether AD is believed (RFC 6840 §5.7)."""

    async def test_servers_of_this_machine_are_believed(self, system: SystemResolver) -> None:
        assert (await system.mx("signed.test")).secure

    async def test_nobody_is_believed(self, server: NameServer, clock: FakeClock) -> None:
        system = asked_at(server, clock, validating=Validating.OFF)
        answer = await system.mx("signed.test")
        assert answer.hosts
        assert not answer.secure
        assert not (await system.tlsa(SERVICE)).secure
        assert not (await system.host("out.signed.test")).alias_secure

    async def test_both_kinds_of_address_must_be_secure(
        self, server: NameServer, system: SystemResolver
    ) -> None:
        server.unsigned.add("AAAA mx.signed.test")
        assert not (await system.host("mx.signed.test")).secure
        assert (await system.tlsa(SERVICE)).secure

    @pytest.mark.parametrize(
        ("servers", "believed"),
        [
            ((HOST,), True),
            ((HOST, "::1"), True),
            ((HOST, "192.0.2.53"), False),
            (("192.0.2.53",), False),
            (("127.0.0.11",), False),
            (("127.0.0.54",), False),
        ],
    )
    async def test_who_is_believed_unasked(
        self, server: NameServer, clock: FakeClock, servers: tuple[str, ...], believed: bool
    ) -> None:
        wait_s = 3.0 if HOST in servers else 0.2
        system = SystemResolver(clock, DnsOptions(servers, server.port, timeout_s=wait_s))
        try:
            answer = await system.mx("signed.test")
        except Unavailable:
            assert HOST not in servers
            answer = None
        assert system.believes is believed
        assert answer is None or answer.secure is believed

    async def test_a_server_elsewhere_may_be_trusted(
        self, server: NameServer, clock: FakeClock
    ) -> None:
        options = DnsOptions((HOST, "192.0.2.53"), server.port, validating=Validating.ON)
        assert (await SystemResolver(clock, options).mx("signed.test")).secure


class TestHostileAnswers:
    async def test_many_records_are_bounded(self, server: NameServer, clock: FakeClock) -> None:
        lines = [f"many.test. MX {n} mx{n}.many.test." for n in range(300)]
        lines += [f'texts.test. TXT "{n}"' for n in range(300)]
        lines += [f"long.test. TXT {' '.join(['x' * 250] * 17)}", 'long.test. TXT "short"']
        server.add("test", "\n".join(lines))
        system = asked_at(server, clock)
        assert len((await system.mx("many.test")).hosts) == 100
        assert len(await system.txt("texts.test")) == 50
        assert await system.txt("long.test") == ("short",)

    async def test_huge_answers_are_not_read(self, server: NameServer, clock: FakeClock) -> None:
        """4,000 records take a fifth of a second."""
        lines = [f"few.test. A 10.0.{n >> 8}.{n & 255}" for n in range(900)]
        lines += [f"many.test. A 10.0.{n >> 8}.{n & 255}" for n in range(1100)]
        lines += ["few.test. AAAA ::1", "many.test. AAAA ::1"]
        server.add("test", "\n".join(lines))
        system = asked_at(server, clock)
        assert len((await system.host("few.test")).addresses) == 101
        assert (await system.host("many.test")).addresses == ("::1",)
        assert server.asked_by_tcp["A many.test"] == 1

    async def test_large_answers_come_by_tcp(
        self, server: NameServer, system: SystemResolver
    ) -> None:
        server.truncated.add("example.test")
        assert len((await system.mx("example.test")).hosts) == 2
        assert server.asked["MX example.test"] == 1
        assert server.asked_by_tcp["MX example.test"] == 1

    async def test_what_nobody_asked_for_is_ignored(
        self, server: NameServer, system: SystemResolver
    ) -> None:
        server.foreign.add("example.test")
        assert len((await system.mx("example.test")).hosts) == 2

    async def test_a_lame_server_is_a_failure(
        self, server: NameServer, system: SystemResolver
    ) -> None:
        server.refusing.add("example.test")
        with pytest.raises(Unavailable):
            await system.mx("example.test")

    async def test_aliases_in_a_circle_are_a_failure(
        self, server: NameServer, system: SystemResolver
    ) -> None:
        server.add("test", "a CNAME b\nb CNAME a")
        with pytest.raises(Unavailable):
            await system.mx("a.test")

    @pytest.mark.parametrize("name", ["m\\000x", "a\\.b", "x\\032y", "\\195\\188", "*"])
    async def test_odd_names_do_no_harm(
        self, server: NameServer, system: SystemResolver, name: str
    ) -> None:
        server.add("test", f"@ MX 1 {name}")
        (host,) = (await system.mx("test")).hosts
        assert host.name.isascii()
        assert host.name.isprintable()
        assert await system.addresses(host.name) == ()

    async def test_a_record_that_is_no_good_spoils_no_others(
        self, server: NameServer, system: SystemResolver
    ) -> None:
        """RFC 6698 §4.1: it is unusable, which is not the same as no answer."""
        assert (await system.tlsa(SERVICE)).records == (TLSA,)
        server.signed = {"test"}
        server.add("test", f"_25._tcp TLSA 3 1 1 abcd\n_25._tcp TLSA 3 1 1 {TLSA.data.hex()}")
        answer = await system.tlsa("_25._tcp.test")
        assert answer.secure
        assert set(answer.records) == {TLSA, Tlsa(3, 1, 1, b"\xab\xcd")}

    async def test_texts_that_are_no_text(self, server: NameServer, system: SystemResolver) -> None:
        server.add("test", '@ TXT "a\\255\\000b"')
        assert await system.txt("test") == ("a\ufffd\x00b",)


class TestSystemResolver:
    async def test_remembers_for_as_long_as_it_may(
        self, system: SystemResolver, server: NameServer, clock: FakeClock
    ) -> None:
        for _ in range(3):
            await system.addresses("six.example.test")
        assert server.asked == {"A six.example.test": 1, "AAAA six.example.test": 1}
        clock.advance(seconds=59)
        await system.addresses("six.example.test")
        assert server.asked["AAAA six.example.test"] == 1
        clock.advance(seconds=1)
        server.add("six.example.test", "@ AAAA 2001:db8::a")
        assert await system.addresses("six.example.test") == ("2001:db8::a",)
        # That there is no IPv4 address holds for as long as the zone says (RFC 2308 §5).
        assert server.asked == {"A six.example.test": 1, "AAAA six.example.test": 2}

    @pytest.mark.parametrize(
        ("ip", "lasts_s"),
        [("192.0.2.99", 120), ("192.0.2.66", 30), ("192.0.2.7", 3600), ("192.0.2.8", 5)],
    )
    async def test_how_long_answers_last(
        self,
        system: SystemResolver,
        server: NameServer,
        clock: FakeClock,
        ip: str,
        lasts_s: int,
    ) -> None:
        asked = f"PTR {pointer(ip)}"
        server.add(pointer("192.0.2.7"), "@ 1000000 PTR mx.test.")
        server.add(pointer("192.0.2.8"), "@ 0 PTR mx.test.")
        for seconds, times in ((0, 1), (lasts_s - 1, 1), (1, 2)):
            clock.advance(seconds=seconds)
            await asyncio.gather(system.reverse(ip), return_exceptions=True)
            assert server.asked[asked] == times

    async def test_remembers_only_so_much(self, server: NameServer, clock: FakeClock) -> None:
        system = asked_at(server, clock, remembered=2)
        ips = ("192.0.2.1", "192.0.2.2", "192.0.2.3")
        for ip in (*ips, "192.0.2.3", "192.0.2.1"):
            await system.reverse(ip)
        assert [server.asked[f"PTR {pointer(ip)}"] for ip in ips] == [2, 1, 1]

    async def test_remembers_only_so_many_bytes(self, server: NameServer, clock: FakeClock) -> None:
        lines = [f"{name} TXT {' '.join(['x' * 250] * 16)}" for name in "abc"]
        server.add("test", "\n".join(lines))
        system = asked_at(server, clock, remembered_bytes=10_000)
        for name in "abcca":
            await system.txt(f"{name}.test")
        assert server.asked_by_tcp == {"TXT a.test": 2, "TXT b.test": 1, "TXT c.test": 1}

    async def test_asks_once_for_all_who_wait(
        self, server: NameServer, system: SystemResolver
    ) -> None:
        answers = await asyncio.gather(*(system.mx("example.test") for _ in range(20)))
        assert len(set(answers)) == 1
        assert server.asked == {"MX example.test": 1}

    async def test_who_gives_up_takes_no_answer_from_others(
        self, server: NameServer, system: SystemResolver
    ) -> None:
        server.slow["example.test"] = 0.1
        first, second = (asyncio.create_task(system.mx("example.test")) for _ in range(2))
        await asyncio.wait_for(server.seen.wait(), 5)
        first.cancel()
        assert len((await second).hosts) == 2
        assert first.cancelled()
        assert server.asked == {"MX example.test": 1}

    async def test_a_failure_is_told_to_all(
        self, server: NameServer, system: SystemResolver
    ) -> None:
        answers = await asyncio.gather(
            *(system.mx("broken.example.test") for _ in range(5)), return_exceptions=True
        )
        assert all(isinstance(one, Unavailable) for one in answers)
        assert server.asked == {"MX broken.example.test": 1}

    async def test_one_kind_of_address_may_fail(self, server: NameServer, clock: FakeClock) -> None:
        server.silent.add("AAAA mx.example.test")
        system = asked_at(server, clock, timeout_s=1.0)
        assert sorted(await system.addresses("mx.example.test")) == ["192.0.2.7", "192.0.2.8"]

    async def test_silence_is_a_failure(self, server: NameServer, clock: FakeClock) -> None:
        server.silent.add(pointer("192.0.2.7"))
        with pytest.raises(Unavailable) as raised:
            await asked_at(server, clock, timeout_s=0.1).reverse("192.0.2.7")
        assert raised.value.temporary
        assert raised.value.cause is not None
        assert re.fullmatch(r"PTR 7\.2\.0\.192\.in-addr\.arpa: .+", raised.value.cause)

    async def test_what_is_given_up_late_has_failed(
        self, server: NameServer, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.silent |= {"MX example.test", "MX signed.test"}
        system = asked_at(server, clock)
        for name, given_up_s in (("example.test", 0.0), ("signed.test", 60.0)):
            monkeypatch.setattr("pillarbox.net.dns._GIVEN_UP_S", given_up_s)
            server.seen.clear()
            asking = asyncio.create_task(system.mx(name))
            await asyncio.wait_for(server.seen.wait(), 5)
            asking.cancel()
            await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()}, timeout=1)
        server.silent.clear()
        with pytest.raises(Unavailable):
            await system.mx("example.test")
        assert (await system.mx("signed.test")).hosts
        clock.advance(seconds=31)
        assert (await system.mx("example.test")).hosts

    async def test_waits_for_room(self, server: NameServer, clock: FakeClock) -> None:
        """The one socket is taken by a question nobody answers, until that is given up."""
        server.silent.add(pointer("192.0.2.7"))
        system = asked_at(server, clock, questions_at_once=1)
        first = asyncio.create_task(system.reverse("192.0.2.7"))
        await asyncio.wait_for(server.seen.wait(), 5)
        second = asyncio.create_task(system.reverse("2001:db8::7"))
        await asyncio.sleep(0)
        first.cancel()
        assert await second == ("mx.example.test",)
        assert first.cancelled()

    async def test_waiting_for_room_is_no_failure_of_the_name(
        self, server: NameServer, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        system = asked_at(server, clock, questions_at_once=1, timeout_s=0.8)
        names = [f"n{number}.example.test" for number in range(4)]
        server.slow |= dict.fromkeys(names, 0.3)
        # Together they take longer than one may.
        answers = await asyncio.gather(*(system.mx(name) for name in names))
        assert not any(answer.exists for answer in answers)
        server.silent.add("example.test")
        monkeypatch.setattr("pillarbox.net.dns._ROOM_S", 0.05)
        first = asyncio.create_task(system.mx("example.test"))
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await system.mx("signed.test")
        with pytest.raises(Unavailable):
            await first
        assert (await system.mx("signed.test")).hosts

    async def test_a_mapped_address_is_the_ipv4_one(self, system: SystemResolver) -> None:
        assert "mx.example.test" in await system.reverse("::ffff:192.0.2.7")
