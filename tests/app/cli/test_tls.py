"""`pillarbox tls`."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from kit.cli import Cli
from kit.clock import FakeClock
from kit.dns import FakeDns, Zone
from pillarbox.app.cli.invocation import Invocation
from pillarbox.domain.accounts import domains
from pillarbox.domain.report_days import day_of
from pillarbox.domain.transport import reports, results, sts
from pillarbox.domain.transport.reports import NewReport
from pillarbox.domain.transport.results import Result
from pillarbox.domain.transport.sts import Fetched
from pillarbox.net import dns
from pillarbox.net.dane import Tlsa
from pillarbox.storage.tx import Tx

Call = Callable[..., str]
POLICY = "version: STSv1\nmode: enforce\nmx: a.there.test\nmax_age: 86400\n"


@pytest.fixture
def call(cli: Cli) -> Call:
    """Runs `pillarbox tls`; gives what it printed."""
    return partial(cli.printed, "tls")


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Zone:
    """What the command finds in the domain name system."""
    made = Zone(
        mx={"there.test": ((10, "a.there.test"), (20, "b.there.test"))},
        addresses={"a.there.test": ("192.0.2.1",), "b.there.test": ("192.0.2.2",)},
    )
    monkeypatch.setattr(dns, "SystemResolver", lambda *args: FakeDns(made, FakeClock()))
    return made


def _fill(tx: Tx) -> None:
    day = day_of(tx.now_ms)
    failed = Result("sts", "there.test", (), (), "certificate-expired", "a.there.test")
    batch = {
        (day, "there.test", Result("sts", "there.test")): 7,
        (day, "there.test", failed): 2,
        (day - 8, "there.test", failed): 1,
        (day, "xn--bcher-kva.test", Result("no-policy-found", "xn--bcher-kva.test")): 1,
    }
    results.add(tx, batch)
    domain = domains.create(tx, "here.test")
    report = NewReport("Else Inc.", "7@else.test", "a@else.test", 0, 86_399_000, 10, 2, "{}")
    reports.file(tx, domain.id, report)


def test_results_and_reports(call: Call, folder: Path) -> None:
    Invocation(None, folder).write(_fill)
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    rows = json.loads(call("results", "--json"))
    assert [(row["domain"], row["result"], row["sessions"]) for row in rows] == [
        ("there.test", "ok", 7),
        ("there.test", "certificate-expired", 2),
        ("xn--bcher-kva.test", "ok", 1),
    ]
    assert {(row["day"], row["report"]) for row in rows} == {(today, "waiting")}
    assert len(json.loads(call("results", "--days", "30", "--json"))) == 4
    assert len(json.loads(call("results", "--domain", "Bücher.test", "--json"))) == 1
    (report,) = json.loads(call("reports", "--domain", "here.test", "--json"))
    assert (report["from"], report["successes"], report["failures"]) == ("Else Inc.", 10, 2)
    assert report["end"] == "1970-01-01T23:59:59Z"
    assert call("report", str(report["id"])) == "{}\n"
    assert "There is no report 7" in call("report", "7", code=1)
    assert "not served here" in call("reports", "--domain", "x.test", code=1)
    assert call("reports").splitlines()[1].split()[1:4] == ["here.test", "Else", "Inc."]


class TestPolicy:
    def test_of_a_domain_that_says_nothing(self, call: Call, zone: Zone) -> None:
        found = json.loads(call("policy", "there.test", "--json"))
        assert (found["mta_sts"], found["reports_to"]) == ("none", "nobody")
        assert [host["security"] for host in found["hosts"]] == ["opportunistic"] * 2

    def test_by_mta_sts(self, call: Call, zone: Zone, folder: Path) -> None:
        zone.txt["_smtp._tls.there.test"] = ("v=TLSRPTv1; rua=mailto:tls@there.test",)

        def save(tx: Tx) -> None:
            expires_ms = tx.now_ms + 86_400_000
            sts.save(tx, Fetched("there.test", "1", POLICY, expires_ms, expires_ms))

        Invocation(None, folder).write(save)
        text = call("policy", "There.test")
        assert "mta sts: enforce\n" in text
        assert "reports to: tls@there.test\n" in text
        assert "  mx: a.there.test\n" in text
        lines = text.splitlines()[-2:]
        assert lines[0].split()[:4] == ["10", "a.there.test", "verified", "mta-sts"]
        assert "b.there.test is not in the MTA-STS policy of there.test" in lines[1]
        assert "Forgot" in call("forget", "there.test")
        assert "No MTA-STS policy" in call("forget", "there.test", code=1)

    def test_by_dane(self, call: Call, zone: Zone) -> None:
        zone.signed = {"."}
        zone.tlsa["_25._tcp.a.there.test"] = (Tlsa(3, 1, 1, bytes(32)),)
        zone.failing.add("_25._tcp.b.there.test")
        found = json.loads(call("policy", "there.test", "--json"))
        assert found["dnssec"] == "validated"
        first, second = found["hosts"]
        assert (first["security"], first["remark"]) == ("dane", "1 TLSA records")
        assert (second["security"], second["remark"][:16]) == ("not used", "The TLSA records")

    def test_of_a_domain_without_mail_servers(self, call: Call, zone: Zone) -> None:
        zone.addresses["alone.test"] = ("192.0.2.3",)
        (host,) = json.loads(call("policy", "alone.test", "--json"))["hosts"]
        assert host["host"] == "alone.test"
        zone.mx["null.test"] = ((0, ""),)
        assert json.loads(call("policy", "null.test", "--json"))["hosts"] == []

    def test_without_name_servers(self, call: Call, zone: Zone) -> None:
        zone.failing.add("MX there.test")
        assert "does not answer" in call("policy", "there.test", code=75)
        assert "domain" in call("policy", "no domain", code=1)
