"""Reports in the sender's mailbox, or on their way to it."""

import email
import email.policy
from email.message import EmailMessage

import pytest
from sqlalchemy import func, select

from kit.smtp import House
from pillarbox.base.errors import Busy
from pillarbox.base.ids import AccountId, IdSource, QueueId, public_id
from pillarbox.domain.accounts import aliases, users
from pillarbox.domain.queue import suppression
from pillarbox.domain.queue.model import (
    LeasedMessage,
    LeasedRecipient,
    Outcome,
    Result,
    Stage,
    Status,
    Way,
)
from pillarbox.domain.queue.tables import queue_messages, queue_recipients
from pillarbox.formats.dsn.model import Action
from pillarbox.formats.mailauth.srs import Srs
from pillarbox.pipeline.inbound.message import Envelope, Origin, Recipient
from pillarbox.pipeline.inbound.recipients import Recipients
from pillarbox.pipeline.outbound.notices import kind_of
from pillarbox.pipeline.outbound.reports import PreparedReport, Reports
from pillarbox.pipeline.prepare import Preparation
from pillarbox.storage.blobs.tables import blobs
from pillarbox.storage.tx import Tx

ALICE = "alice@example.test"
CONTENT = b"From: alice@example.test\r\nSubject: hello\r\nMessage-ID: <m@x>\r\n\r\nworld\r\n"
HOUR_MS = 3_600_000
SRS = Srs(b"secret of the tests")


class StampSigner:
    """Signs with a word, and remembers for whom."""

    def __init__(self) -> None:
        self.domains: list[str] = []
        self.busy = False

    async def sign(self, domain: str, content: bytes) -> bytes:
        if self.busy:
            raise Busy("Too many signatures at once")
        self.domains.append(domain)
        assert content.startswith(b"Date: ")
        return b"DKIM-Signature: here\r\n"


class Vouching:
    """Vouches for elsewhere.test."""

    async def vouches(self, domain: str, content: bytes) -> bool:
        assert CONTENT in content
        if domain == "slow.test":
            raise Busy("Too many signatures at once")
        return domain == "elsewhere.test"


@pytest.fixture
def signer() -> StampSigner:
    return StampSigner()


@pytest.fixture
def reports(house: House, signer: StampSigner) -> Reports:
    recipients = Recipients(
        house.database, house.bus, house.clock, "example.test", reverse_paths=SRS
    )
    return Reports(
        "mx.example.test",
        recipients,
        Preparation(house.store, IdSource()),
        signer,
        house.clock,
        72 * HOUR_MS,
        Vouching(),
    )


def message(
    house: House,
    sender: str = ALICE,
    *,
    ours: bool = True,
    notify: str | None = None,
    orcpt: str | None = None,
    count: int = 1,
    **rest: object,
) -> LeasedMessage:
    now_ms = house.clock.now_ms()
    account = house.users[ALICE].account_id if ours else None
    recipients = tuple(
        LeasedRecipient(n, f"r{n}@far.test", 1, now_ms + HOUR_MS, notify, orcpt)
        for n in range(count)
    )
    return LeasedMessage(
        QueueId(77),
        account,
        sender,
        len(CONTENT),
        now_ms - 5 * HOUR_MS,
        recipients,
        **rest,  # type: ignore[arg-type]
    )


def failed(recipient_id: int = 0, **rest: object) -> Result:
    way = Way("mx.far.test", "192.0.2.5", 25)
    facts: dict[str, object] = {"code": 550, "enhanced": "5.1.1", "way": way, **rest}
    return Result(
        recipient_id,
        Outcome.FAILED,
        Stage.RCPT,
        "No such user",
        **facts,  # type: ignore[arg-type]
    )


async def prepare(
    reports: Reports, leased: LeasedMessage, *results: Result, content: bytes = CONTENT
) -> PreparedReport | None:
    kinds = tuple(kind_of(result) for result in results)
    return await reports.prepare(leased, content, results, kinds)


