"""Handing a letter over a session: MAIL, RCPT and the content, and what each was answered with.

Two round trips a message where PIPELINING is offered: the envelope with DATA, then the content.
The content never leaves before the answers to the envelope are there, so that whatever breaks
before is no delivery. Called by `connections`; calls `session` and `downgrade`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from pillarbox.base.errors import Failure, GrammarError
from pillarbox.domain.queue.model import LeasedMessage, LeasedRecipient, Stage
from pillarbox.formats.address import ascii_domain
from pillarbox.pipeline.outbound.downgrade import NotPossible, downgrade, with_crlf
from pillarbox.pipeline.outbound.model import Answer, HostFailure, Letter, Transmitted
from pillarbox.pipeline.outbound.session import Broken, Session, permanent, temporary
from pillarbox.wire.smtp import client
from pillarbox.wire.smtp.client import Capabilities
from pillarbox.wire.smtp.data import has_bare_newline
from pillarbox.wire.smtp.params import (
    NO_RCPT_PARAMS,
    Body,
    MailParams,
    RcptParams,
    Ret,
    parse_rcpt_params,
)
from pillarbox.wire.smtp.replies import Reply

Resign = Callable[[LeasedMessage, bytes], Awaitable[bytes]]
"""Gives content that had to be converted for a peer, with new signatures on top."""

MAX_RECIPIENTS = 100
"""In one transaction, as everybody must take (RFC 5321 §4.5.3.1.8)."""

_IN_THREAD_BYTES = 128 * 1024
_PIECE_BYTES = 128 * 1024
_EMPTY = b".\r\n"
_TOO_EARLY = temporary("4.5.0", "The server confirmed the message before it had all of it")


class Refused(Exception):
    """The peer can't take the message as it is, and it can't be changed."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.text)
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Fitted:
    """A message in a form that the peer takes: what MAIL says of it, and the content.

    `pieces` are what goes over the wire after DATA, or the chunk of BDAT where `chunked`.
    """

    params: MailParams
    pieces: list[bytes] | list[memoryview]
    size_bytes: int
    chunked: bool = False


async def transmit(session: Session, letter: Letter, resign: Resign | None = None) -> Transmitted:
    """Hand a letter over; raises `HostFailure` if nothing of it was handed over.

    The session goes on being of use unless it is `broken` afterwards.
    """
    timeouts = session.timeouts
    session.limit(timeouts.letter_s + len(letter.content) / timeouts.slowest_bytes_s)
    session.peer = replace(session.peer, reused=True) if session.messages else session.peer
    _check_host(session, letter)
    answers: list[Answer] = []
    recipients = list(letter.recipients)
    try:
        recipients = _addressable(session.capabilities, letter, answers)
        fitted = await _fit(session.capabilities, letter, resign) if recipients else None
    except Refused as refused:
        answers += [_answer(one, refused.reply, Stage.MAIL, ours=True) for one in recipients]
        fitted = None
    if fitted is not None:
        await _all(session, letter, recipients, fitted, answers)
    return Transmitted(session.peer, tuple(answers), session.broken)


async def _all(
    session: Session,
    letter: Letter,
    recipients: list[LeasedRecipient],
    fitted: Fitted,
    answers: list[Answer],
) -> None:
    """As many transactions as it takes; adds to `answers`."""
    most = min(MAX_RECIPIENTS, session.capabilities.limit("RCPTMAX") or MAX_RECIPIENTS)
    finished = False
    while recipients:
        batch, recipients = recipients[:most], recipients[most:]
        transaction = _Transaction(session, letter, batch, fitted)
        try:
            await transaction.run()
        except HostFailure as failure:
            if not finished:
                raise
            # The transactions before stand; these recipients are for another time.
            left = [*batch, *recipients]
            answers += [
                _answer(one, failure.reply, failure.stage, ours=failure.ours) for one in left
            ]
            return
        answers += transaction.answers
        finished = True
        if transaction.left_over:
            # RFC 5321 §4.5.3.1.10: those that were too many are sent in another transaction.
            most = max(1, min(most, len(batch)) - len(transaction.left_over))
            recipients = [*transaction.left_over, *recipients]
        if session.broken:
            reply = temporary("4.4.2", "The connection was lost before this recipient's turn")
            answers += [_answer(one, reply, Stage.MAIL, ours=True) for one in recipients]
            return


