"""How many workers are started."""

from dataclasses import replace
from pathlib import Path

import pytest

from pillarbox.app import plan
from pillarbox.app.config.load import Location, load
from pillarbox.app.config.options import Options
from pillarbox.app.plan import MEMORY_FOR_EACH_BYTES, worker_count


@pytest.fixture
def options(tmp_path: Path) -> Options:
    location = Location(tmp_path / "pillarbox.conf", tmp_path)
    return replace(load(location, write=True).options, workers=0)


@pytest.fixture
def large_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "_processors", lambda: 16)
    monkeypatch.setattr(plan, "_memory_bytes", lambda: 64 << 30)
    monkeypatch.setattr(plan, "is_safe_with_several", lambda: True)


def test_as_many_as_the_settings_say(options: Options, large_machine: None) -> None:
    assert worker_count(replace(options, workers=7)) == 7


@pytest.mark.parametrize("driver", ["sqlite", "postgresql"])
def test_four_at_most_by_themselves(options: Options, large_machine: None, driver: str) -> None:
    assert worker_count(replace(options, db_driver=driver)) == 4


@pytest.mark.parametrize(("processors", "workers"), [(1, 1), (2, 2), (3, 3)])
def test_one_for_each_processor(
    options: Options,
    large_machine: None,
    monkeypatch: pytest.MonkeyPatch,
    processors: int,
    workers: int,
) -> None:
    monkeypatch.setattr(plan, "_processors", lambda: processors)
    assert worker_count(options) == workers


@pytest.mark.parametrize(("shares", "workers"), [(0, 1), (1, 1), (2, 2), (9, 4)])
def test_fewer_where_memory_is_short(
    options: Options,
    large_machine: None,
    monkeypatch: pytest.MonkeyPatch,
    shares: int,
    workers: int,
) -> None:
    monkeypatch.setattr(plan, "_memory_bytes", lambda: shares * MEMORY_FOR_EACH_BYTES + 1000)
    assert worker_count(options) == workers


def test_one_where_sqlite_is_not_safe_with_several(
    options: Options, large_machine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "is_safe_with_several", lambda: False)
    assert worker_count(options) == 1
    assert worker_count(replace(options, db_driver="postgresql")) == 4


def test_what_this_machine_has() -> None:
    assert plan._processors() >= 1
    assert plan._memory_bytes() > 1 << 20
