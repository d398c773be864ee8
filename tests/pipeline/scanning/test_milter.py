"""Milters: what they are told, what they may ask for, and what becomes of mail when they fail."""

import time
from contextlib import AsyncExitStack

import pytest

from kit.checks import arrival
from kit.clock import FakeClock
from kit.daemon import daemon, floods, hangs, leaves, nobody, resets, says
from kit.milter import FakeMilter, pack
from kit.peers import Session
from pillarbox.domain.judgement.model import Action, Finding
from pillarbox.net.daemon_address import DaemonAddress
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.milter import MilterCheck
from pillarbox.pipeline.scanning.guard import Guard, GuardOptions
from pillarbox.pipeline.scanning.milter import Milter, MilterOptions, OnFailure
from pillarbox.wire.milter import Steps

MAIL = "From: ann@sender.test\nSubject:  two\n\tlines\n\nhi\nthere\n"
NEGOTIATED = pack(b"O" + (6).to_bytes(4, "big") + (1).to_bytes(4, "big") + bytes(4))


def milter(
    address: DaemonAddress,
    clock: FakeClock,
    on_failure: OnFailure = OnFailure.ACCEPT,
    timeout_s: float = 10,
) -> Milter:
    guard = Guard("milter", GuardOptions(timeout_s), clock)
    return Milter(MilterOptions(address, on_failure), guard)


async def shown(
    fakes: FakeMilter | list[FakeMilter], clock: FakeClock, message: Arrival | None = None
) -> list[Finding]:
    """The findings about a message that one or several milters see."""
    async with AsyncExitStack() as stack:
        listed = fakes if isinstance(fakes, list) else [fakes]
        addresses = [await stack.enter_async_context(one.listening()) for one in listed]
        check = MilterCheck([milter(one, clock) for one in addresses], "mx.example.test")
        return list(await check.run(message or arrival(MAIL)))


async def test_it_is_told_everything_in_order(clock: FakeClock) -> None:
    fake = FakeMilter()
    message = arrival(MAIL, to=("bob@example.test", "eve@example.test"), tls=True)
    message.results.verified_name = "mail.sender.test"
    assert await shown(fake, clock, message) == []
    assert fake.letters == "OCHMRRTLLNBEQ"
    assert fake.all("C") == [b"mail.sender.test\x004\0\x00192.0.2.7\0"]
    assert fake.all("H") == [b"mail.sender.test\0"]
    assert fake.all("M") == [b"<ann@sender.test>\0"]
    assert fake.all("R") == [b"<bob@example.test>\0", b"<eve@example.test>\0"]
    assert fake.all("L") == [b"From\0ann@sender.test\0", b"Subject\0two\n\tlines\0"]
    assert fake.all("B") == [b"hi\r\nthere\r\n"]
    assert fake.macros["C"][b"j"] == b"mx.example.test"
    assert fake.macros["C"][b"_"] == b"mail.sender.test [192.0.2.7]"
    assert fake.macros["H"][b"{tls_version}"] == b"TLS"
    assert fake.macros["M"][b"{mail_addr}"] == b"ann@sender.test"
    assert fake.macros["R"][b"{rcpt_addr}"] == b"eve@example.test"
    assert fake.macros["R"][b"{rcpt_host}"] == b"example.test"


async def test_addresses_of_both_families(clock: FakeClock) -> None:
    fake = FakeMilter()
    await shown(fake, clock, arrival(MAIL, ip="2001:db8::7"))
    assert fake.all("C") == [b"[2001:db8::7]\x006\0\x002001:db8::7\0"]


async def test_what_it_does_not_want_is_not_said(clock: FakeClock) -> None:
    unwanted = (
        Steps.NO_CONNECT | Steps.NO_HELO | Steps.NO_MAIL | Steps.NO_RCPT | Steps.NO_DATA
        | Steps.NO_HEADERS | Steps.NO_END_OF_HEADER | Steps.NO_BODY
    )  # fmt: skip
    fake = FakeMilter(steps=unwanted)
    assert await shown(fake, clock) == []
    assert fake.letters == "OEQ"


async def test_what_it_does_not_answer_is_not_waited_for(clock: FakeClock) -> None:
    steps = sum(one for one in Steps if one.name and one.name.startswith("NO_REPLY"))
    fake = FakeMilter(steps=steps, silent=frozenset("CHMRTLNB"), answers={"E": [[b"r"]]})
    (finding,) = await shown(fake, clock)
    assert fake.letters == "OCHMRTLLNBEQ"
    assert finding.action is Action.REFUSE


async def test_old_milters_know_no_data(clock: FakeClock) -> None:
    fake = FakeMilter(version=2)
    assert await shown(fake, clock) == []
    assert "T" not in fake.letters


