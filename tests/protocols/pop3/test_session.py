"""What ends a session early, what is removed and what is not, and how much is sent at once."""

import asyncio
import random
import re

import pytest

from kit.clock import FakeClock
from kit.imap import USER, MailHouse
from kit.login import PASSWORD
from kit.pop3 import pop3_talk
from pillarbox.base.ids import BlobId
from pillarbox.domain.mail import append, mailboxes, maildrop
from pillarbox.domain.mail.content import prepare
from pillarbox.domain.mail.model import FlagSet
from pillarbox.protocols.pop3.options import Pop3Options
from pillarbox.storage import leases
from pillarbox.storage.tx import Tx

LETTER = b"Subject: hi\r\n\r\nHello\r\n"


async def uids(house: MailHouse) -> list[int]:
    """The UIDs in INBOX."""
    return list((await house.database.read(maildrop.snapshot, house.user.account_id)).uids)


async def renewed(house: MailHouse, clock: FakeClock) -> None:
    """Wait until the lock lasts for a whole minute again."""
    for _ in range(2000):
        (until_ms,) = (await house.database.read(leases.busy_until)).values()
        if until_ms == clock.now_ms() + maildrop.LOCK_MS:
            return
        await asyncio.sleep(0.001)
    raise TimeoutError


async def filled(house: MailHouse, count: int = 3) -> None:
    for _ in range(count):
        await house.deliver(LETTER)


async def deliver_large(house: MailHouse, content: bytes) -> None:
    """A message that lies in a file."""
    email = prepare(content, BlobId(house.ids.next()))
    house.content.save_file(email)

    def unit(tx: Tx) -> None:
        inbox = mailboxes.by_name(tx, house.user.account_id, "INBOX")
        assert inbox is not None
        append.append(tx, house.content, inbox.account_id, inbox.id, email, FlagSet(), tx.now_ms)

    await house.database.write(unit)


