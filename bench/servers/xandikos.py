"""Run Xandikos (PyPI) on loopback; for DAV alone.

It takes passwords over TLS only, so it runs without any: nobody is asked who they are.

    python bench/servers/xandikos.py
"""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path

from dav_peers import USER, program, require, started
from foreground import Running, add_options, free_port, serve_in_folder, stop_all

# Xandikos keeps a calendar in a git repository; it is made by its own code.
FILL = """\
import sys
from pathlib import Path
sys.path.insert(0, {bench!r})
import dav_corpus
from xandikos.store.git import TreeGitStore
for size in {sizes!r}:
    store = TreeGitStore.create({calendars!r} + "/" + dav_corpus.collection(size))
    store.set_type("calendar")
    repo = store.repo
    for number in range(size):
        Path(repo.path, dav_corpus.name(number)).write_bytes(dav_corpus.content(number, size))
    names = [dav_corpus.name(number) for number in range(size)]
    tree, who = repo.get_worktree(), b"bench <bench>"
    tree.stage(names)
    tree.commit(message=b"Filled", committer=who, author=who)
"""


class Xandikos:
    """One process of Xandikos, a child of this one."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        require("xandikos")
        self.folder = folder
        self.port = free_port()
        self.processes: list[subprocess.Popen[bytes]] = []
        sizes = [int(size) for size in options.filled.split(",")] if options.filled else []
        calendars = folder / "data" / USER / "calendars"
        calendars.mkdir(parents=True)
        script = FILL.format(
            bench=str(Path(__file__).resolve().parents[1]), sizes=sizes, calendars=str(calendars)
        )
        if sizes:
            subprocess.run([str(program("python")), "-c", script], check=True, timeout=600)

    def start(self) -> Running:
        command = [str(program("xandikos")), "serve", "-d", str(self.folder / "data")]
        command += ["--defaults", "--current-user-principal", f"/{USER}/"]
        command += ["--state-dir", str(self.folder / "state"), "--no-detect-systemd"]
        command += ["-l", "127.0.0.1", "-p", str(self.port)]
        home = f"/{USER}/calendars/"
        return started(
            command, self.folder, "xandikos", self.port, home, "xandikos", self.processes
        )

    def stop(self) -> None:
        stop_all(self.processes)


def main() -> None:
    parser = argparse.ArgumentParser(description="run Xandikos on a private port")
    parser.add_argument("--filled", default="", help="calendars of so many objects, as 500,10000")
    add_options(parser)
    options = parser.parse_args()
    serve_in_folder(options, lambda folder: Xandikos(folder, options))


if __name__ == "__main__":
    main()
