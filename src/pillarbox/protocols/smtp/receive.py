"""Receiving messages: one mail transaction from MAIL to the reply after its content.

Bounds the memory of content as it arrives, judges its form, hands it to the use case and turns
outcomes into replies. Called by `commands/*`; calls `pipeline/inbound` and `pipeline/submission`.
"""

from dataclasses import dataclass, field

from pillarbox.base.clock import Clock, SystemClock, to_ms
from pillarbox.base.errors import Failure, Unavailable
from pillarbox.base.log import logger
from pillarbox.domain.accounts.model import Actor
from pillarbox.net.dns import Resolver
from pillarbox.pipeline.authentication import Authentication
from pillarbox.pipeline.inbound.message import Envelope, Origin, Received, Recipient
from pillarbox.pipeline.inbound.receive import Inbound
from pillarbox.pipeline.inbound.screening import Screening, Screens
from pillarbox.pipeline.login import Login
from pillarbox.pipeline.submission.submit import Submission
from pillarbox.protocols.smtp import errors
from pillarbox.protocols.smtp.errors import Stage, refusal
from pillarbox.protocols.smtp.policy import Role, SmtpOptions
from pillarbox.protocols.stream.budget import InFlight
from pillarbox.wire.smtp import replies
from pillarbox.wire.smtp.commands import Mail
from pillarbox.wire.smtp.data import BdatReader, DataFault, DataReader, has_bare_newline
from pillarbox.wire.smtp.params import Body, MailParams
from pillarbox.wire.smtp.replies import Reply, message_too_large

_log = logger("smtp")


@dataclass(frozen=True, slots=True)
class SmtpServices:
    """What sessions work with; submission ports need `submission`, `login` and
    `authentication`.

    Without a `resolver` nobody asks what peers are called, without `screens` nothing is checked.
    """

    options: SmtpOptions
    in_flight: InFlight
    inbound: Inbound
    submission: Submission | None = None
    login: Login | None = None
    resolver: Resolver | None = None
    authentication: Authentication | None = None
    clock: Clock = field(default_factory=SystemClock)
    screens: Screens | None = None


