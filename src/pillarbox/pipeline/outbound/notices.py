"""Who is told of what: the rules of NOTIFY, and the senders that are never told anything.

Called by `reports`, `submission/submit` (`new_envid`) and `runner` (`kind_of`).
"""

import secrets

from pillarbox.domain.queue.model import LeasedMessage, LeasedRecipient, Outcome, Result, Stage
from pillarbox.formats.dsn.model import Action

NEVER_TOLD = frozenset({"mailer-daemon", "postmaster", "noreply", "no-reply"})
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
    A delay under deliver-by is told to whoever did not say NEVER (RFC 2852 §4.1.4.2).
    """
    notify = recipient.notify
    wanted = None if not notify else {word.strip() for word in notify.upper().split(",")}
    if wanted is not None and "NEVER" in wanted:
        return False
    if action is Action.FAILED:
        return wanted is None or "FAILURE" in wanted
    if action is Action.DELAYED:
        if recipient.notify_delay_ms is not None:
            return True
        return message.account_id is not None if wanted is None else "DELAY" in wanted
    return wanted is not None and "SUCCESS" in wanted


def may_be_told(reverse_path: str) -> bool:
    """Whether reports may go to a reverse-path at all: not the null one, nor `NEVER_TOLD`."""
    local, at, _ = reverse_path.rpartition("@")
    return bool(at) and local.strip('"').lower() not in NEVER_TOLD


def new_envid() -> str:
    """An envelope identifier for a submitted message without one (RFC 3461 §4.4).

    Only whoever gets the message knows it, so that a report that names it is about that message.
    """
    return _ENVID_PREFIX + secrets.token_hex(_ENVID_BYTES)