async def filed(
    house: House,
    reports: Reports,
    leased: LeasedMessage,
    *results: Result,
    content: bytes = CONTENT,
) -> None:
    prepared = await prepare(reports, leased, *results, content=content)
    assert prepared is not None
    await house.database.write(reports.file, prepared)


def read(content: bytes) -> EmailMessage:
    found = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


def count_blobs(tx: Tx) -> int:
    return int(tx.select(select(func.count()).select_from(blobs))[0][0])


async def test_user_of_ours_finds_it_in_the_inbox(house: House, reports: Reports) -> None:
    await filed(house, reports, message(house, envid="e1"), failed())
    (content,) = await house.contents(ALICE)
    assert content.startswith(b"Return-Path: <>\r\n")
    report = read(content)
    assert report["Subject"] == "Not delivered: hello"
    assert report["To"] == ALICE
    assert report["In-Reply-To"] == "<m@x>"
    about, one = report.get_payload(1).get_payload()  # type: ignore[union-attr]
    assert about["Original-Envelope-Id"] == "e1"
    assert about["X-Queue-ID"] == public_id("", 77)
    assert one["Final-Recipient"] == "rfc822; r0@far.test"
    assert one["Remote-MTA"] == "dns; mx.far.test"
    assert await house.queued() == []


async def test_several_recipients_stand_in_one_report(house: House, reports: Reports) -> None:
    until_ms = house.clock.now_ms() + 60_000
    delayed = Result(
        2, Outcome.DEFERRED, Stage.CONNECT, "refused", None, None, until_ms, delay_told=True
    )
    silent = Result(3, Outcome.DEFERRED, Stage.CONNECT, "refused", None, None, until_ms)
    suppressed = Result(1, Outcome.SUPPRESSED, Stage.QUEUE, "on the list", enhanced="5.7.1")
    leased = message(house, count=4)
    await filed(house, reports, leased, failed(), suppressed, delayed, silent)
    (content,) = await house.contents(ALICE)
    _, *groups = read(content).get_payload(1).get_payload()  # type: ignore[union-attr]
    assert [(g["Final-Recipient"], g["Action"], g["Status"]) for g in groups] == [
        ("rfc822; r0@far.test", "failed", "5.1.1"),
        ("rfc822; r1@far.test", "failed", "5.7.1"),
        ("rfc822; r2@far.test", "delayed", "4.4.1"),
    ]
    assert groups[2]["Will-Retry-Until"] is not None
    text = read(content).get_payload(0).get_content()  # type: ignore[union-attr]
    assert "on our list of addresses" in " ".join(text.split())


@pytest.mark.parametrize(("give_up", "said"), [(False, "have given up"), (True, "was ended")])
async def test_giving_up(house: House, reports: Reports, give_up: bool, said: str) -> None:
    leased = message(house)
    recipient = LeasedRecipient(0, "r0@far.test", 9, 0, give_up=give_up)
    leased = LeasedMessage(leased.id, leased.account_id, ALICE, 1, leased.created_ms, (recipient,))
    result = Result(0, Outcome.EXPIRED, Stage.QUEUE, "no more", enhanced="4.4.7")
    await filed(house, reports, leased, result)
    (content,) = await house.contents(ALICE)
    text = read(content).get_payload(0).get_content()  # type: ignore[union-attr]
    assert said in " ".join(text.split())
    assert "Status: 4.4.7\r\n" in content.decode()


async def test_report_and_settling_are_one(house: House, reports: Reports) -> None:
    prepared = await prepare(reports, message(house), failed())
    assert prepared is not None
    report = prepared

    def fail_late(tx: Tx) -> None:
        reports.file(tx, report)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await house.database.write(fail_late)
    assert await house.contents(ALICE) == []
    await house.database.write(reports.file, report)
    assert len(await house.contents(ALICE)) == 1


async def test_full_mailbox_does_not_fail_the_settling(house: House, reports: Reports) -> None:
    prepared = await prepare(reports, message(house), failed())
    assert prepared is not None
    await house.change(users.set_quota, house.users[ALICE].account_id, 10)
    before = await house.database.read(count_blobs)
    await house.database.write(reports.file, prepared)
    assert await house.contents(ALICE) == []
    assert reports.dropped == {"overquota": 1}
    assert await house.database.read(count_blobs) == before


