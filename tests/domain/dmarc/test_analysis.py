"""What reports come to: sums, what is wrong and how much it matters, and what to do."""

import pytest

from pillarbox.domain.dmarc.analysis import Day, IssueKind, Severity, analyse
from pillarbox.formats.dmarc_report.model import DkimResult, Record, SpfResult

DAY_MS = 86_400_000
WELL = Record(
    "192.0.2.1",
    100,
    "pass",
    True,
    True,
    dkim_results=(DkimResult("a.test", "s", "pass"),),
    spf_results=(SpfResult("a.test", "mfrom", "pass"),),
)


def bad(count: int, spf: str = "", dkim: str = "", ip: str = "192.0.2.9") -> Record:
    return Record(
        ip,
        count,
        dkim=not dkim,
        spf=not spf,
        spf_results=(SpfResult("x.test", "mfrom", spf or "pass"),),
        dkim_results=(DkimResult("x.test", "s", dkim or "pass"),),
    )


def test_nothing() -> None:
    found = analyse([])
    assert (found.messages, found.issues, found.recommendations) == (0, (), ())
    assert found.aligned_percent == 0


def test_all_is_well() -> None:
    found = analyse([(WELL, 3 * DAY_MS), (WELL, DAY_MS)])
    assert (found.messages, found.aligned, found.issues) == (200, 200, ())
    assert (found.spf_percent, found.dkim_percent) == (100.0, 100.0)
    assert found.recommendations == ()
    assert found.days == (Day(1, 100, 100), Day(3, 100, 100))


@pytest.mark.parametrize(
    ("count", "result", "kind", "severity"),
    [
        (12, "fail", IssueKind.SPF_FAIL, Severity.CRITICAL),
        (11, "fail", IssueKind.SPF_FAIL, Severity.HIGH),
        (12, "permerror", IssueKind.SPF_FAIL, Severity.CRITICAL),
        (26, "softfail", IssueKind.SPF_FAIL, Severity.HIGH),
        (25, "temperror", IssueKind.SPF_FAIL, Severity.MEDIUM),
        (43, "neutral", IssueKind.SPF_FAIL, Severity.MEDIUM),
        (42, "none", IssueKind.SPF_FAIL, Severity.LOW),
        (43, "pass", IssueKind.SPF_MISALIGN, Severity.HIGH),
        (42, "pass", IssueKind.SPF_MISALIGN, Severity.MEDIUM),
        (11, "pass", IssueKind.SPF_MISALIGN, Severity.LOW),
    ],
)
def test_severity_of_spf(count: int, result: str, kind: IssueKind, severity: Severity) -> None:
    (issue,) = analyse([(WELL, 0), (bad(count, spf=result), 0)]).issues
    assert (issue.kind, issue.severity, issue.result) == (kind, severity, result)
    assert issue.messages == count
    assert issue.sources == (("192.0.2.9", count),)


@pytest.mark.parametrize(
    ("count", "result", "kind", "severity"),
    [
        (12, "fail", IssueKind.DKIM_FAIL, Severity.CRITICAL),
        (25, "temperror", IssueKind.DKIM_FAIL, Severity.MEDIUM),
        (42, "policy", IssueKind.DKIM_FAIL, Severity.LOW),
        (43, "pass", IssueKind.DKIM_MISALIGN, Severity.HIGH),
    ],
)
def test_severity_of_dkim(count: int, result: str, kind: IssueKind, severity: Severity) -> None:
    (issue,) = analyse([(WELL, 0), (bad(count, dkim=result), 0)]).issues
    assert (issue.kind, issue.severity, issue.result) == (kind, severity, result)


def test_mail_without_signatures() -> None:
    (issue,) = analyse([(WELL, 0), (Record("192.0.2.7", 1, spf=True), 0)]).issues
    assert (issue.kind, issue.result) == (IssueKind.DKIM_FAIL, "none")


def test_the_worst_comes_first() -> None:
    records = [WELL, bad(50, spf="fail"), bad(3, dkim="none", ip="192.0.2.2"), bad(9, spf="pass")]
    issues = analyse([(one, 0) for one in records]).issues
    assert [one.severity for one in issues] == [Severity.CRITICAL, Severity.LOW, Severity.LOW]
    assert [one.messages for one in issues] == [50, 9, 3]


def test_advice() -> None:
    found = analyse([(WELL, 0), (bad(5, spf="fail", dkim="fail"), 0)])
    assert found.recommendations == ()
    found = analyse([(WELL, 0), (bad(6, spf="fail"), 0)])
    (advice,) = found.recommendations
    assert "SPF" in advice
    found = analyse([(WELL, 0), (bad(12, spf="fail", dkim="fail"), 0)])
    assert len(found.recommendations) == 3
