"""Run pillarbox from this working tree on private ports with temporary data, and stop it again.

Settings are those of a durable installation. Everything assumed about the command line and the
names of settings stands in this file.

    python bench/servers/pillarbox.py --workers 2

prints one line of JSON (ports, accounts, pids, start-up time) when both ports greet, and serves
until standard input closes or SIGTERM or SIGINT comes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from types import MappingProxyType

from foreground import (
    DOMAIN,
    PASSWORD,
    PROXY,
    Running,
    add_options,
    free_port,
    serve_in_folder,
    start_names,
    stop_all,
    wait_for_greetings,
)

COMMAND_TIMEOUT_S = 60
SOURCE = Path(__file__).resolve().parents[2] / "src"
# No limits for the load's address, and passwords in clear, as the peer is set.
SETTINGS = MappingProxyType(
    {
        "HOSTNAME": f"mx.{DOMAIN}",
        "TLS_MODE": "off",
        "TRUSTED_NETWORKS": "127.0.0.0/8",
        "SENDING_USER_MESSAGES_HOUR": "0",
        "SENDING_USER_RECIPIENTS_DAY": "0",
        "SENDING_USER_NEWCOMERS_DAY": "0",
        # The peer does not sign either; `--set DKIM_ALGO=both` shows what that costs.
        "DKIM_ALGO": "none",
        "RELAY_TLS": "off",
    }
)
# With checks: clients come by a proxy from all over, more often than anybody's servers would.
CHECKS = MappingProxyType(
    {
        "TRUSTED_NETWORKS": "",
        "PROXY_PROTOCOL_FROM": PROXY,
        "DNS_PRIMARY": "127.0.0.1",
        "SMTP_CONNECTIONS_MIN": "0",
        "SMTP_RECIPIENTS_HOUR": "0",
        "SMTP_GREETING_PAUSE": "0",
    }
)
# All else is checked. Senders that come for the first time would have to come twice.
POLICY = ("greylist_enabled=false", "ratelimit_enabled=false")
PORT_KEYS = ("SMTP", "IMAP", "SUBMISSION", "SMTPS", "IMAPS", "LMTP", "HTTPS", "WEBCLIENT")


class Pillarbox:
    """One supervisor with its workers, a child of this process."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder = folder
        self.workers: int = options.workers
        self.users = [f"bench{number}@{DOMAIN}" for number in range(options.accounts)]
        self.ports = {key: free_port() for key in PORT_KEYS}
        self.processes: list[subprocess.Popen[bytes]] = []
        self.command = [options.python, "-OO", "-m", "pillarbox", "--data", str(folder / "data")]
        self.environment = dict(os.environ, PYTHONPATH=str(SOURCE))
        settings = {f"{key}_PORT": str(port) for key, port in self.ports.items()}
        settings |= {f"{key}_IFACE": "127.0.0.1" for key in PORT_KEYS}
        self.sink_port: int = options.sink_port or free_port()
        settings |= {"RELAY_HOST": f"127.0.0.1:{self.sink_port}"}
        settings |= SETTINGS | {"WORKERS": str(self.workers)}
        self.names_port = 0
        if options.checks:
            process, self.names_port = start_names(folder)
            self.processes.append(process)
            settings |= CHECKS | {"DNS_PORT": str(self.names_port)}
        settings |= dict(pair.split("=", 1) for pair in options.set)
        self.environment |= {f"PILLARBOX_{key}": value for key, value in settings.items()}
        (folder / "data").mkdir()
        self._add_accounts()

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self.command, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=COMMAND_TIMEOUT_S,
        )
        if done.returncode:
            raise SystemExit(
                f"pillarbox {' '.join(arguments)} ended with {done.returncode}: "
                f"{done.stderr.decode(errors='replace')[-2000:]}"
            )
        return done.stdout.decode(errors="replace")

    def _add_accounts(self) -> None:
        self._run("domain", "add", DOMAIN)
        for user in self.users:
            self._run("user", "add", user, "--password", PASSWORD)
        if self.names_port:
            self._run("policy", "set", "_default", *POLICY)

    def start(self) -> Running:
        with (self.folder / "output.log").open("ab") as log:
            begun = time.perf_counter()
            process = subprocess.Popen(
                [*self.command, "serve"],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes.append(process)
        try:
            wait_for_greetings(
                {self.ports["SMTP"]: b"220", self.ports["IMAP"]: b"* OK"}, self.processes
            )
        except SystemExit as error:
            tail = (self.folder / "output.log").read_text(errors="replace")[-3000:]
            raise SystemExit(f"{error}\n{tail}") from None
        return Running(
            name=f"pillarbox/w{self.workers}",
            version="working tree",
            host="127.0.0.1",
            smtp_port=self.ports["SMTP"],
            imap_port=self.ports["IMAP"],
            users=self.users,
            password=PASSWORD,
            pids=[process.pid],
            startup_s=round(time.perf_counter() - begun, 4),
            data=str(self.folder),
            submission_port=self.ports["SUBMISSION"],
            sink_port=self.sink_port,
            names_port=self.names_port,
            http_port=self.ports["WEBCLIENT"],
            dav_home=f"/dav/calendars/{self.users[0]}/",
        )

    def stop(self) -> None:
        stop_all(self.processes)


def main() -> None:
    parser = argparse.ArgumentParser(description="run pillarbox on private ports")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="any further setting"
    )
    add_options(parser)
    options = parser.parse_args()
    serve_in_folder(options, lambda folder: Pillarbox(folder, options))


if __name__ == "__main__":
    main()
