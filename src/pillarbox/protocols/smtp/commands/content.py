"""DATA and BDAT: the content of a message (RFC 5321 §4.1.1.4, RFC 3030 §2)."""

from pillarbox.pipeline.inbound.message import Origin
from pillarbox.pipeline.inbound.trace import protocol_name
from pillarbox.protocols.smtp import errors
from pillarbox.protocols.smtp.policy import Role
from pillarbox.protocols.smtp.receive import Transaction
from pillarbox.protocols.smtp.session import SmtpSession
from pillarbox.wire.smtp import replies
from pillarbox.wire.smtp.commands import Bdat, Data
from pillarbox.wire.smtp.data import BdatReader, DataReader
from pillarbox.wire.smtp.replies import Reply
from pillarbox.wire.smtp.server import ChunkEnd, DataEnd


async def data(session: SmtpSession, command: Data) -> None:
    """Ask for the content.

    DATA is the last of a group of commands (RFC 2920 §3.1). So what came behind one that is
    refused is content, which must not be read as commands: then the session ends.
    """
    refused = _content_refusal(session)
    transaction = session.transaction
    if refused is None and transaction is not None:
        if transaction.chunks is not None:
            refused = errors.CHUNKS_BEGUN
        elif transaction.binary:
            refused = errors.BINARY_NEEDS_BDAT
    if refused is not None or transaction is None:
        session.refuse(refused or errors.MAIL_FIRST)
        if session.parser.buffered_bytes and not session.ending:
            session.say(errors.CLOSE_EARLY)
    else:
        session.say(replies.START_DATA)
        _limit_time(session, transaction)
        came_bytes = session.parser.buffered_bytes
        transaction.data = session.parser.begin_data(session.options.max_message_bytes)
        transaction.grow(came_bytes)


async def bdat(session: SmtpSession, command: Bdat) -> None:
    """The chunk comes whatever the answer will be; unwanted ones are dropped by the parser."""
    refused = _content_refusal(session)
    transaction = session.transaction
    if refused is not None or transaction is None:
        session.chunk_refusal = refused or errors.MAIL_FIRST
        return
    if transaction.chunks is None:
        limit_bytes = session.options.max_message_bytes
        transaction.chunks = BdatReader(limit_bytes, binary=transaction.binary)
        _limit_time(session, transaction)
    transaction.last_chunk = command.last
    came_bytes = min(session.parser.buffered_bytes, command.size_bytes)
    session.parser.begin_bdat(transaction.chunks)
    transaction.grow(came_bytes)


async def chunk_end(session: SmtpSession, event: ChunkEnd) -> None:
    """Answer for a chunk; the content is whole with the last one."""
    transaction, reader = session.transaction, event.reader
    if reader is None or transaction is None:
        session.refuse(session.chunk_refusal)
    elif transaction.last_chunk:
        await content_end(session, event)
    elif reader.too_large:
        transaction.chunk_failed = True
        fault = transaction.fault(reader, session.options.max_message_bytes)
        session.say(fault or replies.STORAGE_FULL)
    else:
        session.say(replies.CHUNK_OK)
        session.idle_count = 0


def _content_refusal(session: SmtpSession) -> Reply | None:
    transaction = session.transaction
    if transaction is None:
        return errors.MAIL_FIRST
    if not transaction.recipients:
        return errors.RCPT_FIRST
    if transaction.chunk_failed:
        return errors.CHUNK_FAILED
    return None


def _limit_time(session: SmtpSession, transaction: Transaction) -> None:
    transaction.content_until = session.loop_time() + session.options.max_content_s


async def content_end(session: SmtpSession, event: DataEnd | ChunkEnd) -> None:
    """Take content that is whole: 250 is said once the message is on disk.

    Where the client may have meant another end of it, nothing behind it is read as commands.
    """
    transaction, reader = session.transaction, event.reader
    if transaction is None or reader is None:
        session.refuse(errors.MAIL_FIRST)
        return
    verified_name = await session.peer_name.within(session.options.peer_name_wait_s)
    origin = _origin(session, transaction, verified_name)
    answers = await transaction.hand_over(
        session.services, session.role, origin, session.actor, reader, session.screening
    )
    for answer in answers:
        session.say(answer)
    session.end_transaction()
    session.idle_count = 0
    if isinstance(reader, DataReader) and reader.was_ambiguous:
        session.say(errors.CLOSE_AMBIGUOUS)


def _origin(session: SmtpSession, transaction: Transaction, verified_name: str | None) -> Origin:
    tls = session.connection.tls
    return Origin(
        ip=session.connection.peer_ip,
        name=session.name or "unknown",
        protocol=protocol_name(
            lmtp=session.role is Role.LMTP,
            extended=session.extended,
            tls=tls is not None,
            authenticated=session.actor is not None,
            smtputf8=transaction.smtputf8,
        ),
        tls=None if tls is None else f"{tls.version} {tls.cipher}",
        verified_name=verified_name,
    )
