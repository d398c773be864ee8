"""One worker process: composes its services, listens, and ends in order.

Forked by `app/supervisor` with sockets that are bound already. SIGTERM drains, SIGHUP reads
certificates, log file and limits again.
"""

import asyncio
import gc
import os
import signal
import socket
from contextlib import suppress

from pillarbox.app.certificates import CertificateError, Certificates
from pillarbox.app.compose import (
    Services,
    Surroundings,
    compose,
    limit_options,
    listener_spec,
    within,
)
from pillarbox.app.config.options import Options
from pillarbox.app.database import library_warning, make_dialect, prepare_database
from pillarbox.app.foundation import key_ring
from pillarbox.app.plan import Plan
from pillarbox.app.supervisor import GIVE_UP, Station, run_in_child, wait_for_child
from pillarbox.base.errors import Failure, Invalid
from pillarbox.base.log import LogOptions, configure, logger
from pillarbox.base.log_target import LogTarget
from pillarbox.protocols.stream.listener import ConnectionLimits, Listener
from pillarbox.protocols.stream.tls import TlsContexts
from pillarbox.storage.migrate import current_step, newest_step
from pillarbox.storage.turnstile import Turnstile

GARBAGE_AFTER = 10_000
LOOK_AT_CERTIFICATE_EVERY_S = 12 * 3600.0

_log = logger("worker")


