"""Letters handed to Postfix, with and without TLS, with certificates right and wrong."""

from dataclasses import replace
from hashlib import sha256

import pytest

from interop.sites import Sites
from kit.far import Far, needs_postfix
from kit.letters import connections, hop_to, letter
from kit.sender import EIGHT_BITS
from pillarbox.domain.queue.model import Stage
from pillarbox.net.dane import Tlsa
from pillarbox.pipeline.outbound.model import HostFailure, NextHop, Security, TlsDemand

pytestmark = needs_postfix

PLAIN, OPPORTUNISTIC, VERIFIED = Security.PLAIN, Security.OPPORTUNISTIC, Security.VERIFIED


def hop(far: Far, host: str, security: Security = OPPORTUNISTIC) -> NextHop:
    """The way to a host of Postfix."""
    return hop_to(f"mx.{host}.test", far.ip(host), far.port, security)


async def test_several_letters_in_clear(far: Far) -> None:
    there = hop(far, "plain")
    async with connections() as client:
        for number in range(3):
            sent = await client.send(there, letter("a@x.test", "b@x.test", marker=str(number)))
            assert [one.reply.code for one in sent.answers] == [250, 250]
            assert sent.peer.reused == (number > 0)
            assert sent.peer.dsn
    for recipient in ("a@x.test", "b@x.test"):
        taken = await far.arrived(recipient, 3)
        markers = [one.content.partition(b"X-Marker: ")[2][:3] for one in taken]
        assert sorted(markers) == [b"0\r\n", b"1\r\n", b"2\r\n"]
        assert "with ESMTP id" in taken[0].trace


async def test_dots_eight_bits_and_size(far: Far) -> None:
    async with connections() as client:
        body = b".\r\n..\r\n" + "Grüße\r\n".encode() * 200_000
        sent = await client.send(hop(far, "small"), letter("much@x.test", body=body))
        assert sent.answers[0].reply.is_success
        taken = await far.message("much@x.test")
        assert taken.content.endswith(b"\r\n\r\n" + body)
        large = letter("much@x.test", body=b"x\r\n" * 1_000_000)
        sent = await client.send(hop(far, "small"), large)
        assert sent.answers[0].reply.enhanced == "5.3.4"


async def test_what_was_converted_arrives(far: Far) -> None:
    content = f"From: Jörg <j@here.test>\r\n{EIGHT_BITS}\r\nGrüße\r\n".encode()
    async with connections() as client:
        converted = letter("simple@x.test", content=content, smtputf8=True)
        sent = await client.send(hop(far, "old"), converted)
        assert sent.answers[0].reply.is_success
        assert not sent.peer.dsn
    taken = await far.message("simple@x.test")
    assert taken.content.endswith(b"\r\n\r\nGr=C3=BC=C3=9Fe\r\n")


async def test_addresses_beyond_ascii(far: Far) -> None:
    async with connections() as client:
        sent = await client.send(hop(far, "plain"), letter("bøb@x.test", smtputf8=True))
        assert sent.answers[0].reply.is_success
    await far.message("bøb@x.test")


async def test_recipients_refused(far: Far) -> None:
    there = hop(far, "picky")
    async with connections() as client:
        sent = await client.send(there, letter("ann@x.test", "ben@x.test"))
        found = {one.recipient_id: (one.reply.code, one.stage) for one in sent.answers}
        assert found == {1: (250, Stage.CONTENT), 2: (554, Stage.RCPT)}
        sent = await client.send(there, letter("ben@x.test"))
        assert sent.answers[0].reply.code == 554
        sent = await client.send(there, letter("ann@x.test"))
        assert sent.answers[0].reply.is_success
        assert sent.peer.reused
    await far.arrived("ann@x.test", 2)
    assert far.kept("ben@x.test") == []


@pytest.mark.parametrize("security", [OPPORTUNISTIC, Security.ENCRYPTED, VERIFIED])
async def test_tls(far: Far, sites: Sites, security: Security) -> None:
    recipient = f"{security.name.lower()}@x.test"
    there = hop(far, "good", security)
    async with connections(extra_ca=sites.extra_ca) as client:
        sent = await client.send(there, letter(recipient))
        assert sent.answers[0].reply.is_success
        assert sent.peer.tls is not None
        assert sent.peer.tls.version == "TLSv1.3"
        taken = await far.message(recipient)
        assert "(using TLSv1.3 with cipher" in taken.trace
        with pytest.raises(HostFailure) as failure:
            await client.send(there, letter(recipient, require_tls=True))
        assert failure.value.reply.enhanced == "5.7.30"


async def test_dane_and_certificates_right_and_wrong(far: Far, sites: Sites) -> None:
    name = "mx.other.test"  # which is not in the certificate
    right = Tlsa(3, 1, 1, sha256(sites.certificate.spki).digest())
    wrong = replace(right, data=bytes(32))
    there = hop_to(name, far.ip("good"), far.port)
    async with connections(extra_ca=sites.extra_ca) as client:
        dane = TlsDemand(Security.DANE, (name,), (right,), "dane")
        sent = await client.send(replace(there, tls=dane), letter("dane@x.test"))
        assert sent.peer.tls is not None
        assert sent.peer.tls.verified == "dane"
        demands = {
            TlsDemand(Security.DANE, (name,), (wrong,), "dane"): "validation-failure",
            TlsDemand(VERIFIED, (name,), policy="mta-sts"): "certificate-host-mismatch",
        }
        for demand, result in demands.items():
            with pytest.raises(HostFailure) as failure:
                await client.send(replace(there, tls=demand), letter("dane@x.test"))
            assert failure.value.stage is Stage.TLS
            assert failure.value.tls_result == result
        verified = TlsDemand(VERIFIED, ("mx.good.test",))
        sent = await client.send(replace(there, tls=verified), letter("dane@x.test"))
        assert sent.answers[0].reply.is_success
    await far.arrived("dane@x.test", 2)


async def test_tls_demanded_by_postfix(far: Far) -> None:
    async with connections() as client:
        sent = await client.send(hop(far, "strict", PLAIN), letter("strict@x.test"))
        assert sent.answers[0].reply.code == 530
        sent = await client.send(hop(far, "strict"), letter("strict@x.test"))
        assert sent.answers[0].reply.is_success
    await far.message("strict@x.test")
