"""The check of DMARC, with findings, forwarders and lists; authheaders as a second opinion."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import product

import authheaders
import authres
import pytest

from kit.checks import arrival
from kit.clock import FakeClock
from kit.dns import FakeDns, Zone
from kit.mailauth import NOW_S
from kit.sealed import FIRST, SECOND, ZONE, sealed
from pillarbox.base.cpu import Cpu
from pillarbox.cluster.bus import LocalBus
from pillarbox.domain.judgement.decide import decide
from pillarbox.domain.judgement.model import Action, Finding, Rules, Run, Stage, Verdict
from pillarbox.domain.policy import policies
from pillarbox.domain.policy.model import DEFAULT
from pillarbox.formats.mailauth.arc import ChainResult
from pillarbox.formats.mailauth.dmarc.evaluate import DmarcResult
from pillarbox.formats.mailauth.results import SignatureResult, Status
from pillarbox.formats.mailauth.spf.result import SpfResult, SpfStatus
from pillarbox.pipeline.inbound.checks.arc import ArcCheck
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.dmarc import DmarcCheck
from pillarbox.pipeline.inbound.policies import Policies
from pillarbox.storage.db import Database

FROM = "From: Ann <ann@example.org>"
NO_SPF = SpfResult(SpfStatus.NONE, "elsewhere.test")


def message(header: str = FROM) -> bytes:
    return f"{header}\r\nSubject: x\r\n\r\ntext\r\n".encode()


def zone(**records: str) -> Zone:
    return Zone(txt={"_dmarc.example.org": ("v=DMARC1; " + records.get("tags", "p=reject"),)})


def coming(
    content: bytes | None = None,
    spf: SpfResult | None = NO_SPF,
    dkim: tuple[SignatureResult, ...] | None = (),
    **more: bool,
) -> Arrival:
    made = arrival(message() if content is None else content, **more)
    made.results.spf, made.results.dkim = spf, dkim
    return made


def dkim(domain: str, status: Status = Status.PASS) -> SignatureResult:
    return SignatureResult(status, "", domain=domain)


async def look(
    made: Arrival,
    dns: Zone | None = None,
    trusted: Sequence[str] = (),
    chance: Callable[[], float] = lambda: 0.0,
) -> list[Finding]:
    check = DmarcCheck(FakeDns(dns or zone(), FakeClock()), trusted, chance)
    found = list(await check.run(made))
    assert {one.name for one in found} <= {kind.name for kind in check.kinds}
    return found


def names(found: Sequence[Finding]) -> list[str]:
    return [one.name for one in found]


def verdict(found: Sequence[Finding], rules: Rules | None = None) -> Verdict:
    return decide([Run("dmarc", Stage.VERDICT, 0, tuple(found))], rules or Rules()).verdict


async def test_a_forgery_is_refused() -> None:
    made = coming()
    (one,) = await look(made)
    assert (one.name, one.points, one.action) == ("dmarc_reject", 5.0, Action.REFUSE)
    assert "DMARC policy of example.org" in one.reply
    assert made.results.dmarc is not None
    assert made.results.dmarc.status is Status.FAIL
    assert verdict([one]) is Verdict.REFUSE


@pytest.mark.parametrize(
    ("action", "expected"), [(Action.QUARANTINE, Verdict.QUARANTINE), (None, Verdict.JUNK)]
)
async def test_what_policies_make_of_it(action: Action | None, expected: Verdict) -> None:
    found = await look(coming())
    assert verdict(found, Rules(actions={"dmarc_reject": action})) is expected


@pytest.mark.parametrize(
    ("tags", "name", "expected"),
    [
        ("p=quarantine", "dmarc_quarantine", Verdict.JUNK),
        ("p=none", "dmarc_none_fail", Verdict.ACCEPT),
        ("p=reject; t=y", "dmarc_quarantine", Verdict.JUNK),
        ("p=quarantine; t=y", "dmarc_none_fail", Verdict.ACCEPT),
        ("p=bad", "dmarc_permerror", Verdict.ACCEPT),
    ],
)
async def test_milder_wishes(tags: str, name: str, expected: Verdict) -> None:
    found = await look(coming(), zone(tags=tags))
    assert names(found) == [name]
    assert verdict(found) is expected


async def test_who_vouches() -> None:
    found = await look(coming(dkim=(dkim("mail.example.org"),)))
    assert [(one.name, one.points) for one in found] == [("dmarc_pass", -0.5)]
    assert names(await look(coming(spf=SpfResult(SpfStatus.PASS, "example.org")))) == ["dmarc_pass"]


async def test_no_policy() -> None:
    made = coming(message("From: ann@other.test"))
    assert await look(made) == []
    assert made.results.dmarc is not None
    assert made.results.dmarc.status is Status.NONE


async def test_percentages() -> None:
    dns = zone(tags="p=reject; pct=50")
    assert names(await look(coming(), dns, chance=lambda: 0.4)) == ["dmarc_reject"]
    assert names(await look(coming(), dns, chance=lambda: 0.6)) == ["dmarc_quarantine"]


async def test_our_own_networks_are_not_asked() -> None:
    made = coming(outside=False)
    assert await look(made) == []
    assert made.results.dmarc is None


@pytest.mark.parametrize(
    "made",
    [coming(spf=None), coming(dkim=None), coming(dkim=(dkim("example.org", Status.TEMPERROR),))],
)
async def test_what_could_not_be_checked_is_not_refused(made: Arrival) -> None:
    (one,) = await look(made)
    assert (one.name, one.points, one.action) == ("dmarc_temperror", 2.0, None)
    assert verdict([one]) is Verdict.ACCEPT
    assert verdict([one], Rules(actions={one.name: Action.DEFER})) is Verdict.DEFER
    assert "try again later" in one.reply


async def test_silent_name_servers() -> None:
    dns = zone()
    dns.failing.add("TXT _dmarc.example.org")
    (one,) = await look(coming(), dns)
    assert (one.name, one.points) == ("dmarc_temperror", 0.0)


async def test_given_up() -> None:
    made = coming()
    check = DmarcCheck(FakeDns(zone(), FakeClock()))
    assert names(check.failed(made, "too slow")) == ["dmarc_temperror"]
    assert made.results.dmarc == DmarcResult(Status.TEMPERROR, "example.org", reason="too slow")


AUTHORS = [
    ("Subject: nobody", ["dmarc_authors"]),
    ("From: nobody", ["dmarc_authors"]),
    ("From: Nobody:;", ["dmarc_authors"]),
    ("From: ann@example.org, bob@example.org", ["dmarc_reject"]),
    ("From: ann@example.org, bob@other.test", ["dmarc_authors", "dmarc_reject"]),
    ("From: bob@other.test\r\nFrom: ann@example.org", ["dmarc_authors", "dmarc_reject"]),
    ("From: ann@example.org\r\nFrom: ann@example.org", ["dmarc_authors", "dmarc_reject"]),
    ("From: ann@exa_mple..org, ann@example.org", ["dmarc_authors", "dmarc_reject"]),
    ('From: "ann@example.org" <bob@other.test>', []),
    ("From: Ann, bob@other.test", []),
    # What some readers show, if not all.
    ('From: "ann@example.org"', ["dmarc_authors", "dmarc_reject"]),
    ("From: =?utf-8?q?ann=40example=2Eorg?=", ["dmarc_authors", "dmarc_reject"]),
    ("From: =?utf-8?q?Ann_<ann=40example=2Eorg>?=", ["dmarc_authors", "dmarc_reject"]),
    ("From: ann\uff20example.org", ["dmarc_authors", "dmarc_reject"]),
    ("From: <bob@other.test> <ann@example.org>", ["dmarc_authors", "dmarc_reject"]),
    ("From: ann@example.org bob@other.test", ["dmarc_authors", "dmarc_reject"]),
    ("From: ann@a_b.example.org", ["dmarc_reject"]),
    ("From: bob@[192.0.2.1]", []),
    ("From: ann@EXAMPLE.org.", ["dmarc_reject"]),
    ("From: ann@sub.example.org", ["dmarc_reject"]),
    ("From: " + ", ".join(f"a@d{n}.test" for n in range(9)), ["dmarc_authors"]),
]


@pytest.mark.parametrize(("header", "expected"), AUTHORS)
async def test_authors(header: str, expected: list[str]) -> None:
    assert names(await look(coming(message(header)))) == expected


UNCLEAR = (
    "From: " + ", ".join(f"a@d{n}.test" for n in range(9)),
    "From: " + "a@ok.test, " * 250 + "ann@example.org",
    "From: ann@example..org",
    "From: ann@example.org ok.test",
    "From: ann@example.org\0.ok.test",
    "From: a@ok.test\r\n" + "X: 1\r\n" * 50_000 + "From: ann@example.org",
)


@pytest.mark.parametrize("header", UNCLEAR)
async def test_an_author_that_may_be_hidden_is_for_junk(header: str) -> None:
    """Whatever else vouches for the sender."""
    made = coming(message(header), SpfResult(SpfStatus.PASS, "ok.test"), (dkim("ok.test"),))
    found = await look(made)
    assert names(found) == ["dmarc_authors"]
    assert sum(one.points for one in found) >= 5.0 + 0.8
    assert made.results.dmarc is not None
    assert made.results.dmarc.status is Status.PERMERROR


@pytest.mark.parametrize(
    "header", ["From: a@ok.test, b@example.org", "From: a@example.org, b@ok.test, c@x.test"]
)
async def test_several_authors_never_pass(header: str) -> None:
    made = coming(message(header), dkim=(dkim("example.org"), dkim("ok.test")))
    assert names(await look(made)) == ["dmarc_authors"]
    assert made.results.dmarc is not None
    assert made.results.dmarc.status is Status.PERMERROR


async def test_a_domain_in_another_script() -> None:
    dns = Zone(txt={"_dmarc.xn--bcher-kva.example": ("v=DMARC1; p=reject",)})
    made = coming(message("From: ann@bücher.example"))
    assert names(await look(made, dns)) == ["dmarc_reject"]
    assert made.results.dmarc is not None
    assert made.results.dmarc.domain == "xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("list_id", "spf", "signers", "expected"),
    [
        ("<news.lists.test>", SpfResult(SpfStatus.PASS, "lists.test"), (), "dmarc_list"),
        ("News <news.lists.test>", NO_SPF, (dkim("mail.lists.test"),), "dmarc_list"),
        ("<news.lists.test>", NO_SPF, (dkim("lists.test", Status.FAIL),), "dmarc_reject"),
        ("<news.lists.test>", SpfResult(SpfStatus.PASS, "other.test"), (), "dmarc_reject"),
        ("<test>", SpfResult(SpfStatus.PASS, "lists.test"), (), "dmarc_reject"),
        ("news.lists.test", SpfResult(SpfStatus.PASS, "lists.test"), (), "dmarc_list"),
        ("<>", SpfResult(SpfStatus.PASS, "lists.test"), (), "dmarc_reject"),
    ],
)
async def test_mailing_lists(
    list_id: str, spf: SpfResult, signers: tuple[SignatureResult, ...], expected: str
) -> None:
    """They are spared being refused, but not Junk."""
    found = await look(coming(message(f"{FROM}\r\nList-Id: {list_id}"), spf, signers))
    assert names(found) == [expected]
    # Nor do the signs help that anybody can give a list of theirs: spf_pass, dkim_pass, list_mail.
    found.append(Finding("list_mail", -0.8, ""))
    assert verdict(found) is (Verdict.JUNK if expected == "dmarc_list" else Verdict.REFUSE)


@pytest.mark.parametrize(
    ("hops", "trusted", "expected"),
    [
        (((FIRST, "dmarc=pass header.from=example.org"),), (FIRST,), "dmarc_forwarded"),
        (((FIRST, "dkim=pass header.d=example.org"),), (FIRST,), "dmarc_forwarded"),
        (((FIRST, "dmarc=pass header.from=other.org"),), (FIRST,), "dmarc_reject"),
        (((FIRST, "dmarc=fail header.from=example.org"),), (FIRST,), "dmarc_reject"),
        (((FIRST, "dmarc=pass header.from=example.org"),), (), "dmarc_reject"),
        (((FIRST, "dmarc=pass header.from=example.org"),), (SECOND,), "dmarc_reject"),
        # The first host made it up; that the second one is trusted changes nothing.
        (
            ((FIRST, "dmarc=pass header.from=example.org"), (SECOND, "dmarc=fail")),
            (SECOND,),
            "dmarc_reject",
        ),
        (
            ((FIRST, "dmarc=pass header.from=example.org"), (SECOND, "dmarc=fail")),
            (FIRST, SECOND),
            "dmarc_forwarded",
        ),
    ],
)
async def test_trusted_forwarders(
    hops: tuple[tuple[str, str], ...], trusted: tuple[str, ...], expected: str
) -> None:
    made = coming(sealed(message(), *hops))
    clock, cpu = FakeClock(datetime.fromtimestamp(NOW_S, UTC)), Cpu(1, 8)
    try:
        await ArcCheck(FakeDns(Zone(txt=dict(ZONE)), clock), cpu, clock, trusted).run(made)
    finally:
        cpu.close()
    found = await look(made, trusted=trusted)
    assert names(found) == [expected]
    assert verdict(found) is (Verdict.ACCEPT if expected == "dmarc_forwarded" else Verdict.REFUSE)


@pytest.mark.parametrize(
    ("trusted", "expected"), [((FIRST,), "dmarc_temperror"), ((), "dmarc_reject")]
)
async def test_seals_that_could_not_be_checked(trusted: tuple[str, ...], expected: str) -> None:
    made = coming(sealed(message(), (FIRST, "dmarc=pass header.from=example.org")))
    dns = Zone(txt=dict(ZONE), failing=set(ZONE))
    clock, cpu = FakeClock(datetime.fromtimestamp(NOW_S, UTC)), Cpu(1, 8)
    try:
        await ArcCheck(FakeDns(dns, clock), cpu, clock, trusted).run(made)
    finally:
        cpu.close()
    assert isinstance(made.results.arc, ChainResult)
    assert names(await look(made, trusted=trusted)) == [expected]


RECORDS = [
    "p=reject",
    "p=none; sp=quarantine",
    "p=quarantine; adkim=s; aspf=s",
    "p=reject; sp=none; adkim=s",
    "p=reject; aspf=s; rua=mailto:x@example.org",
]
AUTHOR_DOMAINS = ["example.org", "a.example.org", "other.test"]
IDENTITIES = [None, "example.org", "a.example.org", "b.example.org", "evil.test"]


@pytest.mark.parametrize("tags", RECORDS)
async def test_second_opinion(tags: str) -> None:
    """As authheaders sees it, for 75 combinations of who writes, sends and signs.

    It goes by RFC 7489, and takes sp= for the organization itself too, so that is not compared.
    """
    known = {"_dmarc.example.org": "v=DMARC1; " + tags}
    dns = Zone(txt={name: (text,) for name, text in known.items()})
    for author, sender, signer in product(AUTHOR_DOMAINS, IDENTITIES, IDENTITIES):
        content = message(f"From: ann@{author}")
        spf = SpfResult(SpfStatus.PASS, sender) if sender else NO_SPF
        made = coming(content, spf, (dkim(signer),) if signer else ())
        await look(made, dns)
        ours = made.results.dmarc
        assert ours is not None
        theirs = authheaders.check_dmarc(
            content,
            authres.SPFAuthenticationResult(
                result="pass" if sender else "none", smtp_mailfrom=f"x@{sender}"
            ),
            authres.DKIMAuthenticationResult(
                result="pass" if signer else "none", header_d=signer or ""
            ),
            dnsfunc=lambda name: known.get(name.rstrip(".")),
        )
        assert ours.status == theirs.result, (author, sender, signer)
        if ours.status is not Status.NONE and (author != "example.org" or "sp=" not in tags):
            assert ours.requested == theirs.policy, (author, sender, signer)


async def test_a_silent_name_server_hides_no_forged_seal() -> None:
    """Its own name servers are the forger's to keep silent; the trusted host never sealed this."""
    content = sealed(message(), (FIRST, "dmarc=none"), (SECOND, "dmarc=fail"))
    forged = content.replace(b"dmarc=fail", b"dmarc=pass header.from=example.org")
    assert forged != content
    made = coming(forged)
    dns = Zone(txt=dict(ZONE), failing={f"arc._domainkey.{FIRST}"})
    clock, cpu = FakeClock(datetime.fromtimestamp(NOW_S, UTC)), Cpu(1, 8)
    try:
        await ArcCheck(FakeDns(dns, clock), cpu, clock, (SECOND,)).run(made)
    finally:
        cpu.close()
    assert names(await look(made, trusted=(SECOND,))) == ["dmarc_reject"]


async def test_how_long_an_answer_may_take(database: Database, clock: FakeClock) -> None:
    dns = zone()
    dns.slow["TXT _dmarc.example.org"] = 3600
    await database.write(policies.set_values, DEFAULT, {"dmarc_dns_timeout": "1"})
    held = Policies(database, LocalBus(), clock)
    check = DmarcCheck(FakeDns(dns, clock), policies=held)
    async with asyncio.timeout(4):
        found = list(await check.run(coming()))
    held.close()
    assert names(found) == ["dmarc_temperror"]
