"""Which extensions a session offers, and which parameters it may therefore be given.

One place for both, so that nothing is taken that was not announced (RFC 5321 §2.2.1). Called by
`commands/greeting` and `commands/envelope`.
"""

from datetime import timedelta

from pillarbox.protocols.smtp import errors
from pillarbox.protocols.smtp.policy import Role
from pillarbox.protocols.smtp.receive import hold_until_ms
from pillarbox.protocols.smtp.session import SmtpSession
from pillarbox.wire.smtp import replies
from pillarbox.wire.smtp.params import NO_MAIL_PARAMS, NO_RCPT_PARAMS, MailParams, RcptParams
from pillarbox.wire.smtp.replies import Reply


def keywords(session: SmtpSession) -> tuple[str, ...]:
    """The lines of the answer to EHLO or LHLO; what needs TLS is there only under TLS.

    LIMITS is that of RFC 9422 §3, REQUIRETLS that of RFC 8689 §2.
    """
    options = session.options
    found = [
        "PIPELINING",
        f"SIZE {options.max_message_bytes}",
        "8BITMIME",
        "ENHANCEDSTATUSCODES",
        "CHUNKING",
        "BINARYMIME",
        "DSN",
        f"LIMITS RCPTMAX={options.max_recipients}",
        "SMTPUTF8",
    ]
    if session.connection.tls is not None:
        found.append("REQUIRETLS")
    if session.role is Role.SUBMISSION:
        if options.max_hold_s:
            latest = session.services.clock.now() + timedelta(seconds=options.max_hold_s)
            found.append(f"FUTURERELEASE {options.max_hold_s} {latest:%Y-%m-%dT%H:%M:%SZ}")
        found.append(f"DELIVERBY {options.min_deliver_by_s}")
    if session.connection.can_start_tls:
        found.append("STARTTLS")
    if mechanisms := session.mechanisms():
        found.append("AUTH " + " ".join(mechanisms))
    return tuple(found)


def mail_refusal(session: SmtpSession, params: MailParams) -> Reply | None:
    """The reply to parameters of MAIL that may not be there, or not with these values."""
    if params is NO_MAIL_PARAMS:
        return None
    if _has_unoffered(session, params):
        return replies.UNKNOWN_PARAMETER
    options = session.options
    if params.size_bytes is not None and params.size_bytes > options.max_message_bytes:
        return replies.message_too_large(options.max_message_bytes)
    by = params.deliver_by
    if by is not None and not by.notify and by.seconds < options.min_deliver_by_s:
        return errors.DELIVER_BY_TOO_SOON
    until_ms = hold_until_ms(params, session.services.clock)
    if until_ms is None:
        return None
    hold_s = (until_ms - session.services.clock.now_ms()) / 1000
    if hold_s > options.max_hold_s + _SLACK_S:
        return errors.HOLD_TOO_LONG
    if by is not None and hold_s >= by.seconds:
        return errors.HOLD_PAST_DELIVER_BY
    return None


def rcpt_refusal(session: SmtpSession, params: RcptParams) -> Reply | None:
    """The reply to parameters of RCPT that may not be there."""
    if params is NO_RCPT_PARAMS or session.extended:
        return None
    return replies.UNKNOWN_PARAMETER


_SLACK_S = 60
"""The latest instant was announced some time before it is used, and told in whole seconds."""


def _has_unoffered(session: SmtpSession, params: MailParams) -> bool:
    """Whether MAIL has a parameter of an extension that was not announced."""
    submission = session.role is Role.SUBMISSION
    held = params.hold_for_s is not None or params.hold_until is not None
    later = (
        params.ret is not None
        or params.envid is not None
        or params.require_tls
        or held
        or params.deliver_by is not None
    )
    return (
        (later and not session.extended)
        or (params.require_tls and session.connection.tls is None)
        or (held and not (submission and session.options.max_hold_s))
        or (params.deliver_by is not None and not submission)
        or (params.auth is not None and not submission)
    )
