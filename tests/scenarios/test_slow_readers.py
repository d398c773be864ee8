"""Clients that ask for much and read nothing: what is kept for them is bounded."""

import socket
from pathlib import Path

from kit.live import live_server
from kit.wire import HOST, ImapWire

ALICE = "alice@example.test"
MIB = 1 << 20
MESSAGES = 40
CONTENT = b"Subject: large\r\n\r\n" + b"x" * 60 + b"\r\n" * 1 + (b"y" * 70 + b"\r\n") * 14_000
ROOM_BYTES = 24 * MIB
"""For two clients; all that they ask for is far more."""


def _resident_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


class DeafClient:
    """Sends commands over a small window and reads nothing until it is asked to."""

    def __init__(self, port: int, password: str, command: bytes) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.settimeout(60)
        self._socket.connect((HOST, port))
        login = f'a LOGIN {ALICE} "{password}"\r\nb SELECT INBOX\r\n'.encode()
        self._socket.sendall(login + b"c " + command + b"\r\nd LOGOUT\r\n")

    def read_all(self) -> int:
        """How many bytes come till the end, which must be the answer to LOGOUT."""
        count, tail = 0, b""
        while data := self._socket.recv(1 << 16):
            count += len(data)
            tail = (tail + data)[-200:]
        assert b"d OK" in tail, tail
        self._socket.close()
        return count


async def test_what_is_not_read_waits_in_the_store(tmp_path: Path) -> None:
    command = b"FETCH 1:* (FLAGS BODY.PEEK[])"
    with live_server(tmp_path, {"TLS_MODE": "off", "WORKERS": "1"}) as server:
        imap = await ImapWire.open(server.port("IMAP"), ALICE, server.password, select="INBOX")
        for _ in range(MESSAGES):
            assert (await imap.append("INBOX", CONTENT)).startswith(b"OK")
        await imap.ok("FETCH 1 BODY.PEEK[]")
        (worker,) = server.workers()
        before = _resident_bytes(worker)
        deaf = [DeafClient(server.port("IMAP"), server.password, command) for _ in range(2)]
        most = 0
        for _ in range(60):
            # Others are served meanwhile.
            await imap.ok("STATUS INBOX (MESSAGES)")
            await imap.ok("FETCH 1:* (FLAGS ENVELOPE)")
            most = max(most, _resident_bytes(worker) - before)
        assert most < ROOM_BYTES
        await imap.wire.close()
        for client in deaf:
            assert client.read_all() > MESSAGES * (len(CONTENT) - 100)
        assert server.stop() == 0
