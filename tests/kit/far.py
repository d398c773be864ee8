"""A Postfix that takes mail as another site does: several hosts in one, each on its own address.

    with Far.running({"plain": {}, "tls": {"smtpd_tls_security_level": "may"}}) as far:
        far.ip("tls"), far.port             # where it listens
        await far.arrived("ann@tls.test")   # what came for her, when it has come

Hosts differ in the settings of their smtpd, and listen at one port of different addresses in
127.0.0.0/8. Mail for anybody but `nobody…` is kept; that for `home`, a domain, goes to its port.
"""

import asyncio
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from kit.daemons import PATH, START_S, start, wait_for_port
from kit.live import free_ports

NAME = "mx.far.test"
"""What all of its hosts call themselves."""

needs_postfix = [
    pytest.mark.skipif(shutil.which("postfix", path=PATH) is None, reason="needs postfix"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to start Postfix"),
]

_MAIN_CF = """\
compatibility_level = 3.6
config_directory = {folder}/conf
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = {name}
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
local_header_rewrite_clients =
smtputf8_enable = yes
smtpd_tls_received_header = yes
smtpd_tls_loglevel = 1
virtual_mailbox_domains = static:all
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = regexp:{folder}/conf/users
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
transport_maps = inline:{{ {{ {home} = smtp:[127.0.0.1]:{home_port} }} }}
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtp_address_preference = ipv4
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 1s
smtpd_client_connection_count_limit = 0
"""
_MASTER_CF = """\
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
# What virtual(8) writes, and then what smtpd and its milters do.
_ENVELOPE = re.compile(rb"Return-Path: <(.*)>\nX-Original-To: .*\nDelivered-To: (.*)\n")
_TRACE = re.compile(rb"(?:.*?\n)??Received: [^\n]*\n(?:[\t ][^\n]*\n)*", re.DOTALL)

Hosts = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Arrived:
    """A message as it was kept: the envelope, the trace of this Postfix, and what it was given."""

    sender: str
    recipient: str
    trace: str
    content: bytes


class Far:
    """A Postfix with hosts by name, each with settings that differ from those of `main.cf`."""

    def __init__(self, hosts: Hosts, home: str = "example.test", port: int = 0) -> None:
        self.network = free_network()
        self.port, self.home_port = free_ports(2)
        self.port = port or self.port
        self.folder = _folder()
        self._log = self.folder / "log"
        self.hosts = hosts
        self._ips = {name: f"{self.network}.{10 + at}" for at, name in enumerate(hosts)}
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    @contextmanager
    def running(cls, hosts: Hosts, port: int = 0) -> "Iterator[Far]":
        """One that runs for as long as the block lasts."""
        far = cls(hosts, port=port)
        try:
            far.start()
            yield far
        finally:
            far.stop()
            far.remove()

    def ip(self, host: str) -> str:
        """Where a host listens."""
        return self._ips[host]

    def zone(self, host: str, mx: str = "mx") -> str:
        """A zone whose mail goes there."""
        return f"@ MX 10 {mx}\n{mx} A {self.ip(host)}\n"

    def start(self) -> None:
        """Start it; returns when every host greets."""
        conf = self.folder / "conf"
        main = _MAIN_CF.format(
            folder=self.folder, name=NAME, home=self._home, home_port=self.home_port
        )
        (conf / "main.cf").write_text(main)
        (conf / "users").write_text("!/^nobody/ all/\n")
        lines = [_MASTER_CF]
        for host, settings in self.hosts.items():
            options = "".join(f"  -o {{ {key} = {value} }}\n" for key, value in settings.items())
            lines.append(f"{self.ip(host)}:{self.port} inet n - n - - smtpd\n{options}")
        (conf / "master.cf").write_text("".join(lines))
        self._process = start("postfix", "-c", str(conf), "start-fg")
        for host, settings in self.hosts.items():
            greeting = b"" if settings.get("smtpd_tls_wrappermode") == "yes" else b"220 "
            wait_for_port(self._process, self.ip(host), self.port, greeting, self._log)

    def stop(self) -> None:
        """Stop it; what is in its queue stays there."""
        process, self._process = self._process, None
        if process is None:
            return
        # A shell stands between us and the master, which is what must be told to stop.
        pid = self.folder / "queue" / "pid" / "master.pid"
        if pid.exists():
            os.kill(int(pid.read_text()), signal.SIGTERM)
        else:
            process.kill()
        process.wait(START_S)

    def remove(self) -> None:
        """Leave nothing behind."""
        shutil.rmtree(self.folder)

    def log(self) -> str:
        """What it wrote to its log."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    async def logged(self, *words: str) -> str:
        """Wait for a line of the log that has all these words; gives it."""
        async with asyncio.timeout(START_S):
            while True:
                for line in self.log().splitlines():
                    if all(word in line for word in words):
                        return line
                await asyncio.sleep(0.02)

    def forget(self) -> None:
        """Throw away what has come so far."""
        for one in self._mail():
            one.unlink()

    def kept(self, recipient: str) -> list[Arrived]:
        """What has come for a recipient, in the order it came."""
        files = sorted(self._mail(), key=lambda one: one.stat().st_mtime_ns)
        found = [_arrived(one.read_bytes()) for one in files]
        return [one for one in found if one.recipient == recipient]

    async def arrived(self, recipient: str, count: int = 1) -> list[Arrived]:
        """Wait until so many messages have come for a recipient; fails if there are more."""
        async with asyncio.timeout(START_S):
            while len(found := self.kept(recipient)) < count:  # noqa: ASYNC110 - no event for it
                await asyncio.sleep(0.02)
        assert len(found) == count
        return found

    async def message(self, recipient: str) -> Arrived:
        """The only message that comes for a recipient."""
        (found,) = await self.arrived(recipient)
        return found

    def _mail(self) -> list[Path]:
        folder = self.folder / "mail" / "all" / "new"
        return list(folder.iterdir()) if folder.exists() else []


def free_network() -> str:
    """The first three numbers of addresses that no other test uses, most likely."""
    return f"127.{random.SystemRandom().randint(64, 250)}.{random.SystemRandom().randint(0, 250)}"


def _folder() -> Path:
    # Postfix's own users have to pass through, which they may not in pytest's folders.
    folder = Path(tempfile.mkdtemp(prefix="far-"))
    folder.chmod(0o755)
    for name in ("conf", "queue", "data", "mail"):
        (folder / name).mkdir()
    shutil.chown(folder / "data", "postfix", "postfix")
    os.chown(folder / "mail", 65534, 65534)
    return folder


def _arrived(kept: bytes) -> Arrived:
    envelope = _ENVELOPE.match(kept)
    assert envelope is not None, kept[:500]
    trace = _TRACE.match(kept, envelope.end())
    assert trace is not None, kept[:1000]
    return Arrived(
        envelope[1].decode(),
        envelope[2].decode(),
        trace[0].decode(),
        kept[trace.end() :].replace(b"\n", b"\r\n"),
    )
