"""Other people's servers, as processes of a test."""

import os
import socket
import subprocess
import time
from pathlib import Path

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
START_S = 30.0


def start(*command: str, log: Path | None = None) -> subprocess.Popen[bytes]:
    """Start a program; what it prints goes to the log, if there is one."""
    with open(log or os.devnull, "ab") as output:
        return subprocess.Popen(
            command,
            env=dict(os.environ, PATH=PATH),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )


def wait_for_port(
    process: subprocess.Popen[bytes],
    ip: str,
    port: int,
    greeting: bytes = b"",
    log: Path | None = None,
) -> None:
    """Wait until a program accepts connections, and says `greeting`, the first of its words.

    Fails with the log where it ends before, or takes more than `START_S`.
    """
    until_s = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < until_s:
        try:
            with socket.create_connection((ip, port), timeout=START_S) as client:
                if client.recv(len(greeting)) == greeting:
                    return
        except OSError:
            pass
        time.sleep(0.02)
    said = log.read_text(errors="replace") if log is not None and log.exists() else ""
    raise AssertionError(f"{process.args!r} does not answer at {ip}:{port}\n{said}")
