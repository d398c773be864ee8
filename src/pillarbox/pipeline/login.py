"""Who is it: the one way from a user name and a password to an `Actor`, for every protocol.

Path: look up → throttle → cache of verified credentials → Argon2id in a thread → note what
happened. Unknown users, disabled ones and wrong passwords take the same time and get one text.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from pillarbox.base.clock import Clock
from pillarbox.base.cpu import Cpu, Line
from pillarbox.base.errors import Busy, Denied, GrammarError
from pillarbox.base.log import logger
from pillarbox.domain.accounts import credentials, names
from pillarbox.domain.accounts.credentials import Candidates, Credential
from pillarbox.domain.accounts.model import Actor
from pillarbox.formats.address import parse_path
from pillarbox.pipeline import passwords, throttle
from pillarbox.pipeline.client import ClientFacts
from pillarbox.pipeline.passwords import PasswordHasher
from pillarbox.pipeline.throttle import Standing, ThrottleOptions
from pillarbox.pipeline.verified import VerifiedCredentials
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

FAILED = "Authentication failed"
BARRED = "Too many failed logins; try again later"
MAX_USERNAME_CHARACTERS = 320
BRAKED_AT_ONCE = 64
PER_ADDRESS_AT_ONCE = 5

_log = logger("login")


class Busyness:
    """How many passwords are being checked, in all and for one address."""

    def __init__(self, at_once: int = 1, waiting: int = 200) -> None:
        """`at_once` bounds memory (64 MiB each), `waiting` how long the last one waits.

        More than one at once gains nothing: `PasswordHasher` runs one at a time.
        """
        self.line = Line(at_once, waiting)
        self.braked = 0
        self.background: set[asyncio.Task[None]] = set()
        self._of_address: dict[str, tuple[asyncio.Semaphore, int]] = {}

    @asynccontextmanager
    async def turn_of(self, address: str, at_once: int) -> AsyncIterator[None]:
        """Wait until fewer than `at_once` checks for this address are under way.

        So one address can't fill the line, nor try more passwords than are counted against it.
        """
        places, users = self._of_address.get(address) or (asyncio.Semaphore(at_once), 0)
        self._of_address[address] = (places, users + 1)
        try:
            async with places:
                yield
        finally:
            places, users = self._of_address.pop(address)
            if users > 1:
                self._of_address[address] = (places, users - 1)


@dataclass(frozen=True, slots=True)
class Login:
    """Checks passwords; one for a process.

    `default_domain` completes user names without one. `sleep` is for tests that do not wait.
    """

    database: Database
    cpu: Cpu
    hasher: PasswordHasher
    clock: Clock
    limits: ThrottleOptions
    default_domain: str = ""
    verified: VerifiedCredentials = field(default_factory=VerifiedCredentials)
    busyness: Busyness = field(default_factory=Busyness)
    sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep

    async def password(self, username: str, password: str, client: ClientFacts) -> Actor:
        """The user who proved to be `username`.

        Raises `Denied` with one text whatever was wrong, `Busy` for an address that is barred and
        when too many passwords are being checked.
        """
        login = self._key(username)
        plain = passwords.normalize(password)
        standing, found = await self.database.lookup(_look, client.ip, login)
        if not client.trusted and standing.is_barred(self.limits):
            _log.warning("login refused", user=login, ip=client.ip, why="address is barred")
            raise Busy(BARRED, "address is barred")
        if found is not None and (known := self._known(found, plain)) is not None:
            return self._welcome(found, known, client)
        if client.trusted:
            async with self.busyness.line:
                return await self._check(login, plain, client)
        name = throttle.address_name(client.ip)
        async with self.busyness.turn_of(name, min(self.limits.max_tries, PER_ADDRESS_AT_ONCE)):
            await self._brake(standing)
            async with self.busyness.line:
                return await self._check(login, plain, client)

    def close(self) -> None:
        """Drop what logins have left to write; the next ones will."""
        for task in self.busyness.background:
            task.cancel()

    async def settle(self) -> None:
        """Wait for what logins have left to write; for an orderly end."""
        while self.busyness.background:
            await asyncio.wait(self.busyness.background)

    async def still_holds(self, actor: Actor) -> bool:
        """Whether one who logged in may go on: not disabled, not removed, same password."""
        return await self.database.lookup(credentials.stands, actor)

    def _known(self, found: Candidates, plain: str | None) -> Credential | None:
        """The credential this password was verified for lately, if the user may log in."""
        if plain is None or not found.enabled:
            return None
        account_id, now_ms = found.actor.account_id, self.clock.now_ms()
        for one in found.credentials:
            if self.verified.has(account_id, one.id, one.secret, plain, now_ms):
                return one
        return None

    async def _brake(self, standing: Standing) -> None:
        wait_s = standing.brake_s(self.limits)
        if not wait_s:
            return
        if self.busyness.braked >= BRAKED_AT_ONCE:
            raise Busy("The server is busy; try again later", "too many logins are braked")
        self.busyness.braked += 1
        try:
            await self.sleep(wait_s)
        finally:
            self.busyness.braked -= 1

    async def _check(self, login: str, plain: str | None, client: ClientFacts) -> Actor:
        # Looked up anew: while this one waited, others from its address may have failed, or the
        # same user may have logged in on another connection.
        standing, found = await self.database.lookup(_look, client.ip, login)
        if not client.trusted and standing.is_barred(self.limits):
            raise Busy(BARRED, "address is barred")
        if found is not None and (known := self._known(found, plain)) is not None:
            return self._welcome(found, known, client)
        match = await self._match(found, plain)
        if found is not None and match is not None and plain is not None and found.enabled:
            now_ms = self.clock.now_ms()
            self.verified.add(found.actor.account_id, match.id, match.secret, plain, now_ms)
            if not self.hasher.is_current(match.secret):
                await self._upgrade(match, plain)
            return self._welcome(found, match, client)
        why = _reason(found, match)
        _log.warning("login failed", user=login, ip=client.ip, protocol=client.protocol, why=why)
        if not client.trusted:
            after = await self.database.write(throttle.failed, client.ip, login, self.limits)
            if after.address.hits == self.limits.max_tries:
                _log.warning("address barred", ip=client.ip, until_ms=after.address.expires_ms)
        raise Denied(FAILED, why)

    async def _match(self, found: Candidates | None, plain: str | None) -> Credential | None:
        """The credential that the password fits; hashes once even where there is none."""
        if found is None or plain is None or not found.credentials:
            await self.cpu.run(self.hasher.verify, plain or FAILED, self.hasher.dummy)
            return None
        for one in found.credentials:
            if await self.cpu.run(self.hasher.verify, plain, one.secret):
                return one
        return None

    async def _upgrade(self, old: Credential, plain: str) -> None:
        """Store a hash of today's strength in place of an old one."""
        new = await self.cpu.run(self.hasher.hash, plain)
        self._later(self._write(credentials.replace_secret, old.id, old.secret, new))

    def _welcome(self, found: Candidates, proof: Credential, client: ClientFacts) -> Actor:
        _log.info("login", user=found.actor.address, ip=client.ip, protocol=client.protocol)
        last_ms = found.last_login_ms
        if last_ms is None or self.clock.now_ms() - last_ms >= credentials.LOGIN_NOTED_EVERY_MS:
            self._later(self._write(credentials.note_login, found.actor.account_id))
        return replace(found.actor, credential_id=proof.id)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self.busyness.background.add(task)
        task.add_done_callback(self.busyness.background.discard)

    async def _write(self, function: Callable[..., Any], *args: Any) -> None:
        try:
            await self.database.write(function, *args)
        except Exception as error:
            # The login itself is good; what is noted beside it will be next time.
            _log.warning("a login was not noted", why=str(error))

    def _key(self, username: str) -> str:
        """The address key that a user name stands for; anything else stands for itself."""
        name = username.strip()[:MAX_USERNAME_CHARACTERS].replace("\0", "\ufffd")
        name = name.encode("utf-8", "replace").decode()  # what no database takes
        if "@" not in name and self.default_domain:
            name = f"{name}@{self.default_domain}"
        try:
            return parse_path(name).key()
        except (GrammarError, ValueError):
            return names.local_key(name)


def _look(tx: Tx, ip: str, login: str) -> tuple[Standing, Candidates | None]:
    return throttle.standing(tx, ip, login), credentials.candidates(tx, login)


def _reason(found: Candidates | None, match: Credential | None) -> str:
    if found is None:
        return "no such user"
    return "wrong password" if match is None else "disabled"
