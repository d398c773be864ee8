"""What reports about a domain come to: how much of its mail passes, what goes wrong, what to do.

Pure; calls nothing. What it reads are others' claims, so it advises and decides nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pillarbox.formats.dmarc_report.model import Record

SOURCES_MAX = 5
ALIGNED_WANTED = 90.0
"""Per cent of a domain's mail that should pass DMARC."""
PASSING_WANTED = 95.0
"""Per cent that should pass by SPF, and by DKIM."""

_DAY_MS = 86_400_000


class Severity(StrEnum):
    """How much an issue matters."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class IssueKind(StrEnum):
    """What is wrong: a check that did not pass, or one that passed for another domain."""

    SPF_FAIL = "spf_fail"
    DKIM_FAIL = "dkim_fail"
    SPF_MISALIGN = "spf_misalign"
    DKIM_MISALIGN = "dkim_misalign"


@dataclass(frozen=True, slots=True)
class Issue:
    """Messages with one thing wrong; `result` is what the check said, as receivers named it.

    `percent` is of all messages; `sources` are the addresses most of them came from.
    """

    kind: IssueKind
    severity: Severity
    result: str
    messages: int
    percent: float
    sources: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Day:
    """One day's sums; `day` counts from 1970-01-01."""

    day: int
    messages: int
    aligned: int


@dataclass(frozen=True, slots=True)
class Analysis:
    """Sums of messages, what is wrong (the worst first), and advice in plain words."""

    messages: int
    aligned: int
    spf_pass: int
    dkim_pass: int
    issues: tuple[Issue, ...] = ()
    recommendations: tuple[str, ...] = ()
    days: tuple[Day, ...] = ()

    @property
    def aligned_percent(self) -> float:
        """Of all messages, how many passed DMARC."""
        return _percent(self.aligned, self.messages)

    @property
    def spf_percent(self) -> float:
        """How many passed by SPF, in alignment."""
        return _percent(self.spf_pass, self.messages)

    @property
    def dkim_percent(self) -> float:
        """How many passed by DKIM, in alignment."""
        return _percent(self.dkim_pass, self.messages)


def analyse(records: Sequence[tuple[Record, int]]) -> Analysis:
    """What records come to; each comes with the end of its report (ms)."""
    messages = aligned = spf_pass = dkim_pass = 0
    found: defaultdict[tuple[IssueKind, str], Counter[str]] = defaultdict(Counter)
    days: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
    for record, end_ms in records:
        passed = record.count if record.aligned else 0
        messages += record.count
        aligned += passed
        spf_pass += record.count if record.spf else 0
        dkim_pass += record.count if record.dkim else 0
        day = days[end_ms // _DAY_MS]
        day[0] += record.count
        day[1] += passed
        for key in _wrong(record):
            found[key][record.source_ip] += record.count
    issues = sorted(
        (_issue(kind, result, sources, messages) for (kind, result), sources in found.items()),
        key=lambda one: (-_RANK.index(one.severity), -one.messages, one.kind, one.result),
    )
    sums = Analysis(messages, aligned, spf_pass, dkim_pass)
    return Analysis(
        messages,
        aligned,
        spf_pass,
        dkim_pass,
        tuple(issues),
        tuple(_advice(sums)),
        tuple(Day(day, *counted) for day, counted in sorted(days.items())),
    )


_RANK = tuple(Severity)


def _wrong(record: Record) -> Iterable[tuple[IssueKind, str]]:
    """What is wrong with messages, and by which result; nothing where nothing is told of it."""
    if not record.spf and (record.spf_results or record.source_ip):
        result = _best([one.result for one in record.spf_results])
        passed = result == "pass"
        yield (IssueKind.SPF_MISALIGN if passed else IssueKind.SPF_FAIL), result
    if not record.dkim and (record.dkim_results or record.source_ip):
        result = _best([one.result for one in record.dkim_results])
        passed = result == "pass"
        yield (IssueKind.DKIM_MISALIGN if passed else IssueKind.DKIM_FAIL), result


def _best(results: Sequence[str]) -> str:
    """One result for several checks: one that passes is enough, else what was found first."""
    if "pass" in results:
        return "pass"
    return next((one for one in results if one), "none")


def _issue(kind: IssueKind, result: str, sources: Counter[str], of: int) -> Issue:
    messages = sum(sources.values())
    percent = _percent(messages, of)
    return Issue(
        kind,
        _severity(kind, result, percent),
        result,
        messages,
        percent,
        tuple((ip, count) for ip, count in sources.most_common(SOURCES_MAX) if ip),
    )


def _severity(kind: IssueKind, result: str, percent: float) -> Severity:
    if kind in (IssueKind.SPF_MISALIGN, IssueKind.DKIM_MISALIGN):
        if percent > 30:
            return Severity.HIGH
        return Severity.MEDIUM if percent > 10 else Severity.LOW
    if result in ("fail", "permerror"):
        return Severity.CRITICAL if percent > 10 else Severity.HIGH
    if result in ("temperror", "softfail"):
        return Severity.HIGH if percent > 20 else Severity.MEDIUM
    return Severity.MEDIUM if percent > 30 else Severity.LOW


def _advice(sums: Analysis) -> Iterable[str]:
    if not sums.messages:
        return
    if sums.aligned_percent < ALIGNED_WANTED:
        yield (
            f"Only {sums.aligned_percent:.1f} % of the mail passes DMARC. Look at the sources that "
            "fail: those of yours need SPF or DKIM with your own domain, the others are forgeries. "
            "Keep p=none until what is yours passes."
        )
    if sums.spf_percent < PASSING_WANTED:
        yield (
            f"Only {sums.spf_percent:.1f} % passes by SPF. Name every server that sends for the "
            "domain in its SPF record, and have services use a reverse-path of the domain. "
            "Forwarded mail fails SPF always."
        )
    if sums.dkim_percent < PASSING_WANTED:
        yield (
            f"Only {sums.dkim_percent:.1f} % passes by DKIM. Have everything that sends for the "
            "domain sign with d= of the domain, and see that its keys are published."
        )


def _percent(part: int, whole: int) -> float:
    return 100.0 * part / whole if whole else 0.0
