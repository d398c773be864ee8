"""Scripts that others wrote to test a Sieve: Pigeonhole's suite, as vectors."""

import json
from pathlib import Path
from types import MappingProxyType

import pytest

from kit.sieve import NOW, run_programs
from pillarbox.formats.sieve.actions import FileInto
from pillarbox.formats.sieve.compiling import compile_script
from pillarbox.formats.sieve.errors import ScriptError
from pillarbox.formats.sieve.surroundings import Surroundings

VECTORS = Path(__file__).parents[4] / "shared" / "conformance" / "sieve"
pytestmark = pytest.mark.skipif(not VECTORS.is_dir(), reason=f"no vectors in {VECTORS.name}")
# The suite expects the name of the program that it belongs to.
ENVIRONMENT = MappingProxyType({"name": "Pigeonhole Sieve", "location": "MS", "phase": "during"})
EXPECTED = 294


def vectors() -> list[dict[str, object]]:
    path = VECTORS / "vectors.json"
    return json.loads(path.read_text("utf-8")) if path.is_file() else []


def cases(kind: str) -> list[object]:
    return [pytest.param(one, id=str(one["name"])) for one in vectors() if one["kind"] == kind]


def test_all_are_there() -> None:
    assert len(vectors()) == EXPECTED
    assert len(cases("run")) + len(cases("compile")) == EXPECTED


@pytest.mark.parametrize("vector", cases("compile"))
def test_check(vector: dict[str, object]) -> None:
    script = str(vector["script"]).encode()
    if vector["ok"]:
        compile_script(script)
        return
    with pytest.raises(ScriptError) as refused:
        compile_script(script)
    for problem in refused.value.problems:
        assert 1 <= problem.line <= script.count(b"\n") + 1
        assert problem.column >= 1


@pytest.mark.parametrize("vector", cases("run"))
def test_run(vector: dict[str, object]) -> None:
    message = str(vector["message"]).replace("\r\n", "\n").replace("\n", "\r\n").encode()
    here = Surroundings(
        NOW,
        str(vector["from"]),
        str(vector["to"]),
        str(vector.get("auth", "")),
        environment=ENVIRONMENT,
    )
    program = compile_script(str(vector["script"]).encode(), explain=True)
    outcome = run_programs([program], message, here)
    assert outcome.failure is None
    reasons = vector["reasons"]
    assert isinstance(reasons, list)
    wrong = [
        reasons[int(action.mailbox.removeprefix("svfail-"))]
        for action in outcome.actions
        if isinstance(action, FileInto) and action.mailbox.startswith("svfail-")
    ]
    assert wrong == [], outcome.steps[-5:]
