"""Start a server script of `servers/`, learn where it listens, run loads against it, stop it."""

from __future__ import annotations

import json
import select
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
# Idle connections are spread over them.
ACCOUNTS = 8
START_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 60.0
LOAD_TIMEOUT_S = 1200.0


class LaunchFailed(Exception):
    """A server did not start, or a load failed; the text says which."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to run one server: its name in the tables and the script with its arguments."""

    name: str
    script: str
    arguments: tuple[str, ...]

    @property
    def checked(self) -> Variant:
        """The same with all checks of mail that comes in: the peer's by rspamd."""
        return replace(self, arguments=(*self.arguments, "--checks"))

    @property
    def is_peer(self) -> bool:
        return self.script != "pillarbox"


def peer(store: str, fsync: str = "optimized") -> Variant:
    arguments = ("--store", store, "--fsync", fsync)
    return Variant(f"postfix+dovecot/{store}", "postfix_dovecot", arguments)


def dav_peers(sizes: str) -> list[Variant]:
    """Servers of calendars; `sizes` are those of the calendars they start with where they can."""
    filled = ("--filled", sizes)
    return [
        Variant("radicale", "radicale", filled),
        Variant("xandikos", "xandikos", filled),
        Variant("cyrus", "cyrus_dav", filled),
    ]


def pillarbox(workers: int) -> Variant:
    return Variant(f"pillarbox/w{workers}", "pillarbox", ("--workers", str(workers)))


@contextmanager
def running(variant: Variant) -> Iterator[dict[str, Any]]:
    """Start the variant with fresh data; give what its script printed; stop it at the end."""
    script = HERE / "servers" / f"{variant.script}.py"
    process = subprocess.Popen(
        [sys.executable, str(script), "--accounts", str(ACCOUNTS), *variant.arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    if process.stdin is None or process.stdout is None:
        raise LaunchFailed("no pipes")
    try:
        ready, _, _ = select.select([process.stdout], [], [], START_TIMEOUT_S)
        line = process.stdout.readline() if ready else b""
        if not line:
            raise LaunchFailed(f"{variant.name} did not start")
        yield json.loads(line)
    finally:
        # The script stops its servers when its standard input closes.
        process.stdin.close()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.terminate()
            process.wait(STOP_TIMEOUT_S)
        process.stdout.close()


def run_load(load: str, at: dict[str, Any], arguments: tuple[str, ...]) -> list[dict[str, Any]]:
    """Run one load as its own process against a running server; give its metrics."""
    command = [sys.executable, str(HERE / f"{load}.py"), "--host", at["host"]]
    command += ["--port", str(at["smtp_port"]), "--imap-port", str(at["imap_port"])]
    command += ["--password", at["password"], "--data", at["data"]]
    command += ["--submission-port", str(at["submission_port"])]
    command += ["--sink-port", str(at["sink_port"]), "--names-port", str(at["names_port"])]
    command += ["--http-port", str(at["http_port"]), "--dav-home", at["dav_home"]]
    for user in at["users"]:
        command += ["--rcpt", user]
    for pid in at["pids"]:
        command += ["--pid", str(pid)]
    try:
        done = subprocess.run(
            [*command, *arguments], stdout=subprocess.PIPE, timeout=LOAD_TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        raise LaunchFailed(f"{load} took more than {LOAD_TIMEOUT_S} s") from None
    if done.returncode:
        raise LaunchFailed(f"{load} ended with {done.returncode}")
    metrics: list[dict[str, Any]] = json.loads(done.stdout)["metrics"]
    return metrics
