"""DMARC's outcome for a message (RFC 9989 §5.3, RFC 7489 §6.6), in cases of our own."""

from dataclasses import dataclass, field

import pytest

from kit.dmarc import Zone, answer
from pillarbox.formats.mailauth.dmarc.evaluate import Disposition, DmarcResult, evaluate
from pillarbox.formats.mailauth.results import SignatureResult, Status
from pillarbox.formats.mailauth.spf.result import SpfResult, SpfStatus

NONE, QUARANTINE, REJECT = Disposition.NONE, Disposition.QUARANTINE, Disposition.REJECT
AUTHOR = "example.com"
NO_SPF = SpfResult(SpfStatus.NONE, "elsewhere.test")


def spf(domain: str, status: SpfStatus = SpfStatus.PASS) -> SpfResult:
    return SpfResult(status, domain)


def dkim(domain: str, status: Status = Status.PASS, beyond: int = 0) -> SignatureResult:
    return SignatureResult(status, "", domain=domain, beyond=beyond)


@dataclass
class Case:
    name: str
    zone: Zone
    status: Status
    disposition: Disposition = NONE
    author: str = AUTHOR
    spf: SpfResult | None = NO_SPF
    dkim: tuple[SignatureResult, ...] | None = ()
    chance: float = 0.0
    aligned: tuple[bool, bool] | None = field(default=None)
    lowered: str = ""

    def result(self, asked: list[str] | None = None) -> DmarcResult:
        return answer(self.zone, evaluate(self.author, self.spf, self.dkim, self.chance), asked)


