"""Sessions whose clients and messages are checked: answers, placements, traces."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from kit.checks import Screened, Scripted, ScriptedForRecipients, recipient, screened
from kit.smtp import House, Talk
from pillarbox.base.errors import Unavailable
from pillarbox.domain.accounts.model import TOPIC
from pillarbox.domain.judgement.model import Action, Finding, Kind, Stage, Verdict
from pillarbox.pipeline.inbound.checks.arrival import Arrival, Peer
from pillarbox.pipeline.inbound.screening import Screening
from pillarbox.protocols.smtp.policy import Role

BAD = Kind("bad", 6.0, "is bad")
ALICE, BOB = "alice@example.test", "bob@example.test"
LETTER = b"From: Ann <ann@b.test>\r\nSubject: x\r\nMessage-ID: <1@b.test>\r\n\r\nWords.\r\n.\r\n"


async def envelope(talk: Talk, *to: str) -> bytes:
    """Say everything up to DATA; gives the last answer."""
    lines = ["EHLO c.test", "MAIL FROM:<ann@b.test>", *(f"RCPT TO:<{one}>" for one in to)]
    for line in lines:
        answer = await talk.say(line.encode() + b"\r\n")
    return answer


async def send(house: Screened, *to: str, ip: str = "192.0.2.7") -> bytes:
    """Send one message to these; gives the answer to its content."""
    talk = await house.talk(ip)
    await envelope(talk, *to)
    assert (await talk.say(b"DATA\r\n")).startswith(b"354")
    answer = await talk.say(LETTER)
    await talk.hang_up()
    return answer


async def test_what_has_points_goes_to_junk_and_its_trace_says_why(house: House) -> None:
    checked = screened(house, Scripted((BAD.found("very"),)))
    answer = await send(checked, ALICE)
    assert answer.startswith(b"250")
    assert len(await house.contents(ALICE, "Junk")) == 1
    assert await house.contents(ALICE) == []
    (trace,) = await checked.found("1@b.test")
    assert trace.id.encode() in answer
    (recipient,) = trace.recipients
    assert (recipient.path, recipient.placement) == (ALICE, "Junk")
    assert recipient.decision is not None
    assert (recipient.decision.verdict, recipient.decision.score) == (Verdict.JUNK, 6.0)
    assert [one.check for one in trace.runs] == ["scripted"]
    assert (trace.sender, trace.client.helo) == ("ann@b.test", "c.test")


async def test_each_account_has_its_own_verdict(house: House) -> None:
    account = house.users[BOB].account_id
    checked = screened(house, Scripted((BAD.found(account_id=account),)))
    assert (await send(checked, "team@example.test")).startswith(b"250")
    assert len(await house.contents(ALICE)) == 1
    assert len(await house.contents(BOB, "Junk")) == 1
    (trace,) = await checked.found("team@example.test")
    assert {one.placement for one in trace.recipients} == {"INBOX", "Junk"}


async def test_what_is_refused_is_refused_with_its_reason(house: House) -> None:
    checked = screened(house, Scripted((BAD.found(action=Action.REFUSE, reply="It is bad"),)))
    assert await send(checked, ALICE) == b"550 5.7.1 It is bad\r\n"
    assert await house.contents(ALICE) == []
    (trace,) = await checked.found(ALICE)
    assert (trace.refused, trace.recipients[0].placement) == ("It is bad", "")


async def test_what_is_put_off_is_put_off_for_all(house: House) -> None:
    account = house.users[BOB].account_id
    finding = BAD.found(action=Action.DEFER, reply="Not now", account_id=account)
    checked = screened(house, Scripted((finding,)))
    assert await send(checked, ALICE, BOB) == b"451 4.7.1 Not now\r\n"
    assert await house.contents(ALICE) == []


async def test_one_who_refuses_keeps_nobody_else_from_getting_it(house: House) -> None:
    account = house.users[BOB].account_id
    checked = screened(house, Scripted((BAD.found(action=Action.REFUSE, account_id=account),)))
    assert (await send(checked, ALICE, BOB)).startswith(b"250")
    assert len(await house.contents(ALICE)) == 1
    assert await house.contents(BOB) == await house.contents(BOB, "Junk") == []
    (trace,) = await checked.found(BOB)
    assert [one.placement for one in trace.recipients] == ["INBOX", "quarantine"]


@pytest.mark.parametrize(
    "check",
    [
        Scripted(hangs=True),
        Scripted(error=Unavailable("no answer", "the daemon is dead")),
        Scripted(error=RuntimeError("a fault of ours")),
    ],
    ids=["hangs", "fails", "crashes"],
)
async def test_a_check_that_fails_holds_nothing_up(house: House, check: Scripted) -> None:
    checked = screened(house, check, Scripted((BAD.found(),), name="other"))
    assert (await send(checked, ALICE)).startswith(b"250")
    assert len(await house.contents(ALICE, "Junk")) == 1
    (trace,) = await checked.found(ALICE)
    assert [bool(one.failure) for one in trace.runs] == [True, False]


async def test_a_failure_comes_to_what_the_check_says(house: House) -> None:
    later = (BAD.found(action=Action.DEFER, reply="The scanner is away"),)
    checked = screened(house, Scripted(hangs=True, if_failed=later))
    assert await send(checked, ALICE) == b"451 4.7.1 The scanner is away\r\n"


async def test_recipients_are_refused_one_by_one(house: House) -> None:
    later = BAD.found(action=Action.DEFER, reply="Come again")
    checked = screened(house, of_recipients=[ScriptedForRecipients({ALICE: later})])
    talk = await checked.talk()
    assert await envelope(talk, ALICE) == b"451 4.7.1 Come again\r\n"
    assert (await talk.say(b"RCPT TO:<bob@example.test>\r\n")).startswith(b"250")
    await talk.say(b"DATA\r\n")
    assert (await talk.say(LETTER)).startswith(b"250")
    await talk.hang_up()
    assert len(await house.contents(BOB)) == 1
    (trace,) = await checked.found("1@b.test")
    assert [(one.path, one.reply) for one in trace.recipients] == [
        (ALICE, "Come again"),
        (BOB, ""),
    ]


async def test_what_never_came_has_a_trace_too(house: House) -> None:
    later = BAD.found(action=Action.DEFER, reply="Come again")
    checked = screened(house, of_recipients=[ScriptedForRecipients({ALICE: later})])
    talk = await checked.talk("198.51.100.3")
    await envelope(talk, ALICE, "nobody@example.test")
    await talk.hang_up()
    (trace,) = await checked.found("198.51.100.3")
    assert [one.path for one in trace.recipients] == [ALICE, "nobody@example.test"]
    assert trace.recipients[0].reply == "Come again"
    assert [one.check for one in trace.runs] == ["scripted recipients"]


async def test_content_that_was_refused_unread_has_a_trace(house: House) -> None:
    checked = screened(house)
    talk = await checked.talk("198.51.100.3")
    await envelope(talk, ALICE, BOB)
    await talk.say(b"DATA\r\n")
    assert (await talk.say(b"Subject: x\r\n\r\n" + b"a" * 70_000 + b"\r\n.\r\n")).startswith(b"554")
    await talk.hang_up()
    (trace,) = await checked.found("198.51.100.3")
    assert "too long" in trace.refused
    assert [(one.path, one.reply) for one in trace.recipients] == [
        (ALICE, trace.refused),
        (BOB, trace.refused),
    ]


async def test_a_message_that_was_given_up_has_none(house: House) -> None:
    checked = screened(house, Scripted((BAD.found(),)))
    talk = await checked.talk("198.51.100.3")
    await envelope(talk, ALICE)
    await talk.say(b"RSET\r\n")
    await talk.hang_up()
    assert await checked.found("198.51.100.3") == []


async def test_connection_and_sender_are_checked_once_for_several_messages(house: House) -> None:
    connect = Scripted((BAD.found(points=2),), Stage.CONNECT, "connect")
    mail = Scripted((BAD.found(points=1),), Stage.MAIL, "mail")
    checked = screened(house, connect, mail)
    talk = await checked.talk()
    for _ in range(2):
        await envelope(talk, ALICE)
        await talk.say(b"DATA\r\n")
        assert (await talk.say(LETTER)).startswith(b"250")
    await talk.hang_up()
    assert (len(connect.seen), len(mail.seen)) == (1, 2)
    traces = await checked.found(ALICE)
    scores = [one.decision and one.decision.score for t in traces for one in t.recipients]
    assert scores == [3.0, 3.0]


@pytest.mark.parametrize(("trusted", "role"), [(True, Role.MX), (False, Role.LMTP)])
async def test_the_trusted_are_believed(house: House, trusted: bool, role: Role) -> None:
    check = Scripted((BAD.found(),))
    checked = screened(house, check)
    talk = await checked.talk(trusted=trusted, role=role)
    await talk.say((b"LHLO" if role is Role.LMTP else b"EHLO") + b" c.test\r\n")
    for line in (b"MAIL FROM:<ann@b.test>", b"RCPT TO:<alice@example.test>", b"DATA"):
        await talk.say(line + b"\r\n")
    assert (await talk.say(LETTER)).startswith(b"250")
    await talk.hang_up()
    assert check.seen == []
    assert len(await house.contents(ALICE)) == 1
    (trace,) = await checked.found(ALICE)
    assert trace.runs == ()


class SlowLater(Scripted):
    """Answers about the first message, and about no other."""

    async def run(self, arrival: Arrival) -> Sequence[Finding]:
        self.hangs = bool(self.seen)
        return await super().run(arrival)


async def test_who_is_slow_to_judge_keeps_no_answer_to_content_back(house: House) -> None:
    slow = SlowLater(stage=Stage.MAIL, deadline_s=60.0)
    checked = screened(house, slow, of_recipients=[ScriptedForRecipients()])
    talk = await checked.talk()
    await envelope(talk, ALICE)
    await talk.say(b"DATA\r\n")
    talk.connection.give(
        LETTER + b"MAIL FROM:<ann@b.test>\r\nRCPT TO:<bob@example.test>\r\nQUIT\r\n"
    )
    assert (await talk.hear_unasked()).startswith(b"250 2.")
    talk.task.cancel()
    await asyncio.wait((talk.task,))


@pytest.mark.parametrize("stage", [Stage.CONNECT, Stage.MAIL])
async def test_nothing_goes_on_when_a_session_is_cut_off(house: House, stage: Stage) -> None:
    before = asyncio.all_tasks()
    mail = Scripted(stage=Stage.MAIL, name="mail", hangs=True, deadline_s=60.0)
    first = Scripted(stage=stage, name="first", hangs=True, deadline_s=60.0)
    checked = screened(house, first, mail, of_recipients=[ScriptedForRecipients()])
    screens = checked.services.screens
    assert screens is not None
    await screens.policies.of("example.test")
    screening = Screening(screens, Peer("192.0.2.7", True))
    screening.connected()
    screening.begin("ann@b.test")
    waiting = asyncio.ensure_future(screening.recipient(recipient(ALICE, 1)))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait((waiting,))
    screening.close()
    left = asyncio.all_tasks() - before
    assert not left or not (await asyncio.wait(left, timeout=5))[1]


async def test_what_is_bad_is_not_forwarded(house: House) -> None:
    checked = screened(house, Scripted((BAD.found(action=Action.QUARANTINE),)))
    assert (await send(checked, "both@example.test")).startswith(b"250")
    assert await house.queued() == []
    await house.change(lambda tx: tx.emit(TOPIC))
    clean = screened(house, Scripted())
    assert (await send(clean, "both@example.test")).startswith(b"250")
    assert len(await house.queued()) == 1
    assert len(await house.contents(BOB)) == 1


async def test_a_trace_is_written_with_the_message_or_neither(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pillarbox.domain.trace import store

    checked = screened(house, Scripted())
    real = store.keep

    def fails(*args: object) -> None:
        raise Unavailable("no room", "the disk is full")

    monkeypatch.setattr(store, "keep", fails)
    assert (await send(checked, ALICE)).startswith(b"451")
    assert await house.contents(ALICE) == []
    monkeypatch.setattr(store, "keep", real)
    assert (await send(checked, ALICE)).startswith(b"250")
