"""Who is it: the one way from a user name and what proves it to an `Actor`, for every protocol.

Passwords: look up → throttle → cache of verified credentials → Argon2id in a thread → note what
happened. SCRAM proofs and tokens take the same way with nothing to compute. Unknown users, disabled
ones and wrong passwords take the same time and get one text.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, NoReturn, TypeVar

from pillarbox.base.clock import Clock
from pillarbox.base.cpu import Cpu, Line
from pillarbox.base.errors import Busy, Denied, GrammarError
from pillarbox.base.log import logger
from pillarbox.domain.accounts import credentials, names, tokens
from pillarbox.domain.accounts.credentials import Candidates, Credential
from pillarbox.domain.accounts.model import Actor, Scope
from pillarbox.domain.accounts.tokens import TokenHolder
from pillarbox.formats.address import parse_path
from pillarbox.pipeline import passwords, throttle
from pillarbox.pipeline.client import ClientFacts
from pillarbox.pipeline.passwords import PasswordHasher
from pillarbox.pipeline.throttle import Standing, ThrottleOptions
from pillarbox.pipeline.verified import VerifiedCredentials
from pillarbox.pipeline.verifiers import Verifiers
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

FAILED = "Authentication failed"
BARRED = "Too many failed logins; try again later"
TOO_OFTEN = "Too many logins; try again later"
MAX_USERNAME_CHARACTERS = 320
BRAKED_AT_ONCE = 64
PER_ADDRESS_AT_ONCE = 5
SCOPES: MappingProxyType[str, frozenset[Scope]] = MappingProxyType(
    {
        "imap": frozenset((Scope.IMAP, Scope.MAIL)),
        "pop3": frozenset((Scope.POP3, Scope.MAIL)),
        "submission": frozenset((Scope.SEND,)),
        # Who may read all mail and remove it may have it filtered; that can send it elsewhere, as
        # whoever reads it can.
        "managesieve": frozenset((Scope.MAIL,)),
        # Whom a token shows mail need not see who the user knows and meets.
        "dav": frozenset((Scope.DAV,)),
    }
)
"""Which scopes of a token open which protocol (`ClientFacts.protocol`); one of them is enough."""

Found = TypeVar("Found", Candidates, TokenHolder)

_log = logger("login")


class WrongScope(Denied):
    """The token is right, but not for this."""


class Barred(Busy):
    """The address failed too often, is banned, or has logged in as often as it may for now."""


@dataclass(frozen=True, slots=True)
class Proven:
    """Who made a SCRAM proof, and the proof of the server in return."""

    actor: Actor
    signature: bytes = field(repr=False)


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
    """Checks passwords, proofs and tokens; one for a process.

    `default_domain` completes user names without one. `sleep` is for tests that do not wait.
    """

    database: Database
    cpu: Cpu
    hasher: PasswordHasher
    verifiers: Verifiers
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
        standing, found = await self._try(client, login, credentials.candidates, login)
        if found is not None and (known := self._known(found, plain)) is not None:
            return await self._welcome(found, known, client, standing)
        async with self._turn(standing, client), self.busyness.line:
            return await self._check(login, plain, client)

    async def scram_salt(self, username: str, client: ClientFacts) -> tuple[bytes, int]:
        """Salt and iterations of a user, real or not, for `scram`; raises `Busy` as that does."""
        login = self._key(username)
        _, found = await self._look(client, login, credentials.candidates, login)
        first = found.credentials[0] if found is not None and found.credentials else None
        scram, secret = (None, "") if first is None else (first.scram, first.secret)
        verifier, _ = self.verifiers.open(scram, secret, login)
        return verifier.salt, verifier.iterations

    async def scram(
        self, username: str, message: bytes, proof: bytes, client: ClientFacts
    ) -> Proven:
        """The user who made `proof` over the messages of an exchange (RFC 5802 §3).

        Raises as `password` does. Any of the user's credentials will do whose salt the exchange
        named, which is part of `message`.
        """
        login = self._key(username)
        standing, _ = await self._try(client, login, credentials.candidates, login)
        async with self._turn(standing, client):
            # Looked up anew: others from the same address may have failed meanwhile.
            _, found = await self._look(client, login, credentials.candidates, login)
            for one in found.credentials if found is not None else ():
                verifier, is_real = self.verifiers.open(one.scram, one.secret, login)
                fits = verifier.accepts(message, proof) and is_real
                if found is not None and fits and found.enabled:
                    actor = await self._welcome(found, one, client, standing)
                    return Proven(actor, verifier.signature(message))
                if fits:
                    await self._failed(login, client, "disabled")
            if found is None or not found.credentials:
                self.verifiers.open(None, "", login)[0].accepts(message, proof)
                await self._failed(login, client, "no such user")
            await self._failed(login, client, "wrong password, or no verifier of it")

    async def token(self, username: str, token: str, client: ClientFacts) -> Actor:
        """The user whose token this is; a `username` that is not empty must be theirs.

        Raises `WrongScope` for a token that is good, but not for the client's protocol, else as
        `password` does.
        """
        login = self._key(username) if username else ""
        digest = tokens.digest(token)
        standing, _ = await self._try(client, login, tokens.holder, digest)
        async with self._turn(standing, client):
            standing, found = await self._look(client, login, tokens.holder, digest)
            if found is None:
                await self._failed(login, client, "no such token")
            if username and found.actor.address != login:
                await self._failed(login, client, "the token is another user's")
            if found.expired or not found.enabled:
                await self._failed(login, client, "expired" if found.expired else "disabled")
        if not login:  # now the domain is known
            standing, _ = await self._look(client, found.actor.address, tokens.holder, digest)
        if not found.token.scopes & SCOPES.get(client.protocol, frozenset()):
            who, token_id = found.actor.address, found.token.id
            _log.warning("login refused", user=who, token=token_id, why="not in its scope")
            raise WrongScope(FAILED, "not in the token's scope")
        await self._count_imap(found.actor, client, standing)
        self._note(tokens.note_use, found.token.last_used_ms, found.token.id)
        self._noted(found.actor, found.last_login_ms, client)
        return found.actor

    def is_self(self, name: str, actor: Actor) -> bool:
        """Whether a name, in any spelling, is the user's own."""
        return self._key(name) == actor.address

    def close(self) -> None:
        """Drop what logins have left to write; the next ones will."""
        for task in self.busyness.background:
            task.cancel()

    async def settle(self) -> None:
        """Wait for what logins have left to write; for an orderly end."""
        while self.busyness.background:
            await asyncio.wait(self.busyness.background)

    async def still_holds(self, actor: Actor) -> bool:
        """Whether one who logged in may go on: not disabled, same password, token not revoked."""
        return await self.database.lookup(credentials.stands, actor)

    async def _try(
        self, client: ClientFacts, login: str, find: Callable[[Tx, str], Found | None], name: str
    ) -> tuple[Standing, Found | None]:
        """As `_look`; counts the try where an address may not try as often as it likes."""
        standing, found = await self._look(client, login, find, name)
        rate = standing.limits.policy.per_ip
        if rate.most and not client.trusted:
            write = self.database.write
            if standing.is_too_often or not await write(throttle.tried, client.ip, rate):
                _log.warning("login refused", user=login, ip=client.ip, why="too many logins")
                raise Barred(TOO_OFTEN, "too many logins of the address")
        return standing, found

    async def _look(
        self, client: ClientFacts, login: str, find: Callable[[Tx, str], Found | None], name: str
    ) -> tuple[Standing, Found | None]:
        """What is stored under a name, unless the client's address is barred."""
        standing, found = await self.database.lookup(
            _find, client.ip, login, self.limits, find, name
        )
        if not client.trusted and standing.is_barred:
            _log.warning("login refused", user=login, ip=client.ip, why="address is barred")
            raise Barred(BARRED, "address is barred")
        return standing, found

    def _known(self, found: Candidates, plain: str | None) -> Credential | None:
        """The credential this password was verified for lately, if the user may log in."""
        if plain is None or not found.enabled:
            return None
        account_id, now_ms = found.actor.account_id, self.clock.now_ms()
        for one in found.credentials:
            if self.verified.has(account_id, one.id, one.secret, plain, now_ms):
                return one
        return None

    @asynccontextmanager
    async def _turn(self, standing: Standing, client: ClientFacts) -> AsyncIterator[None]:
        """Wait until the address and the account may try again; trusted clients needn't."""
        if client.trusted:
            yield
            return
        name = throttle.address_name(client.ip)
        limits = standing.limits
        most = min(one.max_tries for one in (limits.address, limits.domain) if one is not None)
        async with self.busyness.turn_of(name, min(most, PER_ADDRESS_AT_ONCE)):
            await self._brake(standing)
            yield

    async def _brake(self, standing: Standing) -> None:
        wait_s = standing.brake_s
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
        standing, found = await self._look(client, login, credentials.candidates, login)
        if found is not None and (known := self._known(found, plain)) is not None:
            return await self._welcome(found, known, client, standing)
        match = await self._match(found, plain)
        if found is not None and match is not None and plain is not None and found.enabled:
            now_ms = self.clock.now_ms()
            self.verified.add(found.actor.account_id, match.id, match.secret, plain, now_ms)
            await self._upgrade(login, match, plain)
            return await self._welcome(found, match, client, standing)
        await self._failed(login, client, _reason(found, match))

    async def _match(self, found: Candidates | None, plain: str | None) -> Credential | None:
        """The credential that the password fits; hashes once even where there is none."""
        if found is None or plain is None or not found.credentials:
            await self.cpu.run(self.hasher.verify, plain or FAILED, self.hasher.dummy)
            return None
        for one in found.credentials:
            if await self.cpu.run(self.hasher.verify, plain, one.secret):
                return one
        return None

    async def _upgrade(self, login: str, old: Credential, plain: str) -> None:
        """Store hash and verifier as they would be made today, where they are not so."""
        secret, scram = old.secret, old.scram
        if not self.hasher.is_current(secret):
            secret = await self.cpu.run(self.hasher.hash, plain)
        if secret == old.secret and self.verifiers.is_current(scram, secret, login):
            return
        scram = await self.cpu.run(self.verifiers.make, login, plain, secret)
        self._later(self._write(credentials.replace_secret, old.id, old.secret, secret, scram))

    async def _failed(self, login: str, client: ClientFacts, why: str) -> NoReturn:
        """Count a failed login; raises `Denied`."""
        _log.warning("login failed", user=login, ip=client.ip, protocol=client.protocol, why=why)
        if not client.trusted:
            after = await self.database.write(throttle.failed, client.ip, login, self.limits)
            limits = after.limits
            if limits.address.bars and after.address.hits == limits.address.max_tries:
                _log.warning("address barred", ip=client.ip, until_ms=after.address.expires_ms)
            if limits.domain is not None and after.domain.hits == limits.domain.max_tries:
                until_ms, domain = after.domain.expires_ms, throttle.domain_of(login)
                _log.warning("address barred", ip=client.ip, domain=domain, until_ms=until_ms)
        raise Denied(FAILED, why)

    async def _welcome(
        self, found: Candidates, proof: Credential, client: ClientFacts, standing: Standing
    ) -> Actor:
        await self._count_imap(found.actor, client, standing)
        self._noted(found.actor, found.last_login_ms, client)
        return replace(found.actor, credential_id=proof.id)

    async def _count_imap(self, actor: Actor, client: ClientFacts, standing: Standing) -> None:
        """Raise `Busy` where the user has logged in too often; only who proved to be it learns."""
        rate = standing.limits.policy.imap_per_user
        if not rate.most or client.trusted or client.protocol != "imap":
            return
        if not await self.database.write(throttle.entered, actor.account_id, rate):
            _log.warning("login refused", user=actor.address, ip=client.ip, why="too many logins")
            raise Barred(TOO_OFTEN, "too many logins of the user")

    def _noted(self, actor: Actor, last_login_ms: int | None, client: ClientFacts) -> None:
        _log.info("login", user=actor.address, ip=client.ip, protocol=client.protocol)
        self._note(credentials.note_login, last_login_ms, actor.account_id)

    def _note(self, function: Callable[[Tx, Any], None], last_ms: int | None, row: int) -> None:
        """Write a time beside a row, where the one that stands there is old enough."""
        if last_ms is None or self.clock.now_ms() - last_ms >= credentials.LOGIN_NOTED_EVERY_MS:
            self._later(self._write(function, row))

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


def _find(
    tx: Tx,
    ip: str,
    login: str,
    settings: ThrottleOptions,
    find: Callable[[Tx, str], Found | None],
    name: str,
) -> tuple[Standing, Found | None]:
    return throttle.standing(tx, ip, login, settings), find(tx, name)


def _reason(found: Candidates | None, match: Credential | None) -> str:
    if found is None:
        return "no such user"
    return "wrong password" if match is None else "disabled"
