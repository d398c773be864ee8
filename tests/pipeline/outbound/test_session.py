"""From the connection to the first message: greeting, EHLO and TLS of every kind."""

import ssl
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from kit.authority import Authority, Issued
from kit.letters import QUICK, SINK_HOST, connections, hop, letter
from kit.sink import ALL_KEYWORDS, HOST, Drop, Flood, Hang, Say, Sink, Slow, running
from pillarbox.domain.queue.model import Stage
from pillarbox.net.dane import Tlsa
from pillarbox.pipeline.outbound.model import HostFailure, Security, TlsDemand

OPPORTUNISTIC, ENCRYPTED = Security.OPPORTUNISTIC, Security.ENCRYPTED
VERIFIED, DANE = Security.VERIFIED, Security.DANE


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority(root_in_chain=True)


@pytest.fixture(scope="module")
def issued(authority: Authority) -> Issued:
    return authority.issue(SINK_HOST)


@pytest.fixture
def extra_ca(authority: Authority, tmp_path: Path) -> Path:
    path = tmp_path / "authority.pem"
    path.write_bytes(authority.pem)
    return path


def tls_sink(shown: Issued) -> Sink:
    return Sink(ALL_KEYWORDS, tls=shown.server_context())


class TestGreeting:
    @pytest.mark.parametrize(
        ("act", "code", "ours"),
        [
            (Say("554 5.7.1 Go away"), 554, False),
            (Say("450 4.7.1 Busy"), 450, False),
            (Drop(b"421 4.3.2 Too many\r\n"), 421, False),
            (Drop(), 451, True),
            (Drop(reset=True), 451, True),
            (Hang(), 451, True),
            (Say("354 What"), 451, False),
            (Say(b"SSH-2.0-OpenSSH"), 451, True),
            (Flood(b"220-more\r\n"), 451, True),
            (Flood(b"220-more\r\n", 0.02), 451, True),
            (Flood(b"2", 0.02), 451, True),
            (Flood(b"x" * 65536), 451, True),
            (Say(b"220-" + b"x" * 10_000_000), 451, True),
        ],
    )
    async def test_what_is_no_welcome(
        self, act: Say | Drop | Hang | Flood, code: int, ours: bool
    ) -> None:
        async with running(Sink()) as sink, connections(QUICK) as client:
            sink.on("CONNECT", act)
            with pytest.raises(HostFailure) as failure:
                await client.send(hop(sink), letter())
            assert failure.value.stage is Stage.GREETING
            assert (failure.value.reply.code, failure.value.ours) == (code, ours)
            assert failure.value.peer is not None
            assert (failure.value.peer.ip, failure.value.peer.port) == (HOST, sink.port)

    async def test_a_long_welcome_in_pieces(self) -> None:
        async with running(Sink()) as sink, connections() as client:
            sink.on("CONNECT", Say("220-one\r\n220-two\r\n220 three"))
            assert (await client.send(hop(sink), letter())).answers[0].reply.is_success

    async def test_more_than_a_welcome(self) -> None:
        async with running(Sink()) as sink, connections() as client:
            sink.on("CONNECT", Say("220 hello\r\n250 and more"))
            with pytest.raises(HostFailure) as failure:
                await client.send(hop(sink), letter())
            assert failure.value.stage is Stage.EHLO
            assert sink.messages == 0


async def test_slow_answers_are_bounded_as_a_whole() -> None:
    times = replace(QUICK, setup_s=0.5)
    async with running(Sink()) as sink, connections(times) as client:
        sink.on("CONNECT", Slow(0.3))
        sink.on("EHLO", Slow(0.3))
        with pytest.raises(HostFailure) as failure:
            await client.send(hop(sink), letter())
        assert failure.value.stage is Stage.EHLO


