"""A real `pillarbox serve` in processes of its own, that tests may stop, kill and start again."""

import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from kit.accounts import PASSWORD
from kit.app import NO_NAMES
from kit.proxy import PROXY

USERS = ("alice@example.test", "bob@example.test")
LISTENERS = (
    "SMTP", "SUBMISSION", "SMTPS", "LMTP", "IMAP", "IMAPS", "POP3", "POP3S", "MANAGESIEVE",
    "HTTPS", "WEBCLIENT", "CALDAV",
)  # fmt: skip
START_S = 60.0
STOP_S = 30.0

_SOURCE = Path(__file__).resolve().parents[2] / "src"
# Below the ports that the system gives to clients: a server that is started again finds its own.
_PORTS = range(12_000, 32_000)


class LiveServer:
    """A server on free ports of 127.0.0.1 with users `USERS`, whose data lies in `folder`."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.data.mkdir(exist_ok=True)
        self.password = PASSWORD
        self._chosen = {**NO_NAMES, **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._known: set[int] = set()
        self._choose_ports()
        self._run("kit.accounts", str(self.data), *USERS)

    def port(self, listener: str) -> int:
        """The port of one of `LISTENERS`."""
        return self._ports[listener]

    def command(self, *arguments: str) -> str:
        """Run a command of pillarbox; gives its output."""
        return self._run("pillarbox", "--data", str(self.data), *arguments)

    def queued(self) -> dict[str, int]:
        """How many recipients in the queue have each status."""
        found: dict[str, int] = json.loads(self._run("kit.queued", str(self.data)))
        return found

    def traced(self) -> dict[str, list[str]]:
        """Where each traced message went, for each of its recipients, by the trace's id."""
        found: dict[str, list[str]] = json.loads(self._run("kit.traced", str(self.data)))
        return found

    def start(self) -> None:
        """Start the server; returns when every worker accepts connections."""
        for attempt in range(4):
            if self._started():
                return
            assert "Can't listen" in self.log(), self.log()
            if attempt:
                self._choose_ports()
        raise AssertionError(self.log())

    def stop(self) -> int:
        """Ask the server to stop; gives its exit status."""
        process = self._process
        assert process is not None
        self.processes()
        process.send_signal(signal.SIGTERM)
        status = process.wait(STOP_S)
        self._forget()
        return status

    def end(self) -> None:
        """Leave no process behind, whatever state they are in."""
        if self._process is None:
            return
        self.processes()
        for pid in tuple(self._known):
            kill(pid)
        self._process.wait(STOP_S)
        self.wait_ended()
        self._forget()

    def supervisor(self) -> int:
        """The id of the first process."""
        assert self._process is not None
        return self._process.pid

    def workers(self) -> list[int]:
        """The ids of the workers that run now."""
        pid = self.supervisor()
        try:
            text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        except OSError:
            return []
        found = [int(child) for child in text.split()]
        self._known.update(found)
        return found

    def processes(self) -> list[int]:
        """The ids of all processes of the server."""
        return [self.supervisor(), *self.workers()]

    def wait_ended(self) -> None:
        """Wait until no process that was seen is left."""
        until_s = time.monotonic() + STOP_S
        for pid in tuple(self._known):
            while is_running(pid):
                assert time.monotonic() < until_s, f"process {pid} does not end"
                time.sleep(0.01)

    def reap(self) -> None:
        """Wait for the end of a server whose supervisor was killed, and of its workers."""
        assert self._process is not None
        self._process.wait(STOP_S)
        self.wait_ended()
        self._forget()

    def log(self) -> str:
        """Everything the server has written."""
        path = self.folder / "output"
        return path.read_text(errors="replace") if path.exists() else ""

    def _started(self) -> bool:
        assert self._process is None
        with (self.folder / "output").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-OO", "-m", "pillarbox", "--data", str(self.data), "serve"],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        self._process = process
        self._known.add(process.pid)
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], START_S)
        line = process.stdout.readline() if ready else b""
        if b"ready" in line:
            process.stdout.close()
            self.processes()
            return True
        process.stdout.close()
        self.end()
        return False

    def _forget(self) -> None:
        self._process = None
        self._known.clear()

    def _choose_ports(self) -> None:
        self._ports = dict(zip(LISTENERS, free_ports(len(LISTENERS)), strict=True))

    def _run(self, module: str, *arguments: str) -> str:
        command = [sys.executable, "-OO", "-m", module, *arguments]
        done = subprocess.run(command, env=self._environment(), capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def _environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if "PILLARBOX" not in key}
        settings = {f"{name}_PORT": str(port) for name, port in self._ports.items()}
        settings |= {f"{name}_IFACE": "127.0.0.1" for name in LISTENERS}
        settings |= {
            "HOSTNAME": "mx.example.test",
            "WORKERS": "1",
            "LMTP_ENABLED": "true",
            "POP3_ENABLED": "true",
            "POP3S_ENABLED": "true",
            "TRUSTED_NETWORKS": "127.0.0.0/8",
            "PROXY_PROTOCOL_FROM": PROXY,
            "SMTP_GREETING_PAUSE": "0",
        }
        settings |= self._chosen
        path = os.pathsep.join((str(_SOURCE), str(_SOURCE.parent / "tests")))
        kept |= {"PYTHONPATH": path, "PYTHONWARNINGS": "default"}
        return kept | {f"PILLARBOX_{key}": value for key, value in settings.items()}


@contextmanager
def live_server(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[LiveServer]:
    """A server that runs for as long as the block lasts."""
    server = LiveServer(folder, settings)
    try:
        server.start()
        yield server
    finally:
        server.end()


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on now."""
    found: list[int] = []
    while len(found) < count:
        number = random.SystemRandom().choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", number))
            except OSError:
                continue
        if number not in found:
            found.append(number)
    return found


def kill(pid: int) -> None:
    """Kill a process at once, if it still runs."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def is_running(pid: int) -> bool:
    """Whether there is such a process, other than one that ended and was not waited for."""
    try:
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2]
    except OSError:
        return False
    return not state.startswith(b"Z")
