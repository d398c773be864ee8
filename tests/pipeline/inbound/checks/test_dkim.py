"""The check of DKIM signatures; conformance vectors go through it too."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kit.checks import arrival
from kit.clock import FakeClock
from kit.dns import FakeDns, Zone
from kit.mailauth import MESSAGE, NOW_S, RECORDS, SIGNERS, signed
from pillarbox.base.cpu import Cpu
from pillarbox.domain.judgement.model import Finding
from pillarbox.formats.mailauth.keys import KeyAlgorithm, key_record, new_key
from pillarbox.formats.mailauth.message import read_message
from pillarbox.formats.mailauth.results import Status
from pillarbox.formats.mailauth.sign import Signer, sign
from pillarbox.formats.mailauth.spf.result import SpfResult, SpfStatus
from pillarbox.formats.mime.header import HEADER_BYTES
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.dkim import INLINE_BYTES, DkimCheck

VECTORS = Path(__file__).parents[5] / "shared" / "conformance" / "dkim"
STRONG = Signer("example.org", "strong", new_key(KeyAlgorithm.RSA, 2048))
SPF_PASS = SpfResult(SpfStatus.PASS, "example.org")
SPF_FAIL = SpfResult(SpfStatus.FAIL, "example.org")


@pytest.fixture
def cpu() -> Iterator[Cpu]:
    made = Cpu(1, 8)
    yield made
    made.close()


@pytest.fixture
def zone() -> Zone:
    strong = key_record(STRONG.key.algorithm, STRONG.key.public())
    known = {name: texts for name, texts in RECORDS.items() if texts is not None}
    return Zone(txt={**known, "strong._domainkey.example.org": (strong,)})


@pytest.fixture
def check(zone: Zone, cpu: Cpu) -> DkimCheck:
    clock = FakeClock(datetime.fromtimestamp(NOW_S, UTC))
    return DkimCheck(FakeDns(zone, clock), cpu, clock)


async def look(
    check: DkimCheck, content: bytes, spf: SpfResult | None = None
) -> tuple[Arrival, dict[str, float]]:
    coming = arrival(content)
    coming.results.spf = spf
    found: Sequence[Finding] = await check.run(coming)
    assert {one.name for one in found} <= {kind.name for kind in check.kinds}
    return coming, {one.name: one.points for one in found}


async def test_a_good_signature(check: DkimCheck) -> None:
    content = sign(read_message(MESSAGE), (STRONG,), NOW_S) + MESSAGE
    coming, found = await look(check, content)
    assert found == {"dkim_pass": -0.2}
    assert coming.results.dkim is not None
    assert [one.status for one in coming.results.dkim] == [Status.PASS]


async def test_a_short_key(check: DkimCheck) -> None:
    _, found = await look(check, sign(read_message(MESSAGE), SIGNERS[:1], NOW_S) + MESSAGE)
    assert found == {"dkim_pass": -0.2, "dkim_weak_key": 0.2}
    _, found = await look(check, signed())  # a good one beside it
    assert found == {"dkim_pass": -0.2}


async def test_a_key_that_is_too_short(check: DkimCheck, zone: Zone) -> None:
    short = RSAPublicNumbers(65537, (1 << 1022) + 1).public_key()
    public = short.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    zone.txt["short._domainkey.example.org"] = (key_record(KeyAlgorithm.RSA, public),)
    signer = Signer("example.org", "short", STRONG.key)
    coming, found = await look(check, sign(read_message(MESSAGE), (signer,), NOW_S) + MESSAGE)
    assert found == {"dkim_fail": 3.0}
    assert coming.results.dkim is not None
    assert coming.results.dkim[0].status is Status.PERMERROR


async def test_one_good_signature_is_enough(check: DkimCheck) -> None:
    broken = signed().replace(b"lunch?", b"tea?")
    again = sign(read_message(broken), (STRONG,), NOW_S) + broken
    coming, found = await look(check, again)
    assert found == {"dkim_pass": -0.2}
    assert coming.results.dkim is not None
    assert len(coming.results.dkim) == 3


async def test_bad_signatures(check: DkimCheck) -> None:
    _, found = await look(check, signed().replace(b"lunch?", b"tea?"))
    assert found == {"dkim_fail": 3.0}
    _, found = await look(check, b"DKIM-Signature: x\r\n" + MESSAGE)
    assert found == {"dkim_fail": 3.0}


@pytest.mark.parametrize(
    ("spf", "points"),
    [
        (SPF_FAIL, 3.0),
        (SpfResult(SpfStatus.NONE, "example.org"), 3.0),
        (SPF_PASS, 0.5),
        (SpfResult(SpfStatus.TEMPERROR, "example.org"), 0.5),
        (None, 0.5),
    ],
)
async def test_no_signature(check: DkimCheck, spf: SpfResult | None, points: float) -> None:
    coming, found = await look(check, MESSAGE, spf)
    assert found == {"dkim_none": points}
    assert coming.results.dkim == ()


async def test_text_behind_what_is_signed(check: DkimCheck) -> None:
    whole = sign(read_message(MESSAGE), (STRONG,), NOW_S) + MESSAGE
    _, found = await look(check, whole + b"more\r\n")
    assert found == {"dkim_fail": 3.0}
    private = STRONG.key.pem().encode()
    field = dkim.sign(MESSAGE, b"strong", b"example.org", private, length=True)
    _, found = await look(check, field + MESSAGE)
    assert found == {"dkim_pass": -0.2}
    coming, found = await look(check, field + MESSAGE + b"more\r\n")
    assert found == {"dkim_partial": 2.0}
    assert coming.results.dkim is not None
    assert coming.results.dkim[0].beyond > 0


async def test_keys_that_are_tried_out(check: DkimCheck, zone: Zone) -> None:
    name = "strong._domainkey.example.org"
    zone.txt[name] = (zone.txt[name][0].replace("v=DKIM1;", "v=DKIM1; t=y;"),)
    content = sign(read_message(MESSAGE), (STRONG,), NOW_S) + MESSAGE
    _, found = await look(check, content)
    assert found == {"dkim_pass": -0.2}
    _, found = await look(check, content.replace(b"lunch?", b"tea?"), SPF_FAIL)
    assert found == {"dkim_none": 3.0}


async def test_silent_name_servers(check: DkimCheck, zone: Zone) -> None:
    zone.failing.update(RECORDS)
    coming, found = await look(check, signed())
    assert found == {"dkim_temperror": 0.0}
    assert coming.results.dkim is not None
    assert {one.status for one in coming.results.dkim} == {Status.TEMPERROR}
    assert [one.name for one in check.failed(coming, "no answer")] == ["dkim_temperror"]


async def test_large_mail_is_hashed_elsewhere(check: DkimCheck) -> None:
    large = MESSAGE + b"x" * 70 + b"\r\n" * 10 + (b"y" * 70 + b"\r\n") * (INLINE_BYTES // 72)
    content = sign(read_message(large), (STRONG,), NOW_S) + large
    _, found = await look(check, content)
    assert found == {"dkim_pass": -0.2}


async def test_a_header_that_cannot_be_seen_whole(check: DkimCheck) -> None:
    coming, found = await look(check, b"X: " + b"x" * HEADER_BYTES + b"\r\n" + MESSAGE)
    assert found == {"dkim_fail": 3.0}
    assert coming.results.dkim is not None
    assert coming.results.dkim[0].status is Status.PERMERROR


async def test_before_the_content_there_is_nothing_to_check(check: DkimCheck) -> None:
    assert await check.run(arrival()) == ()


def vectors() -> list[object]:
    path = VECTORS / "vectors.json"
    found = json.loads(path.read_text()) if path.is_file() else []
    return [pytest.param(one, id=Path(one["file"]).stem) for one in found]


@pytest.mark.skipif(not VECTORS.is_dir(), reason=f"no vectors in {VECTORS.name}")
@pytest.mark.parametrize("vector", vectors())
async def test_vectors(vector: dict[str, object], cpu: Cpu) -> None:
    """What others collected; rsa-sha1 is no longer accepted (RFC 8301 §3.1)."""
    zone, dns = Zone(), vector["dns"]
    assert isinstance(dns, dict)
    for name, record in dns.items():
        if record.startswith("~~"):
            zone.failing.add(name)
        elif record != "NXDOMAIN":
            zone.txt[name] = ("" if record == '""' else record,)
    clock = FakeClock(datetime.fromtimestamp(1_700_000_000, UTC))
    content = (VECTORS / str(vector["file"])).read_bytes()
    content = content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    _, found = await look(DkimCheck(FakeDns(zone, clock), cpu, clock), content)
    good = vector["expected"] in ("pass", "every signature passes")
    if good and vector.get("algorithms", []) != ["rsa-sha1"]:
        assert found.keys() & {"dkim_pass", "dkim_partial"}
    else:
        assert found.keys() <= {"dkim_fail", "dkim_none", "dkim_temperror"}
        assert found
