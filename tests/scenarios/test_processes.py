"""The processes of a real server: starting, crashing, stopping, reloading."""

import os
import shutil
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kit.live import LiveServer, is_running, live_server
from kit.wire import ImapWire, SmtpWire

CONTENT = b"Subject: hi\r\n\r\nHello\r\n"


def until(condition: Callable[[], bool]) -> None:
    for _ in range(1500):
        if condition():
            return
        time.sleep(0.02)
    raise TimeoutError


async def deliver_and_read(server: LiveServer) -> None:
    smtp = await SmtpWire.open(server.port("SMTP"))
    code, text = await smtp.data("a@example.org", ("alice@example.test",), CONTENT)
    assert code == 250, text
    imap = await ImapWire.open(
        server.port("IMAPS"), "alice@example.test", server.password, tls=True, select="INBOX"
    )
    assert await imap.ok("FETCH 1:* FLAGS")
    await smtp.wire.close()
    await imap.wire.close()


def certificate(server: LiveServer) -> str:
    return ssl.get_server_certificate(("127.0.0.1", server.port("IMAPS")))


@pytest.mark.parametrize("workers", [1, 2, 4])
async def test_serves_with_any_number_of_workers(tmp_path: Path, workers: int) -> None:
    with live_server(tmp_path, {"WORKERS": str(workers)}) as server:
        assert len(server.workers()) == workers
        for _ in range(4):
            await deliver_and_read(server)
        assert server.stop() == 0


async def test_killed_worker_comes_back(tmp_path: Path) -> None:
    with live_server(tmp_path, {"WORKERS": "2"}) as server:
        before = server.workers()
        os.kill(before[0], signal.SIGKILL)
        until(lambda: len(set(server.workers()) - set(before)) == 1)
        for _ in range(4):
            await deliver_and_read(server)
        assert before[1] in server.workers()


async def test_workers_do_not_outlive_their_supervisor(tmp_path: Path) -> None:
    with live_server(tmp_path, {"WORKERS": "2"}) as server:
        workers = server.workers()
        os.kill(server.supervisor(), signal.SIGKILL)
        until(lambda: not any(map(is_running, workers)))
        server.reap()
        server.start()
        await deliver_and_read(server)


def test_hangup_reads_the_certificate_again(tmp_path: Path) -> None:
    with live_server(tmp_path, {"WORKERS": "2"}) as server:
        before, workers = certificate(server), server.workers()
        shutil.rmtree(server.data / "tls")
        os.kill(server.supervisor(), signal.SIGHUP)
        until(lambda: server.log().count("reloaded") == 2)
        assert certificate(server) == before  # what can't be read changes nothing
        assert server.workers() == workers


def test_log_file_is_opened_anew(tmp_path: Path) -> None:
    log = tmp_path / "log" / "pillarbox.log"
    with live_server(tmp_path, {"LOG_FILE": str(log), "LOG_FORMAT": "json"}) as server:
        os.kill(server.supervisor(), signal.SIGHUP)
        until(lambda: "reloaded" in log.read_text())
        log.rename(log.with_suffix(".1"))
        os.kill(server.supervisor(), signal.SIGHUP)
        until(lambda: log.exists() and '"event": "reloaded"' in log.read_text())


def test_second_server_on_the_same_data_is_refused(tmp_path: Path) -> None:
    with live_server(tmp_path) as server:
        command = [sys.executable, "-m", "pillarbox", "--data", str(server.data), "serve"]
        done = subprocess.run(
            command, env=server._environment(), capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 75
        assert f"Another pillarbox (process {server.supervisor()}) serves" in done.stderr


async def test_stopping_lets_sessions_say_goodbye(tmp_path: Path) -> None:
    with live_server(tmp_path) as server:
        smtp = await SmtpWire.open(server.port("SMTP"))
        os.kill(server.supervisor(), signal.SIGTERM)
        code, _ = await smtp.reply()
        assert code == 421
        await smtp.wire.close()
