"""A small HTTP client for DAV: one connection, kept open where the server keeps it, Basic auth."""

from __future__ import annotations

import re
import socket
import time
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
RECEIVED_AT_ONCE = 1 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it came, and how long after its request the last octet did."""

    status: int
    head: bytes
    body: bytes
    elapsed_s: float

    def field(self, name: str) -> str:
        """The value of a header field; empty if there is none."""
        pattern = rb"\r\n" + re.escape(name.encode()) + rb": *([^\r]*)"
        found = re.search(pattern, self.head, re.IGNORECASE)
        return found.group(1).decode() if found else ""


class DavWire:
    """Sends requests one after another; connects anew where the server ended the connection."""

    def __init__(self, host: str, port: int, user: str, password: str, timeout_s: float) -> None:
        self._at = (host, port)
        self._timeout_s = timeout_s
        token = b64encode(f"{user}:{password}".encode()).decode()
        self._fields = f"Host: {host}:{port}\r\nAuthorization: Basic {token}\r\n"
        self._socket: socket.socket | None = None
        self._buffer = b""
        self.connections = 0

    def __enter__(self) -> DavWire:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def request(self, method: str, path: str, body: bytes = b"", **fields: str) -> Answer:
        """Send a request and read its answer; names of fields have `_` for `-`."""
        told = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
        length = f"Content-Length: {len(body)}\r\n" if body or method == "PUT" else ""
        head = f"{method} {path} HTTP/1.1\r\n{self._fields}{told}{length}\r\n"
        begun = time.perf_counter()
        fresh = self._socket is None
        try:
            return self._exchange(head.encode() + body, method, begun)
        except ConnectionError:
            # It may have closed an idle connection; of a fresh one that is a fault.
            if fresh:
                raise
            self.close()
            return self._exchange(head.encode() + body, method, begun)

    def _exchange(self, octets: bytes, method: str, begun: float) -> Answer:
        if self._socket is None:
            self._socket = socket.create_connection(self._at, self._timeout_s)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._buffer = b""
            self.connections += 1
        self._socket.sendall(octets)
        head = self._until(b"\r\n\r\n")
        status = int(head[9:12])
        while status == 100:
            head = self._until(b"\r\n\r\n")
            status = int(head[9:12])
        length, closes = _LENGTH.search(head), _CLOSES.search(head) or head.startswith(b"HTTP/1.0")
        if method == "HEAD" or status in (204, 304):
            body = b""
        elif _CHUNKED.search(head):
            body = self._chunks()
        elif length is not None:
            body = self._octets(int(length.group(1)))
        else:
            body = self._rest()
        elapsed_s = time.perf_counter() - begun
        if closes:
            self.close()
        return Answer(status, head, body, elapsed_s)

    def _more(self) -> None:
        octets = b""
        if self._socket is not None:
            # Else a server that sends an answer in two parts waits 40 ms for our word on the first.
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            octets = self._socket.recv(RECEIVED_AT_ONCE)
        if not octets:
            raise ConnectionResetError("the server closed the connection")
        self._buffer = self._buffer + octets if self._buffer else octets

    def _until(self, end: bytes) -> bytes:
        while (at := self._buffer.find(end)) < 0:
            self._more()
        found, self._buffer = self._buffer[: at + len(end)], self._buffer[at + len(end) :]
        return found

    def _octets(self, count: int) -> bytes:
        parts, have = [self._buffer], len(self._buffer)
        while have < count:
            self._buffer = b""
            self._more()
            parts.append(self._buffer)
            have += len(self._buffer)
        whole = b"".join(parts)
        self._buffer = whole[count:]
        return whole[:count]

    def _chunks(self) -> bytes:
        parts = []
        while size := int(self._until(b"\r\n").partition(b";")[0], 16):
            parts.append(self._octets(size))
            self._octets(2)
        self._until(b"\r\n")
        return b"".join(parts)

    def _rest(self) -> bytes:
        parts = [self._buffer]
        try:
            while True:
                self._buffer = b""
                self._more()
                parts.append(self._buffer)
        except ConnectionResetError:
            self.close()
            return b"".join(parts)
