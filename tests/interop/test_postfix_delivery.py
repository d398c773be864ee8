"""Letters handed to Postfix, with and without TLS, with certificates right and wrong."""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from kit.authority import Authority, Issued
from kit.letters import SINK_HOST, connections, hop, letter
from kit.postfix import needs_postfix, postfix_before
from kit.sink import ALL_KEYWORDS, Sink
from pillarbox.domain.queue.model import Stage
from pillarbox.net.dane import Tlsa
from pillarbox.pipeline.outbound.model import HostFailure, Security, TlsDemand

pytestmark = needs_postfix

PLAIN, OPPORTUNISTIC, VERIFIED = Security.PLAIN, Security.OPPORTUNISTIC, Security.VERIFIED


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority(root_in_chain=True)


@pytest.fixture
def extra_ca(authority: Authority, tmp_path: Path) -> Path:
    path = tmp_path / "authority.pem"
    path.write_bytes(authority.pem)
    return path


def with_tls(issued: Issued, folder: Path) -> Mapping[str, str]:
    """Settings of a Postfix that shows this certificate."""
    chain, key = issued.write(folder)
    return {
        "smtpd_tls_security_level": "may",
        "smtpd_tls_cert_file": str(chain),
        "smtpd_tls_key_file": str(key),
    }


async def test_several_letters_in_clear() -> None:
    sink = Sink()
    async with postfix_before(sink, {}) as port, connections() as client:
        there = replace(hop(sink), port=port)
        for number in range(3):
            sent = await client.send(there, letter("a@x.test", "b@x.test", marker=str(number)))
            assert [one.reply.code for one in sent.answers] == [250, 250]
            assert sent.peer.reused == (number > 0)
            assert sent.peer.dsn
        await sink.wait_for(3)
        assert set(sink.counts) == {"0", "1", "2"}
        assert b"with ESMTP id" in sink.taken[0].content


async def test_dots_eight_bits_and_size() -> None:
    sink = Sink()
    settings = {"message_size_limit": "3000000"}
    async with postfix_before(sink, settings) as port, connections() as client:
        there = replace(hop(sink), port=port)
        body = b".\r\n..\r\n" + "Grüße\r\n".encode() * 200_000
        sent = await client.send(there, letter(body=body))
        assert sent.answers[0].reply.is_success
        await sink.wait_for(1)
        assert sink.taken[0].content.endswith(b"\r\n\r\n" + body)
        sent = await client.send(there, letter(body=b"x\r\n" * 1_000_000))
        assert sent.answers[0].reply.enhanced == "5.3.4"


async def test_what_was_converted_arrives() -> None:
    sink = Sink()
    settings = {"smtpd_discard_ehlo_keywords": "8bitmime, smtputf8, pipelining, dsn"}
    async with postfix_before(sink, settings) as port, connections() as client:
        content = (
            "From: Jörg <j@here.test>\r\nX-Marker: c\r\nMIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
            "\r\nGrüße\r\n"
        ).encode()
        there = replace(hop(sink), port=port)
        sent = await client.send(there, letter(content=content, smtputf8=True))
        assert sent.answers[0].reply.is_success
        assert not sent.peer.dsn
        await sink.wait_for(1)
        assert sink.taken[0].content.endswith(b"\r\n\r\nGr=C3=BC=C3=9Fe\r\n")


async def test_addresses_beyond_ascii() -> None:
    sink = Sink(ALL_KEYWORDS)
    async with postfix_before(sink, {}) as port, connections() as client:
        there = replace(hop(sink), port=port)
        sent = await client.send(there, letter("bøb@x.test", smtputf8=True))
        assert sent.answers[0].reply.is_success
        await sink.wait_for(1)
        assert sink.taken[0].recipients == ("bøb@x.test",)


async def test_recipients_refused() -> None:
    sink = Sink()
    settings = {"smtpd_recipient_restrictions": "check_recipient_access inline:{b@x.test=REJECT}"}
    async with postfix_before(sink, settings) as port, connections() as client:
        there = replace(hop(sink), port=port)
        sent = await client.send(there, letter("a@x.test", "b@x.test"))
        found = {one.recipient_id: (one.reply.code, one.stage) for one in sent.answers}
        assert found == {1: (250, Stage.CONTENT), 2: (554, Stage.RCPT)}
        sent = await client.send(there, letter("b@x.test"))
        assert sent.answers[0].reply.code == 554
        sent = await client.send(there, letter("a@x.test"))
        assert sent.answers[0].reply.is_success
        assert sent.peer.reused
        await sink.wait_for(2)


@pytest.mark.parametrize("security", [OPPORTUNISTIC, Security.ENCRYPTED, VERIFIED])
async def test_tls(
    security: Security, authority: Authority, extra_ca: Path, tmp_path: Path
) -> None:
    sink = Sink()
    settings = with_tls(authority.issue(SINK_HOST), tmp_path)
    async with (
        postfix_before(sink, settings) as port,
        connections(extra_ca=extra_ca) as client,
    ):
        there = replace(hop(sink, security), port=port)
        sent = await client.send(there, letter())
        assert sent.answers[0].reply.is_success
        assert sent.peer.tls is not None
        assert sent.peer.tls.version == "TLSv1.3"
        await sink.wait_for(1)
        assert b"(using TLSv1.3 with cipher" in sink.taken[0].content
        with pytest.raises(HostFailure) as failure:
            await client.send(there, letter(require_tls=True))
        assert failure.value.reply.enhanced == "5.7.30"


async def test_dane_and_certificates_right_and_wrong(
    authority: Authority, extra_ca: Path, tmp_path: Path
) -> None:
    sink = Sink()
    issued = authority.issue("other.test")
    right = Tlsa(3, 1, 1, sha256(issued.spki).digest())
    wrong = replace(right, data=bytes(32))
    async with (
        postfix_before(sink, with_tls(issued, tmp_path)) as port,
        connections(extra_ca=extra_ca) as client,
    ):
        there = replace(hop(sink), port=port)
        dane = TlsDemand(Security.DANE, (SINK_HOST,), (right,), "dane")
        sent = await client.send(replace(there, tls=dane), letter())
        assert sent.peer.tls is not None
        assert sent.peer.tls.verified == "dane"
        demands = {
            TlsDemand(Security.DANE, (SINK_HOST,), (wrong,), "dane"): "validation-failure",
            TlsDemand(VERIFIED, (SINK_HOST,), policy="mta-sts"): "certificate-host-mismatch",
        }
        for demand, result in demands.items():
            with pytest.raises(HostFailure) as failure:
                await client.send(replace(there, tls=demand), letter())
            assert failure.value.stage is Stage.TLS
            assert failure.value.tls_result == result
        verified = TlsDemand(VERIFIED, ("other.test",))
        sent = await client.send(replace(there, tls=verified), letter())
        assert sent.answers[0].reply.is_success
        await sink.wait_for(2)


async def test_tls_demanded_by_postfix(authority: Authority, tmp_path: Path) -> None:
    sink = Sink()
    settings = dict(with_tls(authority.issue(SINK_HOST), tmp_path))
    settings["smtpd_tls_security_level"] = "encrypt"
    async with postfix_before(sink, settings) as port, connections() as client:
        sent = await client.send(replace(hop(sink, PLAIN), port=port), letter())
        assert sent.answers[0].reply.code == 530
        sent = await client.send(replace(hop(sink), port=port), letter())
        assert sent.answers[0].reply.is_success
