"""The whole server in the test's own process, on loopback and a temporary data folder."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from kit import refusing
from kit.http import HttpWire
from kit.proxy import PROXY
from pillarbox.app.certificates import Certificates
from pillarbox.app.compose import Services, Surroundings
from pillarbox.app.config.load import Location, load
from pillarbox.app.config.options import LISTENERS
from pillarbox.app.foundation import key_ring
from pillarbox.app.plan import ListeningPort, Plan
from pillarbox.app.ports import Port, bind_all
from pillarbox.app.worker import Worker
from pillarbox.base.clock import Clock, SystemClock
from pillarbox.base.log_target import LogTarget
from pillarbox.domain.accounts import domains, users
from pillarbox.domain.accounts.model import Role
from pillarbox.pipeline.passwords import Cost
from pillarbox.pipeline.verifiers import Secrets
from pillarbox.storage.tx import Tx

DOMAIN = "example.test"
PASSWORD = "correct horse battery"
QUICK = Cost(passes=1, memory_kib=32, lanes=1)

NO_NAMES = {"DNS_PRIMARY": "127.0.0.1", "DNS_PORT": str(refusing.port())}
"""Settings of a server that asks no name server of the world, but one that refuses to answer."""

_HOST = "127.0.0.1"


class AppUnderTest:
    """A server that runs for as long as an `async with` block lasts.

    `settings` are keys of the configuration. Several with one `folder` are workers of one server:
    give them the same settings, and each its `index`. Listeners are at free ports but for those in
    `ports`.
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, str] | None = None,
        *,
        clock: Clock | None = None,
        index: int = 0,
        trap: str | None = None,
        ports: Mapping[str, int] | None = None,
        plaintext_login: bool = True,
    ) -> None:
        environment = {
            "HOSTNAME": "mx.example.test",
            "LMTP_ENABLED": "true",
            "TRUSTED_NETWORKS": "127.0.0.0/8",
            "PROXY_PROTOCOL_FROM": PROXY,
            "SMTP_GREETING_PAUSE": "0",
            **NO_NAMES,
            **(settings or {}),
        }
        location = Location(folder / "pillarbox.conf", folder)
        self.options = load(
            location,
            write=True,
            environment={f"PILLARBOX_{key}": value for key, value in environment.items()},
        ).options
        self._location = location
        self._around = Surroundings(
            checkpoint=index == 0,
            clock=clock or SystemClock(),
            password_cost=QUICK,
            trap=trap,
            plaintext_login=plaintext_login,
        )
        self._worker: Worker | None = None
        self._wanted = ports or {}
        self.ports: dict[str, int] = {}
        """The port of each of `config.options.LISTENERS`."""

    @property
    def services(self) -> Services:
        """What the server is made of."""
        assert self._worker is not None
        return self._worker.services

    async def http(self, user: str = "", *, tls: bool = True, ip: str = "") -> HttpWire:
        """A client of HTTP, who logs in as one of `add_users` if its name is given."""
        port = self.ports["https" if tls else "webclient"]
        address = f"{user}@{DOMAIN}" if user else ""
        return await HttpWire.open(port, address, PASSWORD, tls=tls, ip=ip)

    async def add_users(self, *names: str, quota_bytes: int = 0) -> None:
        """Add users of `DOMAIN` with `PASSWORD`."""
        services = self.services
        verifiers, hasher = services.login.verifiers, services.passwords
        for name in names:
            address = f"{name}@{DOMAIN}"
            stored = await services.cpu.run(verifiers.secrets, hasher, address, PASSWORD)
            await services.database.write(_add_user, address, stored, quota_bytes)

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """Let the runner of what leaves run, as `app/worker` does."""
        task = asyncio.create_task(self.services.sending.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def drain(self, timeout_s: float = 5.0) -> None:
        """Stop as at SIGTERM: sessions may end what they are at."""
        assert self._worker is not None
        await self._worker.stop(timeout_s)

    async def __aenter__(self) -> "AppUnderTest":
        certificates = Certificates.of(self.options, self._location.data, key_ring(self.options))
        await asyncio.to_thread(certificates.ensure)
        wanted = [
            Port(name, name.upper(), self._wanted.get(name, 0), (_HOST,)) for name in LISTENERS
        ]
        bound = bind_all(wanted, 1)
        self.ports = {one.port.name: one.number for one in bound}
        listening = tuple(
            ListeningPort(one.port.name, (tuple(s.detach() for s in one.by_worker[0]),))
            for one in bound
        )
        plan = Plan(self.options, self._location.file, self._location.data, listening)
        self._worker = Worker(plan, 0, LogTarget(None), self._around)
        await self._worker.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.drain(0.2)
        await self.services.close()


def _add_user(tx: Tx, address: str, stored: Secrets, quota_bytes: int) -> None:
    if domains.get(tx, DOMAIN) is None:
        domains.create(tx, DOMAIN)
    name = address.partition("@")[0]
    users.create(tx, address, stored.hash, name, Role.USER, quota_bytes, stored.scram)