def _check_host(session: Session, letter: Letter) -> None:
    """What a message may demand of the host itself (RFC 8689 §4.2.1).

    A report is not lost for a host that can't promise anything (RFC 8689 §5).
    """
    if not letter.message.require_tls:
        return
    host = session.hop.host
    if session.peer.tls is None:
        text = f"{host} was reached without TLS, which the sender demands"
        raise HostFailure(Stage.TLS, temporary("4.7.10", text), session.peer)
    if letter.message.reverse_path and "REQUIRETLS" not in session.capabilities:
        text = f"{host} can't promise to send on by TLS only, which the sender demands"
        raise HostFailure(Stage.MAIL, permanent("5.7.30", text), session.peer)


def _addressable(
    capabilities: Capabilities, letter: Letter, answers: list[Answer]
) -> list[LeasedRecipient]:
    """The recipients whose addresses can be said; the others get their answers."""
    if "SMTPUTF8" in capabilities:
        return list(letter.recipients)
    if _spelled(letter.message.reverse_path, utf8=False) is None:
        raise Refused(permanent("5.6.7", "The server can't take the sender's address: no SMTPUTF8"))
    reply = permanent("5.6.7", "The server can't take an address that is not ASCII: no SMTPUTF8")
    found = []
    for recipient in letter.recipients:
        if _spelled(recipient.address, utf8=False) is None:
            answers.append(_answer(recipient, reply, Stage.RCPT, ours=True))
        else:
            found.append(recipient)
    return found


def _spelled(address: str, *, utf8: bool) -> str | None:
    """An address as it can be said: with its domain in ASCII where that is all it takes."""
    if utf8 or address.isascii():
        return address
    local, _, domain = address.rpartition("@")
    if not local.isascii():
        return None
    try:
        return f"{local}@{ascii_domain(domain)}"
    except GrammarError:
        return None


# The content


async def _fit(capabilities: Capabilities, letter: Letter, resign: Resign | None) -> Fitted:
    """The message in a form that the peer takes; raises `Refused` if there is none."""
    if len(letter.content) < _IN_THREAD_BYTES:
        content, changed = _converted(capabilities, letter)
    else:
        content, changed = await asyncio.to_thread(_converted, capabilities, letter)
    if changed and resign is not None:
        try:
            content = await resign(letter.message, content)
        except Failure as failure:
            raise Refused(temporary("4.3.0", failure.public)) from failure
    limit = capabilities.size_limit_bytes
    if limit is not None and len(content) > limit:
        text = f"The message has {len(content)} bytes, and the server takes no more than {limit}"
        raise Refused(permanent("5.3.4", text))
    if len(content) < _IN_THREAD_BYTES:
        return _fitted(capabilities, letter, content)
    return await asyncio.to_thread(_fitted, capabilities, letter, content)


def _goes_binary(capabilities: Capabilities, message: LeasedMessage) -> bool:
    return message.binary and "BINARYMIME" in capabilities and "CHUNKING" in capabilities


def _needs_utf8(letter: Letter) -> bool:
    """Whether an address has to be said in UTF-8, or the header was declared to have it."""
    message = letter.message
    addresses = (message.reverse_path, *(one.address for one in letter.recipients))
    if not message.smtputf8:  # where an alias led to such an address
        return any(_spelled(one, utf8=False) is None for one in addresses)
    return not (letter.content.isascii() and all(one.isascii() for one in addresses))


