"""ManageSieve sessions: logins, limits, and ends."""

import asyncio
from base64 import b64decode, b64encode
from dataclasses import replace

import pytest

from kit.imap import USER, MailHouse
from kit.login import NARROW_TOKEN, PASSWORD, TOKEN
from kit.managesieve import OPTIONS, Talk, literal, managesieve_services, managesieve_talk, plain
from kit.sasl import ScramClientSide
from pillarbox.domain.sieve.model import ScriptQuota
from pillarbox.protocols.managesieve.commands.login import MAX_LOGINS
from pillarbox.protocols.managesieve.session import ManageSieveSession

LOGIN = f'AUTHENTICATE "PLAIN" "{plain(USER, PASSWORD)}"'


def quoted(data: bytes) -> str:
    return f'"{b64encode(data).decode()}"'


async def begin(house: MailHouse, **settings: object) -> Talk:
    """A session over TLS that has greeted."""
    talk = managesieve_talk(house, options=replace(OPTIONS, **settings))  # type: ignore[arg-type]
    await talk.hear()
    return talk


class TestScram:
    async def login(self, talk: Talk, client: ScramClientSide, name: str, bound: bytes) -> str:
        """Log in; gives the response, and checks what the server proves in it."""
        (answer,) = await talk.ask(f'AUTHENTICATE "{name}" {quoted(client.first())}')
        (answer,) = await talk.ask(quoted(client.final(b64decode(answer.strip('"')), bound)))
        if answer.startswith("OK (SASL "):
            assert client.is_servers(b64decode(answer.split('"')[1]))
        return answer

    async def test_the_servers_proof_comes_with_the_response(self, house: MailHouse) -> None:
        talk = await begin(house)
        client = ScramClientSide(USER, PASSWORD)
        answer = await self.login(talk, client, "SCRAM-SHA-256", b"")
        assert answer.startswith('OK (SASL "')
        assert answer.endswith('") "Logged in"')
        assert (await talk.ask("LISTSCRIPTS"))[-1].startswith("OK")

    async def test_without_an_initial_response(self, house: MailHouse) -> None:
        talk = await begin(house)
        client = ScramClientSide(USER, PASSWORD)
        assert await talk.ask('AUTHENTICATE "SCRAM-SHA-256"') == ['""']
        (answer,) = await talk.ask(quoted(client.first()))
        (answer,) = await talk.ask(quoted(client.final(b64decode(answer.strip('"')))))
        assert answer.startswith('OK (SASL "')

    async def test_wrong_password(self, house: MailHouse) -> None:
        talk = await begin(house)
        client = ScramClientSide(USER, "wrong")
        answer = await self.login(talk, client, "SCRAM-SHA-256", b"")
        assert answer == 'NO "Wrong user or password"'
        assert (await talk.ask("LISTSCRIPTS"))[-1] == 'NO "Log in first"'

    async def test_channel_binding(self, house: MailHouse) -> None:
        talk = managesieve_talk(house, end_point=b"hash")
        assert b'"SASL" "SCRAM-SHA-256-PLUS ' in await talk.hear()
        header = "p=tls-server-end-point,,"
        client = ScramClientSide(USER, PASSWORD, header=header)
        answer = await self.login(talk, client, "SCRAM-SHA-256-PLUS", b"other")
        assert answer.startswith("NO")
        client = ScramClientSide(USER, PASSWORD, header=header)
        answer = await self.login(talk, client, "SCRAM-SHA-256-PLUS", b"hash")
        assert answer.startswith("OK (SASL ")