def new_event_loop() -> asyncio.AbstractEventLoop:
    """uvloop's loop, or Python's own where uvloop is not installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


def run_worker(plan: Plan, station: Station, target: LogTarget) -> int:
    """Serve until told to stop; gives the exit status."""
    configure(_log_options(plan.options), target)
    if station.index == 0 and (warning := library_warning(plan.options)):
        _log.warning("the SQLite library is old", why=warning)
    try:
        _prepare(plan)
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            return runner.run(_serve(plan, station, target))
    except (Invalid, CertificateError) as error:
        _log.error("can't start", why=str(error))
        return GIVE_UP
    except Failure as failure:
        _log.error("can't start", why=failure.public, cause=failure.cause)
        return 1


def _prepare(plan: Plan) -> None:
    """Bring schema and certificate up to date, in a child that ends: that needs much memory."""
    dialect = make_dialect(plan.options, checkpoint=False)
    certificates = Certificates.of(plan.options, plan.data, key_ring(plan.options))
    if current_step(dialect) == newest_step():
        prepare_database(plan.options, dialect)  # before anything is sealed under a wrong key
        if not certificates.due():
            return

    def work() -> None:
        prepare_database(plan.options, dialect)
        with Turnstile(plan.data / "run" / "certificate"):
            certificates.ensure()

    # What goes wrong there goes wrong here too, and is told then.
    wait_for_child(run_in_child(work))


def _surroundings(plan: Plan, index: int) -> Surroundings:
    trial = plan.trial
    return Surroundings(
        checkpoint=index == 0,
        workers=plan.workers,
        trap=trial.trap if trial else None,
        plaintext_login=trial is not None and trial.plaintext_login,
    )


def _log_options(options: Options) -> LogOptions:
    level = "debug" if options.debug else options.log_level
    return LogOptions(level, options.log_format, options.log_file)  # type: ignore[arg-type]


async def _serve(plan: Plan, station: Station, target: LogTarget) -> int:
    stop, reload = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload.set)
    loop.add_reader(station.alive, stop.set)  # readable when the supervisor is gone
    worker = Worker(plan, station.index, target, _surroundings(plan, station.index))
    await worker.start()
    # What is there now stays; the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_AFTER)
    with suppress(BrokenPipeError):  # the supervisor is gone, so `stop` is set soon
        os.write(station.ready, bytes([station.index]))
    upkeep = [
        asyncio.create_task(worker.services.jobs.run()),
        asyncio.create_task(worker.services.indexing.run()),
        asyncio.create_task(worker.services.learning.training.run()),
        asyncio.create_task(worker.services.imap_events.run()),
        asyncio.create_task(worker.services.calendaring.scheduling.run()),
        asyncio.create_task(worker.services.learning.outcomes.run()),
        asyncio.create_task(worker.services.sending.run()),
        asyncio.create_task(worker.watch_certificate()),
        asyncio.create_task(worker.reload_when(reload)),
    ]
    await stop.wait()
    loop.remove_reader(station.alive)
    # Both need the time there is, and whoever has not ended then is killed.
    await asyncio.gather(worker.stop(plan.options.shutdown_timeout), worker.services.sending.stop())
    for task in upkeep:
        task.cancel()
    await asyncio.gather(*upkeep, return_exceptions=True)
    await worker.services.close()
    return 0


class Worker:
    """The services and listeners of one process; made inside the event loop."""

    def __init__(self, plan: Plan, index: int, target: LogTarget, around: Surroundings) -> None:
        self._plan = plan
        self._index = index
        self._target = target
        data = plan.data
        self.services: Services = compose(plan.options, data, around)
        self._certificates = Certificates.of(plan.options, data, self.services.keys)
        context = self._certificates.context()
        self._tls = None if context is None else TlsContexts(context)
        self._certificate_version = self._certificates.version()
        self._limits = ConnectionLimits(
            limit_options(plan.options, plan.workers),
            within(plan.options.trusted_networks),
            within(plan.options.proxy_protocol_from),
        )
        self._listeners: list[Listener] = []

    async def start(self) -> None:
        """Begin to accept connections on this worker's sockets."""
        for port in self._plan.ports:
            sockets = [socket.socket(fileno=number) for number in port.by_worker[self._index]]
            spec = listener_spec(port.name, sockets, self.services, self._tls)
            listener = Listener(spec, self._limits, _log)
            await listener.start()
            self._listeners.append(listener)

    async def stop(self, timeout_s: float) -> None:
        """Accept no more and wait for the sessions to end, so long at most."""
        await asyncio.gather(*(listener.drain(timeout_s) for listener in self._listeners))

    async def reload_when(self, asked: asyncio.Event) -> None:
        """Reload whenever `asked` is set."""
        while True:
            await asked.wait()
            asked.clear()
            try:
                self.reload()
            except Exception:
                _log.exception("reloading failed; what could not be read stays as it was")

    def reload(self) -> None:
        """Read again what can change while serving: log file, certificate, limits."""
        self._target.reopen()
        options = self._reread()
        if options is not None:
            self._limits.replace(
                limit_options(options, self._plan.workers),
                within(options.trusted_networks),
                within(options.proxy_protocol_from),
            )
            self._certificates = Certificates(options, self._certificates.store)
        self._load_certificate()
        _log.info("reloaded")

    async def watch_certificate(self) -> None:
        """Renew the self-signed certificate in time, and notice when files have changed."""
        while True:
            await asyncio.sleep(LOOK_AT_CERTIFICATE_EVERY_S)
            try:
                if self._index == 0 and self._certificates.due():
                    await asyncio.to_thread(self._certificates.ensure)
                if self._certificates.version() != self._certificate_version:
                    self._load_certificate()
            except Exception:
                _log.exception("the certificate could not be renewed; it is tried again")

    def _load_certificate(self) -> None:
        """A certificate that is no good changes nothing: the old one stays in use."""
        if self._tls is None:
            return
        try:
            context = self._certificates.context()
        except CertificateError as error:
            _log.error("the certificate can't be read again", why=str(error))
            return
        if context is not None:
            self._tls.replace(context)
            self._certificate_version = self._certificates.version()

    def _reread(self) -> Options | None:
        """The settings as they are now; `None` if they are faulty."""
        from pillarbox.app.config.load import ConfigError, Location, load

        location = Location(self._plan.config_file, self._plan.data)
        try:
            found = load(location, write=False).options
        except ConfigError as error:
            _log.error("the settings are faulty and stay as they were", faults=error.problems)
            return None
        trial = self._plan.trial
        return found if trial is None else trial.adapt(found)
