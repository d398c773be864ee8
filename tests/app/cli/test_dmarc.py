"""`pillarbox dmarc`."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from kit.cli import Cli
from pillarbox.app.cli.invocation import Invocation
from pillarbox.domain.accounts import domains
from pillarbox.domain.dmarc import received, results
from pillarbox.domain.dmarc.model import Evaluation, Kind, Published
from pillarbox.domain.dmarc.received import prepared
from pillarbox.domain.report_days import ReportState, day_of
from pillarbox.formats.dmarc_report.model import (
    DkimResult,
    PublishedPolicy,
    Reason,
    Record,
    Report,
    SpfResult,
)
from pillarbox.formats.dmarc_report.read import decode
from pillarbox.storage.tx import Tx

Call = Callable[..., str]
NOW = datetime.now(UTC).replace(microsecond=0)
RECORDS = (
    Record(
        "192.0.2.1",
        80,
        "pass",
        True,
        True,
        header_from="here.test",
        dkim_results=(DkimResult("here.test", "mail", "pass"),),
        spf_results=(SpfResult("here.test", "mfrom", "pass"),),
    ),
    Record(
        "192.0.2.2",
        20,
        "reject",
        reasons=(Reason("other", "x"),),
        header_from="=here.test",
        spf_results=(SpfResult("evil.test", "mfrom", "fail"),),
    ),
)
REPORT = Report(
    "Else Inc.",
    "dmarc@else.test",
    "7@else.test",
    NOW - timedelta(days=2),
    NOW - timedelta(days=1),
    PublishedPolicy("here.test", "reject"),
    RECORDS,
    errors=("a wrong tag",),
)


@pytest.fixture
def call(cli: Cli, folder: Path) -> Call:
    """Runs `pillarbox dmarc`; gives what it printed."""
    Invocation(None, folder).write(_fill)
    return partial(cli.printed, "dmarc")


def _fill(tx: Tx) -> None:
    here = domains.create(tx, "here.test")
    domains.create(tx, "quiet.test")
    received.file(tx, here.id, prepared(REPORT), "else.test")
    old = REPORT.end - timedelta(days=20)
    received.file(tx, here.id, prepared(replace(REPORT, organization="Old", id="6", end=old)))
    for domain in ("there.test", "xn--bcher-kva.test"):
        published = Published(domain, (("p", "none"),), (f"mailto:a@{domain}",))
        results.count(tx, Evaluation(published, Kind("192.0.2.1", domain)))
    day = day_of(tx.now_ms)
    results.DAYS.claim(tx, day, "there.test")
    results.DAYS.settle(tx, day, "there.test", ReportState.SENT, "a@there.test")


def test_reports(call: Call) -> None:
    first, second = json.loads(call("reports", "list", "--json"))
    assert (first["from"], first["messages"], first["aligned"]) == ("Else Inc.", 100, 80)
    assert second["from"] == "Old"
    assert (first["vouched_by"], second["vouched_by"]) == ("else.test", "")
    assert len(json.loads(call("reports", "list", "--days", "7", "--json"))) == 1
    assert len(json.loads(call("reports", "list", "--from", "Old", "--json"))) == 1
    assert json.loads(call("reports", "list", "--domain", "quiet.test", "--json")) == []
    assert json.loads(call("reports", "list", "--page", "2", "--json")) == []
    assert "not served here" in call("reports", "list", "--domain", "x.test", code=1)
    assert call("reports", "list").splitlines()[1].split()[1:4] == ["here.test", "Else", "Inc."]
    number = str(first["id"])
    lines = call("reports", "show", number).splitlines()
    assert lines[0] == "from: Else Inc. <dmarc@else.test>"
    assert "vouched by: else.test" in lines
    old = call("reports", "show", str(second["id"]))
    assert "vouched by: nobody: neither DKIM nor SPF passed" in old
    assert "messages: 100, of which 80 passed" in lines
    assert "error: a wrong tag" in lines
    assert lines[-1].split()[:5] == ["192.0.2.2", "20", "reject", "fail", "fail"]
    assert json.loads(call("reports", "show", number, "--json"))["id"] == "7@else.test"
    assert "There is no report 7" in call("reports", "show", "7", code=1)


def test_exports(call: Call) -> None:
    number = str(json.loads(call("reports", "list", "--json"))[0]["id"])
    assert decode(call("reports", "export", number).encode()).records == RECORDS
    content = json.loads(call("reports", "export", number, "--format", "json"))
    assert [one["count"] for one in content["records"]] == [80, 20]
    found = list(csv.DictReader(io.StringIO(call("reports", "export", number, "--format", "csv"))))
    assert [(one["source_ip"], one["messages"]) for one in found] == [
        ("192.0.2.1", "80"),
        ("192.0.2.2", "20"),
    ]
    assert found[1]["header_from"] == "'=here.test"
    assert "There is no report 7" in call("reports", "export", "7", code=1)


def test_sent(call: Call) -> None:
    rows = json.loads(call("sent", "--json"))
    assert [(row["domain"], row["messages"], row["report"], row["note"]) for row in rows] == [
        ("there.test", 1, "sent", "a@there.test"),
        ("xn--bcher-kva.test", 1, "waiting", ""),
    ]
    assert len(json.loads(call("sent", "--domain", "Bücher.test", "--json"))) == 1
    assert "there.test" in call("sent")


def test_summary(call: Call) -> None:
    found = json.loads(call("summary", "here.test", "--json"))
    assert (found["messages"], found["aligned_percent"], found["spf_percent"]) == (100, 80.0, 80.0)
    assert [(one["issue"], one["severity"], one["result"]) for one in found["issues"]] == [
        ("spf_fail", "critical", "fail"),
        ("dkim_fail", "low", "none"),
    ]
    assert found["issues"][0]["sources"] == ["192.0.2.2 (20)"]
    assert len(found["recommendations"]) == 3
    assert len(found["days"]) == 1
    assert json.loads(call("summary", "here.test", "--days", "30", "--json"))["messages"] == 200
    words = call("summary", "here.test")
    assert "100 messages in 7 days" in words
    assert "80.0 % passed SPF" in words
    assert "critical" in words
    assert call("summary", "quiet.test") == "No reports about quiet.test in 7 days.\n"
    assert "not served here" in call("summary", "x.test", code=1)
