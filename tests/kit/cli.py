"""The command line of a test, on a data folder of its own."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from pillarbox.app.cli.main import run


@dataclass
class Outcome:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, object]]:
        """What was printed by `--json`."""
        found: list[dict[str, object]] = json.loads(self.out)
        return found


class Cli:
    """Runs `pillarbox` on a data folder."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Outcome:
        self._capsys.readouterr()
        code = run(["--data", str(self.folder), *arguments])
        return Outcome(code, *self._capsys.readouterr())

    def printed(self, *arguments: str, code: int = 0) -> str:
        """What a command prints that must end so, on standard error where that is not with 0."""
        outcome = self(*arguments)
        assert outcome.code == code, outcome
        return outcome.err if code else outcome.out
