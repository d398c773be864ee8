"""What the DAV peers from PyPI share: an environment of the bench's own, pinned, and waiting.

python bench/servers/dav_peers.py     # makes the environment (.venv-bench)
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from foreground import STARTUP_TIMEOUT_S, Running, listens

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).resolve().parent
ENVIRONMENT = HERE.parents[1] / ".venv-bench"
PACKAGES = HERE / "dav_peers.txt"
USER = "bench0"
"""One user; Radicale and Xandikos have no domains."""

sys.path.insert(0, str(HERE.parent))


def program(name: str) -> Path:
    return ENVIRONMENT / "bin" / name


def make_environment() -> None:
    """Make the environment, or bring it up to what is pinned."""
    if not program("python").exists():
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
    command = [str(program("python")), "-m", "pip", "install", "-q", "-r", str(PACKAGES)]
    subprocess.run(command, check=True, stdout=sys.stderr)


def require(name: str) -> None:
    if not program(name).exists():
        raise SystemExit(f"{name} is missing (python bench/servers/dav_peers.py)")


def version_of(package: str) -> str:
    for line in PACKAGES.read_text().splitlines():
        found, _, version = line.partition("==")
        if found.lower() == package:
            return f"{package} {version}"
    return package


def started(
    command: list[str], folder: Path, name: str, port: int, home: str, package: str,
    processes: list[subprocess.Popen[bytes]],
) -> Running:  # fmt: skip
    """Start a server, wait until it listens, and say where it is."""
    begun = time.perf_counter()
    with (folder / "output.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,
        )
    processes.append(process)
    wait_until(lambda: listens(port), process, folder)
    return dav_running(name, version_of(package), port, home, USER, processes, folder, begun)


def dav_running(
    name: str, version: str, port: int, home: str, user: str,
    processes: list[subprocess.Popen[bytes]], folder: Path, begun: float,
) -> Running:  # fmt: skip
    """What a load needs to know of a server that has no mail."""
    from foreground import PASSWORD

    return Running(
        name=name,
        version=version,
        host="127.0.0.1",
        smtp_port=0,
        imap_port=0,
        users=[user],
        password=PASSWORD,
        pids=[process.pid for process in processes],
        startup_s=round(time.perf_counter() - begun, 4),
        data=str(folder),
        http_port=port,
        dav_home=home,
    )


def wait_until(holds: Callable[[], bool], process: subprocess.Popen[bytes], folder: Path) -> None:
    end = time.monotonic() + STARTUP_TIMEOUT_S
    while not holds():
        if process.poll() is not None or time.monotonic() > end:
            tail = (folder / "output.log").read_text(errors="replace")[-3000:]
            raise SystemExit(f"it does not listen\n{tail}")
        time.sleep(0.01)


if __name__ == "__main__":
    make_environment()
