"""Logging in and out again: what a session keeps, and how often it may."""

from base64 import b64decode, b64encode

import pytest

from kit.imap import USER, MailHouse
from kit.login import PASSWORD
from kit.sasl import ScramClientSide
from pillarbox.protocols.imap.commands.auth import MAX_UNAUTHENTICATED
from pillarbox.protocols.imap.options import ImapOptions

LOGIN = f'LOGIN {USER} "{PASSWORD}"'
BOB = "bob@example.test"


async def test_the_next_user_sees_their_own_mail(house: MailHouse) -> None:
    await house.add_user(BOB)
    await house.deliver(b"Subject: for alice\r\n\r\n")
    talk = await house.talk().login("ENABLE CONDSTORE UIDONLY", "SELECT INBOX")
    assert (await talk.ask("UNAUTHENTICATE"))[-1].startswith("t OK [CAPABILITY ")
    assert (await talk.ask(f'LOGIN {BOB} "{PASSWORD}"'))[-1].startswith("t OK")
    assert talk.session.actor is not None
    assert talk.session.actor.address == BOB
    assert not talk.session.enabled
    assert not talk.session.condstore
    assert "* 0 EXISTS" in await talk.ask("SELECT INBOX")


async def test_commands_that_came_along_run_without_a_user(house: MailHouse) -> None:
    talk = await house.talk().login("SELECT INBOX")
    lines = (await talk.say(b"a UNAUTHENTICATE\r\nb CHECK\r\nc NOOP\r\n")).splitlines()
    assert [line[:4] for line in lines] == [b"a OK", b"b BA", b"c OK"]


async def test_not_for_ever(house: MailHouse) -> None:
    """Nor are logins after which nobody was long logged in commands before login."""
    talk = await house.talk(options=ImapOptions(max_commands_before_login=3)).login()
    for _ in range(MAX_UNAUTHENTICATED):
        assert (await talk.ask("UNAUTHENTICATE"))[-1].startswith("t OK")
        assert (await talk.ask("NOOP"))[-1].startswith("t OK")
        assert (await talk.ask(LOGIN))[-1].startswith("t OK")
    assert (await talk.ask("UNAUTHENTICATE"))[-1].startswith("* BYE Too many logins")
    await talk.task


async def test_failures_are_not_forgotten(house: MailHouse) -> None:
    talk = await house.talk(options=ImapOptions(max_failed_logins=2)).login()
    await talk.ask("UNAUTHENTICATE")
    await talk.ask(f"LOGIN {USER} wrong")
    await talk.ask(LOGIN)
    await talk.ask("UNAUTHENTICATE")
    assert (await talk.ask(f"LOGIN {USER} wrong"))[-1].startswith("* BYE ")
    await talk.task


async def test_the_watch_goes_with_the_user(house: MailHouse) -> None:
    """Whoever is not logged in can't be sent away for not being allowed to."""
    talk = await house.talk(options=ImapOptions(login_asked_every_s=0)).login()
    await talk.ask("UNAUTHENTICATE")
    talk.fake_login.holds = False
    assert await talk.ask("NOOP") == ["t OK NOOP completed"]
    await talk.ask(LOGIN)
    assert (await talk.ask("NOOP"))[-1].startswith("* BYE Your login has ended")


@pytest.mark.parametrize("tls", [True, False])
async def test_failed_proofs_end_the_session(house: MailHouse, tls: bool) -> None:
    options = ImapOptions(max_failed_logins=2, allow_plaintext_login=True)
    talk = house.talk(tls=tls, options=options)
    await talk.hear()
    for last in (False, True):
        side = ScramClientSide(USER, "wrong")
        first = b64encode(side.first()).decode()
        (challenge,) = await talk.ask(f"AUTHENTICATE SCRAM-SHA-256 {first}")
        final = side.final(b64decode(challenge[2:]))
        answer = (await talk.say(b64encode(final) + b"\r\n")).decode()
        assert answer.startswith("t NO [AUTHENTICATIONFAILED]")
        assert ("* BYE" in answer) == last
    await talk.task


async def test_no_mechanism_in_clear(house: MailHouse) -> None:
    talk = house.talk(tls=False, can_start_tls=True)
    assert b"LOGINDISABLED" in (greeting := await talk.hear())
    assert b"AUTH=" not in greeting
    for name in ("PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "OAUTHBEARER", "NONE"):
        answer = await talk.ask(f"AUTHENTICATE {name}")
        assert answer[-1].startswith("t NO [PRIVACYREQUIRED]")


async def test_a_client_that_leaves_between_the_steps(house: MailHouse) -> None:
    talk = house.talk()
    await talk.hear()
    await talk.ask("AUTHENTICATE SCRAM-SHA-256")
    await talk.hang_up()
