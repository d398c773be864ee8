"""What is done to mail our users send, and with it: signed, held, counted, reported, refused."""

import re
from dataclasses import replace
from typing import Any

import pytest

from kit.smtp import HOSTNAME, House
from pillarbox.base.errors import Denied
from pillarbox.base.ids import IdSource
from pillarbox.domain.accounts import users
from pillarbox.domain.accounts.model import Role
from pillarbox.domain.policy import policies
from pillarbox.domain.policy.model import DEFAULT
from pillarbox.domain.queue import suppression
from pillarbox.domain.sending import alerts
from pillarbox.domain.sending.model import LimitReached, Limits, SendingLimits, Unit
from pillarbox.pipeline.inbound.deliver import Delivery
from pillarbox.pipeline.inbound.message import Envelope, Origin, Recipient
from pillarbox.pipeline.prepare import Preparation
from pillarbox.pipeline.submission.limits import SendingWatch
from pillarbox.pipeline.submission.submit import Submission
from pillarbox.storage.tx import Tx

ORIGIN = Origin("192.0.2.7", "laptop", "ESMTPSA", "TLSv1.3 X")
ALICE, BOB, ANN = "alice@example.test", "bob@example.test", "ann@elsewhere.test"
WHOLE = (
    b"From: Alice <alice@example.test>\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\n"
    b"Message-ID: <1@x>\r\n\r\nhi\r\n"
)


async def submit(
    house: House,
    *paths: str,
    content: bytes = WHOLE,
    use: Submission | None = None,
    sent: bool = False,
    notify: str | None = None,
    **envelope: Any,
) -> None:
    submission = use or house.submission
    recipients = []
    for path in paths:
        found = await submission.recipient(path, 0, house.actor())
        recipients.append(replace(found, notify=notify))
    whole = Envelope(ORIGIN, ALICE, tuple(recipients), **envelope)
    await submission.submit(house.actor(), whole, content, sent)


class Signs:
    """Signs with a field that says for whom, and keeps what it was shown."""

    def __init__(self) -> None:
        self.shown: list[bytes] = []

    async def sign(self, domain: str, content: bytes) -> bytes:
        self.shown.append(content)
        return f"DKIM-Signature: d={domain}\r\n".encode()


async def test_what_is_signed_is_what_leaves(house: House) -> None:
    signs = Signs()
    content = b"Bcc: ann@elsewhere.test\r\nSubject: x\r\n\r\nhi\r\n"
    await submit(house, BOB, ANN, content=content, use=replace(house.submission, signer=signs))
    (signed,) = signs.shown
    assert b"Bcc" not in signed
    for field in (b"From: ", b"Date: ", b"Message-ID: "):
        assert signed.count(field) == 1
    (queued,) = await house.queued()
    (bob,) = await house.contents(BOB)
    for seen in (bob, await house.queued_content(queued)):
        assert seen.endswith(b"\r\nDKIM-Signature: d=example.test\r\n" + signed)


@pytest.mark.parametrize("show", [False, True])
async def test_the_trace_shows_the_client_where_that_is_wanted(house: House, show: bool) -> None:
    await submit(house, BOB, use=replace(house.submission, show_client=show))
    (bob,) = await house.contents(BOB)
    assert (b"192.0.2.7" in bob) is show
    assert (b"laptop" in bob) is show


async def test_fields_only_we_may_add_are_taken_out(house: House) -> None:
    ours = b"Authentication-Results: (x) MX.example.test;\r\n dkim=pass\r\nReturn-Path: <x@y>\r\n"
    other = b"Authentication-Results: mx.other.test; spf=pass\r\n"
    await submit(house, BOB, content=ours + other + WHOLE)
    (bob,) = await house.contents(BOB)
    assert bob.count(b"Return-Path:") == 1
    assert b"dkim=pass" not in bob
    assert bob.endswith(b"\r\n" + other + WHOLE)


async def test_a_held_message_waits_for_everybody(house: House) -> None:
    until_ms = house.clock.now_ms() + 3_600_000
    await submit(house, BOB, "team+x@example.test", ANN, sent=True, hold_until_ms=until_ms)
    assert await house.contents(BOB) == []
    assert len(await house.contents(ALICE, "Sent")) == 1
    rows = await house.queue_rows()
    assert [row["address"] for row in rows] == [BOB, "team+x@example.test", ANN]
    assert {row["next_attempt_ms"] for row in rows} == {until_ms}


async def test_with_a_trap_held_mail_waits_for_the_trap(house: House) -> None:
    until_ms = house.clock.now_ms() + 3_600_000
    trapped = replace(house.submission, trap=ALICE)
    await submit(house, ANN, "both@example.test", use=trapped, hold_until_ms=until_ms)
    assert [row["address"] for row in await house.queue_rows()] == [ALICE, BOB]