class TestHello:
    @pytest.mark.parametrize("code", [500, 502, 550])
    async def test_helo_where_ehlo_is_refused(self, code: int) -> None:
        async with running(Sink()) as sink, connections() as client:
            sink.on("EHLO", Say(f"{code} What?"))
            sent = await client.send(hop(sink), letter(body="ö\r\n".encode()))
            assert sent.answers[0].reply.is_success
            assert sink.commands[:4] == [
                "EHLO client.test",
                "HELO client.test",
                "MAIL FROM:<ann@here.test>",
                "RCPT TO:<bob@sink.test>",
            ]
            assert sink.taken[0].content.isascii()

    async def test_both_are_refused(self) -> None:
        async with running(Sink()) as sink, connections() as client:
            sink.on("EHLO", Say("550 5.7.1 Bad name"))
            sink.on("HELO", Drop())
            with pytest.raises(HostFailure) as failure:
                await client.send(hop(sink), letter())
            assert (failure.value.stage, failure.value.reply.code) == (Stage.EHLO, 550)
            assert failure.value.permanent

    async def test_a_name_for_one_hop(self) -> None:
        async with running(Sink()) as sink, connections() as client:
            await client.send(hop(sink, helo="other.test"), letter())
            assert sink.commands[0] == "EHLO other.test"

    async def test_lmtp_has_no_helo(self) -> None:
        async with running(Sink(lmtp=True)) as sink, connections() as client:
            sink.on("LHLO", Say("500 What?"))
            with pytest.raises(HostFailure):
                await client.send(hop(sink), letter())
            assert sink.commands == ["LHLO client.test"]

    @pytest.mark.parametrize("act", [Flood(b"250-X\r\n"), Say("250-a\r\n550 b"), Hang()])
    async def test_endless_capabilities(self, act: Flood | Say | Hang) -> None:
        async with running(Sink()) as sink, connections(QUICK) as client:
            sink.on("EHLO", act)
            with pytest.raises(HostFailure) as failure:
                await client.send(hop(sink), letter())
            assert failure.value.stage is Stage.EHLO