class TestBearer:
    @pytest.mark.parametrize("as_literal", [False, True])
    async def test_oauthbearer(self, house: MailHouse, as_literal: bool) -> None:
        talk = await begin(house)
        response = b64encode(f"n,a={USER},\1auth=Bearer {TOKEN}\1\1".encode())
        sent = literal(response) if as_literal else b'"' + response + b'"'
        answer = await talk.say(b'AUTHENTICATE "OAUTHBEARER" ' + sent + b"\r\n")
        assert answer == b'OK "Logged in"\r\n'
        assert talk.fake_login.asked[-1].protocol == "managesieve"

    async def test_xoauth2(self, house: MailHouse) -> None:
        talk = await begin(house)
        response = f"user={USER}\1auth=Bearer {TOKEN}\1\1".encode()
        assert await talk.ask(f'AUTHENTICATE "XOAUTH2" {quoted(response)}') == ['OK "Logged in"']

    @pytest.mark.parametrize("token", ["pbt_wrong", NARROW_TOKEN])
    async def test_refusals_are_explained_first(self, house: MailHouse, token: str) -> None:
        talk = await begin(house)
        response = f"n,a={USER},\1auth=Bearer {token}\1\1".encode()
        (answer,) = await talk.ask(f'AUTHENTICATE "OAUTHBEARER" {quoted(response)}')
        assert b'"status":' in b64decode(answer.strip('"'))
        assert await talk.ask(quoted(b"\1")) == ['NO "Wrong user or password"']


async def test_capabilities_follow_the_extensions(house: MailHouse) -> None:
    talk = await begin(house, extensions=("extlists", "fileinto"))
    lines = await talk.ask("CAPABILITY")
    assert '"SIEVE" "extlists fileinto"' in lines
    assert '"EXTLISTS" "urn"' in lines  # RFC 6134
    assert not any(line.startswith('"NOTIFY"') for line in lines)
    lines = await (await begin(house)).ask("CAPABILITY")
    assert not any(line.startswith('"EXTLISTS"') for line in lines)


class TestLimits:
    async def test_bad_commands_in_a_row(self, house: MailHouse) -> None:
        talk = await begin(house, max_bad_commands=3)
        answer = await talk.say(b"X\r\nX\r\nX\r\nX\r\n")
        assert answer.count(b"NO") == 3
        assert answer.endswith(b'BYE "Too many bad commands"\r\n')
        await talk.task

    async def test_users_may_err_now_and_then(self, house: MailHouse) -> None:
        talk = managesieve_talk(house, options=replace(OPTIONS, max_bad_commands=3))
        await talk.login()
        for _ in range(5):
            answer = await talk.say(b"X\r\nX\r\nLISTSCRIPTS\r\n")
            assert answer.endswith(b'OK "Those are the scripts"\r\n')

    async def test_commands_before_login(self, house: MailHouse) -> None:
        talk = await begin(house, max_commands_before_login=10)
        answer = await talk.say(b"NOOP\r\n" * 20)
        assert answer.count(b"OK") == 10
        assert answer.endswith(b'BYE "Too many commands before login"\r\n')
        await talk.task

    async def test_logins_on_one_connection(self, house: MailHouse) -> None:
        talk = await begin(house)
        for _ in range(MAX_LOGINS):
            assert await talk.ask(LOGIN) == ['OK "Logged in"']
            assert await talk.ask("UNAUTHENTICATE") == ['OK "Logged out"']
        assert (await talk.ask(LOGIN))[0].startswith("BYE")
        await talk.task

    async def test_what_is_too_large_is_skipped(self, house: MailHouse) -> None:
        talk = managesieve_talk(house, quota=ScriptQuota(5, 1000))
        await talk.login()
        content = b"#" * 100_000 + b"\r\nLOGOUT\r\n"
        for command in (b"CHECKSCRIPT ", b'PUTSCRIPT "a" '):
            answer = await talk.say(command + literal(content) + b"\r\nNOOP\r\n")
            assert answer == b'NO (QUOTA/MAXSIZE) "That is too large"\r\nOK "NOOP completed"\r\n'
        # Room for its name is not room for the script.
        assert (await talk.put("a", b"#" * 1001))[0].startswith("NO (QUOTA/MAXSIZE)")
        assert (await talk.put("a", b"#" * 998 + b"\r\n"))[0].startswith("OK")

    async def test_many_scripts_are_sent_as_the_client_reads(self, house: MailHouse) -> None:
        talk = managesieve_talk(house)
        await talk.login()
        await talk.put("a", b"#" * 30_000 + b"\r\n")
        drained = 0
        drain = talk.connection.drain

        async def counting() -> None:
            nonlocal drained
            drained += 1
            await drain()

        talk.connection.drain = counting  # type: ignore[method-assign]
        answer = await talk.say(b'GETSCRIPT "a"\r\n' * 30)
        assert answer.count(b"OK") == 30
        assert drained >= 10