async def test_account_that_is_gone_does_not_fail_the_settling(
    house: House, reports: Reports
) -> None:
    prepared = await prepare(reports, message(house), failed())
    assert prepared is not None
    await house.change(users.delete, house.users[ALICE].account_id)
    await house.database.write(reports.file, prepared)
    assert reports.dropped == {"notfound": 1}


async def test_sender_elsewhere_gets_it_signed_with_the_null_reverse_path(
    house: House, reports: Reports, signer: StampSigner
) -> None:
    await filed(house, reports, message(house, "ann@elsewhere.test", ours=False), failed())
    (queued,) = await house.queued()
    assert queued.reverse_path == ""
    assert queued.account_id is None
    (waiting,) = queued.recipients
    assert (waiting.address, waiting.status) == ("ann@elsewhere.test", Status.PENDING)
    assert waiting.expires_ms == house.clock.now_ms() + 72 * HOUR_MS
    content = await house.queued_content(queued)
    assert content.startswith(b"DKIM-Signature: here\r\nDate: ")
    assert read(content)["To"] == "ann@elsewhere.test"
    assert signer.domains == ["mx.example.test"]
    notify = await house.database.read(
        lambda tx: tx.select(select(queue_recipients.c.dsn_notify))[0][0]
    )
    assert notify == "NEVER"


async def test_report_that_can_not_be_signed_now_goes_unsigned(
    house: House, reports: Reports, signer: StampSigner
) -> None:
    signer.busy = True
    await filed(house, reports, message(house, "ann@elsewhere.test", ours=False), failed())
    (queued,) = await house.queued()
    assert (await house.queued_content(queued)).startswith(b"Date: ")


async def test_rewritten_sender_gets_it_under_the_own_address(
    house: House, reports: Reports
) -> None:
    path = SRS.forward("ann@elsewhere.test", "example.test", house.clock.now())
    assert path.startswith("SRS0")
    await filed(house, reports, message(house, path, ours=False), failed())
    (queued,) = await house.queued()
    assert queued.recipients[0].address == "ann@elsewhere.test"
    assert read(await house.queued_content(queued))["To"] == "ann@elsewhere.test"


@pytest.mark.parametrize(
    ("original", "why"),
    [("noreply@elsewhere.test", "nobody reads"), ("nobody@example.test", "notfound")],
)
async def test_rewritten_sender_who_is_not_told(
    house: House, reports: Reports, original: str, why: str
) -> None:
    path = SRS.forward(original, "example.test", house.clock.now())
    assert await prepare(reports, message(house, path, ours=False), failed()) is None
    assert reports.dropped == {why: 1}


async def test_reverse_path_here_leads_wherever_mail_for_it_goes(
    house: House, reports: Reports
) -> None:
    await filed(house, reports, message(house, "both@example.test", ours=False), failed())
    assert len(await house.contents("bob@example.test")) == 1
    (queued,) = await house.queued()
    assert queued.recipients[0].address == "ann@elsewhere.test"


@pytest.mark.parametrize(
    ("sender", "ours", "why"),
    [
        ("", True, "double bounce"),
        ("", False, "double bounce"),
        ("noreply@example.test", True, "nobody reads"),
        ("mailer-daemon@elsewhere.test", False, "nobody reads"),
        ("postmaster@example.test", False, "nobody reads"),
        ("nobody@example.test", False, "notfound"),
    ],
)
async def test_who_is_not_told(
    house: House, reports: Reports, sender: str, ours: bool, why: str
) -> None:
    assert await prepare(reports, message(house, sender, ours=ours), failed()) is None
    assert reports.dropped == {why: 1}


async def test_report_to_an_address_nothing_is_sent_to_is_dropped(
    house: House, reports: Reports
) -> None:
    await house.database.write(suppression.add, None, "ann@elsewhere.test", "complained")
    await filed(house, reports, message(house, "ann@elsewhere.test", ours=False), failed())
    assert await house.queued() == []
    assert reports.dropped == {"suppressed": 1}


