"""Greylisting (RFC 6647) as clients meet it: put off, come again, delivered."""

import pytest
from sqlalchemy import text

from kit.checks import Screened, screened
from kit.smtp import House
from pillarbox.pipeline.inbound.checks.greylist import Greylist
from pillarbox.storage.tx import Tx

ALICE, BOB = "alice@example.test", "bob@example.test"
DEFERRED = "451 4.7.1 Not known here yet, please try again in 5 minutes"
LETTER = ("From: sue@sender.test", "Subject: hello", "", "Words.", ".")


@pytest.fixture
def strict(house: House) -> Screened:
    return screened(house, of_recipients=[Greylist(house.database, house.store.keys)])


async def sent(strict: Screened, sender: str, *recipients: str, ip: str = "192.0.2.7") -> list[str]:
    """The answers to RCPT, and to the content if there is any recipient."""
    talk = await strict.talk(ip)
    await talk.lines("EHLO mail.sender.test", f"MAIL FROM:<{sender}>")
    answers = [(await talk.lines(f"RCPT TO:<{one}>"))[0] for one in recipients]
    if any(answer.startswith("250") for answer in answers):
        await talk.lines("DATA")
        answers += [answer[:3] for answer in await talk.lines(*LETTER)]
    await talk.hang_up()
    return answers


async def test_a_stranger_comes_again(strict: Screened) -> None:
    house = strict.house
    assert await sent(strict, "sue@sender.test", ALICE, BOB) == [DEFERRED, DEFERRED]
    house.clock.advance(minutes=5)
    accepted, deferred, stored = await sent(strict, "sue@sender.test", ALICE, "team@example.test")
    assert accepted.startswith("250 ")
    assert deferred == DEFERRED  # nobody asked for that one before
    assert stored == "250"
    assert len(await house.contents(ALICE)) == 1
    answers = await sent(strict, "sue@sender.test", BOB)
    assert answers[-1] == "250"
    assert len(await house.contents(BOB)) == 1


async def test_reports_are_taken_at_once(strict: Screened) -> None:
    answers = await sent(strict, "", ALICE)
    assert answers[-1] == "250"


async def test_trusted_clients_are_not_asked(strict: Screened) -> None:
    talk = await strict.talk("192.0.2.7", trusted=True)
    await talk.lines("EHLO relay.test", "MAIL FROM:<sue@sender.test>")
    assert (await talk.lines(f"RCPT TO:<{ALICE}>"))[0].startswith("250")
    await talk.hang_up()


async def test_unknown_recipients_are_told_so_at_once(strict: Screened) -> None:
    (answer,) = await sent(strict, "sue@sender.test", "nobody@example.test")
    assert answer.startswith("550 5.1.1")


async def test_mail_goes_on_without_the_table(strict: Screened) -> None:
    def drop(tx: Tx) -> None:
        tx.change(text("DROP TABLE greylist"))

    await strict.house.database.write(drop)
    assert (await sent(strict, "sue@sender.test", ALICE))[-1] == "250"