class TestTime:
    async def test_quiet_before_login(self, house: MailHouse) -> None:
        talk = await begin(house)
        talk.connection.give(TimeoutError("quiet"))
        assert await talk.hear() == b'BYE "You were quiet for too long"\r\n'
        await talk.task

    async def test_how_long_a_client_may_be_silent(self, house: MailHouse) -> None:
        talk = managesieve_talk(house, options=replace(OPTIONS, command_timeout_s=7.0))
        session = talk.session
        await talk.hear()
        assert session.patience_s() <= OPTIONS.login_timeout_s
        await talk.ask(LOGIN)
        assert session.patience_s() >= 1800.0  # RFC 5804 §1.2
        await talk.say(b'PUTSCRIPT "a" {5+}\r\nke')
        assert session.patience_s() <= 7.0
        await talk.say(b"ep;\r\n")
        assert session.patience_s() >= 1800.0

    async def test_words_that_trickle_in_buy_no_time(self, house: MailHouse) -> None:
        services = managesieve_services(house, replace(OPTIONS, command_timeout_s=0.0))
        talk = managesieve_talk(house)
        session = ManageSieveSession(talk.session.connection, services)
        await talk.login()
        session.enter(talk.session.require_actor())
        session.receiver.feed(b"CHECKSCRIPT {5+}\r\n")
        session.receiver.next_event()
        with pytest.raises(TimeoutError):
            session.patience_s()


class TestEnds:
    async def test_restart(self, house: MailHouse) -> None:
        talk = await begin(house)
        assert await talk.stop() == b'BYE "The server is restarting"\r\n'

    async def test_a_login_that_has_ended(self, house: MailHouse) -> None:
        talk = managesieve_talk(house, options=replace(OPTIONS, login_asked_every_s=0.0))
        await talk.login()
        await talk.ask("LISTSCRIPTS")
        talk.fake_login.holds = False
        assert await talk.ask("LISTSCRIPTS") == ['BYE "Your login has ended; log in again"']
        await talk.task

    async def test_the_client_leaves_within_a_login(self, house: MailHouse) -> None:
        talk = await begin(house)
        await talk.ask('AUTHENTICATE "PLAIN"')
        talk.connection.give(b"")
        with pytest.raises(ConnectionError):
            await talk.task

    async def test_a_failure_of_ours_ends_nothing(
        self, house: MailHouse, caplog: pytest.LogCaptureFixture
    ) -> None:
        talk = managesieve_talk(house)
        await talk.login()
        await house.database.close()
        (answer,) = await talk.ask("LISTSCRIPTS")
        assert answer.startswith("NO (TRYLATER)")
        assert (await talk.ask("NOOP")) == ['OK "NOOP completed"']


async def test_an_active_script_that_can_no_longer_be_used(house: MailHouse) -> None:
    """What an admin withheld since is told when the script is activated anew."""
    talk = managesieve_talk(house)
    await talk.login()
    await talk.put("a", b'require "vacation"; vacation "x";')
    services = managesieve_services(house, withheld=("vacation",))
    talk.session.services = services
    answer = await talk.ask('SETACTIVE "a"')
    assert answer[0].startswith("NO")
    assert "line 1, column 9: " in "".join(answer)
    assert await talk.ask('SETACTIVE ""') == ['OK "No script is active"']


async def test_scripts_are_each_users_own(house: MailHouse) -> None:
    await house.add_user("bob@example.test")
    alice, bob = managesieve_talk(house), managesieve_talk(house)
    await alice.login()
    await bob.login("bob@example.test")
    await asyncio.gather(alice.put("a", b"keep;"), bob.put("b", b"stop;"))
    assert (await alice.ask("LISTSCRIPTS"))[0] == '"a"'
    assert (await bob.ask('GETSCRIPT "a"'))[0].startswith("NO (NONEXISTENT)")