P = {"example.com": "p=reject"}
STRICT = {"example.com": "p=reject; adkim=s; aspf=s"}
SUB = "news.example.com"
CASES = [
    Case("nothing vouches", P, Status.FAIL, REJECT, aligned=(False, False)),
    Case("spf of the same domain", P, Status.PASS, REJECT, spf=spf(AUTHOR), aligned=(True, False)),
    Case("spf in another case", P, Status.PASS, REJECT, spf=spf("EXAMPLE.com.")),
    Case("dkim of the same domain", P, Status.PASS, REJECT, dkim=(dkim(AUTHOR),),
         aligned=(False, True)),
    Case("both", P, Status.PASS, REJECT, spf=spf(AUTHOR), dkim=(dkim(AUTHOR),),
         aligned=(True, True)),
    Case("spf of a subdomain", P, Status.PASS, REJECT, spf=spf("bounce.example.com")),
    Case("dkim of a subdomain", P, Status.PASS, REJECT, dkim=(dkim("s.example.com"),)),
    Case("any one of several signatures", P, Status.PASS, REJECT,
         dkim=(dkim("x.test"), dkim(AUTHOR, Status.FAIL), dkim("m.example.com"))),
    Case("of the domain above", P, Status.PASS, REJECT, author=SUB, dkim=(dkim(AUTHOR),)),
    Case("of a sister", P, Status.PASS, REJECT, author=SUB, dkim=(dkim("foo.example.com"),)),
    Case("of somebody else", P, Status.FAIL, REJECT, spf=spf("x.test"), dkim=(dkim("y.test"),),
         aligned=(False, False)),
    Case("of a name that only ends alike", P, Status.FAIL, REJECT, dkim=(dkim("notexample.com"),)),
    Case("of the public suffix", P, Status.FAIL, REJECT, dkim=(dkim("com"),)),
    Case("spf that does not pass", P, Status.FAIL, REJECT, spf=spf(AUTHOR, SpfStatus.SOFTFAIL)),
    Case("a signature that does not match", P, Status.FAIL, REJECT,
         dkim=(dkim(AUTHOR, Status.FAIL),)),
    Case("a signature over a part of the body", P, Status.FAIL, REJECT,
         dkim=(dkim(AUTHOR, beyond=1),)),
    # Strict alignment is equality, in each way on its own.
    Case("strict, same", STRICT, Status.PASS, REJECT, dkim=(dkim(AUTHOR),)),
    Case("strict, subdomain", STRICT, Status.FAIL, REJECT, spf=spf("a.example.com"),
         dkim=(dkim("a.example.com"),)),
    Case("strict dkim, relaxed spf", {AUTHOR: "p=reject; adkim=s"}, Status.PASS, REJECT,
         spf=spf("a.example.com"), dkim=(dkim("a.example.com"),), aligned=(True, False)),
    Case("strict spf, relaxed dkim", {AUTHOR: "p=reject; aspf=s"}, Status.PASS, REJECT,
         spf=spf("a.example.com"), dkim=(dkim("a.example.com"),), aligned=(False, True)),
    # Organizations below one another.
    Case("a domain with a record of its own is in the same organization",
         {AUTHOR: "p=reject", SUB: "p=quarantine"}, Status.PASS, QUARANTINE, author=SUB,
         spf=spf(AUTHOR)),
    Case("an organization of its own", {AUTHOR: "p=reject", SUB: "p=quarantine; psd=n"},
         Status.FAIL, QUARANTINE, author=SUB, spf=spf(AUTHOR)),
    Case("a signer that is an organization of its own",
         {AUTHOR: "p=reject", SUB: "p=none; psd=n"}, Status.FAIL, REJECT, dkim=(dkim(SUB),)),
    Case("neighbours below a domain for registrations", {"example": "p=reject; psd=y"},
         Status.FAIL, REJECT, author="a.example", dkim=(dkim("b.example"),)),
    Case("the domain for registrations does not vouch", {"example": "p=reject; psd=y"},
         Status.FAIL, REJECT, author="a.example", dkim=(dkim("example"),)),
    Case("within an organization below it", {"example": "p=reject; psd=y"}, Status.PASS, REJECT,
         author="m.a.example", dkim=(dkim("a.example"),)),
    Case("a walk from mail.example.com stops above it (RFC 9989 §11.8)",
         {"mail.example.com": "p=reject; psd=n", AUTHOR: "p=reject"}, Status.FAIL, REJECT,
         author="evil.example.com", dkim=(dkim("mail.example.com"),)),
    Case("long names", P, Status.PASS, REJECT, author="a.b.c.d.e.f.g.h.i.example.com",
         dkim=(dkim("z.y.x.w.v.u.t.s.r.example.com"),)),
    # Policies.
    Case("none", {AUTHOR: "p=none"}, Status.FAIL, NONE),
    Case("quarantine", {AUTHOR: "p=quarantine"}, Status.FAIL, QUARANTINE),
    Case("sp", {AUTHOR: "p=reject; sp=none", SUB: ()}, Status.FAIL, NONE, author=SUB),
    Case("np", {AUTHOR: "p=none; np=reject"}, Status.FAIL, REJECT, author="gone.example.com"),
    Case("no record", {}, Status.NONE, NONE, spf=spf(AUTHOR)),
    Case("two records", {AUTHOR: ("v=DMARC1; p=reject", "v=DMARC1; p=none")}, Status.NONE),
    Case("a policy that can't be read", {AUTHOR: "p=bad"}, Status.PERMERROR, NONE),
    Case("... of one who wants reports", {AUTHOR: "p=bad; rua=mailto:a@example.com"}, Status.FAIL),
    Case("no policy in the record", {AUTHOR: "rua=mailto:a@example.com"}, Status.FAIL, NONE),
    # Trying it out: one step milder.
    Case("t, reject", {AUTHOR: "p=reject; t=y"}, Status.FAIL, QUARANTINE, lowered="testing"),
    Case("t, quarantine", {AUTHOR: "p=quarantine; t=y"}, Status.FAIL, NONE, lowered="testing"),
    Case("t, none", {AUTHOR: "p=none; t=y"}, Status.FAIL, NONE),
    Case("t, sp", {AUTHOR: "p=none; sp=reject; t=y", SUB: ()}, Status.FAIL, QUARANTINE, author=SUB,
         lowered="testing"),
    # pct= of RFC 7489 §6.6.4: the others get the milder policy.
    Case("pct, drawn", {AUTHOR: "p=reject; pct=30"}, Status.FAIL, REJECT, chance=0.29),
    Case("pct, not drawn", {AUTHOR: "p=reject; pct=30"}, Status.FAIL, QUARANTINE, chance=0.3,
         lowered="sampled_out"),
    Case("pct, quarantine", {AUTHOR: "p=quarantine; pct=30"}, Status.FAIL, NONE, chance=0.9,
         lowered="sampled_out"),
    Case("pct=0", {AUTHOR: "p=reject; pct=0"}, Status.FAIL, QUARANTINE, lowered="sampled_out"),
    Case("pct=100", {AUTHOR: "p=reject; pct=100"}, Status.FAIL, REJECT, chance=0.999),
    Case("pct beside t", {AUTHOR: "p=reject; pct=0; t=n"}, Status.FAIL, REJECT, chance=0.999),
    # Without answers nothing fails (RFC 9989 §5.3.6), though it may pass.
    Case("no answer about the policy", {AUTHOR: None}, Status.TEMPERROR),
    Case("none above", {"com": None}, Status.TEMPERROR),
    Case("spf undecided", P, Status.TEMPERROR, REJECT, spf=spf(AUTHOR, SpfStatus.TEMPERROR)),
    Case("spf of somebody else undecided", P, Status.FAIL, REJECT,
         spf=spf("x.test", SpfStatus.TEMPERROR)),
    Case("dkim undecided", P, Status.TEMPERROR, REJECT, dkim=(dkim(SUB, Status.TEMPERROR),)),
    Case("dkim of somebody else undecided", P, Status.FAIL, REJECT,
         dkim=(dkim("x.test", Status.TEMPERROR),)),
    Case("dkim undecided, spf passed", P, Status.PASS, REJECT, spf=spf(AUTHOR),
         dkim=(dkim(AUTHOR, Status.TEMPERROR),)),
    Case("spf not looked at", P, Status.TEMPERROR, REJECT, spf=None),
    Case("dkim not looked at", P, Status.TEMPERROR, REJECT, dkim=None),
    Case("spf not looked at, dkim passed", P, Status.PASS, REJECT, spf=None, dkim=(dkim(AUTHOR),)),
]  # fmt: skip


