"""IDLE when nothing comes: no hint, no word, or no client."""

from kit.imap import MailHouse
from pillarbox.protocols.imap.options import ImapOptions


async def test_looks_without_a_hint(house: MailHouse) -> None:
    talk = await house.talk().login("SELECT INBOX")
    await talk.say(b"t IDLE\r\n")
    house.bus.close()
    await house.deliver(b"one")
    talk.connection.give(TimeoutError())
    assert await talk.hear_unasked() == b"* 1 EXISTS\r\n"
    assert await talk.hear_unasked() == b"* 1 RECENT\r\n"
    assert await talk.say(b"DONE\r\n") == b"t OK IDLE completed\r\n"


async def test_ends_in_the_end(house: MailHouse) -> None:
    talk = await house.talk(options=ImapOptions(idle_timeout_s=-1.0)).login()
    answer = await talk.say(b"t IDLE\r\n")
    assert answer.endswith(b"* BYE You idled for too long\r\n")
    await talk.task


async def test_clients_that_leave(house: MailHouse) -> None:
    talk = await house.talk().login("SELECT INBOX")
    await talk.say(b"t IDLE\r\n")
    await talk.hang_up()
    await house.deliver(b"one")
    assert talk.connection.taken() == b""
