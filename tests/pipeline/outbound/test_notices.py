"""Who is told of what."""

import pytest

from pillarbox.base.ids import AccountId, QueueId
from pillarbox.domain.queue.model import LeasedMessage, LeasedRecipient, Outcome, Result, Stage
from pillarbox.formats.dsn.model import Action
from pillarbox.pipeline.outbound.notices import (
    is_automatic,
    is_wanted,
    kind_of,
    may_be_told,
    new_envid,
)
from pillarbox.wire.smtp.params import MAX_ENVID_CHARS, parse_mail_params, xtext_encode

FAILED, DELAYED, DELIVERED, RELAYED = (
    Action.FAILED,
    Action.DELAYED,
    Action.DELIVERED,
    Action.RELAYED,
)


def result(outcome: Outcome, stage: Stage = Stage.RCPT, told: bool = False) -> Result:
    return Result(1, outcome, stage, "x", delay_told=told)


@pytest.mark.parametrize(
    ("of", "peer_reports", "kind"),
    [
        (result(Outcome.FAILED), False, FAILED),
        (result(Outcome.EXPIRED), False, FAILED),
        (result(Outcome.SUPPRESSED), False, FAILED),
        (result(Outcome.DEFERRED), False, None),
        (result(Outcome.DEFERRED, told=True), False, DELAYED),
        (result(Outcome.DELIVERED), False, RELAYED),
        (result(Outcome.DELIVERED), True, None),
        (result(Outcome.DELIVERED, Stage.LOCAL), False, DELIVERED),
        (result(Outcome.CANCELLED), False, None),
        (result(Outcome.BOUNCED), False, None),
    ],
)
def test_kind_of_result(of: Result, peer_reports: bool, kind: Action | None) -> None:
    assert kind_of(of, peer_reports=peer_reports) is kind


@pytest.mark.parametrize(
    ("notify", "ours", "wanted"),
    [
        (None, True, {FAILED, DELAYED}),
        (None, False, {FAILED}),
        ("NEVER", True, set()),
        ("SUCCESS", True, {DELIVERED, RELAYED}),
        ("FAILURE", True, {FAILED}),
        ("failure,delay", False, {FAILED, DELAYED}),
        ("SUCCESS,FAILURE,DELAY", False, {FAILED, DELAYED, DELIVERED, RELAYED}),
    ],
)
def test_notify(notify: str | None, ours: bool, wanted: set[Action]) -> None:
    account = AccountId(7) if ours else None
    recipient = LeasedRecipient(1, "b@c.test", 1, 0, notify)
    message = LeasedMessage(QueueId(1), account, "a@b.test", 1, 0, (recipient,))
    assert {a for a in Action if is_wanted(message, recipient, a)} - {Action.EXPANDED} == wanted


@pytest.mark.parametrize("notify", [None, "NEVER", "SUCCESS,DELAY"])
def test_of_mail_without_sender_only_failures_matter(notify: str | None) -> None:
    recipient = LeasedRecipient(1, "b@c.test", 1, 0, notify)
    message = LeasedMessage(QueueId(1), None, "", 1, 0, (recipient,))
    assert {action for action in Action if is_wanted(message, recipient, action)} == {FAILED}


@pytest.mark.parametrize(("notify", "wanted"), [(None, True), ("FAILURE", True), ("NEVER", False)])
def test_deliver_by_tells_of_the_delay(notify: str | None, wanted: bool) -> None:
    recipient = LeasedRecipient(1, "b@c.test", 1, 0, notify, notify_delay_ms=5)
    message = LeasedMessage(QueueId(1), None, "a@b.test", 1, 0, (recipient,))
    assert is_wanted(message, recipient, DELAYED) is wanted


@pytest.mark.parametrize(
    ("reverse_path", "ours", "told"),
    [
        ("", True, False),
        ("a@b.test", False, True),
        ("MAILER-DAEMON@b.test", True, False),
        ('"noreply"@b.test', True, False),
        ("no-reply@b.test", False, False),
        ("Postmaster@b.test", False, False),
        ("postmaster@b.test", True, True),
        ("noreply", True, False),
    ],
)
def test_who_is_never_told(reverse_path: str, ours: bool, told: bool) -> None:
    assert may_be_told(reverse_path, ours=ours) is told


@pytest.mark.parametrize(
    ("header", "automatic"),
    [
        (b"Subject: x\r\n", False),
        (b"Auto-Submitted: no\r\n", False),
        (b"Auto-Submitted: auto-generated; x\r\n", True),
        (b"Precedence: bulk\r\n", True),
        (b"Precedence: first-class\r\n", False),
    ],
)
def test_mail_nobody_waits_for(header: bytes, automatic: bool) -> None:
    assert is_automatic(header + b"\r\nbody\r\n") is automatic


def test_envelope_identifiers_can_be_sent_and_differ() -> None:
    names = {new_envid() for _ in range(100)}
    assert len(names) == 100
    for name in names:
        assert len(name) <= MAX_ENVID_CHARS
        assert parse_mail_params(f"ENVID={xtext_encode(name)}").envid == name
