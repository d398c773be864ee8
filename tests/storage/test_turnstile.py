"""Turns between processes."""

import multiprocessing
from pathlib import Path

from kit.storage_children import count_up, enter_and_stay, kill, start
from pillarbox.storage.turnstile import Turnstile


def test_one_process_at_a_time(tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")
    processes = [start(count_up, tmp_path / "lock", counter, 200) for _ in range(4)]
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    assert counter.read_text() == "800"


def test_killed_process_leaves_its_place(tmp_path: Path) -> None:
    here, there = multiprocessing.Pipe(duplex=False)
    process = start(enter_and_stay, tmp_path / "lock", there)
    assert here.recv() == "in"
    waiting = start(enter_and_stay, tmp_path / "lock", there)
    assert not here.poll(0.2)
    kill(process)
    assert here.poll(20)
    assert here.recv() == "in"
    kill(waiting)
    turnstile = Turnstile(tmp_path / "lock")
    with turnstile:
        pass
    turnstile.close()


def test_failure_inside_gives_the_place_back(tmp_path: Path) -> None:
    one, other = Turnstile(tmp_path / "lock"), Turnstile(tmp_path / "lock")
    try:
        with one:
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    with other:
        pass
    with one:
        pass
    one.close()
    other.close()
