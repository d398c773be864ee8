"""From the domain to the host: real name servers, policies by HTTPS, certificates good and bad."""

from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import pytest

from kit.authority import Authority, Issued
from kit.clock import FakeClock
from kit.letters import connections, letter
from kit.nameserver import NameServer
from kit.sink import ALL_KEYWORDS, HOST, Sink, running
from kit.web import Page, Web
from pillarbox.domain.report_days import day_of
from pillarbox.domain.transport import results
from pillarbox.net.client_tls import ClientContexts
from pillarbox.net.dns import DnsOptions, SystemResolver, Validating
from pillarbox.net.https import HttpsClient, HttpsOptions
from pillarbox.pipeline.outbound.model import HostFailure, NextHop, Transmitted
from pillarbox.pipeline.outbound.tls_policy import TlsPolicies, TlsPolicyOptions
from pillarbox.storage.db import Database

DOMAIN, MX = "there.test", "mx.there.test"
STS = "version: STSv1\nmode: %s\nmx: %s\nmax_age: 86400\n"


class Street:
    """The way from a domain's name to its mail server, with all that is asked on it."""

    def __init__(self, web: Web, names: NameServer, database: Database, folder: Path) -> None:
        self.web = web
        self.names = names
        self.database = database
        self.authority = web.authority
        self.extra_ca = folder / "authority.pem"
        self.extra_ca.write_bytes(self.authority.pem)
        clock = FakeClock()
        self.day = day_of(clock.now_ms())
        options = DnsOptions((HOST,), names.port, validating=Validating.ON)
        self.resolver = SystemResolver(clock, options)
        contexts = ClientContexts(self.extra_ca)
        https = HttpsClient(self.resolver, contexts, HttpsOptions(allow_private=True))
        self.policies = TlsPolicies(
            self.resolver, https, database, clock, TlsPolicyOptions(sts_port=web.port)
        )
        self.records = [
            "@ SOA ns root 1 1 1 1 60", "@ NS ns", "@ MX 10 mx", "mx A 127.0.0.1",
            "mta-sts A 127.0.0.1",
        ]  # fmt: skip

    def publish(self, mode: str, mx: str = MX) -> None:
        self.records.append('_mta-sts TXT "v=STSv1; id=1;"')
        self.web.pages[f"mta-sts.{DOMAIN}"] = Page((STS % (mode, mx)).encode())
        self.web.vouch(f"mta-sts.{DOMAIN}")

    def tlsa(self, sink_port: int, issued: Issued, usage: int = 3) -> None:
        shown = issued.spki if usage == 3 else self.authority.spki
        self.records.append(f"_{sink_port}._tcp.mx TLSA {usage} 1 1 {sha256(shown).hexdigest()}")

    async def send(self, sink: Sink) -> Transmitted:
        """Hand a letter over as the router and the runner would; raises `HostFailure`."""
        self.names.add(DOMAIN, "\n".join(self.records))
        mx = await self.resolver.mx(DOMAIN)
        policy = await self.policies.of_domain(DOMAIN, mx)
        answer = await self.resolver.host(MX)
        demand = await self.policies.demand(policy, MX, answer, port=sink.port)
        hop = NextHop(MX, answer.addresses, demand, sink.port)
        async with connections(extra_ca=self.extra_ca) as client:
            try:
                sent = await client.send(hop, letter(f"bob@{DOMAIN}"))
            except HostFailure as failure:
                self.policies.note(
                    DOMAIN, policy, failure.peer, MX, failure.tls_result, demand=demand
                )
                raise
        self.policies.note(DOMAIN, policy, sent.peer, MX, demand=demand)
        return sent

    async def counted(self) -> list[tuple[str, str]]:
        await self.policies.close()
        rows = await self.database.read(results.of_day, self.day, DOMAIN)
        return [(result.policy_type, result.result) for result, _ in rows]


@pytest.fixture
async def street(database: Database, tmp_path: Path) -> AsyncIterator[Street]:
    async with Web(Authority(root_in_chain=True)) as web, NameServer() as names:
        made = Street(web, names, database, tmp_path)
        yield made
        await made.policies.close()


def tls_sink(shown: Issued) -> Sink:
    return Sink(ALL_KEYWORDS, tls=shown.server_context())


@pytest.mark.parametrize("usage", [2, 3])
async def test_dane(street: Street, usage: int) -> None:
    issued = street.authority.issue(MX)
    street.names.signed = {"."}
    async with running(tls_sink(issued)) as sink:
        street.tlsa(sink.port, issued, usage)
        sent = await street.send(sink)
    assert sent.peer.tls is not None
    assert sent.peer.tls.verified == "dane"
    assert await street.counted() == [("tlsa", "")]


async def test_dane_with_another_certificate(street: Street) -> None:
    street.names.signed = {"."}
    street.publish("enforce")  # and a certificate that MTA-STS would take
    async with running(tls_sink(street.authority.issue(MX))) as sink:
        street.tlsa(sink.port, Authority("Another").issue(MX))
        with pytest.raises(HostFailure):
            await street.send(sink)
        assert sink.messages == 0
    assert await street.counted() == [("tlsa", "validation-failure")]


async def test_dane_that_nobody_signed(street: Street) -> None:
    async with running(tls_sink(Authority("Any").issue(MX))) as sink:
        street.tlsa(sink.port, street.authority.issue(MX))
        sent = await street.send(sink)
    assert sent.peer.tls is not None
    assert sent.peer.tls.verified == ""


async def test_mta_sts(street: Street) -> None:
    street.publish("enforce")
    async with running(tls_sink(street.authority.issue(MX))) as sink:
        sent = await street.send(sink)
    assert sent.peer.tls is not None
    assert sent.peer.tls.verified == "pkix"
    assert await street.counted() == [("sts", "")]


@pytest.mark.parametrize(
    "wrong",
    [
        "certificate-host-mismatch",
        "certificate-expired",
        "certificate-not-trusted",
        "starttls-not-supported",
    ],
)
@pytest.mark.parametrize("mode", ["enforce", "testing"])
async def test_mta_sts_with_something_wrong(street: Street, mode: str, wrong: str) -> None:
    sinks = {
        "certificate-host-mismatch": lambda: tls_sink(street.authority.issue(DOMAIN)),
        "certificate-expired": lambda: tls_sink(street.authority.expired(MX)),
        "certificate-not-trusted": lambda: tls_sink(Authority("Stranger").issue(MX)),
        "starttls-not-supported": Sink,
    }
    street.publish(mode)
    async with running(sinks[wrong]()) as sink:
        if mode == "enforce":
            with pytest.raises(HostFailure) as failure:
                await street.send(sink)
            assert not failure.value.permanent
        else:
            await street.send(sink)
        assert sink.messages == (mode == "testing")
    assert await street.counted() == [("sts", wrong)]


async def test_mta_sts_of_other_hosts(street: Street) -> None:
    street.publish("enforce", "mx.else.test")
    async with running(tls_sink(street.authority.issue(MX))) as sink:
        with pytest.raises(HostFailure, match="not in the MTA-STS policy"):
            await street.send(sink)
        assert sink.sessions == 0


async def test_nothing(street: Street) -> None:
    async with running(Sink()) as sink:
        sent = await street.send(sink)
    assert sent.peer.tls is None
    assert await street.counted() == [("no-policy-found", "starttls-not-supported")]