async def test_report_that_fails_ends_in_the_log(house: House, reports: Reports) -> None:
    await filed(house, reports, message(house, "ann@elsewhere.test", ours=False), failed())
    leased = message(house, "", ours=False, notify="NEVER")
    delayed = Result(0, Outcome.DEFERRED, Stage.CONNECT, "refused", delay_told=True)
    assert await prepare(reports, leased, delayed) is None
    assert not reports.dropped
    assert await prepare(reports, leased, failed()) is None
    assert reports.dropped == {"double bounce": 1}


async def test_nothing_is_made_where_nothing_is_to_be_told(house: House, reports: Reports) -> None:
    relayed = Result(0, Outcome.DELIVERED, Stage.CONTENT, "taken", 250, "2.0.0")
    assert await prepare(reports, message(house), relayed) is None
    assert await prepare(reports, message(house, notify="NEVER"), failed()) is None
    assert not reports.dropped


async def test_success_is_told_where_asked_for(house: House, reports: Reports) -> None:
    relayed = Result(
        0, Outcome.DELIVERED, Stage.CONTENT, "queued as 17", 250, "2.0.0", way=Way("mx.far.test")
    )
    await filed(
        house, reports, message(house, notify="SUCCESS", orcpt="rfc822;R+2B0@far.test"), relayed
    )
    (content,) = await house.contents(ALICE)
    _, one = read(content).get_payload(1).get_payload()  # type: ignore[union-attr]
    assert (one["Action"], one["Status"]) == ("relayed", "2.0.0")
    assert one["Original-Recipient"] == "rfc822; R+0@far.test"
    assert one["Diagnostic-Code"] is None


async def test_delay_of_automatic_mail_is_told_only_where_asked_for(
    house: House, reports: Reports
) -> None:
    content = b"Auto-Submitted: auto-generated\r\n" + CONTENT
    delayed = Result(0, Outcome.DEFERRED, Stage.CONNECT, "refused", delay_told=True)
    assert await prepare(reports, message(house), delayed, content=content) is None
    assert await prepare(reports, message(house), delayed) is not None
    asked = message(house, notify="DELAY")
    assert await prepare(reports, asked, delayed, content=content) is not None
    assert await prepare(reports, message(house), failed(), content=content) is not None


@pytest.mark.parametrize(("ret", "whole"), [("FULL", True), ("HDRS", False), (None, False)])
async def test_how_much_is_returned(
    house: House, reports: Reports, ret: str | None, whole: bool
) -> None:
    content = CONTENT + b"line\r\n" * 100_000
    await filed(house, reports, message(house, ret=ret), failed(), content=content)
    (found,) = await house.contents(ALICE)
    assert (len(found) > len(content)) is whole


SPAM = {"code": 550, "enhanced": "5.7.1"}
UNKNOWN = {"code": 550, "enhanced": "5.1.1"}


@pytest.mark.parametrize(
    ("sender", "facts", "told"),
    [
        ("ann@forged.test", SPAM, False),
        ("ann@slow.test", SPAM, False),
        ("ann@forged.test", UNKNOWN, True),
        ("ann@elsewhere.test", SPAM, True),
        ("bob@example.test", SPAM, True),
        ("both@example.test", SPAM, False),
    ],
)
async def test_who_may_be_forged_is_not_told_of_judgements(
    house: House, reports: Reports, sender: str, facts: dict[str, object], told: bool
) -> None:
    """Spam that is forwarded and refused there is not sent on to whoever it claims to be from."""
    leased = message(house, sender, ours=False)
    assert (await prepare(reports, leased, failed(**facts)) is not None) is told
    assert reports.dropped == ({} if told else {"sender may be forged": 1})


async def test_who_may_be_forged_is_told_the_rest(house: House, reports: Reports) -> None:
    leased = message(house, "ann@forged.test", ours=False, count=2)
    await filed(house, reports, leased, failed(0), failed(1, **SPAM))
    (queued,) = await house.queued()
    _, *groups = read(await house.queued_content(queued)).get_payload(1).get_payload()  # type: ignore[union-attr]
    assert [group["Final-Recipient"] for group in groups] == ["rfc822; r0@far.test"]


