"""What is counted of a message for the report to its domain."""

from collections.abc import Collection
from dataclasses import replace

import pytest

from kit.checks import arrival
from pillarbox.domain.dmarc.model import DkimCheck, Evaluation, Kind, Override, Published, SpfCheck
from pillarbox.domain.judgement.model import Verdict
from pillarbox.domain.policy.model import Policy
from pillarbox.formats.mailauth.dmarc.evaluate import DmarcResult
from pillarbox.formats.mailauth.dmarc.record import Disposition
from pillarbox.formats.mailauth.results import SignatureResult, Status
from pillarbox.formats.mailauth.spf.result import SpfResult, SpfStatus
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.evaluated import evaluation_of

FAILED = DmarcResult(
    Status.FAIL,
    "mail.There.test",
    "there.test",
    "there.test",
    Disposition.REJECT,
    spf_aligned=False,
    dkim_aligned=True,
    rua=("mailto:a@there.test",),
    published=(("v", "DMARC1"), ("p", "reject"), ("rua", "mailto:a@there.test")),
    requested=Disposition.REJECT,
)


def came(dmarc: DmarcResult | None = FAILED, **domains: bool) -> Arrival:
    made = arrival(ip="192.0.2.1")
    made.reverse_path = "x@Bounce.test"
    made.policies = {
        f"{name}.test": Policy(f"{name}.test", dmarc_report=wanted)
        for name, wanted in (domains or {"here": True}).items()
    }
    made.results.dmarc = dmarc
    made.results.spf = SpfResult(SpfStatus.SOFTFAIL, "bounce.test")
    made.results.dkim = (
        SignatureResult(Status.PASS, "", "There.test", "mail"),
        SignatureResult(Status.PERMERROR, "unreadable"),
    )
    return made


def counted(
    made: Arrival, verdict: Verdict = Verdict.REFUSE, found: Collection[str] = ()
) -> Evaluation | None:
    return evaluation_of(made, verdict, found, report=False)


def test_all_of_it() -> None:
    assert counted(came()) == Evaluation(
        Published(
            "there.test",
            (("v", "DMARC1"), ("p", "reject")),
            ("mailto:a@there.test",),
            "there.test",
        ),
        Kind(
            "192.0.2.1",
            "mail.there.test",
            "bounce.test",
            "here.test",
            "reject",
            True,
            False,
            (),
            (DkimCheck("there.test", "mail", "pass"),),
            (SpfCheck("bounce.test", "mfrom", "softfail"),),
        ),
    )


@pytest.mark.parametrize(
    ("made", "verdict"),
    [
        (came(None), Verdict.ACCEPT),
        (came(replace(FAILED, rua=())), Verdict.ACCEPT),
        (came(here=False), Verdict.ACCEPT),
        (came(), Verdict.DEFER),
    ],
)
def test_nothing(made: Arrival, verdict: Verdict) -> None:
    assert counted(made, verdict) is None


def test_recipients_of_several_domains() -> None:
    found = counted(came(here=True, also=False))
    assert found is not None
    assert found.kind.envelope_to == ""


def test_a_report() -> None:
    found = evaluation_of(came(), Verdict.ACCEPT, (), report=True)
    assert found is not None
    assert found.kind.report


@pytest.mark.parametrize(
    ("asked", "verdict", "found", "lowered", "disposition", "override"),
    [
        ("reject", Verdict.REFUSE, (), "", "reject", None),
        ("reject", Verdict.JUNK, (), "", "quarantine", Override("local_policy")),
        ("reject", Verdict.QUARANTINE, (), "", "quarantine", Override("local_policy")),
        ("reject", Verdict.ACCEPT, ("dmarc_list",), "", "none", Override("mailing_list")),
        ("reject", Verdict.JUNK, (), "testing", "quarantine", Override("policy_test_mode")),
        ("reject", Verdict.JUNK, (), "sampled_out", "quarantine", Override("sampled_out")),
        ("quarantine", Verdict.JUNK, (), "", "quarantine", None),
        ("quarantine", Verdict.REFUSE, (), "", "quarantine", None),
        ("none", Verdict.REFUSE, (), "", "none", None),
        ("none", Verdict.ACCEPT, (), "", "none", None),
    ],
)
def test_what_was_done(
    asked: str,
    verdict: Verdict,
    found: Collection[str],
    lowered: str,
    disposition: str,
    override: Override | None,
) -> None:
    dmarc = replace(FAILED, requested=Disposition(asked), lowered=lowered)
    counts = counted(came(dmarc), verdict, found)
    assert counts is not None
    assert counts.kind.disposition == disposition
    assert counts.kind.overrides == (() if override is None else (override,))


def test_forwarded_by_a_trusted_host() -> None:
    counts = counted(came(), Verdict.ACCEPT, ("dmarc_forwarded",))
    assert counts is not None
    assert counts.kind.overrides[0].kind == "trusted_forwarder"


def test_what_passes() -> None:
    counts = counted(came(replace(FAILED, status=Status.PASS)))
    assert counts is not None
    assert (counts.kind.disposition, counts.kind.overrides) == ("pass", ())
