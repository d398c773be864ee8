"""Logins: who gets in, how often others may try, and what is remembered."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace

import bcrypt
import pytest

from kit.clock import FakeClock
from pillarbox.base.cpu import Cpu
from pillarbox.base.errors import Busy, Denied
from pillarbox.domain.accounts import credentials, domains, tokens, users
from pillarbox.domain.accounts.model import Role, Scope, User
from pillarbox.domain.bans import bans
from pillarbox.domain.policy import policies
from pillarbox.domain.policy.model import DEFAULT
from pillarbox.pipeline import throttle
from pillarbox.pipeline.client import ClientFacts
from pillarbox.pipeline.login import BARRED, FAILED, TOO_OFTEN, Login
from pillarbox.pipeline.passwords import Cost, PasswordHasher
from pillarbox.pipeline.throttle import ThrottleOptions
from pillarbox.pipeline.verifiers import Verifiers
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

CLIENT = ClientFacts("192.0.2.7", "imap", True, False, "s1")
CHEAP = Cost(passes=1, memory_kib=32, lanes=1)
PASSWORD = "correct horse"
KEYS = KeyRing({1: bytes(range(32))})


class CountingHasher(PasswordHasher):
    """Counts the hashes that are checked."""

    def __init__(self) -> None:
        super().__init__(CHEAP)
        self.checks = 0

    def verify(self, plain: str, secret: str) -> bool:
        self.checks += 1
        return super().verify(plain, secret)


@dataclass
class Desk:
    """A login over a database with one user, ann@example.org."""

    database: Database
    clock: FakeClock
    hasher: CountingHasher
    login: Login
    waits: list[float] = field(default_factory=list)

    async def add(self, address: str, secret: str | None = None) -> User:
        def add(tx: Tx) -> User:
            domain = address.rpartition("@")[2]
            if domains.get(tx, domain) is None:
                domains.create(tx, domain)
            stored = secret or self.hasher.hash(PASSWORD)
            return users.create(tx, address, stored, "", Role.USER, 0)

        return await self.database.write(add)

    async def fail(self, times: int, client: ClientFacts = CLIENT, user: str = "x") -> None:
        for _ in range(times):
            with pytest.raises(Denied):
                await self.login.password(user, "wrong", client)

    async def secret_of(self, address: str) -> str:
        found = await self.database.read(credentials.candidates, address)
        assert found is not None
        return found.credentials[0].secret


@pytest.fixture
async def desk(database: Database, clock: FakeClock) -> AsyncIterator[Desk]:
    cpu = Cpu(1, 100)
    hasher = CountingHasher()
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    login = Login(
        database,
        cpu,
        hasher,
        Verifiers(KEYS, 4096),
        clock,
        ThrottleOptions(),
        "example.org",
        sleep=sleep,
    )
    made = Desk(database, clock, hasher, login, waits)
    await made.add("ann@example.org")
    yield made
    await login.settle()
    cpu.close()


class TestWhoGetsIn:
    @pytest.mark.parametrize(
        "name", ["ann@example.org", "ANN@Example.ORG", " ann@example.org", "ann"]
    )
    async def test_the_user_in_any_spelling(self, desk: Desk, name: str) -> None:
        actor = await desk.login.password(name, PASSWORD, CLIENT)
        assert actor.address == "ann@example.org"
        assert actor.role is Role.USER

    @pytest.mark.parametrize(
        ("name", "password"),
        [
            ("ann@example.org", "wrong horse"),
            ("ann@example.org", ""),
            ("ann@example.org", "x" * 5000),
            ("ann@example.org", "nul\0"),
            ("ann+x@example.org", PASSWORD),
            ("bob@example.org", PASSWORD),
            ("ann@example.net", PASSWORD),
            ("", PASSWORD),
            ("@", PASSWORD),
            ("\ud800" * 400, PASSWORD),
            ("ann\0@example.org", PASSWORD),
            ("ann@" + "\u00fc" * 3000, PASSWORD),
        ],
    )
    async def test_nobody_else_and_always_one_hash(
        self, desk: Desk, name: str, password: str
    ) -> None:
        with pytest.raises(Denied) as caught:
            await desk.login.password(name, password, CLIENT)
        assert caught.value.public == FAILED
        assert desk.hasher.checks == 1

    async def test_disabled_users_and_domains(self, desk: Desk) -> None:
        bob = await desk.add("bob@example.net")
        await desk.login.password("bob@example.net", PASSWORD, CLIENT)
        await desk.database.write(users.set_enabled, bob.account_id, False)
        with pytest.raises(Denied, match=FAILED):
            await desk.login.password("bob@example.net", PASSWORD, CLIENT)
        assert desk.hasher.checks == 2
        await desk.database.write(users.set_enabled, bob.account_id, True)
        domain = await desk.database.read(domains.require, "example.net")
        await desk.database.write(domains.set_enabled, domain, False)
        with pytest.raises(Denied, match=FAILED):
            await desk.login.password("bob@example.net", PASSWORD, CLIENT)

    async def test_passwords_are_normalized(self, desk: Desk) -> None:
        """RFC 8265 §4.2: NFC, and other spaces are U+0020."""
        await desk.add("jo@example.org", desk.hasher.hash("sch\u00f6n wort"))
        await desk.login.password("jo", "scho\u0308n\u00a0wort", CLIENT)

    async def test_bcrypt_is_replaced_at_login(self, desk: Desk) -> None:
        old = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
        await desk.add("old@example.org", old)
        await desk.login.password("old@example.org", PASSWORD, CLIENT)
        await desk.login.settle()
        new = await desk.secret_of("old@example.org")
        assert new.startswith("$argon2id$")
        await desk.login.password("old@example.org", PASSWORD, CLIENT)
        with pytest.raises(Denied):
            await desk.login.password("old@example.org", "wrong horse", CLIENT)

    async def test_weaker_argon2_is_replaced_too(self, desk: Desk) -> None:
        weak = PasswordHasher(replace(CHEAP, memory_kib=16)).hash(PASSWORD)
        await desk.add("old@example.org", weak)
        await desk.login.password("old@example.org", PASSWORD, CLIENT)
        await desk.login.settle()
        assert desk.hasher.is_current(await desk.secret_of("old@example.org"))

    async def test_a_stored_hash_that_is_none(self, desk: Desk) -> None:
        await desk.add("odd@example.org", "!")
        with pytest.raises(Denied):
            await desk.login.password("odd@example.org", "!", CLIENT)


class TestVerifiedCredentials:
    async def test_the_second_login_needs_no_hash(self, desk: Desk) -> None:
        for _ in range(3):
            await desk.login.password("ann", PASSWORD, CLIENT)
        assert desk.hasher.checks == 1

    async def test_not_forever(self, desk: Desk) -> None:
        await desk.login.password("ann", PASSWORD, CLIENT)
        desk.clock.advance(minutes=11)
        await desk.login.password("ann", PASSWORD, CLIENT)
        assert desk.hasher.checks == 2

    async def test_a_changed_password_counts_at_once(self, desk: Desk) -> None:
        actor = await desk.login.password("ann", PASSWORD, CLIENT)
        new = desk.hasher.hash("another horse")
        await desk.database.write(users.set_password, actor.account_id, new)
        with pytest.raises(Denied):
            await desk.login.password("ann", PASSWORD, CLIENT)
        await desk.login.password("ann", "another horse", CLIENT)

    async def test_connections_opened_together_share_one_hash(self, desk: Desk) -> None:
        together = [desk.login.password("ann", PASSWORD, CLIENT) for _ in range(30)]
        assert len(await asyncio.gather(*together)) == 30
        assert desk.hasher.checks <= 2


class TestThrottle:
    async def test_an_address_is_barred_for_a_day(self, desk: Desk) -> None:
        await desk.fail(5)
        with pytest.raises(Busy):
            await desk.login.password("ann", PASSWORD, CLIENT)
        await desk.login.password("ann", PASSWORD, replace(CLIENT, ip="192.0.2.8"))
        # Nor does what was verified from elsewhere let it in.
        with pytest.raises(Busy):
            await desk.login.password("ann", PASSWORD, CLIENT)
        desk.clock.advance(hours=23, minutes=59)
        with pytest.raises(Busy):
            await desk.login.password("ann", PASSWORD, CLIENT)
        desk.clock.advance(minutes=1)
        await desk.login.password("ann", PASSWORD, CLIENT)

    async def test_failures_are_forgotten_after_the_window(self, desk: Desk) -> None:
        await desk.fail(4)
        desk.clock.advance(minutes=30)
        await desk.fail(4)
        await desk.login.password("ann", PASSWORD, CLIENT)

    async def test_an_own_account_does_not_pay_for_guesses(self, desk: Desk) -> None:
        await desk.fail(4)
        await desk.login.password("ann", PASSWORD, CLIENT)
        await desk.fail(1)
        with pytest.raises(Busy):
            await desk.login.password("ann", PASSWORD, CLIENT)

    async def test_an_ipv6_client_is_its_network(self, desk: Desk) -> None:
        for n in range(5):
            await desk.fail(1, replace(CLIENT, ip=f"2001:db8::{n}"))
        with pytest.raises(Busy):
            await desk.login.password("ann", PASSWORD, replace(CLIENT, ip="2001:db8::ffff"))
        await desk.login.password("ann", PASSWORD, replace(CLIENT, ip="2001:db8:0:1::1"))
        assert throttle.address_name("::ffff:192.0.2.7") == throttle.address_name("192.0.2.7")

    async def test_trusted_clients_are_never_stopped(self, desk: Desk) -> None:
        trusted = replace(CLIENT, trusted=True)
        await desk.fail(12, trusted)
        await desk.login.password("ann", PASSWORD, CLIENT)

    async def test_tries_at_the_same_time_are_counted(self, desk: Desk) -> None:
        tries = [desk.login.password("ann", f"guess {n}", CLIENT) for n in range(40)]
        outcomes = await asyncio.gather(*tries, return_exceptions=True)
        # Those that were being checked when the fifth failed may add a few.
        assert desk.hasher.checks <= 5 + 2
        assert sum(isinstance(one, Busy) for one in outcomes) >= 33

    async def test_a_release(self, desk: Desk) -> None:
        await desk.fail(5)
        barred = await desk.database.read(throttle.barred, ThrottleOptions())
        assert list(barred) == ["192.0.2.7"]
        assert await desk.database.write(throttle.release, "192.0.2.7")
        await desk.login.password("ann", PASSWORD, CLIENT)

    async def test_an_account_tried_from_everywhere_is_braked_not_barred(self, desk: Desk) -> None:
        for n in range(24):
            await desk.fail(1, replace(CLIENT, ip=f"198.51.100.{n}"), "ann")
        assert desk.waits == [0.25, 0.5, 1.0, 2.0]
        await desk.login.password("ann", PASSWORD, CLIENT)
        assert desk.waits[-1] == 4.0
        # Once verified, the user is not slowed any more.
        await desk.login.password("ann", PASSWORD, CLIENT)
        assert len(desk.waits) == 5


class TestPolicies:
    """Limits that admins set while the server runs, for all and for a domain."""

    HERE = "ann@example.org"

    async def rule(self, desk: Desk, domain: str, **wanted: str) -> None:
        await desk.database.write(policies.set_values, domain, wanted)

    async def test_those_for_all_go_before_the_settings(self, desk: Desk) -> None:
        await self.rule(
            desk, DEFAULT, auth_brute_force_threshold="2", auth_brute_force_window_minutes="7",
            auth_brute_force_block_minutes="60",
        )  # fmt: skip
        await desk.fail(1, user="x@unknown.test")
        desk.clock.advance(minutes=7)
        await desk.fail(1)
        await desk.fail(1, user="x@unknown.test")
        assert list(await desk.database.read(throttle.barred, ThrottleOptions())) == ["192.0.2.7"]
        with pytest.raises(Busy):
            await desk.login.password("ann", PASSWORD, CLIENT)
        desk.clock.advance(minutes=60)
        await desk.login.password("ann", PASSWORD, CLIENT)

    async def test_without_bars_there_is_still_the_brake(self, desk: Desk) -> None:
        await self.rule(desk, DEFAULT, auth_brute_force_enabled="0")
        await desk.fail(21, user="ann")
        await desk.login.password("ann", PASSWORD, CLIENT)
        assert desk.waits == [0.25, 0.5]

    async def test_a_domain_may_be_stricter_for_itself(self, desk: Desk) -> None:
        await desk.add("bob@example.net")
        await self.rule(
            desk, "example.org", auth_brute_force_threshold="2",
            auth_brute_force_block_minutes="60",
        )  # fmt: skip
        await desk.fail(2, user="nobody@EXAMPLE.org")
        with pytest.raises(Busy):
            await desk.login.password(self.HERE, PASSWORD, CLIENT)
        with pytest.raises(Busy):
            await desk.login.scram_salt(self.HERE, CLIENT)
        await desk.login.password("bob@example.net", PASSWORD, CLIENT)
        await desk.login.password(self.HERE, PASSWORD, replace(CLIENT, ip="192.0.2.8"))
        settings = ThrottleOptions()
        assert await desk.database.read(throttle.barred, settings) == {}
        ((place, domain, count),) = await desk.database.read(throttle.barred_from_domains, settings)
        assert (place, domain, count.hits) == ("192.0.2.7", "example.org", 2)
        desk.clock.advance(minutes=60)
        await desk.login.password(self.HERE, PASSWORD, CLIENT)
        await desk.fail(2, user="x@example.org")
        assert await desk.database.write(throttle.release, "192.0.2.7")
        await desk.login.password(self.HERE, PASSWORD, CLIENT)

    async def test_but_it_opens_no_door_to_others(self, desk: Desk) -> None:
        """What fails at a domain counts for the address, however lax that domain is."""
        await desk.add("bob@example.net")
        await self.rule(
            desk, "example.org", auth_brute_force_threshold="1000", auth_brute_force_enabled="0"
        )
        await desk.fail(5, user="x@example.org")
        for name in (self.HERE, "bob@example.net", "x@unknown.test"):
            with pytest.raises(Busy):
                await desk.login.password(name, PASSWORD, CLIENT)

    async def test_unknown_domains_are_like_those_without_a_policy(self, desk: Desk) -> None:
        await self.rule(desk, DEFAULT, auth_brute_force_threshold="3", ratelimit_auth_per_ip="9")
        for number, name in enumerate((self.HERE, "x@example.org", "x@unknown.test", "x")):
            client = replace(CLIENT, ip=f"198.51.100.{number}")
            await desk.fail(3, client, name)
            with pytest.raises(Busy, match=BARRED):
                await desk.login.password(name, "wrong", client)

    async def test_all_logins_of_an_address_are_limited(self, desk: Desk) -> None:
        await self.rule(
            desk, DEFAULT, ratelimit_auth_per_ip="3", ratelimit_auth_per_ip_window="2"
        )  # fmt: skip
        for _ in range(2):
            await desk.login.password("ann", PASSWORD, CLIENT)
        await desk.fail(1, user="x@unknown.test")
        for name in ("ann", "x@unknown.test"):
            with pytest.raises(Busy, match=TOO_OFTEN):
                await desk.login.password(name, PASSWORD, CLIENT)
        for client in (replace(CLIENT, ip="192.0.2.8"), replace(CLIENT, trusted=True)):
            await desk.login.password("ann", PASSWORD, client)
        desk.clock.advance(minutes=2)
        await desk.login.password("ann", PASSWORD, CLIENT)
        await self.rule(desk, DEFAULT, ratelimit_enabled="0")
        for _ in range(4):
            await desk.login.password("ann", PASSWORD, CLIENT)

    async def test_logins_by_imap_are_limited_for_a_user(self, desk: Desk) -> None:
        await desk.add("bob@example.org")
        await self.rule(desk, "example.org", ratelimit_imap_per_user="2")
        for _ in range(2):
            await desk.login.password("ann", PASSWORD, CLIENT)
        for ip in (CLIENT.ip, "192.0.2.8"):
            with pytest.raises(Busy, match=TOO_OFTEN):
                await desk.login.password("ann", PASSWORD, replace(CLIENT, ip=ip))
        with pytest.raises(Denied):
            await desk.login.password("ann", "wrong", CLIENT)
        await desk.login.password("ann", PASSWORD, replace(CLIENT, protocol="submission"))
        await desk.login.password("bob", PASSWORD, CLIENT)
        desk.clock.advance(hours=1)
        await desk.login.password("ann", PASSWORD, CLIENT)

    @pytest.mark.parametrize(
        ("network", "ip"),
        [
            ("192.0.2.0/24", "192.0.2.7"),
            ("192.0.2.7", "::ffff:192.0.2.7"),
            ("2001:db8::/32", "2001:db8:7::1"),
        ],
    )
    async def test_bans_bar_logins_where_that_is_wanted(
        self, desk: Desk, network: str, ip: str
    ) -> None:
        client = replace(CLIENT, ip=ip)
        await desk.add("bob@example.net")
        await desk.database.write(bans.add, network, 3_600_000)
        await desk.login.password("ann", PASSWORD, client)
        await self.rule(desk, "example.org", auth_ip_blacklist_enabled="1")
        with pytest.raises(Busy, match=BARRED):
            await desk.login.password("ann", PASSWORD, client)
        await desk.login.password("bob@example.net", PASSWORD, client)
        await desk.login.password("ann", PASSWORD, replace(CLIENT, ip="198.51.100.1"))
        await desk.login.password("ann", PASSWORD, replace(client, trusted=True))
        desk.clock.advance(hours=1)
        await desk.login.password("ann", PASSWORD, client)

    async def test_a_bare_token_meets_the_policy_of_its_user(self, desk: Desk) -> None:
        found = await desk.database.read(users.require, self.HERE)
        _, token = await desk.database.write(tokens.mint, found.account_id, "phone", (Scope.IMAP,))
        await desk.login.token("", token, CLIENT)
        await desk.database.write(bans.add, "192.0.2.7")
        await self.rule(desk, "example.org", auth_ip_blacklist_enabled="1")
        with pytest.raises(Busy, match=BARRED):
            await desk.login.token("", token, CLIENT)


class TestLastLogin:
    async def test_it_is_noted_once_an_hour(self, desk: Desk) -> None:
        async def last_login() -> int | None:
            await desk.login.settle()
            found = await desk.database.read(credentials.candidates, "ann@example.org")
            assert found is not None
            return found.last_login_ms

        start_ms = desk.clock.now_ms()
        await desk.login.password("ann", PASSWORD, CLIENT)
        assert await last_login() == start_ms
        desk.clock.advance(minutes=59)
        await desk.login.password("ann", PASSWORD, CLIENT)
        assert await last_login() == start_ms
        desk.clock.advance(minutes=1)
        await desk.login.password("ann", PASSWORD, CLIENT)
        assert await last_login() == start_ms + 3_600_000


def test_the_default_cost_is_the_decided_one() -> None:
    make: Callable[[], PasswordHasher] = PasswordHasher
    assert make().is_current("$argon2id$v=19$m=65536,t=3,p=4$AAAA$AAAA")


class TestHowLongALoginHolds:
    async def may_go_on(self, desk: Desk, change: Callable[[Tx, User], object]) -> bool:
        bob = await desk.add("bob@example.org")
        actor = await desk.login.password("bob", PASSWORD, CLIENT)
        assert await desk.login.still_holds(actor)
        await desk.database.write(change, bob)
        return await desk.login.still_holds(actor)

    async def test_it_holds_for_a_stronger_hash_of_the_same_password(self, desk: Desk) -> None:
        def rehash(tx: Tx, user: User) -> None:
            found = credentials.candidates(tx, user.address)
            assert found is not None
            (one,) = found.credentials
            credentials.replace_secret(tx, one.id, one.secret, "another hash")

        assert await self.may_go_on(desk, rehash)

    @pytest.mark.parametrize(
        "change",
        [
            lambda tx, user: users.set_password(tx, user.account_id, "another"),
            lambda tx, user: users.set_enabled(tx, user.account_id, False),
            lambda tx, user: users.set_role(tx, user.account_id, Role.ADMIN),
            lambda tx, user: users.delete(tx, user.account_id),
            lambda tx, user: domains.set_enabled(tx, domains.require(tx, "example.org"), False),
        ],
    )
    async def test_it_ends(self, desk: Desk, change: Callable[[Tx, User], object]) -> None:
        assert not await self.may_go_on(desk, change)

    async def test_one_from_the_cache_ends_too(self, desk: Desk) -> None:
        first = await desk.login.password("ann", PASSWORD, CLIENT)
        again = await desk.login.password("ann", PASSWORD, CLIENT)
        assert desk.hasher.checks == 1
        assert first.credential_id == again.credential_id != 0
