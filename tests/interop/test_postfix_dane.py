"""DANE with a real Postfix at the other end (RFC 7672): who is vouched for gets the mail."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

import pytest

from interop.sites import Sites
from kit.far import Far, needs_postfix
from kit.nameserver import NameServer
from kit.sender import Sender
from pillarbox.domain.queue.model import LogLine

pytestmark = needs_postfix

WRONG = f"3 1 1 {'00' * 32}"
DANE = "TLSv1.3 TLS_AES_256_GCM_SHA384 dane"


@dataclass
class Site:
    """A domain of one host of Postfix, with TLSA records."""

    domain: str
    host: str
    far: Far
    names: NameServer

    @property
    def tlsa(self) -> str:
        """Where its TLSA records are."""
        return f"_{self.far.port}._tcp.mx.{self.domain}"

    def publish(self, *records: str) -> None:
        lines = "".join(f"_{self.far.port}._tcp.mx TLSA {record}\n" for record in records)
        self.names.add(self.domain, self.far.zone(self.host) + lines)


def ee(sites: Sites) -> str:
    return f"3 1 1 {sha256(sites.certificate.spki).hexdigest()}"


def ta(sites: Sites) -> str:
    return f"2 0 1 {sha256(sites.authority.der).hexdigest()}"


@pytest.fixture
def site(far: Far, names: NameServer) -> Callable[[str, str], Site]:
    return lambda domain, host: Site(domain, host, far, names)


Sited = Callable[[str, str], Site]


async def refused(sender: Sender, far: Far, recipient: str) -> LogLine:
    """Send a message that must stay here."""
    await sender.send(recipient)
    line = await sender.deferred(recipient)
    assert far.kept(recipient) == []
    return line


async def test_end_entity(sender: Sender, far: Far, sites: Sites, site: Sited) -> None:
    site("ee.test", "good").publish(WRONG, ee(sites))
    shown = await sender.command("tls", "policy", "ee.test")
    assert re.search(r"mx\.ee\.test +dane +dane +2 TLSA records", shown)
    await sender.send("ann@ee.test")
    assert (await sender.delivered()).way.tls == DANE
    assert "with ESMTPS id" in (await far.message("ann@ee.test")).trace


async def test_end_entity_of_any_name_and_authority(
    sender: Sender, far: Far, sites: Sites, site: Sited
) -> None:
    """The record says it all: the certificate is for another name, and of nobody's authority."""
    own = sites.own.certificate.fingerprint(sites.own.certificate.signature_hash_algorithm)
    site("own.test", "tls").publish(f"3 0 1 {own.hex()}")
    await sender.send("ann@own.test")
    assert (await sender.delivered()).way.tls == DANE
    await far.message("ann@own.test")


async def test_trust_anchor(sender: Sender, far: Far, sites: Sites, site: Sited) -> None:
    site("good.test", "good").publish(ta(sites))
    await sender.send("ann@good.test")
    assert (await sender.delivered()).way.tls == DANE
    await far.message("ann@good.test")


async def test_trust_anchor_vouches_for_names(
    sender: Sender, far: Far, sites: Sites, site: Sited
) -> None:
    site("other.test", "good").publish(ta(sites))  # its certificate is for mx.good.test
    line = await refused(sender, far, "ann@other.test")
    assert line.stage == "tls"


async def test_wrong_records(sender: Sender, far: Far, site: Sited) -> None:
    site("wrong.test", "good").publish(WRONG, f"2 0 1 {'00' * 32}")
    line = await refused(sender, far, "ann@wrong.test")
    assert (line.stage, line.code) == ("tls", None)
    assert "TLSA" in line.reply


async def test_no_tls_at_all(sender: Sender, far: Far, sites: Sites, site: Sited) -> None:
    """Whoever takes STARTTLS out of the answer gets nothing."""
    site("stripped.test", "plain").publish(ee(sites))
    line = await refused(sender, far, "ann@stripped.test")
    assert line.stage == "tls"


@pytest.mark.parametrize("host", ["mixed", "ancient"])
async def test_broken_tls(sender: Sender, far: Far, sites: Sites, site: Sited, host: str) -> None:
    site("broken.test", host).publish(ee(sites))
    assert (await refused(sender, far, "ann@broken.test")).stage == "tls"


async def test_certificate_rolled_over(sender: Sender, far: Far, sites: Sites, site: Sited) -> None:
    """A new key without its record: mail waits for the record, and then goes."""
    rolled, old = site("rolled.test", "good"), f"3 1 1 {sha256(sites.own.spki).hexdigest()}"
    rolled.publish(old)
    await refused(sender, far, "ann@rolled.test")
    rolled.publish(old, ee(sites))
    await sender.restart()  # what was looked up is kept for a minute
    assert "with ESMTPS id" in (await far.message("ann@rolled.test")).trace


async def test_records_that_can_not_be_had(
    sender: Sender, far: Far, sites: Sites, site: Sited, names: NameServer
) -> None:
    """SERVFAIL may be somebody who hides them (RFC 7672 §2.1.1)."""
    hidden = site("hidden.test", "good")
    hidden.publish(ee(sites))
    names.failing.add(f"TLSA {hidden.tlsa}")
    line = await refused(sender, far, "ann@hidden.test")
    assert line.stage == "dns"
    assert "TLSA" in line.reply


async def test_records_that_nobody_signed(
    sender: Sender, far: Far, site: Sited, names: NameServer
) -> None:
    """They count for nothing; TLS is used as it can be had."""
    unsigned = site("unsigned.test", "good")
    unsigned.publish(WRONG)
    names.unsigned.add(f"TLSA {unsigned.tlsa}")
    await sender.send("ann@unsigned.test")
    assert (await sender.delivered()).way.tls == "TLSv1.3 TLS_AES_256_GCM_SHA384"
    assert "with ESMTPS id" in (await far.message("ann@unsigned.test")).trace


async def test_exchangers_that_nobody_signed(
    sender: Sender, far: Far, site: Sited, names: NameServer
) -> None:
    loose = site("loose.test", "good")
    loose.publish(WRONG)
    names.unsigned.add("MX loose.test")
    await sender.send("ann@loose.test")
    assert (await sender.delivered()).way.tls == "TLSv1.3 TLS_AES_256_GCM_SHA384"
    assert names.asked[f"TLSA {loose.tlsa}"] == 0


async def test_records_of_no_use_still_ask_for_tls(
    sender: Sender, far: Far, sites: Sites, site: Sited
) -> None:
    """Usages 0 and 1 are not for mail: any certificate, but not in clear (RFC 7672 §3.1.3)."""
    pkix = f"1 1 1 {'00' * 32}"
    site("useless.test", "tls").publish(pkix)
    await sender.send("ann@useless.test")
    await sender.delivered("ann@useless.test")
    assert "with ESMTPS id" in (await far.message("ann@useless.test")).trace
    site("plainly.test", "plain").publish(pkix)
    await refused(sender, far, "ann@plainly.test")


async def test_a_second_exchanger_that_is_right(
    sender: Sender, far: Far, sites: Sites, names: NameServer
) -> None:
    names.add(
        "two.test",
        f"@ MX 10 one\n@ MX 20 two\none A {far.ip('tls')}\ntwo A {far.ip('good')}\n"
        f"_{far.port}._tcp.one TLSA {WRONG}\n_{far.port}._tcp.two TLSA {ee(sites)}\n",
    )
    await sender.send("ann@two.test")
    line = await sender.delivered()
    assert (line.way.host, line.way.tls) == ("two.two.test", DANE)
    await far.message("ann@two.test")
