"""What all server scripts share: options, waiting for greetings, serving until told to stop.

A script makes its data in a new folder, starts its processes in the foreground as its own
children, prints one line of JSON when all ports greet, and stops the children by their pids.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DOMAIN = "example.test"
PROXY = "127.0.0.2"
"""An address of this machine: what comes from it comes from a proxy, where mail is checked."""
NOTHING: Mapping[int, bytes] = MappingProxyType({})
PASSWORD = "bench-password"
STARTUP_TIMEOUT_S = 60
STOP_TIMEOUT_S = 20


@dataclass(frozen=True, slots=True)
class Running:
    """What a load needs to know of a started server; printed as JSON."""

    name: str
    version: str
    host: str
    smtp_port: int
    imap_port: int
    users: list[str]
    password: str
    pids: list[int]
    startup_s: float
    data: str
    submission_port: int = 0
    """Where mail for elsewhere is taken; it all goes to the sink."""
    sink_port: int = 0
    names_port: int = 0
    """Where it asks for names, if it checks mail; the senders' key is then in `data`."""
    http_port: int = 0
    dav_home: str = ""
    """The path of the first user's calendar home, if it has one; ends with a slash."""


class Server(Protocol):
    processes: list[subprocess.Popen[bytes]]

    def start(self) -> Running: ...

    def stop(self) -> None: ...


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that every server script takes."""
    parser.add_argument(
        "--sink-port", type=int, default=0, help="of loopback, for mail that leaves (0: a free one)"
    )
    parser.add_argument(
        "--checks", action="store_true", help="check mail that comes in; clients come by a proxy"
    )
    parser.add_argument("--accounts", type=int, default=20)
    parser.add_argument("--dir", type=Path, default=Path("/var/tmp"), help="where data is put")
    parser.add_argument("--keep", action="store_true", help="keep the folder with data and logs")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def greets(port: int, prefix: bytes, opening: bytes = b"") -> bool:
    """Say whether a greeting with this prefix can be read from the port now."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(opening)
            return connection.recv(512).startswith(prefix)
    except OSError:
        return False


def listens(port: int) -> bool:
    """Say whether somebody takes connections there."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            return True
    except OSError:
        return False


def start_names(folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    """Start the name server of `names`; it ends when its standard input is closed."""
    port = free_port()
    script = Path(__file__).resolve().parent / "names.py"
    command = [sys.executable, str(script), "--port", str(port), "--folder", str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    if process.stdout is None or not process.stdout.readline():
        raise SystemExit("the name server did not start")
    return process, port


def wait_for_greetings(
    ports: dict[int, bytes],
    processes: list[subprocess.Popen[bytes]],
    openings: Mapping[int, bytes] = NOTHING,
) -> None:
    """Wait until each port greets; to some of them a proxy has to say something first."""
    end = time.monotonic() + STARTUP_TIMEOUT_S
    waiting = dict(ports)
    while waiting:
        for process in processes:
            if process.poll() is not None:
                raise SystemExit(f"{process.args!r} ended with {process.returncode}")
        if time.monotonic() > end:
            raise SystemExit(f"no greeting on {sorted(waiting)}")
        for port, prefix in list(waiting.items()):
            if greets(port, prefix, openings.get(port, b"")):
                del waiting[port]
        time.sleep(0.005)


def stop_all(processes: list[subprocess.Popen[bytes]]) -> None:
    """Tell each process to end, wait, and kill what does not."""
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    for process in processes:
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_TIMEOUT_S)
    for process in processes:
        await_group(process.pid)
    processes.clear()


def await_group(group: int) -> None:
    """Wait for what the process left in its group, such as sessions, and kill it at last."""
    end = time.monotonic() + STOP_TIMEOUT_S
    with suppress(ProcessLookupError):
        while time.monotonic() < end:
            os.killpg(group, 0)
            time.sleep(0.05)
        os.killpg(group, signal.SIGKILL)


def serve_until_told(server: Server) -> None:
    """Print where the server is; return when standard input closes or a signal asks to stop."""

    def ask_to_stop(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, ask_to_stop)
    try:
        print(json.dumps(asdict(server.start())), flush=True)
        while True:
            ready, _, _ = select.select([sys.stdin], [], [], 1.0)
            if ready and not os.read(sys.stdin.fileno(), 4096):
                return
            if any(process.poll() is not None for process in server.processes):
                raise SystemExit("a server ended by itself; --keep leaves its logs")
    except KeyboardInterrupt:
        return
    finally:
        server.stop()


def serve_in_folder(options: argparse.Namespace, make: Callable[[Path], Server]) -> None:
    """Make the server in a new folder, serve, and remove the folder unless it is to be kept."""
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=options.dir))
    try:
        serve_until_told(make(folder))
    finally:
        if options.keep:
            print(f"kept {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)
