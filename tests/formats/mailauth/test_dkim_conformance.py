"""Messages with good and bad signatures that others collected.

Their expectations are from before RFC 8301, which forbids rsa-sha1 and short keys.
"""

import json
from pathlib import Path

import pytest

from pillarbox.formats.mailauth.message import read_message
from pillarbox.formats.mailauth.results import SignatureResult, Status
from pillarbox.formats.mailauth.verify import Verification

VECTORS = Path(__file__).parents[4] / "shared" / "conformance" / "dkim"
pytestmark = pytest.mark.skipif(not VECTORS.is_dir(), reason=f"no vectors in {VECTORS.name}")
NOW_S = 1_700_000_000
EXPECTED = {"every signature passes", "pass", "fail", "invalid"}


def cases() -> list[object]:
    path = VECTORS / "vectors.json"
    found = json.loads(path.read_text()) if path.is_file() else []
    return [pytest.param(one, id=Path(one["file"]).stem) for one in found]


def answer(record: str) -> tuple[str, ...] | None:
    if record.startswith("~~"):
        return None
    if record == "NXDOMAIN":
        return ()
    return ("",) if record == '""' else (record,)


def checked(file: str, dns: dict[str, str]) -> tuple[SignatureResult, ...]:
    content = (VECTORS / file).read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    verification = Verification(read_message(content))
    records = {name: answer(record) for name, record in dns.items()}
    answers = {name: records.get(name, ()) for name in verification.questions}
    return verification.results(answers, NOW_S)


@pytest.mark.parametrize("vector", cases())
def test_outcome(vector: dict[str, object]) -> None:
    dns, algorithms = vector["dns"], vector.get("algorithms", [])
    assert isinstance(dns, dict)
    assert vector["expected"] in EXPECTED
    statuses = [one.status for one in checked(str(vector["file"]), dns)]
    if vector["expected"] == "every signature passes":
        assert statuses
        assert set(statuses) == {Status.PASS}
    elif vector["expected"] == "pass" and algorithms != ["rsa-sha1"]:
        assert Status.PASS in statuses
    elif vector["expected"] == "fail":
        assert Status.FAIL in statuses
        assert Status.PASS not in statuses
    else:
        assert Status.PASS not in statuses
        assert set(statuses) <= {Status.PERMERROR, Status.NEUTRAL, Status.TEMPERROR}
