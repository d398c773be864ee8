"""Stopping a server that is sending: it ends in its time, and the next one sends what waits."""

import asyncio
import time
from pathlib import Path

from kit.live import USERS, LiveServer
from kit.nameserver import NameServer
from kit.sink import Hang, Sink, running
from kit.wire import SmtpWire

HEAD = f"From: {USERS[0]}\r\nSubject: hello\r\nX-Marker: one\r\n\r\n"
TIMEOUT_S = 2


async def test_a_host_that_hangs_and_a_client_that_stays(tmp_path: Path) -> None:
    zone = {"d.test": "@ MX 10 mx\nmx A 127.0.0.1", "test": "@ TXT x"}
    async with NameServer(zone) as names, running(Sink()) as sink:
        sink.on("RCPT", Hang(), times=1)
        settings = {
            "WORKERS": "1",
            "TLS_MODE": "off",
            "SHUTDOWN_TIMEOUT": str(TIMEOUT_S),
            "DNS_PRIMARY": "127.0.0.1",
            "DNS_PORT": str(names.port),
            "OUTBOUND_INSIDE": "true",
            "OUTBOUND_PORT": str(sink.port),
            "DKIM_ALGO": "none",
        }
        server = LiveServer(tmp_path, settings)
        await asyncio.to_thread(server.start)
        try:
            smtp = await SmtpWire.open(server.port("SUBMISSION"))
            async with smtp.wire:
                await smtp.login(USERS[0], server.password)
                code, text = await smtp.data(USERS[0], ("x@d.test",), f"{HEAD}Words.\r\n".encode())
                assert code == 250, text
                await smtp.begin(USERS[0], ("y@d.test",))
                await smtp.say("DATA", 354)  # and then says nothing more
                while await asyncio.to_thread(server.queued) != {"sending": 1}:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
                began_s = time.monotonic()
                assert await asyncio.to_thread(server.stop) == 0
                assert time.monotonic() - began_s < TIMEOUT_S + 2  # nobody had to be killed
            assert not sink.taken
            await asyncio.to_thread(server.start)
            await sink.wait_for_distinct(1, 20)  # at once, as the lease was given back
            assert await asyncio.to_thread(server.stop) == 0
            assert len(sink.taken) == 1
        finally:
            server.end()
