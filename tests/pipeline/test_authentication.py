"""Every mechanism against real credentials: who gets in, what is counted, what is told."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from kit.clock import FakeClock
from kit.sasl import ScramClientSide
from pillarbox.base.cpu import Cpu
from pillarbox.base.errors import Busy, Denied, GrammarError
from pillarbox.domain.accounts import credentials, domains, tokens, users
from pillarbox.domain.accounts.credentials import Credential
from pillarbox.domain.accounts.model import Actor, CredentialKind, Role, Scope, Token, User
from pillarbox.pipeline import verifiers as verifiers_
from pillarbox.pipeline.authentication import (
    Attempt,
    Authentication,
    ChannelFacts,
    NotAuthorized,
)
from pillarbox.pipeline.client import ClientFacts
from pillarbox.pipeline.login import FAILED, Login
from pillarbox.pipeline.login_watch import LoginWatch
from pillarbox.pipeline.passwords import Cost, PasswordHasher
from pillarbox.pipeline.throttle import ThrottleOptions
from pillarbox.pipeline.verifiers import Verifiers
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

IMAP = ClientFacts("192.0.2.7", "imap", True, False, "s1")
TLS = ChannelFacts(True, True)
BOUND = ChannelFacts(True, True, b"certificate")
CHEAP = Cost(passes=1, memory_kib=32, lanes=1)
PASSWORD = "correct horse"
ANN = "ann@example.org"
ITERATIONS = 4096


class CountingHasher(PasswordHasher):
    def __init__(self) -> None:
        super().__init__(CHEAP)
        self.checks = 0

    def verify(self, plain: str, secret: str) -> bool:
        self.checks += 1
        return super().verify(plain, secret)


class CountingVerifiers(Verifiers):
    """Counts what each login costs."""

    def __init__(self, keys: KeyRing) -> None:
        super().__init__(keys, ITERATIONS)
        self.made = self.opened = 0

    def make(self, login: str, plain: str, secret: str) -> bytes:
        self.made += 1
        return super().make(login, plain, secret)

    def open(
        self, sealed: bytes | None, secret: str, login: str
    ) -> tuple[verifiers_.Verifier, bool]:
        self.opened += 1
        return super().open(sealed, secret, login)


@dataclass
class Desk:
    """A login over a database with one user, ann@example.org, who has a verifier."""

    database: Database
    clock: FakeClock
    hasher: CountingHasher
    verifiers: CountingVerifiers
    login: Login
    waits: list[float]

    @property
    def authentication(self) -> Authentication:
        return Authentication(self.login)

    async def add(self, address: str, *, verifier: bool = True, password: str = PASSWORD) -> User:
        def add(tx: Tx) -> User:
            domain = address.rpartition("@")[2]
            if domains.get(tx, domain) is None:
                domains.create(tx, domain)
            stored = self.verifiers.secrets(self.hasher, address, password)
            scram = stored.scram if verifier else None
            return users.create(tx, address, stored.hash, "", Role.USER, 0, scram)

        return await self.database.write(add)

    async def credential(self, address: str = ANN) -> Credential:
        found = await self.database.read(credentials.candidates, address)
        assert found is not None
        return found.credentials[0]

    def begin(
        self, mechanism: str, client: ClientFacts = IMAP, channel: ChannelFacts = TLS
    ) -> Attempt:
        attempt = self.authentication.begin(mechanism, client, channel)
        assert attempt is not None
        return attempt

    async def scram(
        self, username: str = ANN, password: str = PASSWORD, client: ClientFacts = IMAP
    ) -> Actor:
        side = ScramClientSide(username, password)
        attempt = self.begin("SCRAM-SHA-256", client)
        challenge = await attempt.step(side.first())
        assert isinstance(challenge, bytes)
        last = await attempt.step(side.final(challenge))
        assert isinstance(last, bytes)
        assert side.is_servers(last)
        actor = await attempt.step(b"")
        assert isinstance(actor, Actor)
        return actor

    async def challenge(self, username: str) -> tuple[bytes, int]:
        """Salt and iterations that a client is told."""
        side = ScramClientSide(username, "any")
        challenge = await self.begin("SCRAM-SHA-256").step(side.first())
        assert isinstance(challenge, bytes)
        side.final(challenge)
        return side.salt, side.iterations

    async def plain(self, username: str, password: str, authzid: str = "") -> Actor:
        response = f"{authzid}\0{username}\0{password}".encode()
        actor = await self.begin("PLAIN").step(response)
        assert isinstance(actor, Actor)
        return actor

    async def mint(
        self, *scopes: Scope, address: str = ANN, lifetime_ms: int | None = None
    ) -> tuple[Token, str]:
        def mint(tx: Tx) -> tuple[Token, str]:
            account_id = users.require(tx, address).account_id
            return tokens.mint(tx, account_id, "phone", scopes or (Scope.MAIL,), lifetime_ms)

        return await self.database.write(mint)

    async def bearer(self, token: str, username: str = "", client: ClientFacts = IMAP) -> Actor:
        """Log in by OAUTHBEARER; a refusal is gone through to its end."""
        authzid = f"a={username}" if username else ""
        attempt = self.begin("OAUTHBEARER", client)
        answer = await attempt.step(f"n,{authzid},\1auth=Bearer {token}\1\1".encode())
        if isinstance(answer, bytes):
            self.reason = json.loads(answer)
            answer = await attempt.step(b"\1")
        assert isinstance(answer, Actor)
        return answer


@pytest.fixture
async def desk(database: Database, clock: FakeClock) -> AsyncIterator[Desk]:
    cpu = Cpu(1, 100)
    hasher = CountingHasher()
    verifiers = CountingVerifiers(KeyRing({1: bytes(range(32))}))
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    login = Login(
        database, cpu, hasher, verifiers, clock, ThrottleOptions(), "example.org", sleep=sleep
    )
    made = Desk(database, clock, hasher, verifiers, login, waits)
    await made.add(ANN)
    verifiers.made = verifiers.opened = 0
    yield made
    await login.settle()
    cpu.close()


class TestMechanisms:
    def test_what_is_offered_where(self, desk: Desk) -> None:
        offered = desk.authentication.mechanisms
        five = ("SCRAM-SHA-256", "OAUTHBEARER", "XOAUTH2", "PLAIN", "LOGIN")
        assert offered(TLS) == offered(ChannelFacts(False, True)) == five
        assert offered(BOUND) == ("SCRAM-SHA-256-PLUS", *five)
        assert offered(ChannelFacts(False, False)) == ()

    @pytest.mark.parametrize("name", ["CRAM-MD5", "SCRAM-SHA-1", "plain", "", "EXTERNAL"])
    def test_others_are_not(self, desk: Desk, name: str) -> None:
        assert desk.authentication.begin(name, IMAP, BOUND) is None

    def test_not_here(self, desk: Desk) -> None:
        """No binding without a certificate, and nothing in clear."""
        assert desk.authentication.begin("SCRAM-SHA-256-PLUS", IMAP, TLS) is None
        clear = ChannelFacts(False, False)
        for name in desk.authentication.mechanisms(BOUND):
            assert desk.authentication.begin(name, IMAP, clear) is None


class TestScram:
    @pytest.mark.parametrize("name", [ANN, "ANN@Example.ORG", "ann"])
    async def test_the_user_in_any_spelling(self, desk: Desk, name: str) -> None:
        actor = await desk.scram(name)
        assert actor.address == ANN
        assert actor.credential_id == (await desk.credential()).id
        assert not actor.by_token
        assert await desk.login.still_holds(actor)

    async def test_no_password_is_hashed(self, desk: Desk) -> None:
        await desk.scram()
        assert desk.hasher.checks == desk.verifiers.made == 0

    @pytest.mark.parametrize("password", ["wrong horse", "", PASSWORD + " "])
    async def test_wrong_passwords(self, desk: Desk, password: str) -> None:
        with pytest.raises(Denied, match=FAILED):
            await desk.scram(password=password)

    async def test_bound_to_the_certificate(self, desk: Desk) -> None:
        for certificate, is_right in ((b"another", False), (b"certificate", True)):
            side = ScramClientSide(ANN, PASSWORD, header="p=tls-server-end-point,,")
            attempt = desk.begin("SCRAM-SHA-256-PLUS", channel=BOUND)
            challenge = await attempt.step(side.first())
            assert isinstance(challenge, bytes)
            if not is_right:
                with pytest.raises(Denied, match=FAILED):
                    await attempt.step(side.final(challenge, certificate))
                continue
            last = await attempt.step(side.final(challenge, certificate))
            assert isinstance(last, bytes)
            assert side.is_servers(last)
            assert isinstance(await attempt.step(b""), Actor)

    async def test_a_downgrade_fails_and_is_no_guess(self, desk: Desk) -> None:
        for _ in range(6):
            attempt = desk.begin("SCRAM-SHA-256", channel=BOUND)
            with pytest.raises(Denied, match=FAILED):
                await attempt.step(ScramClientSide(ANN, PASSWORD, header="y,,").first())
        await desk.scram()

    async def test_as_somebody_else(self, desk: Desk) -> None:
        await desk.add("bob@example.org")
        for header, is_self in (("n,a=bob,", False), ("n,a=ANN,", True)):
            side = ScramClientSide(ANN, PASSWORD, header=header)
            attempt = desk.begin("SCRAM-SHA-256")
            challenge = await attempt.step(side.first())
            assert isinstance(challenge, bytes)
            if is_self:
                assert isinstance(await attempt.step(side.final(challenge)), bytes)
            else:
                with pytest.raises(NotAuthorized):
                    await attempt.step(side.final(challenge))

    async def test_a_proof_is_good_once(self, desk: Desk) -> None:
        """Another exchange has another nonce."""
        side = ScramClientSide(ANN, PASSWORD)
        attempt = desk.begin("SCRAM-SHA-256")
        challenge = await attempt.step(side.first())
        assert isinstance(challenge, bytes)
        final = side.final(challenge)
        await attempt.step(final)
        again = desk.begin("SCRAM-SHA-256")
        assert await again.step(side.first()) != challenge
        with pytest.raises(Denied):
            await again.step(final)
        with pytest.raises(GrammarError):
            await attempt.step(final)

    async def test_disabled_users(self, desk: Desk) -> None:
        actor = await desk.scram()
        await desk.database.write(users.set_enabled, actor.account_id, False)
        with pytest.raises(Denied, match=FAILED):
            await desk.scram()
        assert not await desk.login.still_holds(actor)

    async def test_a_password_changed_between_the_steps(self, desk: Desk) -> None:
        side = ScramClientSide(ANN, PASSWORD)
        attempt = desk.begin("SCRAM-SHA-256")
        challenge = await attempt.step(side.first())
        assert isinstance(challenge, bytes)
        stored = desk.verifiers.secrets(desk.hasher, ANN, "another horse")
        account_id = (await desk.database.read(users.require, ANN)).account_id
        await desk.database.write(users.set_password, account_id, stored.hash, stored.scram)
        with pytest.raises(Denied):
            await attempt.step(side.final(challenge))
        await desk.scram(password="another horse")

    async def test_any_of_several_passwords(self, desk: Desk) -> None:
        """They share a salt, which belongs to the login."""

        def add(tx: Tx) -> int:
            account_id = users.require(tx, ANN).account_id
            stored = desk.verifiers.secrets(desk.hasher, ANN, "for the phone")
            kind = CredentialKind.PASSWORD
            return credentials.add(tx, account_id, kind, "phone", stored.hash, stored.scram)

        second = await desk.database.write(add)
        assert (await desk.scram(password="for the phone")).credential_id == second
        assert (await desk.scram()).credential_id != second

    async def test_names_with_commas(self, desk: Desk) -> None:
        await desk.add("o=b@example.org")
        assert (await desk.scram("o=b@example.org")).address == "o=b@example.org"

    async def test_a_password_with_other_characters(self, desk: Desk) -> None:
        await desk.add("jo@example.org", password="sch\u00f6n wort")
        await desk.scram("jo", "sch\u00f6n wort")


class TestVerifiers:
    async def test_one_is_made_when_the_password_is_known(self, desk: Desk) -> None:
        await desk.add("old@example.org", verifier=False)
        with pytest.raises(Denied, match=FAILED):
            await desk.scram("old")
        desk.verifiers.made = 0
        first = await desk.plain("old", PASSWORD)
        await desk.login.settle()
        assert desk.verifiers.made == 1
        again = await desk.scram("old")
        assert again.credential_id == first.credential_id
        # And not again.
        desk.clock.advance(hours=1)
        await desk.plain("old", PASSWORD)
        assert desk.verifiers.made == 1

    async def test_none_is_made_of_a_wrong_password(self, desk: Desk) -> None:
        await desk.add("old@example.org", verifier=False)
        desk.verifiers.made = 0
        with pytest.raises(Denied):
            await desk.plain("old", "wrong")
        await desk.login.settle()
        assert desk.verifiers.made == 0
        assert (await desk.credential("old@example.org")).scram is None

    async def test_one_with_fewer_iterations_is_made_anew(self, desk: Desk) -> None:
        stronger = Verifiers(KeyRing({1: bytes(range(32))}), 2 * ITERATIONS)
        await replace(desk.login, verifiers=stronger).password("ann", PASSWORD, IMAP)
        await desk.login.settle()
        assert (await desk.challenge("ann"))[1] == 2 * ITERATIONS
        await desk.scram()

    async def test_it_is_sealed_for_its_hash(self, desk: Desk) -> None:
        one = await desk.credential()
        assert one.scram is not None
        assert b"SCRAM" not in one.scram
        assert desk.verifiers.open(one.scram, one.secret, ANN)[1]
        assert not desk.verifiers.open(one.scram, one.secret + "x", ANN)[1]
        other = Verifiers(KeyRing({1: bytes(32)}), ITERATIONS)
        assert not other.open(one.scram, one.secret, ANN)[1]

    async def test_a_damaged_one_is_made_anew(self, desk: Desk) -> None:
        one = await desk.credential()
        replaced = (one.id, one.secret, one.secret, b"\1" + bytes(60))
        await desk.database.write(credentials.replace_secret, *replaced)
        with pytest.raises(Denied):
            await desk.scram()
        await desk.plain("ann", PASSWORD)
        await desk.login.settle()
        await desk.scram()

    def test_the_salt_outlives_new_keys(self) -> None:
        old, new = bytes(range(32)), bytes(32)
        assert Verifiers(KeyRing({1: old})).salt(ANN) == Verifiers(KeyRing({1: old, 2: new})).salt(
            ANN
        )
        assert Verifiers(KeyRing({1: old})).salt(ANN) != Verifiers(KeyRing({1: new})).salt(ANN)
        assert verifiers_.ITERATIONS == 32_768  # the decided cost


class TestNobodyCanTellWhoExists:
    async def test_everyone_has_a_salt_that_stays(self, desk: Desk) -> None:
        await desk.add("old@example.org", verifier=False)
        names = (ANN, "old@example.org", "nobody@example.org", "x@elsewhere.test", "\u00fc" * 50)
        told = [await desk.challenge(name) for name in names]
        assert len({salt for salt, _ in told}) == len(names)
        assert {(len(salt), iterations) for salt, iterations in told} == {(16, ITERATIONS)}
        assert told == [await desk.challenge(name) for name in names]
        # Neither a first login nor another password shows.
        await desk.plain("old", PASSWORD)
        await desk.login.settle()
        stored = desk.verifiers.secrets(desk.hasher, ANN, "another horse")
        account_id = (await desk.database.read(users.require, ANN)).account_id
        await desk.database.write(users.set_password, account_id, stored.hash, stored.scram)
        assert told == [await desk.challenge(name) for name in names]

    @pytest.mark.parametrize("name", [ANN, "old@example.org", "nobody@example.org", "off"])
    async def test_a_failure_costs_the_same(self, desk: Desk, name: str) -> None:
        await desk.add("old@example.org", verifier=False)
        off = await desk.add("off@example.org")
        await desk.database.write(users.set_enabled, off.account_id, False)
        desk.verifiers.made = desk.verifiers.opened = 0
        with pytest.raises(Denied) as caught:
            await desk.scram(name, "wrong")
        assert caught.value.public == FAILED
        assert (desk.hasher.checks, desk.verifiers.made, desk.verifiers.opened) == (0, 0, 2)

    @pytest.mark.parametrize("name", [ANN, "old@example.org", "nobody@example.org"])
    async def test_nor_by_plain(self, desk: Desk, name: str) -> None:
        await desk.add("old@example.org", verifier=False)
        desk.verifiers.made = 0
        with pytest.raises(Denied):
            await desk.plain(name, "wrong")
        assert (desk.hasher.checks, desk.verifiers.made) == (1, 0)


class TestThrottle:
    async def test_an_address_is_barred(self, desk: Desk) -> None:
        for _ in range(5):
            with pytest.raises(Denied):
                await desk.scram(password="wrong")
        for attempt in (desk.scram(), desk.plain("ann", PASSWORD), desk.bearer("pbt_x")):
            with pytest.raises(Busy):
                await attempt
        await desk.scram(client=replace(IMAP, ip="192.0.2.8"))
        desk.clock.advance(hours=24)
        await desk.scram()

    async def test_mechanisms_are_counted_together(self, desk: Desk) -> None:
        for attempt in (
            desk.scram(password="wrong"),
            desk.plain("ann", "wrong"),
            desk.bearer("pbt_wrong", "ann"),
            desk.bearer("pbt_wrong"),
            desk.scram("nobody", "wrong"),
        ):
            with pytest.raises(Denied):
                await attempt
        with pytest.raises(Busy):
            await desk.scram()

    async def test_proofs_at_the_same_time_are_counted(self, desk: Desk) -> None:
        """Exchanges that were begun before the address was barred are worth nothing after."""
        begun = []
        for n in range(40):
            side, attempt = ScramClientSide(ANN, f"guess {n}"), desk.begin("SCRAM-SHA-256")
            challenge = await attempt.step(side.first())
            assert isinstance(challenge, bytes)
            begun.append(attempt.step(side.final(challenge)))
        desk.verifiers.opened = 0
        outcomes = await asyncio.gather(*begun, return_exceptions=True)
        assert desk.verifiers.opened <= 5 + 4  # those under way when the fifth was counted
        assert sum(isinstance(one, Busy) for one in outcomes) >= 31
        assert not any(isinstance(one, bytes) for one in outcomes)

    async def test_a_challenge_is_no_failure(self, desk: Desk) -> None:
        for _ in range(10):
            await desk.challenge(ANN)
        await desk.scram()

    async def test_an_account_tried_from_everywhere_is_braked(self, desk: Desk) -> None:
        for n in range(22):
            with pytest.raises(Denied):
                await desk.scram(password="wrong", client=replace(IMAP, ip=f"198.51.100.{n}"))
        assert desk.waits == [0.25, 0.5]

    async def test_bare_tokens_brake_nobody(self, desk: Desk) -> None:
        _, token = await desk.mint()
        for n in range(22):
            with pytest.raises(Denied):
                await desk.bearer("pbt_x", client=replace(IMAP, ip=f"198.51.100.{n}"))
        await desk.bearer(token)
        assert desk.waits == []

    async def test_trusted_clients_are_never_stopped(self, desk: Desk) -> None:
        for _ in range(12):
            with pytest.raises(Denied):
                await desk.scram(password="wrong", client=replace(IMAP, trusted=True))
        await desk.scram()


class TestTokens:
    async def test_with_and_without_a_name(self, desk: Desk) -> None:
        token, text = await desk.mint()
        for name in ("", ANN, "Ann"):
            actor = await desk.bearer(text, name)
            assert (actor.address, actor.credential_id, actor.by_token) == (ANN, token.id, True)
        assert desk.hasher.checks == 0

    async def test_xoauth2(self, desk: Desk) -> None:
        _, text = await desk.mint()
        actor = await desk.begin("XOAUTH2").step(f"user={ANN}\1auth=Bearer {text}\1\1".encode())
        assert isinstance(actor, Actor)

    async def test_another_users_token(self, desk: Desk) -> None:
        await desk.add("bob@example.org")
        _, text = await desk.mint()
        with pytest.raises(Denied, match=FAILED):
            await desk.bearer(text, "bob@example.org")

    async def test_a_password_is_no_token_nor_a_token_a_password(self, desk: Desk) -> None:
        _, text = await desk.mint()
        with pytest.raises(Denied):
            await desk.plain("ann", text)
        with pytest.raises(Denied):
            await desk.bearer("correcthorse", "ann")

    @pytest.mark.parametrize(
        ("scope", "protocols"),
        [
            (Scope.MAIL, {"imap", "pop3", "managesieve"}),
            (Scope.SEND, {"submission"}),
            (Scope.IMAP, {"imap"}),
            (Scope.POP3, {"pop3"}),
            (Scope.DAV, {"dav"}),
        ],
    )
    async def test_scopes(self, desk: Desk, scope: Scope, protocols: set[str]) -> None:
        _, text = await desk.mint(scope)
        for protocol in ("imap", "pop3", "managesieve", "submission", "dav", "unknown"):
            client = replace(IMAP, protocol=protocol)
            if protocol in protocols:
                await desk.bearer(text, client=client)
                continue
            for _ in range(6):  # no guess, so it bars nobody
                with pytest.raises(Denied, match=FAILED):
                    await desk.bearer(text, client=client)
                assert desk.reason["status"] == "insufficient_scope"

    async def test_expiry(self, desk: Desk) -> None:
        _, text = await desk.mint(lifetime_ms=60_000)
        actor = await desk.bearer(text)
        desk.clock.advance(seconds=59)
        assert await desk.login.still_holds(actor)
        desk.clock.advance(seconds=1)
        assert not await desk.login.still_holds(actor)
        with pytest.raises(Denied, match=FAILED):
            await desk.bearer(text)
        assert desk.reason == {"status": "invalid_token", "scope": "mail"}

    async def test_revoking_ends_sessions(self, desk: Desk) -> None:
        token, text = await desk.mint()
        actor = await desk.bearer(text)
        watch = LoginWatch(desk.login, actor, every_s=0.0)
        assert await watch.holds()
        await desk.database.write(tokens.revoke, actor.account_id, token.id)
        assert not await watch.holds()
        with pytest.raises(Denied):
            await desk.bearer(text)

    async def test_a_changed_password_leaves_tokens(self, desk: Desk) -> None:
        _, text = await desk.mint()
        actor = await desk.bearer(text)
        by_password = await desk.scram()
        await desk.database.write(users.set_password, actor.account_id, "another")
        assert await desk.login.still_holds(actor)
        assert not await desk.login.still_holds(by_password)

    async def test_disabled_and_removed_users(self, desk: Desk) -> None:
        _, text = await desk.mint()
        actor = await desk.bearer(text)
        await desk.database.write(users.set_enabled, actor.account_id, False)
        assert not await desk.login.still_holds(actor)
        with pytest.raises(Denied):
            await desk.bearer(text)
        await desk.database.write(users.delete, actor.account_id)
        assert not await desk.login.still_holds(actor)
        with pytest.raises(Denied):
            await desk.bearer(text)

    async def test_its_use_is_noted_once_an_hour(self, desk: Desk) -> None:
        async def last_used() -> int | None:
            await desk.login.settle()
            (one,) = await desk.database.read(tokens.list_of, token.account_id)
            return one.last_used_ms

        token, text = await desk.mint()
        start_ms = desk.clock.now_ms()
        assert await last_used() is None
        await desk.bearer(text)
        assert await last_used() == start_ms
        desk.clock.advance(minutes=59)
        await desk.bearer(text)
        assert await last_used() == start_ms
        desk.clock.advance(minutes=1)
        await desk.bearer(text)
        assert await last_used() == start_ms + 3_600_000

    async def test_no_id_of_another_kind_holds(self, desk: Desk) -> None:
        """A token's id among the credentials, and the other way round."""
        _, text = await desk.mint()
        by_token, by_password = await desk.bearer(text), await desk.scram()
        assert not await desk.login.still_holds(replace(by_token, by_token=False))
        assert not await desk.login.still_holds(replace(by_password, by_token=True))


class TestPlain:
    async def test_authorization(self, desk: Desk) -> None:
        await desk.add("bob@example.org")
        assert (await desk.plain("ann", PASSWORD, "ANN@example.org")).address == ANN
        with pytest.raises(NotAuthorized):
            await desk.plain("ann", PASSWORD, "bob")
        # Who can't say the password learns nothing of the rest.
        with pytest.raises(Denied, match=FAILED):
            await desk.plain("ann", "wrong", "bob")

    async def test_login(self, desk: Desk) -> None:
        attempt = desk.begin("LOGIN")
        assert await attempt.step(None) == b"Username:"
        assert await attempt.step(b"ann") == b"Password:"
        assert isinstance(await attempt.step(PASSWORD.encode()), Actor)
