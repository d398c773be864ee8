"""Log lines: one an event, no secrets, no forged lines, a file that can be moved away."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from pillarbox.base.log import LogOptions, configure, logger, open_target, session_id
from pillarbox.base.log_target import LogTarget


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Other tests log as they always did."""
    yield
    structlog.reset_defaults()


def set_up(path: Path, **options: str) -> LogTarget:
    chosen = LogOptions(path=path, **options)  # type: ignore[arg-type]
    target = open_target(chosen)
    configure(chosen, target)
    return target


def test_json_has_one_object_a_line(tmp_path: Path) -> None:
    path = tmp_path / "deeper" / "log"
    set_up(path, format="json")
    log = logger("smtp")
    token = session_id.set("abc")
    log.info("received", size_bytes=3, path=Path("x"))
    session_id.reset(token)
    log.error("failed")
    first, second = map(json.loads, path.read_text().splitlines())
    assert (first["event"], first["part"], first["session"]) == ("received", "smtp", "abc")
    assert (first["level"], first["size_bytes"]) == ("info", 3)
    assert "session" not in second


@pytest.mark.parametrize("form", ["json", "text"])
def test_secrets_are_masked(tmp_path: Path, form: str) -> None:
    set_up(tmp_path / "log", format=form)
    logger("login").info("tried", password="hunter2", token="t0k3n", user="ann")
    text = (tmp_path / "log").read_text()
    assert "hunter2" not in text
    assert "t0k3n" not in text
    assert "ann" in text


def test_values_can_not_forge_lines(tmp_path: Path) -> None:
    set_up(tmp_path / "log")
    logger("smtp").info("said", name="x\n2026-01-01T00:00:00Z info login ok user=admin")
    assert len((tmp_path / "log").read_text().splitlines()) == 1


def test_levels_below_are_left_out(tmp_path: Path) -> None:
    set_up(tmp_path / "log", level="warning")
    logger("smtp").info("quiet")
    logger("smtp").warning("loud")
    assert "quiet" not in (tmp_path / "log").read_text()


def test_exceptions_come_with_their_trace(tmp_path: Path) -> None:
    set_up(tmp_path / "log")
    try:
        raise ZeroDivisionError("oh")
    except ZeroDivisionError:
        logger("smtp").exception("failed")
    assert "ZeroDivisionError: oh" in (tmp_path / "log").read_text()


def test_moved_file_is_opened_anew(tmp_path: Path) -> None:
    path = tmp_path / "log"
    target = set_up(path)
    logger("smtp").info("first")
    path.rename(tmp_path / "log.1")
    target.reopen()
    logger("smtp").info("second")
    assert "first" in (tmp_path / "log.1").read_text()
    assert "second" in path.read_text()
    assert path.stat().st_mode & 0o007 == 0


def test_target_speaks_without_a_logger(tmp_path: Path) -> None:
    path = tmp_path / "log"
    LogTarget(os.fspath(path)).say("error", "supervisor", "a worker ended", exit_code=-9)
    assert path.read_text().endswith("supervisor a worker ended  exit_code=-9\n")
