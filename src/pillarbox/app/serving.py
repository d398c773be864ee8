"""Starting the server: data folder, schema, certificate, ports, then the supervisor.

What takes much memory once (migrations, making a certificate) happens in a child process that
ends. Called by the commands `serve` and `dev`.
"""

import fcntl
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from pillarbox.app.config.load import ConfigError, Location, load
from pillarbox.app.config.options import Options, listeners
from pillarbox.app.ports import Bound, Port, PortError, bind_all
from pillarbox.app.supervisor import (
    Station,
    Supervisor,
    SupervisorOptions,
    run_in_child,
    wait_for_child,
)
from pillarbox.base.errors import Failure, Unavailable
from pillarbox.base.log import LogOptions, LogTarget, configure, logger

EXIT_FAILED = 1
EXIT_TEMPORARY = 75

_log = logger("serve")


@dataclass(frozen=True, slots=True)
class Account:
    """A sample account; the password is known only when it was just made."""

    address: str
    password: str | None


@dataclass(frozen=True, slots=True)
class Trial:
    """What a server that is only tried out does differently.

    `samples` are accounts made in an empty store; `trap` is the one that gets mail for elsewhere.
    `adapt` changes the settings, also when they are read again.
    """

    samples: tuple[str, ...]
    adapt: Callable[[Options], Options]
    trap: str | None = None
    plaintext_login: bool = False
    free_ports: bool = False


Ready = Callable[[Options, tuple[Bound, ...], Sequence[Account]], None]


def serve(location: Location, options: Options, trial: Trial | None, on_ready: Ready) -> int:
    """Run the server until it is told to stop; gives the exit status.

    Raises `Failure` when it can't start.
    """
    os.umask(0o077)
    workers = options.workers or 1
    target = configure(_log_options(options))
    lock = _lock(location.data)
    try:
        # Imported before the fork: what no process changes is in memory once.
        import_module("pillarbox.app.worker")
        accounts = _prepare(location, options, trial)
        bound = _bind(options, trial, workers)
    except PortError as error:
        os.close(lock)
        raise Unavailable(str(error)) from error
    try:
        work = _work(location, options, trial, bound, target)
        supervisor = Supervisor(
            SupervisorOptions(workers, float(options.shutdown_timeout)),
            work,
            lambda: on_ready(options, bound, accounts),
            target.reopen,
        )
        return supervisor.run()
    finally:
        for one in bound:
            one.close()
        os.close(lock)


def ready_line(options: Options, bound: Sequence[Bound]) -> str:
    """`ready on smtp 25, …`: printed once every worker accepts connections."""
    ports = ", ".join(f"{one.port.name} {one.number}" for one in bound)
    workers = options.workers or 1
    return f"pillarbox is ready: {ports} ({workers} worker{'s' if workers > 1 else ''})"


def _log_options(options: Options) -> LogOptions:
    level = "debug" if options.debug else options.log_level
    return LogOptions(level, options.log_format, options.log_file)  # type: ignore[arg-type]


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


def _prepare(location: Location, options: Options, trial: Trial | None) -> list[Account]:
    """Bring schema and certificate up to date and make samples, in a child that ends."""
    receive, send = os.pipe()

    def work() -> None:
        try:
            report = _prepared(location, options, trial)
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


def _prepared(
    location: Location, options: Options, trial: Trial | None
) -> list[tuple[str, str | None]]:
    from pillarbox.app.certificates import Certificates
    from pillarbox.app.compose import key_ring
    from pillarbox.app.database import lock_path, make_dialect
    from pillarbox.storage.migrate import ensure_schema

    ensure_schema(make_dialect(options, checkpoint=False), lock_path(options))
    Certificates.of(options, location.data, key_ring(options)).ensure()
    if trial is None:
        return []
    from pillarbox.app.samples import make_samples

    return make_samples(options, location.data, trial.samples)


def _bind(options: Options, trial: Trial | None, workers: int) -> tuple[Bound, ...]:
    ports = [
        Port(one.name, one.name.upper(), one.port, one.interfaces)
        for one in listeners(options)
        if options.tls_mode != "off" or one.name not in ("smtps", "imaps")
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


def _work(
    location: Location,
    options: Options,
    trial: Trial | None,
    bound: tuple[Bound, ...],
    target: LogTarget,
) -> Callable[[Station], int]:
    def reread() -> Options | None:
        try:
            found = load(location, write=False).options
        except ConfigError as error:
            _log.error("the settings are faulty and stay as they were", faults=error.problems)
            return None
        return found if trial is None else trial.adapt(found)

    def work(station: Station) -> int:
        from pillarbox.app.compose import Surroundings
        from pillarbox.app.worker import Plan, run_worker

        surroundings = Surroundings(
            checkpoint=station.index == 0,
            workers=options.workers or 1,
            trap=trial.trap if trial else None,
            plaintext_login=trial is not None and trial.plaintext_login,
        )
        plan = Plan(options, location.data, bound, surroundings, target, reread)
        return run_worker(plan, station)

    return work
