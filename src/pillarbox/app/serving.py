"""Starting the server: lock the data folder, open the ports, hand over to the supervisor.

The supervisor is this process with a fresh interpreter, so that what was imported to read settings
and make samples is gone. Called by the commands `serve` and `dev`.
"""

import fcntl
import importlib.util
import json
import marshal
import os
import pickle
import resource
import socket
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, NoReturn

from pillarbox.app.config.options import Options, listeners
from pillarbox.app.plan import ListeningPort, Plan, Trial, worker_count
from pillarbox.app.ports import Bound, Port, PortError, bind_all
from pillarbox.app.supervisor import run_in_child, wait_for_child
from pillarbox.base.errors import Failure, Unavailable
from pillarbox.pipeline.outbound.pace import SLOW_TIMES

OTHER_FILES = 512
"""What a process has open besides its clients: database, blobs, sockets."""

_TOO_FEW_FILES = (
    "Warning: the system allows fewer open files than CONNECTIONS_MAX needs; raise the hard limit"
    " (`ulimit -Hn`, LimitNOFILE in a systemd unit), or lower CONNECTIONS_MAX."
)

EXIT_FAILED = 1
EXIT_TEMPORARY = 75
IMPLICIT_TLS = ("smtps", "imaps", "pop3s", "https", "caldav")


@dataclass(frozen=True, slots=True)
class Account:
    """A sample account; the password is known only when it was just made."""

    address: str
    password: str | None


Announce = Callable[[Sequence[Bound], Sequence[Account]], str]


def serve(plan: Plan, announce: Announce, *, remove_data: bool = False) -> NoReturn:
    """Become the server; ends with the process.

    `plan` has no ports yet. What `announce` gives is printed once every worker accepts
    connections. Raises `Unavailable` when ports or data folder can't be had.
    """
    os.umask(0o077)
    if not allow_files(_connections(plan.options)):
        print(_TOO_FEW_FILES, file=sys.stderr)
    lock = _lock(plan.data)
    try:
        accounts = _samples(plan)
        bound = _bind(plan.options, plan.trial, plan.workers)
    except PortError as error:
        os.close(lock)
        raise Unavailable(str(error)) from error
    ports = tuple(
        ListeningPort(one.port.name, tuple(_descriptors(sockets) for sockets in one.by_worker))
        for one in bound
    )
    os.set_inheritable(lock, True)
    options = plan.options
    _become_supervisor(
        {
            "path": [os.path.abspath(entry) for entry in sys.path],
            "plan": pickle.dumps(replace(plan, ports=ports)),
            "workers": plan.workers,
            "shutdown_timeout_s": float(options.shutdown_timeout),
            "ready": announce(bound, accounts),
            "log_path": None if options.log_file is None else str(options.log_file),
            "log_as_json": options.log_format == "json",
            "remove": str(plan.data) if remove_data else None,
        }
    )


def _connections(options: Options) -> int:
    """Those of clients, and to other servers: under way, as many times slow ones, and unused."""
    return options.connections_max + (SLOW_TIMES + 2) * options.queue_connections


def allow_files(connections: int) -> bool:
    """Let the processes open a file for each connection; `False` where the system forbids it.

    Shells and service managers often allow 1,024 open files, and let programs ask for far more.
    """
    wanted = connections + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return allowed == wanted


def ready_line(options: Options, bound: Sequence[Bound]) -> str:
    """`pillarbox is ready: smtp 25, …`."""
    ports = ", ".join(f"{one.port.name} {one.number}" for one in bound)
    workers = worker_count(options)
    return f"pillarbox is ready: {ports} ({workers} worker{'s' if workers > 1 else ''})\n"


def _become_supervisor(state: dict[str, object]) -> NoReturn:
    with tempfile.TemporaryFile() if sys.platform == "darwin" else _memory_file() as file:
        file.write(marshal.dumps(state))
        file.flush()
        file.seek(0)
        os.set_inheritable(file.fileno(), True)
        script = str(os.path.join(os.path.dirname(__file__), "supervise.py"))
        level = 2 if _can_be_small() else sys.flags.optimize
        flags = [("", "-O", "-OO")[level]] if level else []
        command = [sys.executable, *flags, "-I", "-S", script, str(file.fileno())]
        sys.stdout.flush()
        os.execv(sys.executable, command)  # noqa: S606  (our own interpreter)


def _can_be_small() -> bool:
    """Whether code without docstrings, which needs less memory, is compiled already or can be kept.

    Where it can't be written, each start would compile everything anew.
    """
    return all(_has_small_code(name) for name in ("pillarbox", "sqlalchemy"))


def _has_small_code(package: str) -> bool:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return False
    compiled = Path(importlib.util.cache_from_source(spec.origin, optimization=2))
    return compiled.exists() or os.access(
        compiled.parent if compiled.parent.exists() else compiled.parent.parent, os.W_OK
    )


def _memory_file() -> BinaryIO:
    return os.fdopen(os.memfd_create("pillarbox"), "w+b")


def _descriptors(sockets: Sequence[socket.socket]) -> tuple[int, ...]:
    for one in sockets:
        one.set_inheritable(True)
    return tuple(one.fileno() for one in sockets)


def _lock(data: Path) -> int:
    """Keep the data folder to this server; the lock goes with the last of its processes."""
    path = data / "run" / "lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Unavailable(f"The data folder {data} can't be used: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 20).decode("ascii", "replace").strip()
        os.close(descriptor)
        raise Unavailable(
            f"Another pillarbox (process {holder or 'unknown'}) serves {data} already"
        ) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, b"%d\n" % os.getpid())
    return descriptor


def _samples(plan: Plan) -> list[Account]:
    """Make sample accounts, in a child process that ends."""
    if plan.trial is None:
        return []
    receive, send = os.pipe()

    def work() -> None:
        try:
            report = _made(plan)
        except Failure as failure:
            cause = f" ({failure.cause})" if failure.cause else ""
            print(f"Error: {failure.public}{cause}", file=sys.stderr, flush=True)
            raise SystemExit(EXIT_TEMPORARY if failure.temporary else EXIT_FAILED) from None
        with os.fdopen(send, "w") as out:
            json.dump(report, out)

    child = run_in_child(work)
    os.close(send)
    with os.fdopen(receive) as source:
        text = source.read()
    status = wait_for_child(child)
    if status:
        raise SystemExit(status if status > 0 else EXIT_FAILED)
    return [Account(address, password) for address, password in json.loads(text)]


def _made(plan: Plan) -> list[tuple[str, str | None]]:
    from pillarbox.app.samples import make_samples

    samples = () if plan.trial is None else plan.trial.samples
    return make_samples(plan.options, plan.data, samples)


def _bind(options: Options, trial: Trial | None, workers: int) -> tuple[Bound, ...]:
    ports = [
        Port(one.name, one.name.upper(), one.port, one.interfaces)
        for one in listeners(options)
        if options.tls_mode != "off" or one.name not in IMPLICIT_TLS
    ]
    if trial is None or not trial.free_ports:
        return bind_all(ports, workers)
    bound: list[Bound] = []
    for port in ports:
        try:
            bound += bind_all((port,), workers)
        except PortError:
            bound += bind_all((replace(port, number=0),), workers)
    return tuple(bound)
