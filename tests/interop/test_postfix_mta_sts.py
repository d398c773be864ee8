"""MTA-STS (RFC 8461) with a real Postfix as mail exchanger and a policy served over HTTPS.

The policy's host listens at port 443 of an address in 127.0.0.0/8, for that is where it must be.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from interop.sites import Sites
from kit.far import Far, needs_postfix
from kit.nameserver import NameServer
from kit.sender import Sender
from kit.web import Page, Web
from pillarbox.domain.queue.model import Outcome

pytestmark = needs_postfix

ENFORCE, TESTING, NONE = "enforce", "testing", "none"
PKIX = "TLSv1.3 TLS_AES_256_GCM_SHA384 pkix"


@dataclass
class Policies:
    """Publishes policies of domains, each for a host of Postfix."""

    far: Far
    names: NameServer
    web: Web
    numbers: dict[str, int] = field(default_factory=dict)

    def publish(self, domain: str, host: str, mode: str, *mx: str) -> None:
        """Publish a policy, instead of what there was; with another id each time."""
        lines = ["version: STSv1", f"mode: {mode}", "max_age: 86400"]
        lines += [f"mx: {one}" for one in mx or (f"mx.{domain}",)]
        self.web.pages[f"mta-sts.{domain}"] = Page("".join(f"{x}\r\n" for x in lines).encode())
        self.web.vouch(*self.web.pages)
        self.announce(domain, host)

    def announce(self, domain: str, host: str, *, record: bool = True) -> None:
        """Announce a policy with a new id, or none any more."""
        number = self.numbers[domain] = self.numbers.get(domain, 0) + 1
        zone = self.far.zone(host) + f"mta-sts A {self.web.host}\n"
        if record:
            zone += f'_mta-sts TXT "v=STSv1; id={number};"\n'
        self.names.add(domain, zone)


@pytest.fixture
async def policies(far: Far, names: NameServer, sites: Sites) -> AsyncIterator[Policies]:
    async with Web(sites.authority, host=f"{far.network}.250", port=443) as web:
        yield Policies(far, names, web)


async def test_enforced_and_right(sender: Sender, far: Far, policies: Policies) -> None:
    policies.publish("good.test", "good", ENFORCE)
    await sender.send("ann@good.test")
    assert (await sender.delivered()).way.tls == PKIX
    await far.message("ann@good.test")
    assert policies.web.asked == ["GET mta-sts.good.test/.well-known/mta-sts.txt"]
    shown = await sender.command("tls", "policy", "good.test")
    assert "enforce" in shown


async def test_wildcard(sender: Sender, far: Far, policies: Policies) -> None:
    policies.publish("good.test", "good", ENFORCE, "mail.elsewhere.test", "*.good.test")
    shown = await sender.command("tls", "policy", "good.test")
    assert "mx: *.good.test" in shown
    await sender.send("ann@good.test")
    assert (await sender.delivered()).way.tls == PKIX


@pytest.mark.parametrize(
    ("domain", "host"),
    [
        ("named.test", "good"),  # a certificate of the authority, but for mx.good.test
        ("tls.test", "tls"),  # of nobody's authority
        ("mixed.test", "mixed"),
        ("plain.test", "plain"),
    ],
)
async def test_enforced_and_wrong(
    sender: Sender, far: Far, policies: Policies, domain: str, host: str
) -> None:
    recipient = f"strict@{domain}"
    policies.publish(domain, host, ENFORCE)
    await sender.send(recipient)
    line = await sender.deferred()
    assert line.stage == "tls"
    assert far.kept(recipient) == []


async def test_host_that_is_not_in_the_policy(sender: Sender, far: Far, policies: Policies) -> None:
    policies.publish("good.test", "good", ENFORCE, "mx.elsewhere.test", "*.mx.good.test")
    await sender.send("unlisted@good.test")
    line = await sender.deferred()
    assert "not in the MTA-STS policy of good.test" in line.reply
    assert far.kept("unlisted@good.test") == []


@pytest.mark.parametrize(
    ("domain", "mx", "why"),
    [
        ("tls.test", "mx.tls.test", "certificate-not-trusted"),
        ("plain.test", "mx.plain.test", "starttls-not-supported"),
        ("good.test", "mx.elsewhere.test", "validation-failure"),
    ],
)
async def test_a_policy_that_is_tried_out_is_counted_and_stops_nothing(
    sender: Sender, far: Far, policies: Policies, domain: str, mx: str, why: str
) -> None:
    policies.publish(domain, domain.partition(".")[0], TESTING, mx)
    await sender.send(f"tried@{domain}")
    await sender.delivered()
    await far.message(f"tried@{domain}")
    await sender.app.services.sending.policies.close()  # writes what was counted
    (counted,) = json.loads(await sender.command("tls", "results", "--json"))
    assert (counted["domain"], counted["policy"], counted["result"]) == (domain, "sts", why)
    assert counted["sessions"] == 1


async def test_a_policy_outlives_its_host_and_its_record(
    sender: Sender, far: Far, policies: Policies
) -> None:
    policies.publish("good.test", "good", ENFORCE)
    await sender.send("first@good.test")
    await sender.delivered()
    # Somebody takes the policy's host away, announces another, and leads to hosts of theirs.
    policies.web.pages.clear()
    policies.announce("good.test", "plain")
    await sender.restart()
    await sender.send("second@good.test")
    assert (await sender.deferred("second@good.test")).stage == "tls"
    assert len(policies.web.asked) == 2
    policies.announce("good.test", "good", record=False)
    await sender.restart()
    await far.message("second@good.test")
    assert (await sender.line(Outcome.DELIVERED, "second@good.test")).way.tls == PKIX
    assert len(policies.web.asked) == 2


async def test_a_policy_that_is_withdrawn(sender: Sender, far: Far, policies: Policies) -> None:
    policies.publish("tls.test", "tls", ENFORCE)
    await sender.send("withdrawn@tls.test")
    await sender.deferred()
    policies.publish("tls.test", "tls", NONE)
    await sender.restart()
    await far.message("withdrawn@tls.test")


async def test_a_policy_whose_host_nobody_vouches_for(
    sender: Sender, far: Far, policies: Policies, sites: Sites
) -> None:
    """It is none: whoever could serve it could turn it to their own host (RFC 8461 §3.3)."""
    policies.publish("tls.test", "tls", ENFORCE)
    policies.web.show(sites.stranger.issue("mta-sts.tls.test").server_context())
    await sender.send("lenient@tls.test")
    assert (await sender.delivered()).way.tls == "TLSv1.3 TLS_AES_256_GCM_SHA384"
    await far.message("lenient@tls.test")
