"""The supervisor with workers of a few lines: start, restart, stop, reload."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pillarbox.app import ports
from pillarbox.app.supervisor import (
    GIVE_UP,
    Station,
    Supervisor,
    run_in_child,
    wait_for_child,
)
from pillarbox.base.log_target import LogTarget


class Journal:
    """A file to which every process appends words."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.touch()

    def note(self, word: str) -> None:
        with self._path.open("a") as file:
            file.write(word + "\n")

    def words(self) -> list[str]:
        return self._path.read_text().split()

    def wait_for(self, word: str, count: int = 1) -> None:
        for _ in range(1000):
            if self.words().count(word) >= count:
                return
            time.sleep(0.005)
        raise TimeoutError(f"{word} in {self.words()}")


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal")


def supervised(
    journal: Journal,
    work: Callable[[Station], int],
    meanwhile: Callable[[], None],
    *,
    workers: int = 1,
    shutdown_timeout_s: float = 10.0,
) -> int:
    """Run a supervisor in a child, since signals are for main threads; gives its exit status."""

    def run() -> None:
        supervisor = Supervisor(
            work,
            LogTarget(None),
            workers=workers,
            shutdown_timeout_s=shutdown_timeout_s,
            on_ready=lambda: journal.note("ready"),
            on_reload=lambda: journal.note("reload"),
        )
        os._exit(supervisor.run())

    pid = run_in_child(run)
    watch = threading.Timer(20, os.kill, (pid, signal.SIGKILL))
    watch.start()
    try:
        journal.note(f"supervisor={pid}")
        meanwhile()
    finally:
        watch.cancel()
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
    return wait_for_child(pid)


def supervisor_pid(journal: Journal) -> int:
    return next(int(w.split("=")[1]) for w in journal.words() if w.startswith("supervisor="))


def patient(journal: Journal) -> Callable[[Station], int]:
    """A worker that says it is ready and then waits for a signal."""

    def work(station: Station) -> int:
        for number, word in ((signal.SIGTERM, "term"), (signal.SIGHUP, "hup")):
            signal.signal(number, lambda *_, word=word: journal.note(word))
        journal.note(f"worker-{station.index}={os.getpid()}")
        os.write(station.ready, bytes([station.index]))
        while "term" not in journal.words():
            time.sleep(0.005)
        return 0

    return work


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_starts_workers_and_stops_them(journal: Journal, workers: int) -> None:
    status = supervised(
        journal,
        patient(journal),
        lambda: journal.wait_for("ready"),
        workers=workers,
    )
    assert status == 0
    started = {w.split("=")[0] for w in journal.words() if w.startswith("worker-")}
    assert started == {f"worker-{index}" for index in range(workers)}


def test_hangup_is_passed_on(journal: Journal) -> None:
    def meanwhile() -> None:
        journal.wait_for("ready")
        os.kill(supervisor_pid(journal), signal.SIGHUP)
        journal.wait_for("hup", 2)

    assert supervised(journal, patient(journal), meanwhile, workers=2) == 0
    assert journal.words().count("reload") == 1


def test_killed_worker_is_started_again(journal: Journal) -> None:
    def meanwhile() -> None:
        journal.wait_for("ready")
        pid = next(int(w.split("=")[1]) for w in journal.words() if w.startswith("worker-0="))
        os.kill(pid, signal.SIGKILL)
        for _ in range(1000):
            if sum(w.startswith("worker-0=") for w in journal.words()) == 2:
                return
            time.sleep(0.005)
        raise TimeoutError

    assert supervised(journal, patient(journal), meanwhile, workers=2) == 0
    assert sum(w.startswith("worker-1=") for w in journal.words()) == 1


def test_hopeless_worker_ends_it_all(journal: Journal) -> None:
    def work(station: Station) -> int:
        journal.note("tried")
        return GIVE_UP

    def meanwhile() -> None:
        journal.wait_for("tried")
        time.sleep(0.3)

    assert supervised(journal, work, meanwhile) == 1
    assert journal.words().count("tried") == 1


def test_worker_that_ignores_the_end_is_killed(journal: Journal) -> None:
    def work(station: Station) -> int:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.write(station.ready, bytes([station.index]))
        time.sleep(60)
        return 0

    before = time.monotonic()
    status = supervised(journal, work, lambda: journal.wait_for("ready"), shutdown_timeout_s=0.1)
    assert status == 0
    assert time.monotonic() - before < 10


def test_worker_notices_that_the_supervisor_is_gone(journal: Journal) -> None:
    def work(station: Station) -> int:
        os.write(station.ready, bytes([station.index]))
        os.read(station.alive, 1)
        journal.note("orphaned")
        return 0

    def meanwhile() -> None:
        journal.wait_for("ready")
        os.kill(supervisor_pid(journal), signal.SIGKILL)
        journal.wait_for("orphaned")

    assert supervised(journal, work, meanwhile) == -signal.SIGKILL


def test_child_reports_its_failure() -> None:
    def fail() -> None:
        raise SystemExit(3)

    assert wait_for_child(run_in_child(fail)) == 3
    assert wait_for_child(run_in_child(lambda: None)) == 0


def test_taken_port_is_explained() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = ports.Port("SMTP", "SMTP", taken.getsockname()[1], ("127.0.0.1",))
        for workers in (1, 2):
            with pytest.raises(ports.PortError, match=r"another program uses it.*SMTP_PORT"):
                ports.bind_all((port,), workers)


@pytest.mark.parametrize(
    ("code", "says"), [(13, "CAP_NET_BIND_SERVICE"), (99, "IMAP_IFACE"), (5, "IMAP_PORT")]
)
def test_other_failures_are_explained(code: int, says: str) -> None:
    text = ports.explain(ports.Port("IMAP", "IMAP", 143), 143, "192.0.2.1", OSError(code, ""))
    assert says in text
    assert "143 of 192.0.2.1" in text


@pytest.mark.parametrize("workers", [1, 3])
def test_every_worker_gets_every_address(workers: int) -> None:
    bound = ports.bind(ports.Port("SMTP", "SMTP", 0, ("127.0.0.1", "::1")), workers)
    try:
        assert len(bound.by_worker) == workers
        numbers = {s.getsockname()[1] for sockets in bound.by_worker for s in sockets}
        assert numbers == {bound.number}
    finally:
        bound.close()
