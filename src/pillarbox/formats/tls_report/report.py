"""Reports of TLS with a domain's mail servers, as JSON (RFC 8460 §4).

Written exactly; read tolerantly, since reporters differ in small things: numbers as strings, one
text where a list belongs, fields left out. What is not known is not kept.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from pillarbox.base.errors import GrammarError
from pillarbox.formats.reporting.fields import count, short

MAX_JSON_BYTES = 8 << 20
"""What a received report may be once it is unpacked."""

MAX_POLICIES = 1000
MAX_DETAILS = 5000
"""Of a report, all its policies together; further ones are not kept."""

_LINES_MAX = 200

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FailureDetail:
    """Sessions that failed in one way (RFC 8460 §4.4); texts that are empty are left out.

    `result` is a result type of RFC 8460 §4.3, `host` the mail server, `helo` what it called
    itself, `reason` a code in the reporter's own words.
    """

    result: str
    sessions: int
    host: str = ""
    receiving_ip: str = ""
    sending_ip: str = ""
    helo: str = ""
    reason: str = ""
    information: str = ""


@dataclass(frozen=True, slots=True)
class PolicyResult:
    """How sessions under one policy went; `kind` is `tlsa`, `sts` or `no-policy-found`.

    `domain` is the one the policy is of, `text` its lines or records, `mx` its patterns of hosts.
    """

    kind: str
    domain: str
    text: tuple[str, ...] = ()
    mx: tuple[str, ...] = ()
    successes: int = 0
    failures: int = 0
    details: tuple[FailureDetail, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A report of one sender about one domain; the instants are aware."""

    organization: str
    contact: str
    id: str
    start: datetime
    end: datetime
    policies: tuple[PolicyResult, ...]


def encode(report: Report) -> bytes:
    """The report as JSON."""
    content = {
        "organization-name": report.organization,
        "date-range": {
            "start-datetime": _instant(report.start),
            "end-datetime": _instant(report.end),
        },
        "contact-info": report.contact,
        "report-id": report.id,
        "policies": [_policy(policy) for policy in report.policies],
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=1)


def decode(content: bytes) -> Report:
    """A report that was received; `GrammarError` where it is none."""
    if len(content) > MAX_JSON_BYTES:
        raise GrammarError("a report that is too large")
    try:
        raw = msgspec.json.decode(content, type=_Report, strict=False)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise GrammarError(f"no report: {error}") from error
    if not raw.report_id or not raw.policies:
        raise GrammarError("a report without its id, or of no policy")
    policies: list[PolicyResult] = []
    room = MAX_DETAILS
    for one in raw.policies[:MAX_POLICIES]:
        policies.append(_result(one, room))
        room -= len(policies[-1].details)
    return Report(
        short(raw.organization),
        short(raw.contact),
        short(raw.report_id),
        _aware(raw.dates.start),
        _aware(raw.dates.end),
        tuple(policies),
    )


class _Dates(msgspec.Struct):
    start: datetime = msgspec.field(name="start-datetime")
    end: datetime = msgspec.field(name="end-datetime")


class _Policy(msgspec.Struct):
    kind: str = msgspec.field(name="policy-type", default="no-policy-found")
    domain: str = msgspec.field(name="policy-domain", default="")
    text: list[str] | str | None = msgspec.field(name="policy-string", default=None)
    mx: list[str] | str | None = msgspec.field(name="mx-host", default=None)
    # The word of the prose of RFC 8460 §4.4, where its example has mx-host.
    mx_pattern: list[str] | str | None = msgspec.field(name="mx-host-pattern", default=None)


class _Summary(msgspec.Struct):
    successes: int = msgspec.field(name="total-successful-session-count", default=0)
    failures: int = msgspec.field(name="total-failure-session-count", default=0)


class _Detail(msgspec.Struct):
    result: str = msgspec.field(name="result-type")
    sessions: int = msgspec.field(name="failed-session-count", default=0)
    host: str | None = msgspec.field(name="receiving-mx-hostname", default=None)
    receiving_ip: str | None = msgspec.field(name="receiving-ip", default=None)
    sending_ip: str | None = msgspec.field(name="sending-mta-ip", default=None)
    helo: str | None = msgspec.field(name="receiving-mx-helo", default=None)
    reason: str | None = msgspec.field(name="failure-reason-code", default=None)
    information: str | None = msgspec.field(name="additional-information", default=None)


class _Result(msgspec.Struct):
    policy: _Policy
    summary: _Summary = msgspec.field(default_factory=_Summary)
    details: list[_Detail] | None = msgspec.field(name="failure-details", default=None)


class _Report(msgspec.Struct):
    dates: _Dates = msgspec.field(name="date-range")
    report_id: str = msgspec.field(name="report-id")
    policies: list[_Result]
    organization: str = msgspec.field(name="organization-name", default="")
    contact: str = msgspec.field(name="contact-info", default="")


def _result(raw: _Result, details: int) -> PolicyResult:
    policy = raw.policy
    return PolicyResult(
        short(policy.kind),
        short(policy.domain).lower().rstrip("."),
        _texts(policy.text),
        _texts(policy.mx) or _texts(policy.mx_pattern),
        count(raw.summary.successes),
        count(raw.summary.failures),
        tuple(_detail(one) for one in (raw.details or ())[:details]),
    )


def _detail(raw: _Detail) -> FailureDetail:
    return FailureDetail(
        short(raw.result).lower(),
        count(raw.sessions),
        short(raw.host),
        short(raw.receiving_ip),
        short(raw.sending_ip),
        short(raw.helo),
        short(raw.reason),
        short(raw.information),
    )


def _texts(raw: list[str] | str | None) -> tuple[str, ...]:
    if raw is None or raw == "":
        return ()
    found = [raw] if isinstance(raw, str) else raw
    return tuple(short(one) for one in found[:_LINES_MAX])


def _aware(instant: datetime) -> datetime:
    try:
        return instant.replace(tzinfo=instant.tzinfo or UTC).astimezone(UTC)
    except OverflowError as error:
        raise GrammarError("an instant that can't be") from error


def _instant(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _policy(policy: PolicyResult) -> dict[str, Any]:
    named: dict[str, Any] = {"policy-type": policy.kind}
    if policy.text:
        named["policy-string"] = policy.text
    named["policy-domain"] = policy.domain
    if policy.mx:
        named["mx-host"] = policy.mx
    content: dict[str, Any] = {
        "policy": named,
        "summary": {
            "total-successful-session-count": policy.successes,
            "total-failure-session-count": policy.failures,
        },
    }
    if policy.details:
        content["failure-details"] = [_failure(detail) for detail in policy.details]
    return content


def _failure(detail: FailureDetail) -> dict[str, Any]:
    content: dict[str, Any] = {
        "result-type": detail.result,
        "sending-mta-ip": detail.sending_ip,
        "receiving-mx-hostname": detail.host,
        "receiving-mx-helo": detail.helo,
        "receiving-ip": detail.receiving_ip,
        "failed-session-count": detail.sessions,
        "additional-information": detail.information,
        "failure-reason-code": detail.reason,
    }
    return {name: value for name, value in content.items() if value != ""}