@pytest.mark.parametrize("case", [pytest.param(one, id=one.name) for one in CASES])
def test_outcome(case: Case) -> None:
    found = case.result()
    assert (found.status, found.disposition) == (case.status, case.disposition), found.reason
    assert found.lowered == case.lowered
    assert found.domain == case.author
    if case.aligned is not None:
        assert (found.spf_aligned, found.dkim_aligned) == case.aligned
    assert found.reason or found.status is Status.PASS


def test_what_is_told_of_the_policy() -> None:
    record = "p=quarantine; sp=reject; t=y; rua=mailto:a@example.com!1m,mailto:b@x.test; x=1"
    found = Case("", {AUTHOR: record, SUB: ()}, Status.FAIL, author=SUB).result()
    assert found.policy_domain == AUTHOR
    assert (found.policy_tag, found.requested, found.testing) == ("sp", REJECT, True)
    assert found.rua == ("mailto:a@example.com!1m", "mailto:b@x.test")
    assert dict(found.published)["x"] == "1"
    assert next(iter(found.published)) == ("v", "DMARC1")


def test_few_names_are_asked_about() -> None:
    asked: list[str] = []
    signers = tuple(dkim(f"s{n}.x{n}.test") for n in range(8))
    Case("", P, Status.FAIL, spf=spf("bounce.other.test"), dkim=signers).result(asked)
    assert asked == ["_dmarc.example.com", "_dmarc.com"]
    asked.clear()
    Case("", P, Status.PASS, spf=spf(AUTHOR), dkim=(dkim(AUTHOR),)).result(asked)
    assert asked == ["_dmarc.example.com"]
    asked.clear()
    signers = tuple(dkim(f"a.b.c.d.e.s{n}.example.com") for n in range(8))
    Case("", {"example.com": "p=reject; psd=y"}, Status.FAIL, dkim=signers).result(asked)
    assert len(asked) <= 2 + 8 * 6
