"""MAIL, RCPT and RSET: the envelope of a message (RFC 5321 §4.1.1.2, §4.1.1.3, §4.1.1.5)."""

from dataclasses import replace

from pillarbox.base.errors import Failure, NotFound
from pillarbox.base.log import logger
from pillarbox.pipeline.inbound.message import Recipient
from pillarbox.pipeline.inbound.screening import Screening
from pillarbox.protocols.smtp import errors
from pillarbox.protocols.smtp.errors import Stage, refusal
from pillarbox.protocols.smtp.extensions import mail_refusal, rcpt_refusal
from pillarbox.protocols.smtp.policy import Role
from pillarbox.protocols.smtp.receive import Transaction
from pillarbox.protocols.smtp.session import SmtpSession
from pillarbox.wire.smtp import replies
from pillarbox.wire.smtp.commands import Mail, Rcpt, Rset
from pillarbox.wire.smtp.params import (
    MAX_ORCPT_CHARS,
    NO_RCPT_PARAMS,
    notify_text,
    orcpt_text,
)
from pillarbox.wire.smtp.replies import Reply

_log = logger("smtp")


async def mail(session: SmtpSession, command: Mail) -> None:
    """Begin a transaction, if its sender may."""
    refused = _mail_refusal(session, command)
    if refused is not None:
        session.refuse(refused)
        return
    if session.watch is not None and not await session.watch.holds():
        session.say(errors.CLOSE_LOGIN)
        return
    submission, actor = session.services.submission, session.actor
    if session.role is Role.SUBMISSION and submission is not None and actor is not None:
        try:
            await submission.sender(actor, command.reverse_path or "")
        except Failure as failure:
            sender, why = command.reverse_path, failure.cause or failure.public
            _log.info("sender refused", user=actor.address, sender=sender, why=why)
            session.refuse(refusal(failure, Stage.SENDER))
            return
    session.transaction = Transaction(command, session.services.in_flight)
    if session.screening is not None:
        session.screening.begin(command.reverse_path or "")
    session.say(replies.SENDER_OK)


def _mail_refusal(session: SmtpSession, command: Mail) -> Reply | None:
    if session.role is Role.SUBMISSION:
        if not session.is_safe():
            return replies.TLS_REQUIRED
        if session.actor is None:
            return replies.AUTH_REQUIRED
    if session.name is None:
        return errors.LHLO_FIRST if session.role is Role.LMTP else errors.EHLO_FIRST
    if session.transaction is not None:
        return errors.IN_TRANSACTION
    if not (command.params.smtputf8 or command.is_ascii):
        return replies.SMTPUTF8_REQUIRED
    return mail_refusal(session, command.params)


async def rcpt(session: SmtpSession, command: Rcpt) -> None:
    """Add a recipient, if there is one of that name."""
    transaction = session.transaction
    if transaction is None:
        session.refuse(errors.MAIL_FIRST)
    elif transaction.chunks is not None or transaction.chunk_failed:
        session.refuse(errors.CHUNKS_BEGUN)
    elif (refused := rcpt_refusal(session, command.params)) is not None:
        session.refuse(refused)
    elif not (transaction.smtputf8 or command.is_ascii):
        session.refuse(replies.SMTPUTF8_REQUIRED)
    elif len(transaction.recipients) >= session.options.max_recipients:
        session.say(replies.TOO_MANY_RECIPIENTS)
    else:
        try:
            recipient = await _recipient(session, command, transaction)
        except Failure as failure:
            why = failure.cause or failure.public
            _log.info("recipient refused", recipient=command.forward_path, why=why)
            _refuse_recipient(session, refusal(failure, Stage.RECIPIENT))
            if session.screening is not None:
                await _note_refusal(session, session.screening, command.forward_path, failure)
        else:
            transaction.recipients.append(recipient)
            session.idle_count -= 1  # not idle: their number has a limit of its own
            session.say(replies.RECIPIENT_OK)


async def _recipient(session: SmtpSession, command: Rcpt, transaction: Transaction) -> Recipient:
    submission, actor = session.services.submission, session.actor
    path, size_bytes = command.forward_path, transaction.announced_bytes
    if session.role is Role.SUBMISSION and submission is not None:
        found = await submission.recipient(path, size_bytes, actor)
    else:
        sender = transaction.reverse_path
        found = await session.services.inbound.recipient(path, size_bytes, sender)
        if session.screening is not None:
            await session.screening.recipient(found)
    params = command.params
    if params is NO_RCPT_PARAMS:
        return found
    notify = None if params.notify is None else notify_text(params.notify)
    orcpt = None if params.orcpt is None else orcpt_text(params.orcpt)
    if orcpt is not None and len(orcpt) > MAX_ORCPT_CHARS:
        orcpt = None  # raw UTF-8 that grew in writing; to leave it out is allowed
    return replace(found, notify=notify, orcpt=orcpt)


def _refuse_recipient(session: SmtpSession, reply: Reply) -> None:
    """Lists have stale addresses, so these are counted apart; guessing has its limit too."""
    session.say(reply)
    session.refused_count += reply.is_permanent
    if session.refused_count >= session.options.max_refused_recipients:
        session.say(replies.too_many_errors(session.options.hostname))


async def _note_refusal(
    session: SmtpSession, screening: Screening, path: str, why: Failure
) -> None:
    """Put a refusal down; those who guess addresses are sent away."""
    screening.refused(path, why)
    if isinstance(why, NotFound):
        enough = await screening.unknown(path)
        if enough is not None and not session.ending:
            session.say(refusal(enough, Stage.CONNECTION))
    elif not why.temporary:
        screening.erred()


async def rset(session: SmtpSession, command: Rset) -> None:
    """Forget the transaction."""
    session.end_transaction()
    session.say(replies.OK)
