"""rspamd as Postfix's milter, with Debian's configuration as far as it needs no internet.

Turned off, since they ask servers of rspamd's makers or load lists from them: fuzzy_check, asn,
phishing, maps_cache and everything else that `OFF` names. Not turned off: SPF, DKIM, ARC, DMARC,
the block lists of its rbl module (all of them; they have nobody), headers, MIME types, regular
expressions, composites. With Redis, if that is installed, also Bayes (which has learnt nothing),
replies and reputation; greylisting and limits of rates are off, as with pillarbox.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from foreground import free_port, listens, start_names  # noqa: E402
from proctree import cpu_s, snapshot  # noqa: E402

CONFIGURATION = "/etc/rspamd/rspamd.conf"
START_S = 120.0
# At first it compiles its regular expressions; until they are, mail would pay for that.
QUIET_S = 3.0
QUIET_SHARE = 0.1
OFF = ("fuzzy_check", "asn", "phishing", "greylist", "ratelimit", "dkim_signing", "arc_signing")

OPTIONS = """\
dns {{ nameserver = ["127.0.0.1:{names_port}"]; }}
control_socket = "{folder}/rspamd.sock mode=0600";
"""
# As many as there are processors: a proxy worker that scans by itself is one process.
PROXY = """\
bind_socket = "127.0.0.1:{milter_port}";
count = {count};
upstream "local" {{ default = yes; self_scan = yes; }}
"""
UNUSED = "enabled = false;\n"
# The same that pillarbox writes.
HEADERS = 'use = ["authentication-results", "x-spamd-result"];\nskip_local = false;\n'


class Rspamd:
    """rspamd, its name server and Redis; `start` gives their processes."""

    def __init__(self, folder: Path, count: int = 2) -> None:
        self.folder = folder
        self.milter_port = free_port()
        self.names_port = 0
        self.pids: list[int] = []
        self._count = count
        self._redis = shutil.which("redis-server")

    @property
    def version(self) -> str:
        """What runs, behind the names of the others."""
        told = subprocess.run(["rspamd", "--version"], capture_output=True, text=True, timeout=10)
        redis = "Redis" if self._redis else "no Redis"
        return f", {' '.join(told.stdout.split()[:4])} ({redis})"

    def start(self, log: IO[bytes]) -> list[subprocess.Popen[bytes]]:
        """Start them; mail is scanned when this returns."""
        names, self.names_port = start_names(self.folder)
        servers = []
        redis_port = 0
        if self._redis:
            redis_port = free_port()
            bound = ("--bind", "127.0.0.1", "--port", str(redis_port), "--save", "")
            command = [self._redis, *bound, "--dir", str(self.folder)]
            servers.append(subprocess.Popen(command, stdout=log, stderr=log))
        self._write(redis_port)
        folders = [
            f"--var={name}={self.folder / 'rspamd'}" for name in ("DBDIR", "RUNDIR", "LOGDIR")
        ]
        folders.append(f"--var=LOCAL_CONFDIR={self.folder / 'rspamd'}")
        rspamd = ["rspamd", "-f", "-i", "-u", "root", "-g", "root", "-c", CONFIGURATION, *folders]
        servers.append(
            subprocess.Popen(
                rspamd, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        )
        self.pids = [server.pid for server in servers]
        self._wait(servers[-1])
        return [names, *servers]

    def _write(self, redis_port: int) -> None:
        local = self.folder / "rspamd" / "local.d"
        local.mkdir(parents=True)
        made = {
            "options.inc": OPTIONS.format(names_port=self.names_port, folder=self.folder),
            "worker-proxy.inc": PROXY.format(milter_port=self.milter_port, count=self._count),
            "worker-normal.inc": UNUSED,
            "worker-controller.inc": UNUSED,
            "logging.inc": 'type = "console";\nlevel = "warning";\n',
            "milter_headers.conf": HEADERS,
            **{f"{name}.conf": UNUSED for name in OFF},
        }
        if redis_port:
            made["redis.conf"] = f'servers = "127.0.0.1:{redis_port}";\n'
        for name, text in made.items():
            (local / name).write_text(text)

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until it listens, and then until it rests."""
        end = time.monotonic() + START_S
        while not listens(self.milter_port):
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit("rspamd did not start")
            time.sleep(0.05)
        spent_s = QUIET_S
        while spent_s > QUIET_S * QUIET_SHARE and time.monotonic() < end:
            before = snapshot((process.pid,))
            time.sleep(QUIET_S)
            spent_s = cpu_s(before, snapshot((process.pid,)))