class Transaction:
    """One mail transaction; `close` must be called when it ends, however it does."""

    __slots__ = (
        "_in_flight",
        "_mail",
        "_reserved_bytes",
        "_starved",
        "chunk_failed",
        "chunks",
        "content_until",
        "data",
        "last_chunk",
        "recipients",
    )

    def __init__(self, mail: Mail, in_flight: InFlight) -> None:
        self._mail = mail
        self._in_flight = in_flight
        self._reserved_bytes = 0
        self._starved = False
        self.recipients: list[Recipient] = []
        self.data: DataReader | None = None
        self.chunks: BdatReader | None = None
        self.chunk_failed = False
        self.last_chunk = False
        self.content_until: float | None = None

    @property
    def reverse_path(self) -> str:
        """The sender; empty for the null one."""
        return self._mail.reverse_path or ""

    @property
    def smtputf8(self) -> bool:
        """Whether addresses may be more than ASCII (RFC 6531 §3.4)."""
        return self._mail.params.smtputf8

    @property
    def binary(self) -> bool:
        """Whether the content may hold anything, and so comes by BDAT (RFC 3030 §3)."""
        return self._mail.params.body is Body.BINARY

    @property
    def announced_bytes(self) -> int:
        """The size the client has announced, or 0."""
        return self._mail.params.size_bytes or 0

    def grow(self, size_bytes: int) -> None:
        """Account for content that came; when there is no room left it is all dropped."""
        if self._starved:
            return
        if self._in_flight.reserve(size_bytes):
            self._reserved_bytes += size_bytes
            return
        self._starved = True
        reader = self.data or self.chunks
        if reader is not None:
            reader.discard()
        self._release()

    def close(self) -> None:
        """Give back what was reserved."""
        self._starved = True
        self._release()

    def fault(self, reader: DataReader | BdatReader, limit_bytes: int) -> Reply | None:
        """The reply to content that can't be taken for its form or size, if that is so."""
        if self._starved:
            return errors.NO_ROOM
        if reader.too_large:
            return message_too_large(limit_bytes)
        if reader.fault is DataFault.BARE_NEWLINE:
            return replies.BARE_NEWLINE
        if reader.fault is DataFault.NUL:
            return replies.NUL_IN_CONTENT
        if reader.fault is not None:
            return replies.CONTENT_LINE_TOO_LONG
        return _fault_in_header(reader.content) if self.binary else None

    async def hand_over(
        self,
        services: SmtpServices,
        role: Role,
        origin: Origin,
        actor: Actor | None,
        reader: DataReader | BdatReader,
        screening: Screening | None = None,
    ) -> list[Reply]:
        """Store the message, and give the reply, or on LMTP one for each recipient."""
        each = role is Role.LMTP
        count = len(self.recipients) if each else 1
        fault = self.fault(reader, services.options.max_message_bytes)
        if fault is not None:
            self._refused(role, reader.size_bytes, fault.text)
            if screening is not None:
                screening.content_refused(fault.text)
            return [fault] * count
        envelope = self._envelope(origin, services.clock, each)
        content = reader.content
        reader.discard()
        try:
            if role is Role.SUBMISSION:
                received = await _submit(services, actor, envelope, content)
            else:
                screened = None if screening is None else await screening.content_came()
                received = await services.inbound.receive(envelope, content, screened)
        except Failure as failure:
            self._refused(role, len(content), failure)
            return [refusal(failure, Stage.CONTENT)] * count
        self._received(role, len(content), actor, received)
        accepted = replies.ACCEPTED.with_text(f"Accepted as {received.id}")
        return [
            accepted if outcome is None else refusal(outcome, Stage.CONTENT)
            for outcome in received.outcomes[:count]
        ]

    def _envelope(self, origin: Origin, clock: Clock, each: bool) -> Envelope:
        params, until_ms, by = self._mail.params, None, None
        if params.hold_for_s is not None or params.hold_until is not None:
            until_ms = hold_until_ms(params, clock)
        if params.deliver_by is not None:
            by = clock.now_ms() + params.deliver_by.seconds * 1000
        return Envelope(
            origin=origin,
            reverse_path=self.reverse_path,
            recipients=tuple(self.recipients),
            smtputf8=params.smtputf8,
            eight_bit=params.body in (Body.EIGHT_BIT, Body.BINARY),
            each=each,
            ret=params.ret,
            envid=params.envid,
            binary=params.body is Body.BINARY,
            require_tls=params.require_tls,
            hold_until_ms=until_ms,
            deliver_by_ms=by,
            by_notify=params.deliver_by is not None and params.deliver_by.notify,
        )

    def _received(
        self, role: Role, size_bytes: int, actor: Actor | None, received: Received
    ) -> None:
        """Tell the log; what may be found in a header is none of its business."""
        failed = [failure for failure in received.outcomes if failure is not None]
        if len(failed) == len(received.outcomes):
            self._refused(role, size_bytes, failed[0])
            return
        facts: dict[str, object] = {"user": actor.address} if actor is not None else {}
        if failed:
            facts["failed"] = len(failed)
        _log.info(
            "message accepted",
            id=received.id,
            protocol=role.value,
            sender=self.reverse_path,
            recipients=len(self.recipients),
            size_bytes=size_bytes,
            **facts,
        )

    def _refused(self, role: Role, size_bytes: int, why: Failure | str) -> None:
        log, text = _log.info, why
        if isinstance(why, Failure):
            text = why.cause or why.public
            if isinstance(why, Unavailable):
                log = _log.warning  # no fault of the sender's
        log(
            "message refused",
            protocol=role.value,
            sender=self.reverse_path,
            recipients=len(self.recipients),
            size_bytes=size_bytes,
            why=text,
        )

    def _release(self) -> None:
        self._in_flight.release(self._reserved_bytes)
        self._reserved_bytes = 0


def _fault_in_header(content: bytes) -> Reply | None:
    """What readers may disagree on in the fields of binary content (RFC 3030 §3)."""
    end = 0 if content.startswith(b"\r\n") else content.find(b"\r\n\r\n")
    header = content if end < 0 else content[:end]
    if has_bare_newline(header):
        return replies.BARE_NEWLINE
    return replies.NUL_IN_CONTENT if b"\0" in header else None


def hold_until_ms(params: MailParams, clock: Clock) -> int | None:
    """The instant before which a message is not to be sent; `None` if that is past already."""
    now_ms = clock.now_ms()
    until_ms = now_ms
    if params.hold_for_s is not None:
        until_ms = now_ms + params.hold_for_s * 1000
    elif params.hold_until is not None:
        until_ms = to_ms(params.hold_until)
    return until_ms if until_ms > now_ms else None


async def _submit(
    services: SmtpServices, actor: Actor | None, envelope: Envelope, content: bytes
) -> Received:
    if services.submission is None or actor is None:
        raise RuntimeError("a submission session without login reached its content")
    return await services.submission.submit(actor, envelope, content)