class TestEnds:
    async def test_when_the_server_stops(self, house: MailHouse) -> None:
        await filled(house)
        talk = await pop3_talk(house).login("DELE 1")
        assert (await talk.stop()).startswith(b"-ERR [SYS/TEMP] The server is restarting")
        assert await uids(house) == [1, 2, 3]
        await pop3_talk(house).login()  # the lock was given back

    async def test_quiet_clients_are_told_nothing(self, house: MailHouse) -> None:
        await filled(house)
        talk = await pop3_talk(house).login("DELE 1")
        talk.connection.give(TimeoutError())
        with pytest.raises(TimeoutError):
            await talk.task
        assert talk.connection.taken() == b""
        assert await uids(house) == [1, 2, 3]
        await pop3_talk(house).login()

    async def test_lost_connections_remove_nothing(self, house: MailHouse) -> None:
        await filled(house)
        talk = await pop3_talk(house).login("DELE 1")
        await talk.hang_up()
        assert await uids(house) == [1, 2, 3]
        talk = await pop3_talk(house).login("DELE 1")
        talk.connection.give(ConnectionResetError())
        with pytest.raises(ConnectionResetError):
            await talk.task
        assert await uids(house) == [1, 2, 3]
        await pop3_talk(house).login()

    async def test_cancelled_sessions_give_the_lock_back(self, house: MailHouse) -> None:
        talk = await pop3_talk(house).login()
        talk.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await talk.task
        await pop3_talk(house).login()

    async def test_idle_time_is_ten_minutes(self, house: MailHouse) -> None:
        talk = await pop3_talk(house).login()
        assert talk.session.patience_s() == 600

    async def test_words_that_trickle_in_buy_no_time(self, house: MailHouse) -> None:
        talk = pop3_talk(house, options=Pop3Options("mx.example.test", login_timeout_s=-1.0))
        with pytest.raises(TimeoutError):
            await talk.task

    async def test_too_many_bad_commands(self, house: MailHouse) -> None:
        talk = pop3_talk(house, options=Pop3Options(max_bad_commands=3))
        await talk.hear()
        answer = await talk.say(b"GET / HTTP/1.1\r\n" * 5)
        assert answer.count(b"-ERR There") == 3
        assert answer.endswith(b"-ERR Too many bad commands\r\n")
        await talk.task

    async def test_bad_commands_now_and_then(self, house: MailHouse) -> None:
        talk = await pop3_talk(house, options=Pop3Options(max_bad_commands=3)).login()
        for _ in range(5):
            assert (await talk.ask("NOISE"))[0].startswith("-ERR")
            assert (await talk.ask("NOOP")) == ["+OK"]

    async def test_too_many_failed_logins(self, house: MailHouse) -> None:
        talk = pop3_talk(house, options=Pop3Options(max_failed_logins=2))
        await talk.hear()
        answer = await talk.say(f"USER {USER}\r\nPASS wrong\r\n".encode() * 3)
        assert answer.count(b"-ERR [AUTH]") == 2
        assert answer.endswith(b"-ERR Too many failed logins\r\n")
        await talk.task
        assert [facts.protocol for facts in talk.fake_login.asked] == ["pop3", "pop3"]

    async def test_too_many_commands_before_login(self, house: MailHouse) -> None:
        talk = pop3_talk(house, options=Pop3Options(max_commands_before_login=3))
        await talk.hear()
        answer = await talk.say(b"CAPA\r\n" * 9)
        assert answer.count(b"+OK") == 4
        assert answer.endswith(b"-ERR Too many commands before login\r\n")
        await talk.task

    async def test_a_user_who_may_not_go_on_is_sent_away(self, house: MailHouse) -> None:
        await filled(house)
        options = Pop3Options(login_asked_every_s=0)
        talk = await pop3_talk(house, options=options).login("DELE 1")
        talk.fake_login.holds = False
        answer = await talk.say(b"QUIT\r\n")
        assert answer == b"-ERR [AUTH] Your login has ended; log in again\r\n"
        await talk.task
        assert await uids(house) == [1, 2, 3]

    async def test_a_fault_of_ours_ends_one_command(
        self, house: MailHouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await filled(house)
        talk = await pop3_talk(house).login()

        async def broken(*args: object) -> None:
            raise ZeroDivisionError

        with monkeypatch.context() as patch:
            patch.setattr(type(house.database), "read", broken)
            assert (await talk.ask("RETR 1"))[0].startswith("-ERR [SYS/TEMP] Something")
        assert (await talk.ask("RETR 1"))[0] == "+OK 22 octets"

    async def test_endless_line(self, house: MailHouse) -> None:
        talk = await pop3_talk(house).login()
        for _ in range(40):
            talk.connection.give(b"x" * 65_536)
        assert await talk.say(b"\r\nNOOP\r\n") == b"-ERR The line is too long\r\n+OK\r\n"


class TestLock:
    async def test_lost_lock_ends_the_session(self, house: MailHouse, clock: FakeClock) -> None:
        await filled(house)
        talk = await pop3_talk(house, options=Pop3Options(hold_every_s=0.005)).login("DELE 1")
        lock = talk.session.lock
        assert lock is not None

        def steal(tx: Tx) -> None:
            maildrop.release(tx, house.user.account_id, lock.owner)
            maildrop.take(tx, house.user.account_id, "another")

        await house.database.write(steal)
        assert lock._renewing is not None
        await asyncio.wait_for(lock._renewing, 5)
        answer = await talk.say(b"QUIT\r\n")
        assert answer.startswith(b"-ERR [IN-USE]")
        await talk.task
        assert await uids(house) == [1, 2, 3]

    async def test_lost_lock_is_noticed_in_the_update(
        self, house: MailHouse, clock: FakeClock
    ) -> None:
        await filled(house)
        talk = await pop3_talk(house).login("DELE 1")
        clock.advance(seconds=61)
        other = await pop3_talk(house).login("DELE 2")
        assert await talk.say(b"QUIT\r\n") == (
            b"-ERR [SYS/TEMP] Some deleted messages were not removed\r\n"
        )
        assert await uids(house) == [1, 2, 3]
        assert await other.say(b"QUIT\r\n") == b"+OK Goodbye\r\n"
        assert await uids(house) == [1, 3]

    async def test_renewed_lock_is_held(self, house: MailHouse, clock: FakeClock) -> None:
        holder = await pop3_talk(house, options=Pop3Options(hold_every_s=0.005)).login()
        for _ in range(4):
            clock.advance(seconds=40)
            await renewed(house, clock)
        talk = pop3_talk(house)
        await talk.hear()
        await talk.ask(f"USER {USER}")
        assert (await talk.ask(f"PASS {PASSWORD}"))[0].startswith("-ERR [IN-USE]")
        assert await holder.ask("NOOP") == ["+OK"]

    async def test_failed_snapshot_gives_the_lock_back(
        self, house: MailHouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        talk = pop3_talk(house)
        await talk.hear()
        await talk.ask(f"USER {USER}")

        async def broken(*args: object) -> None:
            raise ZeroDivisionError

        with monkeypatch.context() as patch:
            patch.setattr(type(house.database), "read", broken)
            assert (await talk.ask(f"PASS {PASSWORD}"))[0].startswith("-ERR [SYS/TEMP]")
        await pop3_talk(house).login()


class TestOthersAtWork:
    async def test_message_expunged_meanwhile(self, house: MailHouse) -> None:
        await filled(house)
        talk = await pop3_talk(house).login()
        imap = await house.talk().login("SELECT INBOX", r"STORE 2 +FLAGS (\Deleted)", "EXPUNGE")
        for command in ("RETR 2", "TOP 2 0"):
            answer = await talk.ask(command)
            assert answer == ["-ERR That message has been removed meanwhile"]
        assert (await talk.ask("LIST"))[1:] == ["1 22", "2 22", "3 22", "."]
        assert (await talk.ask("RETR 3"))[0] == "+OK 22 octets"
        await talk.ask("DELE 2")
        await talk.ask("DELE 3")
        assert await talk.ask("QUIT") == ["+OK Goodbye"]
        assert await imap.ask("NOOP") == ["* 2 EXPUNGE", "t OK NOOP completed"]

    async def test_mail_that_comes_is_not_seen(self, house: MailHouse) -> None:
        await filled(house, 2)
        talk = await pop3_talk(house).login()
        await house.deliver(LETTER)
        assert await talk.ask("STAT") == ["+OK 2 44"]
        for command in ("DELE 1", "DELE 2", "QUIT"):
            await talk.ask(command)
        assert await uids(house) == [3]

    async def test_idle_clients_see_what_is_removed(self, house: MailHouse) -> None:
        await filled(house)
        imap = await house.talk().login("SELECT INBOX")
        await imap.say(b"t IDLE\r\n")
        talk = await pop3_talk(house).login("DELE 1", "DELE 3")
        assert await talk.ask("QUIT") == ["+OK Goodbye"]
        left = [1, 2, 3]
        for line in (await imap.hear_unasked()).splitlines():
            star, number, word = line.split()
            assert (star, word) == (b"*", b"EXPUNGE")
            del left[int(number) - 1]
        assert left == [2]

    async def test_fetching_is_not_reading(self, house: MailHouse) -> None:
        await filled(house, 1)
        talk = await pop3_talk(house).login("RETR 1", "TOP 1 9")
        await talk.ask("QUIT")
        imap = await house.talk().login("SELECT INBOX")
        assert "Seen" not in "".join(await imap.ask("FETCH 1 FLAGS"))

    async def test_unique_ids_stay(self, house: MailHouse) -> None:
        await filled(house)
        talk = await pop3_talk(house).login()
        before = [line.split()[1] for line in (await talk.ask("UIDL"))[1:-1]]
        assert all(re.fullmatch(r"[!-~]{1,70}", one) for one in before)
        for command in ("DELE 2", "QUIT"):
            await talk.ask(command)
        await filled(house, 1)
        talk = await pop3_talk(house).login()
        after = [line.split()[1] for line in (await talk.ask("UIDL"))[1:-1]]
        assert after[:2] == [before[0], before[2]]
        assert len({*before, *after}) == 4


def unstuffed(answer: bytes) -> bytes:
    """The content of a multi-line response."""
    head, _, rest = answer.partition(b"\r\n")
    assert head.startswith(b"+OK")
    assert rest.endswith(b"\r\n.\r\n") or rest == b".\r\n"
    return (b"\r\n" + rest[:-3]).replace(b"\r\n.", b"\r\n")[2:]


class TestContent:
    @pytest.mark.parametrize(
        "content", [b"", b"\0", b".", b"a\nb\n.\nc", b"\r", b"..\r\n.\r\n", b"\xff\n" * 9]
    )
    async def test_size_is_what_is_sent(self, house: MailHouse, content: bytes) -> None:
        await house.deliver(content)
        talk = await pop3_talk(house).login()
        size = (await talk.ask("LIST 1"))[0].split()[2]
        sent = unstuffed(await talk.say(b"RETR 1\r\n"))
        assert len(sent) == int(size)
        lines = content.replace(b"\r\n", b"\n").split(b"\n")
        expected = b"\r\n".join(lines) + (
            b"" if content.endswith(b"\n") or not content else b"\r\n"
        )
        assert sent == expected

    async def test_large_messages_go_in_pieces(self, house: MailHouse) -> None:
        content = b"Subject: x\n\n" + b".\r\n" * 1000 + b"y" * 1_000_000 + b"\n.line\r\n" * 400_000
        await deliver_large(house, content)
        talk = await pop3_talk(house).login()
        expected = content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        talk.connection.give(b"RETR 1\r\n")
        await talk.connection.settled(talk.task)
        pieces = list(talk.connection._output)
        assert max(map(len, pieces)) < 300_000
        assert unstuffed(b"".join(pieces)) == expected
        talk.connection.taken()
        assert await talk.ask("LIST 1") == [f"+OK 1 {len(expected)}"]
        top = unstuffed(await talk.say(b"TOP 1 1001\r\n"))
        assert top == expected[: 14 + 3000 + 1_000_002]

    async def test_client_that_leaves_in_the_middle(self, house: MailHouse) -> None:
        await deliver_large(house, b"x\r\n" * 1_000_000)
        talk = await pop3_talk(house).login("DELE 1", "RSET")
        talk.connection.aborts_in_drain = True
        talk.connection.give(b"RETR 1\r\n")
        with pytest.raises(ConnectionResetError):
            await talk.task
        await pop3_talk(house).login()

    async def test_content_that_can_not_be_read(self, house: MailHouse) -> None:
        """A fault that may pass is told with its code (RFC 3206 §4)."""
        await deliver_large(house, random.Random(1).randbytes(3_000_000))
        ((_, path),) = house.content.blobs.files()
        path.unlink()
        talk = await pop3_talk(house).login()
        assert (await talk.ask("RETR 1"))[0].startswith("-ERR [SYS/TEMP]")
        assert await talk.ask("NOOP") == ["+OK"]


class TestManyCommands:
    async def test_pipelined_commands_are_answered_together(self, house: MailHouse) -> None:
        await filled(house, 2)
        talk = pop3_talk(house)
        await talk.hear()
        script = f"USER {USER}\r\nPASS {PASSWORD}\r\nSTAT\r\nRETR 1\r\nDELE 1\r\nNOOP\r\nQUIT\r\n"
        answer = await talk.say(script.encode())
        assert answer.count(b"+OK") == 7
        assert answer.endswith(b"+OK Goodbye\r\n")
        await talk.task
        assert await uids(house) == [2]

    async def test_split_anywhere(self, house: MailHouse) -> None:
        await filled(house, 1)
        talk = pop3_talk(house)
        await talk.hear()
        for byte in f"USER {USER}\r\nPASS {PASSWORD}\r\nUIDL 1\r\nQUIT\r\n".encode():
            talk.connection.give(bytes([byte]))
        await talk.task
        assert talk.connection.taken().count(b"+OK") == 4

    async def test_others_have_their_turn(self, house: MailHouse) -> None:
        talk = await pop3_talk(house).login()
        turns = 0

        async def count() -> None:
            nonlocal turns
            while not talk.connection._idle.is_set():
                turns += 1
                await asyncio.sleep(0)

        talk.connection.give(b"NOOP\r\n" * 10_000)
        await asyncio.gather(count(), talk.connection.settled(talk.task))
        assert turns > 100
        assert talk.connection.taken() == b"+OK\r\n" * 10_000

    async def test_password_with_spaces(self, house: MailHouse) -> None:
        talk = pop3_talk(house)
        await talk.hear()
        await talk.ask(f"USER  {USER} ")
        assert (await talk.ask(f"PASS {PASSWORD} "))[0].startswith("-ERR [AUTH]")
        await talk.ask(f"user {USER}")
        assert (await talk.ask(f"pass {PASSWORD}"))[0].startswith("+OK")
