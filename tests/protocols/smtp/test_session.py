"""Sessions that go wrong, and the limits of those that go right."""

import asyncio
from base64 import b64encode
from itertools import count

import pytest
from structlog.testing import capture_logs

from kit.connection import FakeConnection
from kit.login import PASSWORD
from kit.smtp import HOSTNAME, House, Talk, TalkTo
from pillarbox.base.errors import Unavailable
from pillarbox.domain.accounts import users
from pillarbox.domain.mail import mailboxes
from pillarbox.protocols.smtp.policy import Role, SmtpOptions
from pillarbox.protocols.smtp.session import SmtpSession

HEAD = b"EHLO c.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<alice@example.test>\r\n"


async def begun(talk: Talk) -> None:
    """Get to the content of a message for alice."""
    answer = await talk.say(HEAD + b"DATA\r\n")
    assert answer.endswith(b".\r\n") or b"354" in answer


def body_of(content: bytes) -> bytes:
    """The content without the two trace fields put on top."""
    assert content.startswith(b"Return-Path: <a@b.test>\r\nReceived: from c.test ([192.0.2.7])\r\n")
    return content[content.index(b"+0000\r\n") + 7 :]


@pytest.mark.parametrize("pieces", [1, 3, 1000])
async def test_stores_every_byte_as_sent(talk: TalkTo, house: House, pieces: int) -> None:
    session = await talk()
    await begun(session)
    content = b"Subject: x\r\n\r\n.dot\r\n" + bytes(range(128, 256)) + b"\r\n\r\n\tend \r\n"
    sent = content.replace(b"\r\n.", b"\r\n..") + b".\r\n"
    step = max(len(sent) // pieces, 1)
    for start in range(0, len(sent), step):
        answer = await session.say(sent[start : start + step])
    assert answer.startswith(b"250 2.6.0")
    assert [body_of(stored) for stored in await house.contents("alice@example.test")] == [content]


async def test_received_field_names_the_only_recipient(talk: TalkTo, house: House) -> None:
    session = await talk(tls=True)
    await begun(session)
    await session.say(b"Subject: x\r\n\r\n.\r\n")
    (stored,) = await house.contents("alice@example.test")
    assert b" with ESMTPS (TLSv1.3 TLS_AES_128_GCM_SHA256) id " in stored
    assert b"\r\n\tfor <alice@example.test>; Thu, 1 Jan 2026 12:00:00 +0000\r\n" in stored


async def test_gives_one_copy_to_a_user_reached_twice(talk: TalkTo, house: House) -> None:
    session = await talk()
    await session.say(HEAD + b"RCPT TO:<team@example.test>\r\nDATA\r\n")
    await session.say(b"Subject: x\r\n\r\n.\r\n")
    assert len(await house.contents("alice@example.test")) == 1
    assert len(await house.contents("bob@example.test")) == 1


async def test_files_by_sub_address_where_there_is_such_a_mailbox(
    talk: TalkTo, house: House
) -> None:
    bob = house.users["bob@example.test"].account_id
    await house.database.write(mailboxes.create, bob, "Lists")
    session = await talk()
    for address in (b"bob+lists@example.test", b"bob+trash@example.test"):
        await session.say(
            b"EHLO c.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<" + address + b">\r\nDATA\r\n"
        )
        await session.say(b"Subject: x\r\n\r\n.\r\n")
    assert len(await house.contents("bob@example.test", "Lists")) == 1
    assert len(await house.contents("bob@example.test", "Trash")) == 0
    assert len(await house.contents("bob@example.test")) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"a\nb\r\n.\r\n",
        b"a\rb\r\n.\r\n",
        b"a\r\n\n.\r\n.\r\n",
        b"a\n.\n\r\n.\r\n",
        b"a\r.\r\r\n.\r\n",
    ],
)
async def test_refuses_other_line_ends(talk: TalkTo, house: House, content: bytes) -> None:
    session = await talk()
    await begun(session)
    first, last = (await session.say(content)).splitlines()
    assert first.startswith(b"554 5.6.0")
    assert last.startswith(b"421 4.7.0")
    assert await house.contents("alice@example.test") == []
    assert session.task.done()


