"""The supervisor: a small process that forks workers, restarts those that crash, and ends them.

It opens neither database nor event loop and has no threads, so forking is safe at any time. The
sockets were bound before; a worker that restarts finds its queue of connections as it was.
`app/serving` starts it in an interpreter of its own; what a worker does is `app/worker`.

What is imported here stays in memory as long as the server runs, hence plain classes and few
modules.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import time

from pillarbox.base.log_target import LogTarget

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn, TypeAlias

    Work: TypeAlias = "Callable[[Station], int]"

FIRST_DELAY_S = 1.0
MAX_DELAY_S = 30.0
STEADY_AFTER_S = 60.0
GIVE_UP = 78
"""A worker's exit status that says: starting it again can't help (wrong configuration)."""

_HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


class Station:
    """What a worker gets from its supervisor.

    `alive` becomes readable when the supervisor is gone; a byte into `ready` says that the worker
    accepts connections.
    """

    __slots__ = ("alive", "index", "ready")

    def __init__(self, index: int, ready: int, alive: int) -> None:
        self.index = index
        self.ready = ready
        self.alive = alive


class _Worker:
    __slots__ = ("delay_s", "index", "pid", "ready", "start_at_s", "started_s")

    def __init__(self, index: int) -> None:
        self.index = index
        self.pid = 0
        self.started_s = 0.0
        self.delay_s = 0.0  # the first crash is mended at once: its port waits
        self.start_at_s: float | None = 0.0
        self.ready = False


class Supervisor:
    """Runs `work` in as many processes as asked for, until it is told to stop.

    `on_ready` is called once, when every worker accepts connections; `on_reload` at each SIGHUP,
    before it is passed on. Workers get `shutdown_timeout_s` to end what they are at.
    """

    def __init__(
        self,
        work: Work,
        log: LogTarget,
        *,
        workers: int = 1,
        shutdown_timeout_s: float = 10.0,
        on_ready: Callable[[], None],
        on_reload: Callable[[], None],
    ) -> None:
        self._work = work
        self._log = log
        self._late_s = shutdown_timeout_s + 2.0
        self._on_ready = on_ready
        self._on_reload = on_reload
        self._workers = [_Worker(index) for index in range(workers)]
        self._stopping_at_s: float | None = None
        self._status = 0

    def run(self) -> int:
        """Start the workers and stay until they have all ended; gives the exit status."""
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
                self._on_ready()
            self._kill_late()

    def _on_signal(self, number: int) -> None:
        if number in (signal.SIGTERM, signal.SIGINT):
            self._stop()
        elif number == signal.SIGHUP and self._stopping_at_s is None:
            self._on_reload()
            self._signal_all(signal.SIGHUP)

    def _stop(self) -> None:
        if self._stopping_at_s is not None:
            return
        self._stopping_at_s = time.monotonic()
        self._log.say("info", "supervisor", "stopping")
        self._signal_all(signal.SIGTERM)

    def _signal_all(self, number: signal.Signals) -> None:
        for worker in self._workers:
            if worker.pid:
                os.kill(worker.pid, number)  # not reaped yet, so the id is still its own

    def _kill_late(self) -> None:
        # Workers cut their connections off in time; this is for those that hang.
        stopping_at_s = self._stopping_at_s
        if stopping_at_s is not None and time.monotonic() > stopping_at_s + self._late_s:
            self._signal_all(signal.SIGKILL)

    def _pause_s(self) -> float | None:
        now_s = time.monotonic()
        if self._stopping_at_s is not None:
            return max(0.1, self._stopping_at_s + self._late_s - now_s + 0.01)
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
                worker.pid = _fork(self._work, mine, ours, self._log)

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
            self._log.say("error", "supervisor", "a worker can't start", worker=worker.index)
            self._status = 1
            self._stop()
            return
        now_s = time.monotonic()
        if now_s - worker.started_s >= STEADY_AFTER_S:
            worker.delay_s = 0.0
        worker.start_at_s = now_s + worker.delay_s
        self._log.say(
            "error",
            "supervisor",
            "a worker ended unasked and is started again",
            worker=worker.index,
            exit_code=code,
            delay_s=worker.delay_s,
        )
        worker.delay_s = min(max(worker.delay_s * 2, FIRST_DELAY_S), MAX_DELAY_S)


def run_in_child(work: Callable[[], None]) -> int:
    """Start `work` in a forked process; gives its id for `wait_for_child`."""

    def run(station: Station) -> int:
        work()
        return 0

    return _fork(run, Station(0, -1, -1), (), LogTarget(None))


def wait_for_child(pid: int) -> int:
    """The exit status of a process `run_in_child` started, once it has ended."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _fork(work: Work, station: Station, close: tuple[int, ...], log: LogTarget) -> int:
    # No signal may be handled between the fork and the child's own dispositions.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)
    try:
        pid = os.fork()
        if pid == 0:
            _child(work, station, close, mask, log)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return pid


def _child(
    work: Work,
    station: Station,
    close: tuple[int, ...],
    mask: set[int | signal.Signals],
    log: LogTarget,
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
        import traceback

        trace = traceback.format_exc()
        log.say("error", "worker", "a worker failed", worker=station.index, exception=trace)
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