class TestStartTls:
    @pytest.mark.parametrize("security", [OPPORTUNISTIC, ENCRYPTED, VERIFIED])
    async def test_is_begun(self, security: Security, issued: Issued, extra_ca: Path) -> None:
        async with running(tls_sink(issued)) as sink, connections(extra_ca=extra_ca) as client:
            sent = await client.send(hop(sink, security), letter(require_tls=True))
            assert sent.peer.source == HOST
            assert sent.peer.tls is not None
            assert sent.peer.tls.version == "TLSv1.3"
            assert sent.peer.tls.verified == ("pkix" if security is VERIFIED else "")
            assert sent.peer.fallback == ""
            assert sink.taken[0].tls == "TLSv1.3"
            assert "REQUIRETLS" in sink.taken[0].params
            assert sink.commands[:3] == ["EHLO client.test", "STARTTLS", "EHLO client.test"]

    @pytest.mark.parametrize("reverse_path", ["ann@here.test", ""])
    async def test_report_needs_no_promise(
        self, reverse_path: str, issued: Issued, extra_ca: Path
    ) -> None:
        """RFC 8689 §5: reports are not lost for a host that does not offer REQUIRETLS."""
        keywords = tuple(word for word in ALL_KEYWORDS if word != "REQUIRETLS")
        sink = Sink(keywords, tls=issued.server_context())
        async with running(sink), connections(extra_ca=extra_ca) as client:
            demanding = letter(reverse_path=reverse_path, require_tls=True)
            if reverse_path:
                with pytest.raises(HostFailure) as failure:
                    await client.send(hop(sink, VERIFIED), demanding)
                assert failure.value.reply.enhanced == "5.7.30"
                return
            await client.send(hop(sink, VERIFIED), demanding)
            assert sink.taken[0].tls == "TLSv1.3"
            assert "REQUIRETLS" not in sink.taken[0].params

    async def test_is_not_asked_for(self, issued: Issued) -> None:
        async with running(tls_sink(issued)) as sink, connections() as client:
            sent = await client.send(hop(sink, Security.PLAIN), letter())
            assert sent.peer.tls is None
            assert "STARTTLS" not in sink.commands

    async def test_from_the_start(self, issued: Issued, extra_ca: Path) -> None:
        sink = Sink(tls=issued.server_context(), implicit_tls=True)
        async with running(sink), connections(extra_ca=extra_ca) as client:
            sent = await client.send(hop(sink, VERIFIED, implicit_tls=True), letter())
            assert sent.peer.tls is not None
            assert "STARTTLS" not in sink.commands

    @pytest.mark.parametrize("security", [ENCRYPTED, VERIFIED, DANE])
    async def test_is_not_offered(self, security: Security) -> None:
        async with running(Sink()) as sink, connections() as client:
            with pytest.raises(HostFailure) as failure:
                await client.send(hop(sink, security), letter())
            assert failure.value.stage is Stage.TLS
            assert failure.value.tls_result == "starttls-not-supported"
            assert failure.value.reply.enhanced == "4.7.4"
            assert sink.messages == 0

    async def test_is_refused(self, issued: Issued) -> None:
        async with running(tls_sink(issued)) as sink, connections() as client:
            sink.on("STARTTLS", Say("454 4.7.0 Not now"))
            sent = await client.send(hop(sink), letter())
            assert sent.peer.tls is None
            assert "454" in sent.peer.fallback
            assert sink.sessions == 1
            with pytest.raises(HostFailure) as failure:
                await client.send(hop(sink, ENCRYPTED), letter())
            assert failure.value.tls_result == "starttls-not-supported"
            assert sink.messages == 1

    @pytest.mark.parametrize("act", [None, Drop(), Drop(reset=True), Hang()])
    async def test_fails_and_is_done_without(self, act: Drop | Hang | None, issued: Issued) -> None:
        context = issued.server_context()
        async with running(Sink(tls=context)) as sink, connections(QUICK) as client:
            if act is None:  # nothing that fits a key of this kind
                context.maximum_version = ssl.TLSVersion.TLSv1_2
                context.set_ciphers("AES128-GCM-SHA256")
            else:
                sink.on("TLS", act)
            for _ in range(2):
                sent = await client.send(hop(sink), letter())
                assert sent.peer.tls is None
                assert "TLS" in sent.peer.fallback
                assert sent.answers[0].reply.is_success
            assert sink.sessions == 2
            with pytest.raises(HostFailure) as failure:
                await client.send(hop(sink, ENCRYPTED), letter())
            assert failure.value.stage is Stage.TLS
            assert failure.value.tls_result == "validation-failure"
            assert sink.messages == 2

    @pytest.mark.parametrize("act", [Drop(), Say("421 4.3.2 Closing"), Hang()])
    async def test_a_server_that_leaves_at_the_command(
        self, act: Drop | Say | Hang, issued: Issued
    ) -> None:
        async with running(tls_sink(issued)) as sink, connections(QUICK) as client:
            sink.on("STARTTLS", act)
            sent = await client.send(hop(sink), letter())
            assert sent.peer.fallback
            assert sent.answers[0].reply.is_success

    @pytest.mark.parametrize("security", [OPPORTUNISTIC, VERIFIED])
    @pytest.mark.parametrize("early", ["250 2.0.0 Injected", "250-half", "\x15\x03 what"])
    async def test_what_was_said_before_the_handshake_is_no_answer(
        self, security: Security, early: str, issued: Issued, extra_ca: Path
    ) -> None:
        async with running(tls_sink(issued)) as sink, connections(extra_ca=extra_ca) as client:
            sink.on("STARTTLS", Say(f"220 Go ahead\r\n{early}"))
            with pytest.raises(HostFailure) as failure:
                await client.send(hop(sink, security), letter())
            assert failure.value.stage is Stage.TLS
            assert failure.value.tls_result == "validation-failure"
            assert sink.sessions == 1
            assert sink.messages == 0

    async def test_capabilities_from_before_are_forgotten(self, issued: Issued) -> None:
        async with running(tls_sink(issued)) as sink, connections() as client:
            sink.on("EHLO", Say("250-sink\r\n250-STARTTLS\r\n250 SIZE 1"), times=1)
            sent = await client.send(hop(sink), letter())
            assert sent.answers[0].reply.is_success