async def test_spaces_before_values(clock: FakeClock) -> None:
    fake = FakeMilter(
        steps=Steps.LEADING_SPACE, answers={"E": [[b"hX-A\0 one\0", b"hX-B\0  two\0", b"c"]]}
    )
    message = arrival(MAIL)
    await shown(fake, clock, message)
    assert fake.all("L") == [b"From\0 ann@sender.test\0", b"Subject\0  two\n\tlines\0"]
    assert message.results.added_fields == (b"X-A: one\r\n", b"X-B:  two\r\n")


@pytest.mark.parametrize("letter", "CHMRTLNBE")
@pytest.mark.parametrize(
    ("answer", "action", "reply"),
    [
        (b"r", Action.REFUSE, "The message was not accepted"),
        (b"t", Action.DEFER, "Try again later"),
        (b"y550 5.7.1 Go away\0", Action.REFUSE, "Go away"),
        (b"y451-4.7.1 Not\r\n451 4.7.1 now\0", Action.DEFER, "Not"),
        (b"d", Action.QUARANTINE, ""),
        (b"a", None, ""),
    ],
)
async def test_every_answer_at_every_stage(
    clock: FakeClock, letter: str, answer: bytes, action: Action | None, reply: str
) -> None:
    fake = FakeMilter(answers={letter: [[answer]]})
    findings = await shown(fake, clock)
    assert fake.letters.endswith(letter + "Q")
    if action is None:
        assert findings == []
    else:
        (finding,) = findings
        assert (finding.action, finding.reply, finding.account_id) == (action, reply, None)


async def test_recipients_are_refused_one_by_one(clock: FakeClock) -> None:
    fake = FakeMilter(answers={"R": [[b"y550 No eve\0"], [b"c"]]})
    message = arrival(MAIL, to=("eve@example.test", "bob@example.test"))
    (finding,) = await shown(fake, clock, message)
    assert (finding.action, finding.account_id, finding.reply) == (Action.REFUSE, 1, "No eve")
    assert fake.letters == "OCHMRRTLLNBEQ"
    fake = FakeMilter(answers={"R": [[b"r"], [b"t"]]})
    (finding,) = await shown(fake, clock, message)
    assert (finding.action, finding.account_id) == (Action.REFUSE, None)
    assert fake.letters == "OCHMRRQ"


async def test_fields_and_quarantine(clock: FakeClock) -> None:
    said = [b"p", b"hX-A\0one\0", b"p", b"i\0\0\0\0X-B\0two\n\tmore\0", b"qlooks odd\0", b"c"]
    message = arrival(MAIL)
    (finding,) = await shown(FakeMilter(answers={"E": [said]}), clock, message)
    assert message.results.added_fields == (b"X-A: one\r\n", b"X-B: two\r\n\tmore\r\n")
    assert finding.action is Action.QUARANTINE
    assert finding.detail.endswith(": looks odd")


async def test_each_sees_what_those_before_it_added(clock: FakeClock) -> None:
    first = FakeMilter(answers={"E": [[b"hX-A\0one\0", b"c"]]})
    second = FakeMilter(answers={"E": [[b"hX-B\0two\0", b"c"]]})
    message = arrival(MAIL)
    await shown([first, second], clock, message)
    assert second.all("L")[0] == b"X-A\0one\0"
    assert message.results.added_fields == (b"X-B: two\r\n", b"X-A: one\r\n")


async def test_the_first_refusal_is_the_last_word(clock: FakeClock) -> None:
    second = FakeMilter()
    (finding,) = await shown([FakeMilter(answers={"E": [[b"r"]]}), second], clock)
    assert finding.name == "milter_refused"
    assert second.told == []


async def test_large_bodies_come_in_pieces_until_it_has_enough(clock: FakeClock) -> None:
    body = bytes(range(1, 256)) * 1000
    fake = FakeMilter()
    await shown(fake, clock, arrival(b"Subject: x\r\n\r\n" + body))
    assert b"".join(fake.all("B")) == body
    assert all(len(one) < 65_535 for one in fake.all("B"))
    fake = FakeMilter(steps=Steps.SKIP, answers={"B": [[b"c"], [b"s"]]})
    assert await shown(fake, clock, arrival(b"Subject: x\r\n\r\n" + body)) == []
    assert len(fake.all("B")) == 2
    assert fake.letters.endswith("EQ")


async def test_a_long_value_is_cut_to_fit(clock: FakeClock) -> None:
    fake = FakeMilter()
    await shown(fake, clock, arrival(b"Subject: " + b"x" * 100_000 + b"\r\n\r\n"))
    (value,) = fake.all("L")
    assert 60_000 < len(value) < 65_535


