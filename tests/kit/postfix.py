"""A Postfix of a test's own: it takes mail on a free port and hands all of it to a sink."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from kit.live import free_ports
from kit.sink import HOST, Sink, running

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
START_S = 30.0

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
myhostname = mx.far.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
smtputf8_enable = yes
smtpd_tls_received_header = yes
relayhost = [127.0.0.1]:{sink_port}
smtp_dns_support_level = disabled
smtp_host_lookup = native
"""
_MASTER_CF = """\
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


@asynccontextmanager
async def postfix_before(sink: Sink, settings: Mapping[str, str]) -> AsyncIterator[int]:
    """Runs the sink and a Postfix that hands it everything; gives the port of the latter.

    `settings` are added to `main.cf`.
    """
    (port,) = free_ports(1)
    folder = _folder()
    async with running(sink):
        process = _start(folder, port, sink.port, settings)
        try:
            await _greeting(port)
            yield port
        finally:
            await asyncio.to_thread(_end, process, folder / "queue" / "pid" / "master.pid")
            shutil.rmtree(folder)


def _folder() -> Path:
    # Postfix's own users have to pass through, which they may not in pytest's folders.
    folder = Path(tempfile.mkdtemp(prefix="postfix-"))
    folder.chmod(0o755)
    for name in ("conf", "queue", "data"):
        (folder / name).mkdir()
    shutil.chown(folder / "data", "postfix", "postfix")
    return folder


def _start(
    folder: Path, port: int, sink_port: int, settings: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    lines = [_MAIN_CF.format(folder=folder, sink_port=sink_port)]
    lines += [f"{key} = {value}\n" for key, value in settings.items()]
    (folder / "conf" / "main.cf").write_text("".join(lines))
    (folder / "conf" / "master.cf").write_text(_MASTER_CF.format(port=port))
    return subprocess.Popen(
        ["postfix", "-c", str(folder / "conf"), "start-fg"],
        env=dict(os.environ, PATH=PATH),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


async def _greeting(port: int) -> None:
    async with asyncio.timeout(START_S):
        while True:
            with suppress(OSError):
                reader, writer = await asyncio.open_connection(HOST, port)
                try:
                    greeting = await reader.readline()
                finally:
                    writer.close()
                    with suppress(OSError):
                        await writer.wait_closed()
                if greeting:
                    return
            await asyncio.sleep(0.05)


def _end(process: subprocess.Popen[bytes], pid: Path) -> None:
    # A shell stands between us and the master, which is what must be told to stop.
    if pid.exists():
        os.kill(int(pid.read_text()), signal.SIGTERM)
    else:
        process.kill()
    process.wait(START_S)