async def test_smuggled_commands_stay_content(talk: TalkTo, house: House) -> None:
    session = await talk()
    await begun(session)
    smuggled = (
        b"Subject: x\r\n\r\nhi\n.\nMAIL FROM:<evil@b.test>\nRCPT TO:<bob@example.test>\nDATA\n"
    )
    answer = await session.say(smuggled + b"\r\n.\r\n")
    assert [line[:9] for line in answer.splitlines()] == [b"554 5.6.0", b"421 4.7.0"]


async def test_a_client_that_vanishes_in_its_message_leaves_nothing(
    talk: TalkTo, house: House
) -> None:
    session = await talk()
    await begun(session)
    await session.say(b"Subject: half of\r\n")
    await session.hang_up()
    assert await house.contents("alice@example.test") == []


async def test_a_message_over_the_limit_is_read_and_refused(talk: TalkTo, house: House) -> None:
    session = await talk(options=SmtpOptions(HOSTNAME, max_message_bytes=1000))
    await begun(session)
    for _ in range(20):
        assert await session.say(b"x" * 98 + b"\r\n") == b""
    assert (await session.say(b".\r\n")).startswith(b"552 5.3.4")
    await session.say(HEAD + b"DATA\r\n")
    assert (await session.say(b"Subject: ok\r\n\r\n.\r\n")).startswith(b"250 2.6.0")


async def test_memory_for_messages_is_bounded(talk: TalkTo, house: House) -> None:
    session = await talk(in_flight=5000)
    await begun(session)
    for _ in range(70):
        await session.say(b"x" * 98 + b"\r\n")
    assert (await session.say(b".\r\n")).startswith(b"452 4.3.1")
    await session.say(HEAD + b"BDAT 6000\r\n")
    assert (await session.say(b"x" * 6000)).startswith(b"452 4.3.1")
    assert (await session.say(b"BDAT 2 LAST\r\n\r\n")).startswith(b"503 5.5.1")
    await session.say(HEAD + b"DATA\r\n")
    assert (await session.say(b"Subject: ok\r\n\r\n.\r\n")).startswith(b"250 2.6.0")


async def test_memory_is_given_back_by_whoever_vanishes(house: House, talk: TalkTo) -> None:
    services = house.services()
    session = Talk(FakeConnection(), Role.MX, services)
    await session.hear()
    await begun(session)
    await session.say(b"x" * 900 + b"\r\n")
    assert services.in_flight.used_bytes > 900
    await session.hang_up()
    assert services.in_flight.used_bytes == 0


async def test_a_chunk_of_a_size_that_can_not_be_read_ends_the_session(talk: TalkTo) -> None:
    session = await talk()
    answer = await session.say(HEAD + b"BDAT 12x\r\nMAIL FROM:<x@y.test>\r\n")
    assert answer.endswith(b"421 4.5.0 The size of the chunk is not known\r\n")
    await session.task


async def test_a_large_chunk_is_dropped_as_it_comes(talk: TalkTo) -> None:
    session = await talk(options=SmtpOptions(HOSTNAME, max_message_bytes=1000))
    await session.say(HEAD + b"BDAT 2000 LAST\r\n")
    assert await session.say(b"x" * 1999) == b""
    assert (await session.say(b"x")).startswith(b"552 5.3.4")


async def test_errors_end_the_session(talk: TalkTo) -> None:
    session = await talk(options=SmtpOptions(HOSTNAME, max_errors=3))
    answer = await session.lines("A B", "\x00", "MAIL", "NOOP")
    assert [line[:3] for line in answer] == ["500", "500", "501", "421"]
    await session.task


