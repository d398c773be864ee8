"""One worker process: composes its services, listens, and ends in order.

Forked by `app/supervisor` with sockets that are bound already. SIGTERM drains, SIGHUP reads
certificates, log file and limits again.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pillarbox.app.certificates import CertificateError, Certificates
from pillarbox.app.compose import (
    IMPLICIT_TLS,
    Services,
    Surroundings,
    compose,
    limit_options,
    listener_spec,
    trusted,
)
from pillarbox.app.config.options import Options
from pillarbox.app.ports import Bound
from pillarbox.app.supervisor import GIVE_UP, Station
from pillarbox.base.errors import Failure, Invalid
from pillarbox.base.log import LogTarget, logger
from pillarbox.protocols.stream.listener import ConnectionLimits, Listener
from pillarbox.protocols.stream.tls import TlsContexts

LOOK_AT_CERTIFICATE_EVERY_S = 12 * 3600.0

_log = logger("worker")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a worker is to do; `reread` gives the settings anew, or `None` if they are faulty."""

    options: Options
    data: Path
    bound: tuple[Bound, ...]
    surroundings: Surroundings
    target: LogTarget
    reread: Callable[[], Options | None]


def new_event_loop() -> asyncio.AbstractEventLoop:
    """uvloop's loop, or Python's own where uvloop is not installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


def run_worker(plan: Plan, station: Station) -> int:
    """Serve until told to stop; gives the exit status."""
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(_serve(plan, station))


async def _serve(plan: Plan, station: Station) -> int:
    stop, reload = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload.set)
    loop.add_reader(station.alive, stop.set)  # readable when the supervisor is gone
    try:
        worker = Worker(plan)
        await worker.start(station.index)
    except (Invalid, CertificateError) as error:
        print(f"pillarbox: {error}", file=sys.stderr)
        return GIVE_UP
    except Failure as failure:
        _log.error("can't start", why=failure.public, cause=failure.cause)
        return 1
    os.write(station.ready, bytes([station.index]))
    upkeep = [
        asyncio.create_task(worker.services.jobs.run()),
        asyncio.create_task(worker.watch_certificate()),
        asyncio.create_task(worker.reload_when(reload)),
    ]
    await stop.wait()
    loop.remove_reader(station.alive)
    await worker.stop(plan.options.shutdown_timeout)
    for task in upkeep:
        task.cancel()
    await asyncio.gather(*upkeep, return_exceptions=True)
    await worker.services.close()
    return 0


class Worker:
    """The services and listeners of one process; made inside the event loop."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._options = plan.options
        self.services: Services = compose(plan.options, plan.data, plan.surroundings)
        self._certificates = Certificates.of(plan.options, plan.data, self.services.keys)
        context = self._certificates.context()
        self._tls = None if context is None else TlsContexts(context)
        self._certificate_version = self._certificates.version()
        self._limits = ConnectionLimits(
            limit_options(plan.options, plan.surroundings.workers),
            trusted(plan.options.trusted_networks),
        )
        self._listeners: list[Listener] = []

    async def start(self, index: int) -> None:
        """Begin to accept connections on this worker's sockets."""
        for bound in self._plan.bound:
            name = bound.port.name
            if name in IMPLICIT_TLS and self._tls is None:
                continue
            spec = listener_spec(name, bound.by_worker[index], self.services, self._tls)
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
            self.reload()

    def reload(self) -> None:
        """Read again what can change while serving: log file, certificate, limits."""
        self._plan.target.reopen()
        options = self._plan.reread()
        if options is not None:
            self._options = options
            self._limits.replace(
                limit_options(options, self._plan.surroundings.workers),
                trusted(options.trusted_networks),
            )
            self._certificates = Certificates(options, self._certificates.store)
        self._load_certificate()
        _log.info("reloaded")

    async def watch_certificate(self) -> None:
        """Renew the self-signed certificate in time, and notice when files have changed."""
        while True:
            await asyncio.sleep(LOOK_AT_CERTIFICATE_EVERY_S)
            if self._plan.surroundings.checkpoint and self._certificates.due():
                await asyncio.to_thread(self._certificates.ensure)
            if self._certificates.version() != self._certificate_version:
                self._load_certificate()

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