async def test_the_envelope_is_kept_in_the_queue(house: House) -> None:
    by_ms = house.clock.now_ms() + 600_000
    await submit(
        house, ANN, notify="SUCCESS,DELAY", ret="HDRS", envid="QQ", binary=True, eight_bit=True,
        require_tls=True, deliver_by_ms=by_ms,
    )  # fmt: skip
    (row,) = await house.queue_rows()
    assert row["dsn_notify"] == "SUCCESS,DELAY"
    assert (row["dsn_ret"], row["dsn_envid"]) == ("HDRS", "QQ")
    assert (row["binary_body"], row["eight_bit"], row["require_tls"]) == (1, 1, 1)
    assert row["expires_ms"] == by_ms
    assert row["message_id_digest"] is not None
    assert row["dsn_orcpt"] is None


async def test_whether_tls_may_fail_is_kept_in_the_queue(house: House) -> None:
    """TLS-Required: No (RFC 8689 §5)."""
    await submit(house, ANN, content=b"TLS-Required: No\r\n" + WHOLE)
    await submit(house, ANN, content=WHOLE)
    assert [row["tls_optional"] for row in await house.queue_rows()] == [1, 0]


async def test_deliver_by_may_only_ask_to_be_told(house: House) -> None:
    by_ms = house.clock.now_ms() + 600_000
    await submit(house, ANN, deliver_by_ms=by_ms, by_notify=True)
    (row,) = await house.queue_rows()
    assert row["notify_delay_ms"] == by_ms
    assert row["expires_ms"] == house.clock.now_ms() + 72 * 3_600_000


async def test_a_message_without_envelope_identifier_gets_one(house: House) -> None:
    await submit(house, ANN)
    await submit(house, ANN)
    first, second = [row["dsn_envid"] for row in await house.queue_rows()]
    assert re.fullmatch(r"[!-~]{20,100}", first)
    assert first != second


@pytest.mark.parametrize("everybody", [True, False])
async def test_suppressed_recipients_are_refused(house: House, everybody: bool) -> None:
    submission = replace(house.submission, suppressions=house.database)
    domain = None if everybody else house.actor().domain_id
    await house.database.write(suppression.add, domain, ANN, "bounced twice")
    for path in ("Ann@Elsewhere.test", "away@example.test"):
        with pytest.raises(Denied) as caught:
            await submission.recipient(path, 0, house.actor())
        assert "bounced twice" in caught.value.public
        assert "postmaster" in caught.value.public
    assert (await submission.recipient("joe@elsewhere.test", 0, house.actor())).outside
    assert (await submission.recipient("both@example.test", 0, house.actor())).local
    other = replace(house.actor(), domain_id=house.actor().domain_id + 1)
    if not everybody:
        assert (await submission.recipient(ANN, 0, other)).outside


def watched(house: House, **limits: int) -> Submission:
    """Submission with limits for users."""
    submission = house.submission
    watch = SendingWatch(
        house.database,
        house.store.keys,
        SendingLimits(user=Limits(**limits)),
        submission.recipients,
        submission.delivery,
        house.clock,
        IdSource(),
        HOSTNAME,
    )
    return replace(submission, watch=watch)


async def test_over_a_limit_nothing_is_done(house: House) -> None:
    use = watched(house, messages_hour=1)
    await submit(house, BOB, ANN, use=use, sent=True)
    with pytest.raises(LimitReached):
        await submit(house, BOB, ANN, use=use, sent=True)
    assert len(await house.contents(BOB)) == 1
    assert len(await house.contents(ALICE, "Sent")) == 1
    assert len(await house.queued()) == 1
    with pytest.raises(LimitReached):
        await use.sender(house.actor(), ALICE)
    await use.sender(house.actor(BOB), BOB)
    house.clock.advance(hours=1)
    await use.sender(house.actor(), ALICE)
    await submit(house, BOB, use=use)


async def rule(house: House, domain: str = "example.test", **wanted: str) -> None:
    await house.change(policies.set_values, domain, wanted)


async def test_the_policy_of_the_domain_limits_beside_the_settings(house: House) -> None:
    use = watched(house, messages_hour=3)
    await rule(house, ratelimit_smtp_per_user="2", ratelimit_smtp_per_user_window="10")
    for _ in range(2):
        await submit(house, BOB, use=use)
    with pytest.raises(LimitReached, match="You can send 2 messages within 10 minutes"):
        await submit(house, BOB, use=use)
    with pytest.raises(LimitReached):
        await use.sender(house.actor(), ALICE)
    house.clock.advance(minutes=10)
    await submit(house, BOB, use=use)
    with pytest.raises(LimitReached, match="You can send 3 messages within an hour"):
        await submit(house, BOB, use=use)
    house.clock.advance(hours=1)
    await rule(house, ratelimit_enabled="0")
    for _ in range(3):
        await submit(house, BOB, use=use)
    with pytest.raises(LimitReached, match="within an hour"):
        await submit(house, BOB, use=use)


