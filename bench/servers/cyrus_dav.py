"""Run Cyrus (Debian) with CalDAV on private ports with private data; for DAV alone.

Needs root, as it runs as its own user, and Debian's packages:

    python bench/servers/cyrus_dav.py --install
    python bench/servers/cyrus_dav.py
"""

from __future__ import annotations

import argparse
import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from dav_peers import dav_running, wait_until
from foreground import (
    PASSWORD,
    Running,
    add_options,
    free_port,
    greets,
    listens,
    serve_in_folder,
    stop_all,
)

PACKAGES = ("cyrus-caldav", "cyrus-imapd", "sasl2-bin")
PROGRAMS = Path("/usr/lib/cyrus/bin")
# Names with a domain would need virtual domains.
USER, ADMIN, REALM = "bench0", "admin", "bench"

IMAPD_CONF = """\
configdirectory: {folder}/config
proc_path: {folder}/run/proc
mboxname_lockpath: {folder}/run/lock
lmtpsocket: {folder}/run/lmtp
idlesocket: {folder}/run/idle
notifysocket: {folder}/run/notify
defaultpartition: default
partition-default: {folder}/mail
admins: {admin}
servername: {realm}
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {folder}/sasldb2
sasl_mech_list: PLAIN
allowplaintext: yes
unixhierarchysep: yes
virtdomains: off
httpmodules: caldav
caldav_realm: {realm}
httpkeepalive: 20
httpallowcompress: no
"""
CYRUS_CONF = """\
START {{
  recover cmd="{programs}/ctl_cyrusdb -C {folder}/imapd.conf -r"
}}
SERVICES {{
  imap cmd="{programs}/imapd -C {folder}/imapd.conf -U 30" listen="127.0.0.1:{imap}" prefork=1
  http cmd="{programs}/httpd -C {folder}/imapd.conf -U 30" listen="127.0.0.1:{http}" prefork=8
}}
EVENTS {{
}}
"""


def install() -> None:
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", *PACKAGES]):
        subprocess.run(command, check=True, env=environment, stdout=sys.stderr, timeout=600)


class Cyrus:
    """Cyrus's master with its services, a child of this process."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder = folder
        self.http_port, self.imap_port = free_port(), free_port()
        self.processes: list[subprocess.Popen[bytes]] = []
        folder.chmod(0o755)
        for name in ("config", "run", "run/proc", "run/lock", "mail"):
            (folder / name).mkdir()
        values = {
            "folder": folder,
            "admin": ADMIN,
            "realm": REALM,
            "programs": PROGRAMS,
            "imap": self.imap_port,
            "http": self.http_port,
        }
        (folder / "imapd.conf").write_text(IMAPD_CONF.format(**values))
        (folder / "cyrus.conf").write_text(CYRUS_CONF.format(**values))
        for user in (USER, ADMIN):
            command = ["saslpasswd2", "-p", "-c", "-f", str(folder / "sasldb2"), "-u", REALM, user]
            subprocess.run(command, input=PASSWORD.encode(), check=True)
        owner = pwd.getpwnam("cyrus")
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner.pw_uid, owner.pw_gid)

    def start(self) -> Running:
        begun = time.perf_counter()
        command = [str(PROGRAMS / "master"), "-D", "-C", str(self.folder / "imapd.conf")]
        command += ["-M", str(self.folder / "cyrus.conf"), "-p", str(self.folder / "run/pid")]
        command += ["-L", str(self.folder / "output.log")]
        (self.folder / "output.log").touch()
        os.chown(self.folder / "output.log", pwd.getpwnam("cyrus").pw_uid, -1)
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            cwd=self.folder,
            start_new_session=True,
        )
        self.processes.append(process)
        wait_until(lambda: greets(self.imap_port, b"* OK"), process, self.folder)
        self._make_mailbox()
        wait_until(lambda: listens(self.http_port), process, self.folder)
        home = f"/dav/calendars/user/{USER}/"
        return dav_running(
            "cyrus", _version(), self.http_port, home, USER, self.processes, self.folder, begun
        )

    def _make_mailbox(self) -> None:
        """The user's inbox, without which there are no calendars."""
        lines = (f"a LOGIN {ADMIN} {PASSWORD}", f"b CREATE user/{USER}", "c LOGOUT")
        with socket.create_connection(("127.0.0.1", self.imap_port), timeout=20) as connection:
            connection.sendall("".join(f"{line}\r\n" for line in lines).encode())
            answer = b""
            while octets := connection.recv(4096):
                answer += octets
        if b"b OK" not in answer:
            raise SystemExit(f"no mailbox: {answer.decode(errors='replace')}")

    def stop(self) -> None:
        stop_all(self.processes)


def _version() -> str:
    command = ["dpkg-query", "-W", "-f=${Version}", "cyrus-caldav"]
    found = subprocess.run(command, capture_output=True, text=True)
    return f"Cyrus {found.stdout.strip()}"


def main() -> None:
    parser = argparse.ArgumentParser(description="run Cyrus with CalDAV on private ports")
    parser.add_argument("--install", action="store_true", help="apt-get install what is missing")
    parser.add_argument("--filled", default="", help="not used: Cyrus is filled over DAV")
    add_options(parser)
    options = parser.parse_args()
    if options.install:
        install()
    if not (PROGRAMS / "httpd").exists() or not shutil.which("saslpasswd2"):
        raise SystemExit(f"not installed: {', '.join(PACKAGES)} (try --install)")
    if os.geteuid() != 0:
        raise SystemExit("Cyrus needs root to start")
    serve_in_folder(options, lambda folder: Cyrus(folder, options))


if __name__ == "__main__":
    main()
