"""The bus between the processes of one host: datagrams between Unix sockets.

Each process has a socket in one folder and sends to every other socket it finds there; there is no
broker. The hints of one turn of the loop go out together. A process whose socket is full gets its
hints a little later, in one go; a socket nobody holds any more is removed.
"""

import asyncio
import errno
import itertools
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

from pillarbox.base.log import logger
from pillarbox.cluster.bus import Listener, LocalBus

_MAX_DATAGRAM_BYTES = 8192
_RETRY_AFTER_S = 0.005
_MAX_TRIES = 2000
_MAX_WAITING_TOPICS = 20_000
# A folder changed twice within one tick of the file system's clock keeps its time stamp.
_SETTLED_NS = 100_000_000
_FULL = (errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM)
_GONE = (errno.ECONNREFUSED, errno.ENOENT, errno.ECONNRESET)

_log = logger("bus")
_numbers = itertools.count()


class UnixBus:
    """Carries hints to the other processes that use the same folder; made inside the loop."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._loop = asyncio.get_running_loop()
        self._local = LocalBus()
        self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._name = f"{os.getpid()}-{next(_numbers)}.sock"
        self._unlink(self._name)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(self._address(self._name))
        self._loop.add_reader(self._socket.fileno(), self._receive)
        self._fresh: dict[str, None] = {}
        self._waiting: dict[str, dict[str, None]] = {}
        self._tries: dict[str, int] = {}
        self._retry: asyncio.TimerHandle | None = None
        self._siblings: tuple[str, ...] = ()
        self._listed_ns = -1
        self._closed = False

    def publish(self, topic: str) -> None:
        """Tell the listeners of this process now, those of others at the end of the turn."""
        if self._closed:
            return
        self._local.publish(topic)
        if not self._fresh:
            self._loop.call_soon(self._flush)
        self._fresh[topic] = None

    def subscribe(self, topic: str, listener: Listener) -> Callable[[], None]:
        """Call `listener(topic)` at each hint, from this process or another."""
        return self._local.subscribe(topic, listener)

    def close(self) -> None:
        """Send what waits, once, and leave."""
        if self._closed:
            return
        self._flush()
        self._closed = True
        if self._retry is not None:
            self._retry.cancel()
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        self._unlink(self._name)
        os.close(self._folder)
        self._local.close()

    def _receive(self) -> None:
        topics: dict[str, None] = {}
        for _ in range(64):
            try:
                data = self._socket.recv(_MAX_DATAGRAM_BYTES)
            except BlockingIOError:
                break
            except OSError as error:
                _log.warning("the bus can't be read", why=str(error))
                break
            topics.update(dict.fromkeys(data.decode("utf-8", "replace").split("\n")))
        for topic in topics:
            self._local.publish(topic)

    def _flush(self) -> None:
        fresh, self._fresh = self._fresh, {}
        if self._closed or not fresh:
            return
        packed: list[bytes] | None = None
        for name in self._others():
            waiting = self._waiting.get(name)
            if waiting is not None:  # behind already: in order, and together
                if len(waiting) < _MAX_WAITING_TOPICS:
                    waiting.update(fresh)
                continue
            if packed is None:
                packed = _pack(fresh)
            unsent = self._send_all(name, packed)
            if unsent:
                self._waiting[name] = unsent
                self._tries[name] = 0
        self._retry_later()

    def _retry_later(self) -> None:
        if self._waiting and self._retry is None:
            self._retry = self._loop.call_later(_RETRY_AFTER_S, self._send_waiting)

    def _send_waiting(self) -> None:
        self._retry = None
        for name, topics in tuple(self._waiting.items()):
            unsent = self._send_all(name, _pack(topics))
            moved = len(unsent) < len(topics)
            self._waiting[name] = unsent
            self._tries[name] = 0 if moved else self._tries[name] + 1
            if not unsent:
                self._forget(name)
            elif self._tries[name] >= _MAX_TRIES:  # it looks for itself every 30 s
                _log.warning("a process does not read its hints", socket=name)
                self._forget(name)
        self._retry_later()

    def _forget(self, name: str) -> None:
        self._waiting.pop(name, None)
        self._tries.pop(name, None)

    def _send_all(self, name: str, datagrams: list[bytes]) -> dict[str, None]:
        """Send as much as there is room for; gives the topics of the rest."""
        for number, datagram in enumerate(datagrams):
            if not self._send(name, datagram):
                rest = b"\n".join(datagrams[number:])
                return dict.fromkeys(rest.decode().split("\n"))
        return {}

    def _send(self, name: str, datagram: bytes) -> bool:
        """Whether there is nothing more to do for this datagram."""
        try:
            self._socket.sendto(datagram, self._address(name))
        except OSError as error:
            if error.errno in _FULL:
                return False
            if error.errno in _GONE:
                self._listed_ns = -1
                if error.errno == errno.ECONNREFUSED:
                    self._unlink(name)
            else:
                _log.warning("a hint can't be sent", socket=name, why=str(error))
        return True

    def _others(self) -> tuple[str, ...]:
        changed_ns = os.fstat(self._folder).st_mtime_ns
        if changed_ns != self._listed_ns:
            self._siblings = tuple(
                name
                for name in os.listdir(self._folder)
                if name.endswith(".sock") and name != self._name
            )
            settled = time.time_ns() - changed_ns > _SETTLED_NS
            self._listed_ns = changed_ns if settled else -1
        return self._siblings

    def _address(self, name: str) -> str:
        # A socket's path has room for about 100 bytes, which a data folder's may exceed.
        return f"/proc/self/fd/{self._folder}/{name}"

    def _unlink(self, name: str) -> None:
        try:
            os.unlink(name, dir_fd=self._folder)
        except FileNotFoundError:
            return


def _pack(topics: dict[str, None]) -> list[bytes]:
    """Topics in datagrams, as few as there can be."""
    datagrams: list[bytes] = []
    lines: list[bytes] = []
    size_bytes = 0
    for topic in topics:
        line = topic.encode()
        if lines and size_bytes + len(line) + 1 > _MAX_DATAGRAM_BYTES:
            datagrams.append(b"\n".join(lines))
            lines, size_bytes = [], 0
        lines.append(line)
        size_bytes += len(line) + 1
    datagrams.append(b"\n".join(lines))
    return datagrams