async def test_guessing_recipients_ends_the_session(talk: TalkTo) -> None:
    session = await talk(options=SmtpOptions(HOSTNAME, max_refused_recipients=2))
    answer = await session.lines(
        "EHLO x", "MAIL FROM:<a@b.test>", "RCPT TO:<n1@example.test>", "RCPT TO:<n2@example.test>"
    )
    assert answer[-1].startswith("421 4.7.0")
    await session.task


async def test_recipients_are_limited(talk: TalkTo) -> None:
    session = await talk(options=SmtpOptions(HOSTNAME, max_recipients=1))
    answer = await session.say(HEAD + b"RCPT TO:<bob@example.test>\r\n")
    assert answer.endswith(b"452 4.5.3 Too many recipients\r\n")


async def test_doing_nothing_for_long_ends_the_session(talk: TalkTo) -> None:
    session = await talk(options=SmtpOptions(HOSTNAME, max_idle=5))
    answer = await session.lines(*["NOOP"] * 10)
    assert [line[:3] for line in answer] == ["250"] * 6 + ["421"]
    await session.task


async def test_long_lines_are_refused_whole(talk: TalkTo) -> None:
    session = await talk()
    answer = await session.say(b"NOOP " + b"x" * 5000 + b"\r\nNOOP\r\n")
    assert [line[:3] for line in answer.splitlines()] == [b"500", b"250"]


async def test_broken_utf8_is_refused(talk: TalkTo) -> None:
    session = await talk()
    answer = await session.say(b"EHLO x\r\nMAIL FROM:<\xff\xfe@b.test> SMTPUTF8\r\n")
    assert answer.splitlines()[-1].startswith(b"501 5.1.7")


async def test_a_quiet_client_is_told_why(talk: TalkTo) -> None:
    session = await talk()
    session.connection.give(TimeoutError())
    await session.task
    assert (
        session.connection.taken() == b"421 4.4.2 mx.example.test timeout, closing connection\r\n"
    )


async def test_a_stopping_server_says_so_between_messages_only(talk: TalkTo) -> None:
    session = await talk()
    await session.say(HEAD)
    assert not session.connection.was_at_rest
    await session.say(b"RSET\r\n")
    assert session.connection.was_at_rest
    assert (await session.stop()).startswith(b"421 4.3.2")


async def test_a_full_mailbox_is_refused_at_once(talk: TalkTo, house: House) -> None:
    account = house.users["alice@example.test"].account_id
    await house.change(users.set_quota, account, 500)
    session = await talk()
    answer = await session.lines(
        "EHLO x", "MAIL FROM:<a@b.test> SIZE=600", "RCPT TO:<alice@example.test>"
    )
    assert answer[-1].startswith("452 4.2.2")
    await session.say(b"RSET\r\n" + HEAD + b"DATA\r\n")
    answer2 = await session.say(b"Subject: x\r\n\r\n" + b"y" * 600 + b"\r\n.\r\n")
    assert answer2.startswith(b"452 4.2.2")
    assert await house.contents("alice@example.test") == []


async def test_lmtp_tells_each_recipient_apart(talk: TalkTo, house: House) -> None:
    await house.change(users.set_quota, house.users["alice@example.test"].account_id, 300)
    session = await talk(Role.LMTP)
    await session.lines(
        "LHLO x",
        "MAIL FROM:<a@b.test>",
        "RCPT TO:<alice@example.test>",
        "RCPT TO:<bob@example.test>",
        "DATA",
    )
    answer = await session.say(b"Subject: x\r\n\r\n" + b"y" * 400 + b"\r\n.\r\n")
    assert [line[:9] for line in answer.splitlines()] == [b"452 4.2.2", b"250 2.6.0"]
    assert await house.contents("alice@example.test") == []
    assert len(await house.contents("bob@example.test")) == 1
    assert await house.queued() == []