class TestCertificates:
    async def fails(self, sink: Sink, demand: TlsDemand, extra_ca: Path | None) -> str:
        before = sink.messages
        async with running(sink), connections(extra_ca=extra_ca) as client:
            with pytest.raises(HostFailure) as failure:
                await client.send(replace(hop(sink), tls=demand), letter())
            assert failure.value.stage is Stage.TLS
            assert not failure.value.permanent
            assert sink.messages == before
            return failure.value.tls_result

    async def test_what_is_wrong_is_told(self, authority: Authority, extra_ca: Path) -> None:
        demand = TlsDemand(VERIFIED, (SINK_HOST,))
        other = tls_sink(authority.issue("other.test"))
        assert await self.fails(other, demand, extra_ca) == "certificate-host-mismatch"
        expired = tls_sink(authority.expired(SINK_HOST))
        assert await self.fails(expired, demand, extra_ca) == "certificate-expired"
        stranger = tls_sink(Authority("Stranger").issue(SINK_HOST))
        assert await self.fails(stranger, demand, extra_ca) == "certificate-not-trusted"

    async def test_any_does_where_tls_is_optional(self, authority: Authority) -> None:
        sink = tls_sink(authority.expired("other.test"))
        async with running(sink), connections() as client:
            sent = await client.send(hop(sink), letter())
            assert sent.peer.tls is not None
            assert sent.peer.tls.verified == ""

    async def test_one_of_several_names(self, authority: Authority, extra_ca: Path) -> None:
        sink = tls_sink(authority.issue("a.mail.test"))
        async with running(sink), connections(extra_ca=extra_ca) as client:
            demand = TlsDemand(VERIFIED, ("x.test", ".mail.test"))
            sent = await client.send(replace(hop(sink), tls=demand), letter())
            assert sent.peer.tls is not None
        wrong = TlsDemand(VERIFIED, (".test",))
        assert await self.fails(sink, wrong, extra_ca) == "certificate-host-mismatch"

    async def test_dane(self, authority: Authority) -> None:
        shown = authority.expired("whatever.test")
        sink = tls_sink(shown)
        right = Tlsa(3, 1, 1, sha256(shown.spki).digest())
        demand = TlsDemand(DANE, (SINK_HOST,), (right,), "dane")
        async with running(sink), connections() as client:
            sent = await client.send(replace(hop(sink), tls=demand), letter())
            assert sent.peer.tls is not None
            assert sent.peer.tls.verified == "dane"
        wrong = replace(demand, tlsa=(Tlsa(3, 1, 1, bytes(32)),))
        assert await self.fails(sink, wrong, None)

    async def test_dane_by_an_authority(self, authority: Authority) -> None:
        record = Tlsa(2, 0, 1, sha256(authority.der).digest())
        demand = TlsDemand(DANE, (SINK_HOST,), (record,), "dane")
        async with running(tls_sink(authority.issue(SINK_HOST))) as sink, connections() as client:
            sent = await client.send(replace(hop(sink), tls=demand), letter())
            assert sent.peer.tls is not None
        other = tls_sink(authority.issue("other.test"))
        assert await self.fails(other, demand, None) == "certificate-host-mismatch"


class TestRequireTls:
    async def test_the_host_must_promise_it(self, issued: Issued) -> None:
        async with running(Sink(tls=issued.server_context())) as sink, connections() as client:
            with pytest.raises(HostFailure) as failure:
                await client.send(hop(sink, ENCRYPTED), letter(require_tls=True))
            assert failure.value.reply.enhanced == "5.7.30"
            assert failure.value.permanent
            sent = await client.send(hop(sink, ENCRYPTED), letter())
            assert sent.answers[0].reply.is_success
            assert sink.sessions == 1
