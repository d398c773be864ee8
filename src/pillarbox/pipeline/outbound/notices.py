"""Who is told of what: the rules of NOTIFY, and the senders that are never told anything.

Called by `reports`, `submission/submit` (`new_envid`) and `runner` (`kind_of`).
"""

import secrets

from pillarbox.domain.queue.model import LeasedMessage, LeasedRecipient, Outcome, Result, Stage
from pillarbox.formats.dsn.model import Action
from pillarbox.formats.dsn.returned import headers_of

POSTMASTER = "postmaster"
NEVER_TOLD = frozenset({"mailer-daemon", "noreply", "no-reply"})
"""Local parts nobody reads, or behind which a report would only make another one."""

_ENVID_PREFIX = "pb."
_ENVID_BYTES = 15


def kind_of(result: Result, *, peer_reports: bool = False) -> Action | None:
    """What a report would say of a result, whether or not one is wanted.

    `peer_reports` is whether the host it was handed to speaks DSN and so reports by itself
    (`Peer.dsn`). A deferral is reported where the result says that the delay is being told.
    """
    if result.outcome in (Outcome.FAILED, Outcome.EXPIRED, Outcome.SUPPRESSED):
        return Action.FAILED
    if result.outcome is Outcome.DEFERRED:
        return Action.DELAYED if result.delay_told else None
    if result.outcome is Outcome.DELIVERED:
        if result.stage is Stage.LOCAL:
            return Action.DELIVERED
        return None if peer_reports else Action.RELAYED
    return None


def is_wanted(message: LeasedMessage, recipient: LeasedRecipient, action: Action) -> bool:
    """Whether the sender asked for such a report (RFC 3461 §4.1), or would be glad of it.

    Where NOTIFY was not given, our own users are told of failures and delays, others of failures.
    A delay under deliver-by is told to whoever did not say NEVER (RFC 2852 §4.1.4.2). Of mail
    without a sender failures are wanted too, for `Reports.prepare` to note in the log.
    """
    if not message.reverse_path:
        return action is Action.FAILED
    wanted = _notify(recipient.notify)
    if "NEVER" in wanted:
        return False
    if action is Action.FAILED:
        return not wanted or "FAILURE" in wanted
    if action is Action.DELAYED:
        if recipient.notify_delay_ms is not None:
            return True
        return "DELAY" in wanted if wanted else message.account_id is not None
    return "SUCCESS" in wanted


def wants_success(notify: str | None) -> bool:
    """Whether NOTIFY asks to hear of success."""
    return "SUCCESS" in _notify(notify)


def may_be_told(reverse_path: str, *, ours: bool) -> bool:
    """Whether reports may go to a reverse-path at all: not the null one, nor `NEVER_TOLD`.

    A postmaster is told where `ours` says that it was a user of ours who wrote, for such a report
    goes into that mailbox and no further.
    """
    local, at, _ = reverse_path.rpartition("@")
    local = local.strip('"').lower()
    if not at or local in NEVER_TOLD:
        return False
    return ours or local != POSTMASTER


def is_automatic(content: bytes) -> bool:
    """Whether a program wrote a message, or it went to many: nobody waits for its delivery.

    Failures of such mail are reported all the same (RFC 3834 §2).
    """
    headers = headers_of(content)
    submitted = (headers.first(b"auto-submitted") or b"no").partition(b";")[0].strip().lower()
    precedence = (headers.first(b"precedence") or b"").strip().lower()
    return submitted != b"no" or precedence in (b"bulk", b"list", b"junk")


def _notify(value: str | None) -> frozenset[str]:
    if not value:
        return frozenset()
    return frozenset(word.strip() for word in value.upper().split(","))


def new_envid() -> str:
    """An envelope identifier for a submitted message without one (RFC 3461 §4.4).

    Only whoever gets the message knows it, so that a report that names it is about that message.
    """
    return _ENVID_PREFIX + secrets.token_hex(_ENVID_BYTES)