def _converted(capabilities: Capabilities, letter: Letter) -> tuple[bytes, bool]:
    """Content that the peer can take, and whether it had to be changed for that."""
    message, content = letter.message, letter.content
    if _goes_binary(capabilities, message):
        if message.smtputf8 and "SMTPUTF8" not in capabilities:
            return _downgraded(content, eight_bit=True, utf8=False, binary=True), True
        return content, False
    changed = False
    if not message.binary and has_bare_newline(content):
        content, changed = with_crlf(content), True
    eight_bit = "8BITMIME" in capabilities
    utf8 = not message.smtputf8 or "SMTPUTF8" in capabilities
    plain = content.isascii()
    fits = ((eight_bit and utf8) or plain) and b"\0" not in content
    if fits and not message.binary and not client.has_long_line(content):
        return content, changed
    made = _downgraded(content, eight_bit=eight_bit, utf8=utf8 and eight_bit)
    return made, changed or made != content


def _downgraded(content: bytes, *, eight_bit: bool, utf8: bool, binary: bool = False) -> bytes:
    try:
        return downgrade(content, eight_bit=eight_bit, utf8=utf8, binary=binary)
    except NotPossible as reason:
        raise Refused(permanent(reason.enhanced, reason.text)) from None


def _fitted(capabilities: Capabilities, letter: Letter, content: bytes) -> Fitted:
    message = letter.message
    chunked = _goes_binary(capabilities, message)
    body = None
    if chunked:
        body = Body.BINARY
    elif not content.isascii() and "8BITMIME" in capabilities:
        body = Body.EIGHT_BIT
    params = MailParams(
        size_bytes=len(content) if "SIZE" in capabilities else None,
        body=body,
        smtputf8=_needs_utf8(letter) and "SMTPUTF8" in capabilities,
        ret=_ret(message.ret) if "DSN" in capabilities else None,
        envid=message.envid or None if "DSN" in capabilities else None,
        require_tls=message.require_tls and "REQUIRETLS" in capabilities,
    )
    data = client.bdat(content, last=True) if chunked else client.stuff(content)
    return Fitted(params, _pieces(data), len(content), chunked)


def _pieces(data: bytes) -> list[bytes] | list[memoryview]:
    if len(data) <= _PIECE_BYTES:
        return [data]
    whole = memoryview(data)
    return [whole[at : at + _PIECE_BYTES] for at in range(0, len(data), _PIECE_BYTES)]


def _ret(value: str | None) -> Ret | None:
    return Ret(value.upper()) if value and value.upper() in ("FULL", "HDRS") else None


# One transaction


