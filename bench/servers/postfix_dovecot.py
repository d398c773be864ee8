"""Run Postfix and Dovecot as the peer, on private ports with private data, and stop them again.

For comparing in the same run; not a recommended configuration. Mail comes in by SMTP, goes over
a Unix socket to Dovecot's LMTP and is read over IMAP. Everything lives in one temporary folder;
the system's own configuration and spool are not touched. Needs root, as both drop privileges.

    python bench/servers/postfix_dovecot.py --store maildir

prints one line of JSON (ports, accounts, pids, start-up time) when both greet, and serves until
standard input closes or SIGTERM or SIGINT comes.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from foreground import (
    DOMAIN,
    PASSWORD,
    Running,
    add_options,
    await_group,
    free_port,
    serve_in_folder,
    stop_all,
    wait_for_greetings,
)
from rspamd import Rspamd

PACKAGES = ("postfix", "dovecot-core", "dovecot-imapd", "dovecot-lmtpd")
# A uid for the mail files that need not exist in /etc/passwd.
MAIL_UID = 5000

DOVECOT_CONF = """\
base_dir = {folder}/run
state_dir = {folder}/state
instance_name = bench
protocols = imap lmtp
listen = 127.0.0.1
log_path = {folder}/dovecot.log
ssl = no
disable_plaintext_auth = no
auth_username_format = %Lu
mail_location = {location}
mail_fsync = {fsync}
mail_max_userip_connections = 10000
first_valid_uid = {uid}
postmaster_address = postmaster@{domain}
hostname = mx.{domain}
namespace inbox {{
  inbox = yes
  separator = /
}}
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={uid} home={folder}/mail/%n
}}
service imap-login {{
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service imap {{
  process_limit = 4096
}}
default_client_limit = 8192
service lmtp {{
  unix_listener {folder}/lmtp {{
    mode = 0666
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""

MAIN_CF = """\
compatibility_level = 3.6
config_directory = {folder}/postfix
queue_directory = {folder}/queue
data_directory = {folder}/postfix-data
maillog_file = {folder}/postfix.log
maillog_file_prefixes = {folder}
myhostname = mx.{domain}
mydomain = {domain}
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
virtual_mailbox_domains = {domain}
virtual_mailbox_maps = texthash:{folder}/recipients
virtual_transport = lmtp:unix:{folder}/lmtp
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_tls_security_level = none
relayhost = [127.0.0.1]:{sink_port}
biff = no
"""

# With checks: clients come by a proxy, and rspamd looks at what they send.
CHECKS_CF = """\
smtpd_upstream_proxy_protocol = haproxy
smtpd_milters = inet:127.0.0.1:{milter_port}
milter_default_action = tempfail
smtpd_client_connection_count_limit = 0
"""

MASTER_CF = """\
127.0.0.1:{smtp_port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def missing_programs() -> list[str]:
    """Name the peer's programs that are not installed."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    return [name for name in ("postfix", "dovecot") if shutil.which(name, path=path) is None]


def install() -> None:
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", *PACKAGES]):
        subprocess.run(command, check=True, env=environment, stdout=sys.stderr, timeout=600)


def write_dovecot(folder: Path, store: str, fsync: str, imap_port: int, users: list[str]) -> None:
    location = "maildir:~/Maildir" if store == "maildir" else "mdbox:~/mdbox"
    (folder / "dovecot.conf").write_text(
        DOVECOT_CONF.format(
            folder=folder,
            location=location,
            fsync=fsync,
            uid=MAIL_UID,
            domain=DOMAIN,
            imap_port=imap_port,
        )
    )
    (folder / "users").write_text("".join(f"{user}:{{PLAIN}}{PASSWORD}\n" for user in users))
    mail = folder / "mail"
    mail.mkdir()
    os.chown(mail, MAIL_UID, MAIL_UID)


def write_postfix(folder: Path, smtp_port: int, sink_port: int, users: list[str]) -> None:
    config = folder / "postfix"
    config.mkdir()
    main_cf = MAIN_CF.format(folder=folder, domain=DOMAIN, sink_port=sink_port)
    (config / "main.cf").write_text(main_cf)
    (config / "master.cf").write_text(MASTER_CF.format(smtp_port=smtp_port))
    (folder / "recipients").write_text("".join(f"{user} {user}\n" for user in users))
    (folder / "queue").mkdir()
    data = folder / "postfix-data"
    data.mkdir()
    shutil.chown(data, "postfix", "postfix")


class Peer:
    """Both servers in one folder, started in the foreground as children of this process."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder = folder
        self.store: str = options.store
        self.users = [f"bench{number}@{DOMAIN}" for number in range(options.accounts)]
        self.smtp_port = free_port()
        self.sink_port: int = options.sink_port or free_port()
        self.imap_port = free_port()
        self.processes: list[subprocess.Popen[bytes]] = []
        # mkdtemp gives 0700, but Postfix and the mail uid must pass through.
        folder.chmod(0o755)
        write_dovecot(folder, self.store, options.fsync, self.imap_port, self.users)
        write_postfix(folder, self.smtp_port, self.sink_port, self.users)
        self.rspamd = Rspamd(folder) if options.checks else None

    def start(self) -> Running:
        environment = dict(os.environ, PATH=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        commands = (
            ["dovecot", "-F", "-c", str(self.folder / "dovecot.conf")],
            ["postfix", "-c", str(self.folder / "postfix"), "start-fg"],
        )
        log = (self.folder / "output.log").open("ab")
        begun = time.perf_counter()
        openings = {}
        if self.rspamd is not None:
            self.processes += self.rspamd.start(log)
            openings = {self.smtp_port: b"PROXY TCP4 192.0.2.1 127.0.0.1 40000 25\r\n"}
            with (self.folder / "postfix" / "main.cf").open("a") as main_cf:
                main_cf.write(CHECKS_CF.format(milter_port=self.rspamd.milter_port))
        first = len(self.processes)
        for command in commands:
            self.processes.append(
                subprocess.Popen(
                    command,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )
        log.close()
        greetings = {self.smtp_port: b"220", self.imap_port: b"* OK"}
        wait_for_greetings(greetings, self.processes, openings)
        startup_s = round(time.perf_counter() - begun, 4)
        return Running(
            name=f"postfix+dovecot/{self.store}",
            version=_versions(environment) + (self.rspamd.version if self.rspamd else ""),
            host="127.0.0.1",
            smtp_port=self.smtp_port,
            imap_port=self.imap_port,
            users=self.users,
            password=PASSWORD,
            pids=[
                self.processes[first].pid,
                self._postfix_master(),
                *(self.rspamd.pids if self.rspamd else ()),
            ],
            startup_s=startup_s,
            data=str(self.folder),
            submission_port=self.smtp_port,
            sink_port=self.sink_port,
            names_port=self.rspamd.names_port if self.rspamd else 0,
        )

    def _postfix_master(self) -> int:
        # start-fg leaves a shell between us and the master, which is what must be told to stop.
        return int((self.folder / "queue" / "pid" / "master.pid").read_text())

    def stop(self) -> None:
        with suppress(OSError, ValueError):
            master = self._postfix_master()
            os.kill(master, signal.SIGTERM)
            await_group(master)
        stop_all(self.processes)


def _versions(environment: dict[str, str]) -> str:
    def ask(*command: str) -> str:
        done = subprocess.run(command, env=environment, capture_output=True, timeout=10)
        return done.stdout.decode(errors="replace")

    dovecot = re.search(r"\d[\d.]*", ask("dovecot", "--version"))
    postfix = re.search(r"\d[\d.]*", ask("postconf", "-d", "-h", "mail_version"))
    found = [match.group() if match else "?" for match in (postfix, dovecot)]
    return f"Postfix {found[0]}, Dovecot {found[1]}"


def main() -> None:
    parser = argparse.ArgumentParser(description="run Postfix and Dovecot on private ports")
    parser.add_argument("--store", choices=("maildir", "mdbox"), default="maildir")
    parser.add_argument("--fsync", choices=("optimized", "always", "never"), default="optimized")
    parser.add_argument("--install", action="store_true", help="apt-get install what is missing")
    add_options(parser)
    options = parser.parse_args()
    if options.install:
        install()
    if missing := missing_programs():
        raise SystemExit(f"not installed: {', '.join(missing)} (try --install)")
    if options.checks and shutil.which("rspamd") is None:
        raise SystemExit("rspamd is not installed")
    if os.geteuid() != 0:
        raise SystemExit("Postfix and Dovecot need root to start")
    serve_in_folder(options, lambda folder: Peer(folder, options))


if __name__ == "__main__":
    main()
