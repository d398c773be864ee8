"""Postfix reports on mail it took: what it writes is understood, with the names it was given."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiosmtplib
import pytest

from interop.programs import HOST
from kit.sink import Say, Sink, running
from pillarbox.formats.dsn.model import Action, StatusReport
from pillarbox.formats.dsn.parse import parse_report

_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
pytestmark = [
    pytest.mark.skipif(shutil.which("postfix", path=_PATH) is None, reason="needs postfix"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to start Postfix"),
]
START_S = 30.0
MAIN_CF = """\
compatibility_level = 3.6
config_directory = {folder}/conf
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = mx.far.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
smtputf8_enable = yes
relayhost = [127.0.0.1]:{sink_port}
smtp_dns_support_level = disabled
smtp_host_lookup = native
"""
MASTER_CF = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass
class Postfix:
    """A Postfix that hands all mail to a sink, which refuses that for nobody.test."""

    port: int
    sink: Sink

    async def reported(self, recipient: str, *, mail: str, rcpt: str) -> StatusReport:
        """Send it a message and wait for the report."""
        client = aiosmtplib.SMTP(hostname=HOST, port=self.port, start_tls=False)
        async with client:
            await client.ehlo()
            await client.mail("alice@example.test", options=mail.split())
            await client.rcpt(recipient, options=rcpt.split(), encoding="utf-8")
            await client.data(
                b"From: alice@example.test\r\nMessage-ID: <m1@example.test>\r\n\r\nhi\r\n"
            )
        async with asyncio.timeout(START_S):
            while True:
                for taken in self.sink.taken:
                    if not taken.sender:
                        found = parse_report(taken.content)
                        assert found is not None, taken.content.decode()
                        return found
                await self.sink.wait_for(len(self.sink.taken) + 1)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that Postfix's own users may pass through, which those of pytest are not."""
    path = Path(tempfile.mkdtemp(prefix="postfix-"))
    path.chmod(0o755)
    for name in ("conf", "queue", "data"):
        (path / name).mkdir()
    shutil.chown(path / "data", "postfix", "postfix")
    yield path
    shutil.rmtree(path)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[[], None]]:
    """Starts Postfix, with what is in its folder by then, and ends it."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        command = ["postfix", "-c", str(folder / "conf"), "start-fg"]
        quiet = subprocess.DEVNULL
        environment = dict(os.environ, PATH=_PATH)
        started.append(
            subprocess.Popen(command, env=environment, stdin=quiet, stdout=quiet, stderr=quiet)
        )

    yield start
    pid = folder / "queue" / "pid" / "master.pid"
    for process in started:
        # A shell stands between us and the master, which is what must be told to stop.
        if pid.exists():
            os.kill(int(pid.read_text()), signal.SIGTERM)
        else:
            process.kill()
        process.wait(START_S)


async def greeting(port: int) -> None:
    """Wait until the port answers."""
    while True:
        try:
            reader, writer = await asyncio.open_connection(HOST, port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        await reader.readline()
        writer.close()
        await writer.wait_closed()
        return


@pytest.fixture
async def postfix(folder: Path, start: Callable[[], None]) -> AsyncIterator[Postfix]:
    port = free_port()
    async with running(Sink(keywords=("PIPELINING", "8BITMIME", "SMTPUTF8"))) as sink:
        sink.on("RCPT", Say("550 5.1.1 there is no such user"), of="@nobody.test")
        main = MAIN_CF.format(folder=folder, sink_port=sink.port)
        (folder / "conf" / "main.cf").write_text(main)
        (folder / "conf" / "master.cf").write_text(MASTER_CF.format(port=port))
        start()
        async with asyncio.timeout(START_S):
            await greeting(port)
        yield Postfix(port, sink)


async def test_failure_names_the_envelope_the_message_and_the_recipient(postfix: Postfix) -> None:
    found = await postfix.reported(
        "bob@nobody.test", mail="ENVID=pb.0a+2B1 RET=HDRS", rcpt="ORCPT=rfc822;robert@nobody.test"
    )
    assert (found.reporter, found.envid, found.message_id) == (
        "mx.far.test",
        "pb.0a+1",
        "<m1@example.test>",
    )
    (one,) = found.recipients
    assert (one.action, one.status) == (Action.FAILED, "5.1.1")
    assert (one.final, one.original) == ("bob@nobody.test", "robert@nobody.test")
    assert "there is no such user" in one.diagnostic


async def test_whole_message_in_the_report(postfix: Postfix) -> None:
    found = await postfix.reported("bob@nobody.test", mail="RET=FULL", rcpt="NOTIFY=FAILURE")
    assert (found.envid, found.message_id) == (None, "<m1@example.test>")


async def test_addresses_beyond_ascii(postfix: Postfix) -> None:
    found = await postfix.reported(
        "bøb@nobody.test", mail="SMTPUTF8 BODY=8BITMIME ENVID=pb.1", rcpt="NOTIFY=FAILURE"
    )
    (one,) = found.recipients
    assert (one.final, one.action) == ("bøb@nobody.test", Action.FAILED)
    assert (found.envid, found.message_id) == ("pb.1", "<m1@example.test>")


async def test_success_further_on(postfix: Postfix) -> None:
    found = await postfix.reported("bob@near.test", mail="ENVID=pb.2", rcpt="NOTIFY=SUCCESS")
    (one,) = found.recipients
    assert (one.final, one.action) == ("bob@near.test", Action.RELAYED)
    assert found.envid == "pb.2"