class _Transaction:
    """MAIL to the answer after the content, for at most as many recipients as the peer takes."""

    def __init__(
        self,
        session: Session,
        letter: Letter,
        recipients: list[LeasedRecipient],
        fitted: Fitted,
    ) -> None:
        self._session = session
        self._letter = letter
        self._recipients = recipients
        self._fitted = fitted
        self._mail = b""
        self._rcpts: list[bytes] = []
        self._accepted: list[LeasedRecipient] = []
        self._too_many: list[tuple[LeasedRecipient, Reply]] = []
        self._stage = Stage.MAIL
        self.answers: list[Answer] = []

    @property
    def left_over(self) -> list[LeasedRecipient]:
        """Those that were too many for this transaction."""
        return [recipient for recipient, _ in self._too_many]

    async def run(self) -> None:
        """Raises `HostFailure` if the connection breaks before the content was sent."""
        session = self._session
        if not self._write():
            return
        session.messages += 1
        try:
            if "PIPELINING" in session.capabilities:
                ready = await self._envelope_at_once()
            else:
                ready = await self._envelope_in_turn()
        except Broken as broken:
            raise session.failure(self._stage, broken) from None
        if ready:
            await self._content()
            session.in_transaction = False

    def _write(self) -> bool:
        """Put the commands in words; whether there is anything to be said."""
        params, path = self._fitted.params, self._letter.message.reverse_path
        try:
            self._mail = client.mail(_spelled(path, utf8=params.smtputf8) or path, params)
        except GrammarError:
            reply = permanent("5.1.7", "The sender's address can't be said in SMTP")
            self.answers += [_answer(one, reply, Stage.MAIL, ours=True) for one in self._recipients]
            return False
        said = []
        for recipient in self._recipients:
            try:
                self._rcpts.append(self._rcpt(recipient))
                said.append(recipient)
            except GrammarError:
                reply = permanent("5.1.3", "The address can't be said in SMTP")
                self.answers.append(_answer(recipient, reply, Stage.RCPT, ours=True))
        self._recipients = said
        return bool(said)

    def _rcpt(self, recipient: LeasedRecipient) -> bytes:
        address = _spelled(recipient.address, utf8=self._fitted.params.smtputf8)
        dsn = self._session.peer.dsn
        params = _rcpt_params(recipient) if dsn else NO_RCPT_PARAMS
        return client.rcpt(address or recipient.address, params)

    async def _envelope_at_once(self) -> bool:
        """Everything up to DATA in one go (RFC 2920 §3.1); whether the content may follow."""
        session, chunked = self._session, self._fitted.chunked
        wait_s = session.timeouts.command_s
        reset = session.in_transaction
        lines = [client.RSET] if reset else []
        lines += [self._mail, *self._rcpts]
        if not chunked:
            lines.append(client.DATA)
        await session.say(b"".join(lines))
        if reset:
            _check_reset(session, await session.reply(wait_s))
        mail = await session.reply(wait_s)
        session.in_transaction = mail.is_success
        self._stage = Stage.RCPT
        for recipient in self._recipients:
            self._note(recipient, await session.reply(wait_s), mail)
        if chunked:
            return bool(self._accepted)
        self._stage = Stage.DATA
        data = await session.reply(session.timeouts.data_s)
        if not self._accepted and data.code // 100 == 3:
            await self._take_back()
            return False
        return self._may_follow(data)

    async def _envelope_in_turn(self) -> bool:
        """One command after the other, for a server that takes no more."""
        session = self._session
        wait_s = session.timeouts.command_s
        if session.in_transaction:
            _check_reset(session, await session.ask(client.RSET, wait_s))
        mail = await session.ask(self._mail, wait_s)
        session.in_transaction = mail.is_success
        if not mail.is_success:
            for recipient in self._recipients:
                self._note(recipient, mail, mail)
            return False
        self._stage = Stage.RCPT
        for recipient, line in zip(self._recipients, self._rcpts, strict=True):
            self._note(recipient, await session.ask(line, wait_s), mail)
        if not self._accepted:
            return False
        if self._fitted.chunked:
            return True
        self._stage = Stage.DATA
        return self._may_follow(await session.ask(client.DATA, session.timeouts.data_s))

    def _note(self, recipient: LeasedRecipient, reply: Reply, mail: Reply) -> None:
        """What RCPT was answered with; where MAIL was refused, that is the answer."""
        if not mail.is_success:
            self._refuse(recipient, mail, Stage.MAIL)
        elif reply.is_success:
            self._accepted.append(recipient)
        elif self._accepted and _is_too_many(reply):
            self._too_many.append((recipient, reply))
        else:
            self._refuse(recipient, reply, Stage.RCPT)

    def _refuse(self, recipient: LeasedRecipient, reply: Reply, stage: Stage) -> None:
        if reply.is_temporary or reply.is_permanent:
            self.answers.append(_answer(recipient, reply, stage))
        else:
            odd = temporary("4.5.0", f"The server answered with {reply.code} {reply.text}")
            self.answers.append(_answer(recipient, odd, stage))

    def _may_follow(self, data: Reply) -> bool:
        if data.is_success:
            # What was said is not what was asked; nobody knows any more which reply is whose.
            self._session.broken = True
        if not self._accepted:
            return False  # and DATA was refused, as it has to be
        if data.code // 100 == 3:
            return True
        for recipient in self._accepted:
            self._refuse(recipient, data, Stage.DATA)
        self._end_left_over()
        return False

    def _end_left_over(self) -> None:
        """Where this transaction came to nothing, another would be no better."""
        for recipient, reply in self._too_many:
            too_many = reply if reply.is_temporary else temporary("4.5.3", reply.text)
            self.answers.append(_answer(recipient, too_many, Stage.RCPT))
        self._too_many = []

    async def _take_back(self) -> None:
        """Nobody was accepted, yet the server waits for content: give it none (RFC 2920 §3.1)."""
        session = self._session
        if session.hop.lmtp:
            session.broken = True  # it should have refused, and would answer for nobody
            return
        await session.pour([_EMPTY])
        reply = await session.reply(session.timeouts.final_s)
        session.broken = session.broken or reply.code // 100 == 3

    async def _content(self) -> None:
        session = self._session
        try:
            await session.pour(self._fitted.pieces)
        except Broken as broken:
            if broken.ours:
                raise session.failure(Stage.CONTENT, broken) from None
            for recipient in self._accepted:
                self._refuse(recipient, broken.reply, Stage.CONTENT)
            self._end_left_over()
            return
        waiting = self._accepted if session.hop.lmtp else self._accepted[:1]
        wait_s = session.timeouts.final_s
        for number, recipient in enumerate(waiting):
            heard_by = [recipient] if session.hop.lmtp else self._accepted
            try:
                reply = await session.reply(wait_s)
            except Broken as broken:
                lost = self._accepted[number:]
                self._lost(lost, broken)
                self._end_left_over()
                return
            early = reply.is_success and session.unsent
            for one in heard_by:
                if early:
                    session.broken = True
                    self.answers.append(_answer(one, _TOO_EARLY, Stage.CONTENT, ours=True))
                elif reply.is_success:
                    self.answers.append(_answer(one, reply, Stage.CONTENT))
                else:
                    self._refuse(one, reply, Stage.CONTENT)

    def _lost(self, recipients: list[LeasedRecipient], broken: Broken) -> None:
        """The content is there, its answer is not: nobody knows whether it was taken."""
        if broken.ours:
            text = (
                f"{broken.reply.text.rstrip('.')}, after it had got the whole message and before "
                "it confirmed that: it may have been delivered"
            )
            reply = broken.reply.with_text(text)
        else:
            reply = broken.reply
        for recipient in recipients:
            self.answers.append(_answer(recipient, reply, Stage.CONTENT, ours=broken.ours))


def _rcpt_params(recipient: LeasedRecipient) -> RcptParams:
    """What the sender asked for, as far as it is well-formed."""
    words = []
    if recipient.notify:
        words.append(f"NOTIFY={recipient.notify}")
    if recipient.orcpt:
        words.append(f"ORCPT={recipient.orcpt}")
    if not words:
        return NO_RCPT_PARAMS
    try:
        return parse_rcpt_params(" ".join(words))
    except GrammarError:
        return NO_RCPT_PARAMS


def _check_reset(session: Session, reply: Reply) -> None:
    """Without RSET the recipients of the transaction before would be there still."""
    if not reply.is_success:
        session.broken = True
        raise Broken(temporary("4.5.0", f"RSET was answered with {reply.code} {reply.text}"))


def _is_too_many(reply: Reply) -> bool:
    """452, or 552 from older servers, without a status that says something else."""
    return reply.code in (452, 552) and reply.enhanced in (None, "4.5.3", "5.5.3")


def _answer(
    recipient: LeasedRecipient, reply: Reply, stage: Stage, *, ours: bool = False
) -> Answer:
    return Answer(recipient.id, reply, stage, ours)
