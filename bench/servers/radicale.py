"""Run Radicale (PyPI) with its own server and its default storage, which syncs; for DAV alone.

python bench/servers/radicale.py
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path

from dav_peers import USER, program, require, started
from foreground import PASSWORD, Running, add_options, free_port, serve_in_folder, stop_all

CONFIG = """\
[server]
hosts = 127.0.0.1:{port}
max_connections = 64
[auth]
type = htpasswd
htpasswd_filename = {folder}/users
htpasswd_encryption = plain
[rights]
type = owner_only
[storage]
filesystem_folder = {folder}/collections
[logging]
level = warning
"""


class Radicale:
    """One process of Radicale, a child of this one."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        require("radicale")
        self.folder = folder
        self.port = free_port()
        self.processes: list[subprocess.Popen[bytes]] = []
        (folder / "users").write_text(f"{USER}:{PASSWORD}\n")
        (folder / "config").write_text(CONFIG.format(port=self.port, folder=folder))
        for size in map(int, options.filled.split(",")) if options.filled else ():
            self._fill(size)

    def _fill(self, size: int) -> None:
        """Put a calendar in place as Radicale stores it."""
        import dav_corpus

        calendar = self.folder / "collections/collection-root" / USER / dav_corpus.collection(size)
        calendar.mkdir(parents=True)
        props = {"tag": "VCALENDAR", "D:displayname": calendar.name}
        (calendar / ".Radicale.props").write_text(json.dumps(props))
        for number in range(size):
            (calendar / dav_corpus.name(number)).write_bytes(dav_corpus.content(number, size))

    def start(self) -> Running:
        command = [str(program("radicale")), "--config", str(self.folder / "config")]
        return started(
            command, self.folder, "radicale", self.port, f"/{USER}/", "radicale", self.processes
        )

    def stop(self) -> None:
        stop_all(self.processes)


def main() -> None:
    parser = argparse.ArgumentParser(description="run Radicale on a private port")
    parser.add_argument("--filled", default="", help="calendars of so many objects, as 500,10000")
    add_options(parser)
    options = parser.parse_args()
    serve_in_folder(options, lambda folder: Radicale(folder, options))


if __name__ == "__main__":
    main()
