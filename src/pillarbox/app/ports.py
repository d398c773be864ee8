"""Binding the ports, once, before the workers start.

With several workers each port has a socket for each of them (SO_REUSEPORT) and the kernel spreads
new connections evenly; one socket shared by all lets whichever process wakes first take a burst
whole. The supervisor keeps every socket open, so connections that arrive while a worker restarts
wait in its queue.
"""

import errno
import os
import socket
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_BACKLOG = 1024
_EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104  (what a mail server is for)


class PortError(Exception):
    """A port can't be opened; the text says which, why, and what to do."""


@dataclass(frozen=True, slots=True)
class Port:
    """A port to listen on; `key` is the beginning of its settings' names, such as `SMTP`.

    `addresses` are IP addresses; none means every address of the machine.
    """

    name: str
    key: str
    number: int
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bound:
    """The sockets of one port: for each worker, one for each address."""

    port: Port
    by_worker: tuple[tuple[socket.socket, ...], ...]

    @property
    def number(self) -> int:
        """The port's number, also where the system chose it."""
        number: int = self.by_worker[0][0].getsockname()[1]
        return number

    def close(self) -> None:
        """Close every socket."""
        for sockets in self.by_worker:
            for bound in sockets:
                bound.close()


def bind_all(ports: Iterable[Port], workers: int) -> tuple[Bound, ...]:
    """Open every port for `workers` processes; raises `PortError` for the first that fails."""
    opened: list[Bound] = []
    try:
        for port in ports:
            opened.append(bind(port, workers))  # noqa: PERF401  (what was opened is closed again)
    except BaseException:
        for bound in opened:
            bound.close()
        raise
    return tuple(opened)


def bind(port: Port, workers: int) -> Bound:
    """Open one port for `workers` processes."""
    if workers == 1 or not sys.platform.startswith("linux"):
        shared = _bind_addresses(port, port.number, reuse=False)
        return Bound(port, (shared,) * workers)
    # Sockets of another program that also shares its ports would go unnoticed: look first.
    probe = _bind_addresses(port, port.number, reuse=False)
    number: int = probe[0].getsockname()[1]
    _close(probe)
    by_worker: list[tuple[socket.socket, ...]] = []
    try:
        for _ in range(workers):
            by_worker.append(_bind_addresses(port, number, reuse=True))  # noqa: PERF401
    except BaseException:
        for sockets in by_worker:
            _close(sockets)
        raise
    return Bound(port, tuple(by_worker))


def _bind_addresses(port: Port, number: int, *, reuse: bool) -> tuple[socket.socket, ...]:
    opened: list[socket.socket] = []
    try:
        for address in port.addresses or _EVERY_ADDRESS:
            try:
                opened.append(_bind_one(address, number, reuse=reuse))
            except OSError as error:
                if not port.addresses and opened and error.errno in _NO_IPV6:
                    continue
                raise PortError(explain(port, number, address, error)) from error
            number = number or opened[0].getsockname()[1]
    except BaseException:
        _close(opened)
        raise
    return tuple(opened)


_NO_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


def _bind_one(address: str, number: int, *, reuse: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted ones inherit it
        made.bind((address, number))
        made.listen(_BACKLOG)
        made.setblocking(False)
    except BaseException:
        made.close()
        raise
    return made


def explain(port: Port, number: int, address: str, error: OSError) -> str:
    """Why a port could not be opened, and what to do about it."""
    what = f"Can't listen on port {number} of {address} ({port.name})"
    if error.errno == errno.EADDRINUSE:
        return (
            f"{what}: another program uses it. Stop that program, or set {port.key}_PORT to a "
            f"free port. `ss -ltnp 'sport = :{number}'` shows which program it is."
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return (
            f"{what}: ports below 1024 need a privilege. Set {port.key}_PORT to a port from 1024 "
            "on, or allow it: `AmbientCapabilities=CAP_NET_BIND_SERVICE` in a systemd unit, or "
            "`sysctl net.ipv4.ip_unprivileged_port_start=25`."
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{what}: this machine has no such address. Change {port.key}_IFACE."
    return f"{what}: {os.strerror(error.errno or 0)}. Check {port.key}_PORT and {port.key}_IFACE."


def _close(sockets: Sequence[socket.socket]) -> None:
    for opened in sockets:
        opened.close()
