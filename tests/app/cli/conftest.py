"""The command line on a data folder of each test."""

import shutil
from pathlib import Path

import pytest

from kit.cli import Cli
from pillarbox.app.config.load import load, locate
from pillarbox.app.database import lock_path, make_dialect
from pillarbox.storage.migrate import ensure_schema


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with settings and an empty database, to copy."""
    folder = tmp_path_factory.mktemp("template")
    options = load(locate(None, folder, {}), write=True, environment={}).options
    ensure_schema(make_dialect(options, checkpoint=True), lock_path(options))
    return folder


@pytest.fixture
def folder(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the template; the environment names no other."""
    for name in ("PILLARBOX_DATA", "PILLARBOX_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    return Path(shutil.copytree(template, tmp_path / "data"))


@pytest.fixture
def cli(folder: Path, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Runs `pillarbox` on that folder."""
    return Cli(folder, capsys)