@pytest.mark.parametrize("sender", ["ann@forged.test", "ann@elsewhere.test"])
async def test_nobody_is_sent_reports_of_success_by_others(
    house: House, reports: Reports, sender: str
) -> None:
    """NOTIFY=SUCCESS with the sender forged would make this server write to anybody."""
    bob = await house.inbound.recipient("bob@example.test")
    asked = Recipient(bob.path, bob.local, notify="SUCCESS")
    envelope = Envelope(Origin("192.0.2.7", "c.test", "ESMTP"), sender, (asked,))
    made = await reports.delivered(envelope, None, CONTENT, (asked,))
    relayed = Result(0, Outcome.DELIVERED, Stage.CONTENT, "taken", 250, "2.0.0")
    leased = message(house, sender, ours=False, notify="SUCCESS")
    passed_on = await prepare(reports, leased, relayed)
    known = sender == "ann@elsewhere.test"
    assert (made is not None, passed_on is not None) == (known, known)


async def test_report_on_what_demands_tls_demands_it_too(house: House, reports: Reports) -> None:
    content = CONTENT + b"line\r\n" * 1000
    leased = message(house, "ann@elsewhere.test", ours=False, ret="FULL", require_tls=True)
    await filed(house, reports, leased, failed(), content=content)
    (queued,) = await house.queued()
    assert len(await house.queued_content(queued)) < len(content)
    (row,) = await house.database.read(
        lambda tx: tx.select(select(queue_messages.c.reverse_path, queue_messages.c.require_tls))
    )
    assert tuple(row) == ("", 1)


async def test_what_others_sent_is_not_returned_whole(house: House, reports: Reports) -> None:
    content = CONTENT + b"line\r\n" * 1000
    leased = message(house, "ann@forged.test", ours=False, ret="FULL")
    await filed(house, reports, leased, failed(), content=content)
    (queued,) = await house.queued()
    assert len(await house.queued_content(queued)) < len(content)


async def test_delivery_here_is_reported_to_whoever_asked(house: House, reports: Reports) -> None:
    bob = await house.inbound.recipient("bob@example.test")
    asked = Recipient(
        bob.path, bob.local, notify="SUCCESS,FAILURE", orcpt="rfc822;bob@example.test"
    )
    origin = Origin("192.0.2.7", "c.test", "ESMTP")
    envelope = Envelope(origin, "ann@elsewhere.test", (asked, bob), envid="e9")
    assert await reports.delivered(envelope, None, CONTENT, (bob,)) is None
    prepared = await reports.delivered(envelope, None, CONTENT, (asked, bob), "id7")
    assert prepared is not None
    await house.database.write(reports.file, prepared)
    (queued,) = await house.queued()
    report = read(await house.queued_content(queued))
    assert report["Subject"] == "Delivered: hello"
    about, one = report.get_payload(1).get_payload()  # type: ignore[union-attr]
    assert about["Original-Envelope-Id"] == "e9"
    assert (one["Action"], one["Final-Recipient"]) == ("delivered", "rfc822; bob@example.test")
    account = AccountId(house.users[ALICE].account_id)
    mine = Envelope(origin, ALICE, (asked,))
    prepared = await reports.delivered(mine, account, CONTENT, (asked,))
    assert prepared is not None
    await house.database.write(reports.file, prepared)
    assert len(await house.contents(ALICE)) == 1


async def test_alias_that_is_added_later_leads_there(house: House, reports: Reports) -> None:
    await house.change(aliases.create, "sales@example.test", ("bob@example.test",))
    await filed(house, reports, message(house, "sales@example.test", ours=False), failed())
    assert len(await house.contents("bob@example.test")) == 1


def test_kinds_are_those_of_the_reports() -> None:
    assert {str(action) for action in Action} == {
        "failed",
        "delayed",
        "delivered",
        "relayed",
        "expanded",
    }
