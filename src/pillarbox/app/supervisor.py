"""The supervisor: a small process that forks workers, restarts those that crash, and ends them.

It opens neither database nor event loop and has no threads, so forking is safe at any time. The
sockets were bound before; a worker that restarts finds its queue of connections as it was. Called
by `app/cli/serve`; what a worker does is `app/worker`.
"""

import gc
import os
import select
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NoReturn

from pillarbox.base.log import logger

FIRST_DELAY_S = 1.0
MAX_DELAY_S = 30.0
STEADY_AFTER_S = 60.0
GIVE_UP = 78
"""A worker's exit status that says: starting it again can't help (wrong configuration)."""

_HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)

_log = logger("supervisor")


@dataclass(frozen=True, slots=True)
class Station:
    """What a worker gets from its supervisor.

    `alive` becomes readable when the supervisor is gone; a byte into `ready` says that the worker
    accepts connections.
    """

    index: int
    ready: int
    alive: int


Work = Callable[[Station], int]


@dataclass(slots=True)
class _Worker:
    index: int
    pid: int = 0
    started_s: float = 0.0
    delay_s: float = FIRST_DELAY_S
    start_at_s: float | None = 0.0
    ready: bool = False


@dataclass(frozen=True, slots=True)
class SupervisorOptions:
    """How many workers, and how long they may take to end what they are at."""

    workers: int = 1
    shutdown_timeout_s: float = 10.0


@dataclass(slots=True)
class Supervisor:
    """Runs `work` in as many processes as asked for, until it is told to stop.

    `on_ready` is called once, when every worker accepts connections; `on_reload` at each SIGHUP,
    before it is passed on.
    """

    options: SupervisorOptions
    work: Work
    on_ready: Callable[[], None]
    on_reload: Callable[[], None]
    _workers: list[_Worker] = field(init=False)
    _stopping_at_s: float | None = field(default=None, init=False)
    _status: int = field(default=0, init=False)

    def run(self) -> int:
        """Start the workers and stay until they have all ended; gives the exit status."""
        self._workers = [_Worker(index) for index in range(self.options.workers)]
        wake_in, wake_out = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        ready_in, ready_out = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        alive_in, alive_out = os.pipe2(os.O_CLOEXEC)
        before = {number: signal.getsignal(number) for number in _HANDLED}
        old_wake = signal.set_wakeup_fd(wake_out, warn_on_full_buffer=False)
        for number in _HANDLED:
            signal.signal(number, _nothing)
        gc.collect()
        gc.freeze()  # what is there now stays shared between the processes
        ours = (wake_in, wake_out, ready_in, alive_out)
        try:
            self._watch(wake_in, ready_in, Station(0, ready_out, alive_in), ours)
        finally:
            signal.set_wakeup_fd(old_wake)
            for number, handler in before.items():
                signal.signal(number, handler)
            for descriptor in (wake_in, wake_out, ready_in, ready_out, alive_in, alive_out):
                os.close(descriptor)
            gc.unfreeze()
        return self._status

    def _watch(self, wake: int, ready: int, station: Station, ours: tuple[int, ...]) -> None:
        announced = False
        while True:
            self._start_due(station, ours)
            if not any(worker.pid for worker in self._workers) and self._stopping_at_s is not None:
                return
            select.select([wake, ready], [], [], self._pause_s())
            for number in _drained(wake):
                self._on_signal(number)
            for index in _drained(ready):
                self._workers[index].ready = True
            self._reap()
            if not announced and all(worker.ready for worker in self._workers):
                announced = True
                self.on_ready()
            self._kill_late()

    def _on_signal(self, number: int) -> None:
        if number in (signal.SIGTERM, signal.SIGINT):
            self._stop()
        elif number == signal.SIGHUP and self._stopping_at_s is None:
            self.on_reload()
            self._signal_all(signal.SIGHUP)

    def _stop(self) -> None:
        if self._stopping_at_s is not None:
            return
        self._stopping_at_s = time.monotonic()
        _log.info("stopping")
        self._signal_all(signal.SIGTERM)

    def _signal_all(self, number: signal.Signals) -> None:
        for worker in self._workers:
            if worker.pid:
                with suppress(ProcessLookupError):
                    os.kill(worker.pid, number)

    def _kill_late(self) -> None:
        # Workers cut their connections off in time; this is for those that hang.
        late_s = self.options.shutdown_timeout_s + 2.0
        if self._stopping_at_s is not None and time.monotonic() > self._stopping_at_s + late_s:
            self._signal_all(signal.SIGKILL)

    def _pause_s(self) -> float | None:
        now_s = time.monotonic()
        if self._stopping_at_s is not None:
            late_s = self._stopping_at_s + self.options.shutdown_timeout_s + 2.0
            return max(0.1, late_s - now_s + 0.01)
        due = [worker.start_at_s for worker in self._workers if worker.start_at_s is not None]
        return max(0.0, min(due) - now_s) if due else None

    def _start_due(self, station: Station, ours: tuple[int, ...]) -> None:
        if self._stopping_at_s is not None:
            return
        now_s = time.monotonic()
        for worker in self._workers:
            if worker.start_at_s is not None and worker.start_at_s <= now_s:
                worker.start_at_s = None
                worker.started_s = now_s
                worker.ready = False
                mine = Station(worker.index, station.ready, station.alive)
                worker.pid = _fork(self.work, mine, ours)

    def _reap(self) -> None:
        for worker in self._workers:
            if not worker.pid:
                continue
            pid, status = os.waitpid(worker.pid, os.WNOHANG)
            if pid:
                worker.pid = 0
                self._ended(worker, os.waitstatus_to_exitcode(status))

    def _ended(self, worker: _Worker, code: int) -> None:
        if self._stopping_at_s is not None:
            return
        if code == GIVE_UP:
            _log.error("a worker can't start", worker=worker.index)
            self._status = 1
            self._stop()
            return
        now_s = time.monotonic()
        if now_s - worker.started_s >= STEADY_AFTER_S:
            worker.delay_s = FIRST_DELAY_S
        worker.start_at_s = now_s + worker.delay_s
        _log.error(
            "a worker ended unasked and is started again",
            worker=worker.index,
            exit_code=code,
            delay_s=worker.delay_s,
        )
        worker.delay_s = min(worker.delay_s * 2, MAX_DELAY_S)


def run_in_child(work: Callable[[], None]) -> int:
    """Start `work` in a forked process; gives its id for `wait_for_child`."""

    def run(station: Station) -> int:
        work()
        return 0

    return _fork(run, Station(0, -1, -1), ())


def wait_for_child(pid: int) -> int:
    """The exit status of a process `run_in_child` started, once it has ended."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _fork(work: Work, station: Station, close: tuple[int, ...]) -> int:
    # No signal may be handled between the fork and the child's own dispositions.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)
    try:
        pid = os.fork()
        if pid == 0:
            _child(work, station, close, mask)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return pid


def _child(
    work: Work, station: Station, close: tuple[int, ...], mask: set[int | signal.Signals]
) -> NoReturn:
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in _HANDLED:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to us all
        for descriptor in close:
            os.close(descriptor)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        status = work(station)
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    except BaseException:
        _log.exception("a worker failed", worker=station.index)
    finally:
        # Neither the exit handlers nor the buffers of the parent are ours.
        os._exit(status)


def _nothing(number: int, frame: object) -> None:
    return


def _drained(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except BlockingIOError:
        return b""