async def test_a_policy_alone_limits_users_of_its_domain(house: House) -> None:
    use = watched(house)
    await rule(house, DEFAULT, ratelimit_smtp_per_user="1")
    await submit(house, BOB, use=use)
    with pytest.raises(LimitReached):
        await submit(house, BOB, use=use)
    await rule(house, ratelimit_smtp_per_user="0")
    await submit(house, BOB, use=use)


async def test_a_message_nobody_got_is_not_counted(house: House) -> None:
    use = watched(house, messages_hour=1)
    recipient = Recipient("gone@example.test", here=True)
    await use.submit(house.actor(), Envelope(ORIGIN, ALICE, (recipient,)), WHOLE)
    await submit(house, ANN, use=use)


async def test_a_stolen_password_is_stopped_and_told_of(house: House) -> None:
    def administer(tx: Tx) -> None:
        users.set_role(tx, house.users[BOB].account_id, Role.ADMIN)

    await house.change(administer)
    use = watched(house, newcomers_day=3)
    await submit(house, ANN, "away@example.test", use=use)
    house.clock.advance(days=8)
    await submit(house, *(f"victim{n}@elsewhere.test" for n in range(3)), use=use)
    await submit(house, ANN, BOB, "away@example.test", use=use)
    for _ in range(3):
        with pytest.raises(LimitReached):
            await submit(house, "victim@elsewhere.test", use=use)
    assert len(await house.queued()) == 3
    (alert,) = await house.database.read(alerts.list_of)
    assert (alert.account_id, alert.what) == (house.users[ALICE].account_id, Unit.NEWCOMERS)
    assert alert.refused == 3
    _, notice = await house.contents(BOB)
    assert notice.startswith(b"Return-Path: <>\r\nFrom: Mail server <postmaster@example.test>")
    assert b"alice@example.test tried to send to more than 3 people" in notice
    house.clock.advance(hours=25)
    await submit(house, *(f"other{n}@elsewhere.test" for n in range(3)), use=use)
    with pytest.raises(LimitReached):
        await submit(house, "victim@elsewhere.test", use=use)
    assert len(await house.contents(BOB)) == 3


class Told:
    """Files a report as a message to alice's address in the log."""

    def __init__(self, fails: bool = False) -> None:
        self.made: list[tuple[str, ...]] = []
        self.filed: list[object] = []
        self.fails = fails

    async def delivered(
        self, envelope: Envelope, account_id: int | None, content: bytes,
        recipients: tuple[Recipient, ...],
    ) -> object:  # fmt: skip
        if self.fails:
            raise RuntimeError("no report")
        assert content.endswith(WHOLE)
        self.made.append(tuple(recipient.path for recipient in recipients))
        return self.made[-1]

    def file(self, tx: Tx, prepared: object) -> None:
        self.filed.append(prepared)


def telling(house: House, told: Told) -> Submission:
    preparation = Preparation(house.store, IdSource())
    delivery = Delivery(house.database, preparation, 1000, told)
    return replace(house.submission, delivery=delivery)


async def test_who_asked_for_it_is_told_of_deliveries_here(house: House) -> None:
    told = Told()
    use = telling(house, told)
    await submit(house, BOB, ANN, "both@example.test", use=use, notify="SUCCESS,FAILURE")
    await submit(house, BOB, use=use, notify="FAILURE")
    await submit(house, BOB, use=use)
    await submit(house, BOB, use=use, notify="SUCCESS", hold_until_ms=house.clock.now_ms() + 9)
    assert told.made == told.filed == [(BOB, "both@example.test")]


async def test_who_had_no_room_is_not_reported_as_delivered(house: House) -> None:
    told = Told()
    use = telling(house, told)
    found = [await use.recipient(path) for path in (ALICE, BOB)]
    await house.change(users.set_quota, house.users[BOB].account_id, 10)
    recipients = tuple(replace(one, notify="SUCCESS") for one in found)
    await use.submit(house.actor(), Envelope(ORIGIN, ALICE, recipients), WHOLE)
    assert told.made == [(ALICE,)]
    (row,) = await house.queue_rows()
    assert (row["address"], row["dsn_notify"]) == (BOB, "SUCCESS")


async def test_a_report_that_fails_fails_nothing_else(house: House) -> None:
    await submit(house, BOB, use=telling(house, Told(fails=True)), notify="SUCCESS")
    assert len(await house.contents(BOB)) == 1
