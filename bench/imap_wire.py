"""A blocking IMAP connection that sends octets made by the caller and times the answer.

For loads only: it finds the tagged line and nothing else, so that almost all time is the
server's. Not a client: nothing is parsed, literals are skipped by looking at the end only.
"""

from __future__ import annotations

import re
import secrets
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

CHUNK_BYTES = 1 << 20
WINDOW = 32
_EXISTS = re.compile(rb"^\* (\d+) EXISTS\r$", re.MULTILINE)


class ImapRefused(Exception):
    """The server answered otherwise than OK."""


@dataclass(frozen=True, slots=True)
class Answer:
    """All octets up to and with the tagged line, and the seconds from sending to its end."""

    octets: bytes
    elapsed_s: float

    def exists(self) -> int:
        found = _EXISTS.findall(self.octets)
        if not found:
            raise ImapRefused(f"no EXISTS in {self.octets[:200]!r}")
        return int(found[-1])


class ImapWire:
    """One connection; `command` waits for OK and raises `ImapRefused` on NO and BAD."""

    def __init__(self, host: str, port: int, timeout_s: float = 60.0) -> None:
        self.socket = socket.create_connection((host, port), timeout=timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Random, so that no message can hold a line that looks like ours.
        self._prefix = b"T" + secrets.token_hex(4).encode()
        self._count = 0
        # The longest literal the server takes without being asked (RFC 7888); known after login.
        self.unasked_bytes = -1
        self.offered: frozenset[bytes] = frozenset()
        self._chunk = bytearray(CHUNK_BYTES)
        self._view = memoryview(self._chunk)
        greeting = self.read_line()
        if not greeting.startswith(b"* OK"):
            raise ImapRefused(repr(greeting))

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> ImapWire:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def tag(self) -> bytes:
        self._count += 1
        return b"%s%d" % (self._prefix, self._count)

    def read_line(self) -> bytes:
        """Read octets until they end with a line end; for greetings and continuations."""
        got = bytearray()
        while not got.endswith(b"\r\n"):
            size = self.socket.recv_into(self._chunk)
            if not size:
                raise ImapRefused(f"closed after {bytes(got[-200:])!r}")
            got += self._view[:size]
        return bytes(got)

    def read_tagged(self, tag: bytes) -> bytes:
        """Read until the last line is the tagged one; raise unless it says OK."""
        got = bytearray()
        start = tag + b" "
        while True:
            size = self.socket.recv_into(self._chunk)
            if not size:
                raise ImapRefused(f"closed after {bytes(got[-200:])!r}")
            got += self._view[:size]
            if not got.endswith(b"\r\n"):
                continue
            line = got.rfind(b"\r\n", 0, len(got) - 2) + 2
            # rfind gives -1 for an answer of one line only.
            line = 0 if line == 1 else line
            if got.startswith(start, line):
                if not got.startswith(b"OK", line + len(start)):
                    raise ImapRefused(bytes(got[line:]).decode(errors="replace"))
                return bytes(got)

    def command(self, line: bytes) -> Answer:
        tag = self.tag()
        octets = b"%s %s\r\n" % (tag, line)
        begun = time.perf_counter()
        self.socket.sendall(octets)
        got = self.read_tagged(tag)
        return Answer(got, time.perf_counter() - begun)

    def login(self, user: str, password: str) -> Answer:
        answer = self.command(f'LOGIN "{user}" "{password}"'.encode())
        octets = self.command(b"CAPABILITY").octets
        line = octets.partition(b"* CAPABILITY")[2].partition(b"\r\n")[0]
        self.offered = frozenset(line.upper().split())
        if b"LITERAL+" in self.offered:
            self.unasked_bytes = 1 << 30
        elif self.offered & {b"LITERAL-", b"IMAP4REV2"}:
            self.unasked_bytes = 4096
        return answer

    def append(self, mailbox: bytes, content: bytes, flags: bytes = b"") -> Answer:
        """APPEND one message; its literal waits for leave only where the server wants that."""
        tag = self.tag()
        head = b"%s APPEND %s (%s)" % (tag, mailbox, flags)
        begun = time.perf_counter()
        if len(content) <= self.unasked_bytes:
            self.socket.sendall(b"%s {%d+}\r\n%s\r\n" % (head, len(content), content))
        else:
            self.socket.sendall(b"%s {%d}\r\n" % (head, len(content)))
            if not (line := self.read_line()).startswith(b"+"):
                raise ImapRefused(repr(line))
            self.socket.sendall(content + b"\r\n")
        got = self.read_tagged(tag)
        return Answer(got, time.perf_counter() - begun)

    def append_many(self, mailbox: bytes, contents: Sequence[bytes]) -> None:
        """APPEND with a window of commands sent before the first of their answers is read."""
        if self.unasked_bytes < max(len(content) for content in contents):
            for content in contents:
                self.append(mailbox, content)
            return
        for start in range(0, len(contents), WINDOW):
            part = contents[start : start + WINDOW]
            tags = [self.tag() for _ in part]
            self.socket.sendall(
                b"".join(
                    b"%s APPEND %s {%d+}\r\n%s\r\n" % (tag, mailbox, len(content), content)
                    for tag, content in zip(tags, part, strict=True)
                )
            )
            got = self.read_tagged(tags[-1])
            accepted = len(re.findall(rb"^%s\d+ OK" % self._prefix, got, re.MULTILINE))
            if accepted != len(part):
                raise ImapRefused(f"{accepted} of {len(part)} appended: {got[:300]!r}")

    def make_empty(self, mailbox: bytes) -> None:
        """Create the mailbox, or make it anew if it stands already."""
        try:
            self.command(b"DELETE " + mailbox)
        except ImapRefused:
            pass
        self.command(b"CREATE " + mailbox)
