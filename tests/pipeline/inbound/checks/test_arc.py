"""The check of chains of seals; the ValiMail suite goes through it too."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from kit.checks import arrival
from kit.clock import FakeClock
from kit.dns import FakeDns, Zone
from kit.mailauth import MESSAGE, NOW_S, RECORDS
from kit.sealed import FIRST, SECOND, ZONE, sealed
from pillarbox.base.cpu import Cpu
from pillarbox.formats.mailauth.arc_trust import believed_results, vouched_before
from pillarbox.formats.mailauth.results import Status
from pillarbox.formats.mime.header import HEADER_BYTES
from pillarbox.pipeline.inbound.checks.arc import ArcCheck
from pillarbox.pipeline.inbound.checks.arrival import Arrival

VECTORS = Path(__file__).parents[5] / "shared" / "conformance" / "arc"


@pytest.fixture
def cpu() -> Iterator[Cpu]:
    made = Cpu(1, 8)
    yield made
    made.close()


async def look(
    content: bytes, cpu: Cpu, trusted: tuple[str, ...] = (), zone: Zone | None = None
) -> tuple[Arrival, dict[str, float]]:
    clock = FakeClock(datetime.fromtimestamp(NOW_S, UTC))
    dns = FakeDns(Zone(txt=dict(ZONE)) if zone is None else zone, clock)
    coming = arrival(content)
    found = await ArcCheck(dns, cpu, clock, trusted).run(coming)
    return coming, {one.name: one.points for one in found}


async def test_mail_without_seals(cpu: Cpu) -> None:
    coming, found = await look(MESSAGE, cpu, (FIRST,))
    assert found == {}
    assert coming.results.arc is not None
    assert coming.results.arc.status is Status.NONE


async def test_a_good_chain(cpu: Cpu) -> None:
    content = sealed(MESSAGE, (FIRST, "dmarc=pass header.from=example.org"))
    coming, found = await look(content, cpu)
    assert (found, coming.results.trusted_sealer) == ({}, "")
    coming, found = await look(content, cpu, (FIRST,))
    assert (found, coming.results.trusted_sealer) == ({"arc_trusted": -1.0}, FIRST)


@pytest.mark.parametrize("trusted", ["org", "sub." + FIRST, FIRST.partition(".")[2]])
async def test_names_near_a_trusted_one(cpu: Cpu, trusted: str) -> None:
    coming, _ = await look(sealed(MESSAGE, (FIRST, "spf=pass")), cpu, (trusted,))
    assert coming.results.trusted_sealer == ""


async def test_a_broken_chain(cpu: Cpu) -> None:
    content = sealed(MESSAGE, (FIRST, "spf=pass")).replace(b"lunch?", b"tea?")
    coming, found = await look(content, cpu, (FIRST,))
    assert (found, coming.results.trusted_sealer) == ({"arc_fail": 0.5}, "")


async def test_silent_name_servers(cpu: Cpu) -> None:
    zone = Zone(txt=dict(ZONE), failing=set(ZONE))
    coming, found = await look(sealed(MESSAGE, (FIRST, "spf=pass")), cpu, (FIRST,), zone)
    assert (found, coming.results.trusted_sealer) == ({"arc_temperror": 0.0}, "")


async def test_a_header_that_cannot_be_seen_whole(cpu: Cpu) -> None:
    _, found = await look(b"X: " + b"x" * HEADER_BYTES + b"\r\n" + MESSAGE, cpu)
    assert found == {"arc_fail": 0.5}


@pytest.mark.parametrize(
    ("trusted", "instances"),
    [((), []), ((FIRST,), []), ((SECOND,), [2]), ((FIRST, SECOND), [1, 2])],
)
async def test_whose_results_are_believed(
    cpu: Cpu, trusted: tuple[str, ...], instances: list[int]
) -> None:
    """Those of hosts at the end of the chain that are all trusted."""
    content = sealed(MESSAGE, (FIRST, "dmarc=pass header.from=example.org"), (SECOND, "dmarc=fail"))
    coming, _ = await look(content, cpu)
    assert coming.results.arc is not None
    believed = believed_results(coming.results.arc, trusted)
    assert [one.instance for one in believed] == instances
    assert vouched_before("example.org", believed) is (1 in instances)


@pytest.mark.parametrize(
    ("results", "vouched"),
    [
        ("dmarc=pass header.from=example.org", True),
        ("dmarc=pass header.from=EXAMPLE.org.", True),
        ("dmarc=pass header.from=other.org", False),
        ("dmarc=pass header.from=sub.example.org", False),
        ("dmarc=fail header.from=example.org", False),
        ("dkim=pass header.d=example.org", True),
        ("dkim=pass header.i=@mail.example.org", True),
        ("dkim=pass header.d=example.net header.i=@example.org", False),
        ("dkim=pass header.d=org", False),
        ("dkim=policy header.d=example.org", False),
        ("spf=pass smtp.mailfrom=x@bounces.example.org", True),
        ("spf=pass smtp.mailfrom=example.org", True),
        ("spf=pass smtp.helo=example.org", False),
        ("spf=softfail smtp.mailfrom=example.org", False),
        ('spf=pass smtp.mailfrom="x header.from=example.org"@evil.test', False),
        ('spf=pass reason="dmarc=pass; dkim=pass header.d=example.org" smtp.mailfrom=x', False),
        ("iprev=pass policy.iprev=example.org", False),
        ("", False),
    ],
)
async def test_what_counts_as_vouched(cpu: Cpu, results: str, vouched: bool) -> None:
    coming, _ = await look(sealed(MESSAGE, (FIRST, results)), cpu)
    assert coming.results.arc is not None
    assert vouched_before("example.org", believed_results(coming.results.arc, {FIRST})) is vouched


def cases() -> list[object]:
    path = VECTORS / "arc-draft-validation-tests-part.yml"
    if not path.is_file():
        return []
    return [
        pytest.param(suite, test, id=key)
        for suite in yaml.safe_load_all(path.read_text())
        if suite
        for key, test in suite["tests"].items()
    ]


@pytest.mark.skipif(not VECTORS.is_dir(), reason=f"no vectors in {VECTORS.name}")
@pytest.mark.parametrize(("suite", "test"), cases())
async def test_vectors(suite: dict[str, Any], test: dict[str, Any], cpu: Cpu) -> None:
    records = {
        name.lower(): ("".join(re.findall(r'"([^"]*)"', text)) or text,)
        for name, text in suite.get("txt-records", {}).items()
    }
    content = test["message"].encode().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    coming, found = await look(content, cpu, (), Zone(txt=records))
    assert coming.results.arc is not None
    wanted = test["cv"].lower() or "fail"
    assert coming.results.arc.status == wanted, coming.results.arc.reason
    assert ("arc_fail" in found) is (wanted == "fail")


def test_keys_of_the_kit() -> None:
    assert RECORDS.keys() & ZONE.keys() == set()