async def test_a_failed_database_puts_the_client_off(
    talk: TalkTo, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await talk()
    await begun(session)

    async def fail(*args: object) -> None:
        raise Unavailable("The mail store can't be written or read just now", "disk full")

    with monkeypatch.context() as patched:
        patched.setattr(house.database, "write", fail)
        answer = await session.say(b"Subject: x\r\n\r\n.\r\n")
    assert answer == b"451 4.3.0 The mail store can't be written or read just now\r\n"
    await session.say(HEAD + b"DATA\r\n")
    assert (await session.say(b"Subject: x\r\n\r\n.\r\n")).startswith(b"250")
    assert len(await house.contents("alice@example.test")) == 1


async def test_a_defect_puts_the_client_off(
    talk: TalkTo, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await talk()
    await begun(session)

    async def fail(*args: object) -> None:
        raise ValueError("a defect")

    with monkeypatch.context() as patched:
        patched.setattr(house.database, "write", fail)
        answer = await session.say(b"Subject: x\r\n\r\n.\r\n")
    assert answer.startswith(b"451 4.3.0")
    assert b"defect" not in answer
    assert (await session.say(b"MAIL FROM:<a@b.test>\r\n")).startswith(b"250")


async def test_250_waits_for_the_commit(
    talk: TalkTo, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await talk()
    await begun(session)
    write = house.database.write
    may_commit = asyncio.Event()

    async def slow(*args: object) -> object:
        await may_commit.wait()
        return await write(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(house.database, "write", slow)
    session.connection.give(b"Subject: x\r\n\r\n.\r\n")
    for _ in range(20):
        await asyncio.sleep(0)
    assert session.connection.taken() == b""
    may_commit.set()
    assert (await session.hear()).startswith(b"250 2.6.0")


async def test_too_many_hops_are_refused(talk: TalkTo, house: House) -> None:
    session = await talk()
    await begun(session)
    answer = await session.say(b"Received: from x\r\n" * 51 + b"\r\n.\r\n")
    assert answer.startswith(b"554 5.4.6")


async def test_smtputf8_lets_more_than_ascii_through(talk: TalkTo, house: House) -> None:
    session = await talk()
    answer = await session.lines(
        "EHLO x", "MAIL FROM:<jörg@b.test> SMTPUTF8", "RCPT TO:<alice@example.test>", "DATA"
    )
    assert answer[-1].startswith("354")
    await session.say(b"Subject: x\r\n\r\n.\r\n")
    (stored,) = await house.contents("alice@example.test")
    assert stored.startswith("Return-Path: <jörg@b.test>\r\n".encode())
    assert b" with UTF8SMTP id " in stored


async def test_plaintext_login_is_for_loopback_when_allowed(talk: TalkTo) -> None:
    options = SmtpOptions(HOSTNAME, allow_plaintext_auth=True)
    session = await talk(Role.SUBMISSION, options)
    assert not any("AUTH" in line for line in await session.lines("EHLO x"))
    session.connection.peer_ip = "127.0.0.1"
    assert any("AUTH" in line for line in await session.lines("EHLO x"))


async def test_failed_logins_end_the_session(talk: TalkTo) -> None:
    session = await talk(Role.SUBMISSION, tls=True)
    answer = await session.lines("EHLO x", *["AUTH PLAIN AGEAYg=="] * 3, "NOOP")
    assert [line[:9] for line in answer[-4:]] == ["535 5.7.8"] * 3 + ["421 4.7.0"]
    await session.task


async def test_a_message_may_have_many_recipients(talk: TalkTo, house: House) -> None:
    session = await talk(options=SmtpOptions(HOSTNAME, max_idle=10, max_recipients=50))
    answer = await session.lines(
        "EHLO c.test", "MAIL FROM:<x@c.test>", *["RCPT TO:<alice@example.test>"] * 50, "NOOP"
    )
    assert [line[:3] for line in answer[-51:]] == ["250"] * 51


async def test_a_message_may_come_in_many_chunks(talk: TalkTo, house: House) -> None:
    session = await talk(options=SmtpOptions(HOSTNAME, max_idle=10))
    await session.say(HEAD)
    for _ in range(50):
        assert (await session.say(b"BDAT 6\r\nA: b\r\n")).startswith(b"250 2.0.0")
    assert (await session.say(b"BDAT 2 LAST\r\n\r\n")).startswith(b"250 2.6.0")
    assert [body_of(c) for c in await house.contents("alice@example.test")] == [
        b"A: b\r\n" * 50 + b"\r\n"
    ]


async def test_a_user_who_may_not_go_on_sends_nothing_more(talk: TalkTo, house: House) -> None:
    session = await talk(Role.SUBMISSION, SmtpOptions(HOSTNAME, login_asked_every_s=0), tls=True)
    plain = b64encode(f"\0alice@example.test\0{PASSWORD}".encode()).decode()
    await session.lines("EHLO c.test", f"AUTH PLAIN {plain}")
    assert await session.lines("MAIL FROM:<alice@example.test>", "RSET") == [
        "250 2.1.0 Sender OK", "250 2.0.0 OK"
    ]  # fmt: skip
    session.login.holds = False
    answer = await session.lines("MAIL FROM:<alice@example.test>")
    assert answer == ["421 4.7.0 Your login has ended; log in again"]
    await session.task


class TestTheLog:
    async def send(self, session: Talk, *recipients: str) -> None:
        await session.lines("EHLO c.test", "MAIL FROM:<a@b.test>")
        await session.lines(*(f"RCPT TO:<{one}>" for one in recipients), "DATA")
        await session.say(b"Subject: secret plans\r\n\r\nhi\r\n.\r\n")

    async def test_tells_of_every_message_but_not_what_is_in_it(
        self, talk: TalkTo, house: House
    ) -> None:
        with capture_logs() as lines:
            await self.send(await talk(), "alice@example.test", "nobody@example.test")
        refused, accepted = lines
        assert refused["event"] == "recipient refused"
        assert refused["recipient"] == "nobody@example.test"
        assert accepted["event"] == "message accepted"
        facts = {name: accepted[name] for name in ("sender", "recipients", "size_bytes")}
        assert facts == {"sender": "a@b.test", "recipients": 1, "size_bytes": 29}
        assert len(accepted["id"]) == 13
        assert "secret" not in str(lines)

    async def test_tells_why_a_message_was_refused(self, talk: TalkTo, house: House) -> None:
        with capture_logs() as lines:
            await self.send(
                await talk(options=SmtpOptions(HOSTNAME, max_message_bytes=10)),
                "alice@example.test",
            )
        (refused,) = lines
        assert refused["event"] == "message refused"
        assert refused["why"] == "Message exceeds the limit of 10 bytes"


@pytest.fixture
def passing_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions see half a minute pass each time they look."""
    times = count(0.0, 30.0)
    monkeypatch.setattr(SmtpSession, "loop_time", staticmethod(lambda: next(times)))


@pytest.mark.usefixtures("passing_time")
async def test_words_that_trickle_in_buy_no_time(talk: TalkTo) -> None:
    session = await talk()
    heard = b""
    for _ in range(20):
        if not session.task.done():
            heard += await session.say(b"N")
    assert heard == b"421 4.4.2 mx.example.test timeout, closing connection\r\n"
    assert session.task.done()


@pytest.mark.usefixtures("passing_time")
async def test_a_login_is_not_awaited_for_ever(talk: TalkTo) -> None:
    session = await talk(Role.SUBMISSION, tls=True)
    heard = b""
    for _ in range(50):
        if not session.task.done():
            heard += await session.say(b"NOOP\r\n")
    assert heard.endswith(b"421 4.4.2 mx.example.test timeout, closing connection\r\n")
    assert session.task.done()


@pytest.mark.usefixtures("passing_time")
async def test_other_servers_may_take_their_time_between_commands(talk: TalkTo) -> None:
    session = await talk()
    for _ in range(50):
        assert await session.say(b"NOOP\r\n") == b"250 2.0.0 OK\r\n"