BROKEN: list[tuple[Session | FakeMilter, str]] = [
    (FakeMilter(actions=0x3), "change mail in ways"),
    (FakeMilter(version=7), "version 7"),
    (FakeMilter(version=1), "version 1"),
    (FakeMilter(steps=0x800), "not offered"),
    (FakeMilter(greeting=pack(b"O\0\0")), "too short"),
    (FakeMilter(greeting=pack(b"c")), "CONTINUE"),
    (FakeMilter(greeting=bytes(8)), "0 bytes"),
    (FakeMilter(greeting=b"HTTP/1.1 400 Bad Request\r\n"), "bytes"),
    (FakeMilter(greeting=pack(b"?")), "unknown kind"),
    (FakeMilter(answers={"M": [[b"s"]]}), "SKIP out of place"),
    (FakeMilter(answers={"B": [[b"s"]]}), "SKIP out of place"),
    (FakeMilter(answers={"M": [[b"hX\0y\0"]]}), "ADD_HEADER out of place"),
    (FakeMilter(answers={"E": [[b"bnew body"]]}), "REPLACE_BODY out of place"),
    (FakeMilter(answers={"E": [[b"hX\0y"]]}), "header field that is none"),
    (FakeMilter(answers={"E": [[b"hX: \0y\0"]]}), "header field that is none"),
    (FakeMilter(answers={"E": [[b"hX\0y\nBcc: z\0"]]}), "line break"),
    (FakeMilter(answers={"E": [[b"hX\0y\0"] * 101]}), "too many"),
    (FakeMilter(answers={"E": [[b"hX\0" + b"y" * 90_000 + b"\0"] * 3]}), "too many"),
    (FakeMilter(answers={"E": [[b"yGo away\0"]]}), "reply code"),
    (FakeMilter(answers={"E": [[b"p"] * 10_001]}), "come to its point"),
    (says(NEGOTIATED), "closed"),
    (says(NEGOTIATED + b"\0\0\0\x05c"), "closed"),
    (floods(b"\0\0\0\x01p"), ""),
    (leaves, ""),
    (resets, ""),
]


@pytest.mark.parametrize(("broken", "why"), BROKEN)
async def test_no_answer_is_a_failure(
    clock: FakeClock, broken: Session | FakeMilter, why: str
) -> None:
    listening = broken.listening() if isinstance(broken, FakeMilter) else daemon(broken)
    async with listening as address:
        check = MilterCheck([milter(address, clock)], "mx.example.test")
        message = arrival(MAIL)
        (finding,) = await check.run(message)
    assert (finding.name, finding.action, finding.points) == ("milter_failed", None, 0)
    assert why in finding.detail
    assert message.results.added_fields == ()


@pytest.mark.parametrize("first", [b"", NEGOTIATED, NEGOTIATED + b"\0\0\0\x05c"])
async def test_hanging_takes_its_time_and_no_more(clock: FakeClock, first: bytes) -> None:
    begun_s = time.monotonic()
    async with daemon(hangs(first)) as address:
        check = MilterCheck([milter(address, clock, timeout_s=0.1)] * 2, "mx.example.test")
        assert check.deadline_s < 2
        assert [one.name for one in await check.run(arrival(MAIL))] == ["milter_failed"] * 2
    assert time.monotonic() - begun_s < 5


@pytest.mark.parametrize(
    ("on_failure", "action"),
    [
        (OnFailure.ACCEPT, None),
        (OnFailure.TEMPFAIL, Action.DEFER),
        (OnFailure.REJECT, Action.REFUSE),
        (OnFailure.QUARANTINE, Action.QUARANTINE),
    ],
)
async def test_failure_actions(
    clock: FakeClock, on_failure: OnFailure, action: Action | None
) -> None:
    check = MilterCheck([milter(await nobody(), clock, on_failure)], "mx.example.test")
    for findings in (await check.run(arrival(MAIL)), check.failed(arrival(MAIL), "x")):
        (finding,) = findings
        assert finding.action is action
        assert finding.detail.startswith("127.0.0.1:") or "127.0.0.1:" in finding.detail


async def test_one_that_fails_does_not_stop_the_next(clock: FakeClock) -> None:
    fake = FakeMilter(answers={"E": [[b"hX-A\0one\0", b"c"]]})
    async with fake.listening() as address:
        milters = [milter(await nobody(), clock), milter(address, clock)]
        message = arrival(MAIL)
        findings = await MilterCheck(milters, "mx.example.test").run(message)
    assert [one.name for one in findings] == ["milter_failed"]
    assert message.results.added_fields == (b"X-A: one\r\n",)
