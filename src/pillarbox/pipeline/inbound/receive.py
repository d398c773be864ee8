"""Mail from anywhere for people here: the one way in.

Called by `protocols/smtp` (MX and LMTP); calls `recipients`, `trace`, `judging`, `forward`,
`deliver` and `records`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from pillarbox.base.clock import Clock
from pillarbox.base.errors import Denied, Failure
from pillarbox.base.ids import AccountId, IdSource, public_id
from pillarbox.base.log import logger
from pillarbox.domain.trace.model import Trace
from pillarbox.formats.mailauth.authentication_results import field as results_field
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.deliver import Copy, Delivery, Outcomes, Parcel
from pillarbox.pipeline.inbound.forward import Forwarding, returned
from pillarbox.pipeline.inbound.judging import Judgement, Judging
from pillarbox.pipeline.inbound.message import Envelope, Fate, Received, Recipient
from pillarbox.pipeline.inbound.own_mail import OwnMail
from pillarbox.pipeline.inbound.plan import NO_PLANS, Arrived, Filters, Plans, unwanted
from pillarbox.pipeline.inbound.recipients import Recipients
from pillarbox.pipeline.inbound.records import Extra, Records, planned_trace
from pillarbox.pipeline.inbound.report_reading import ReportReading
from pillarbox.pipeline.inbound.screening import Screened
from pillarbox.pipeline.inbound.trace import (
    RoutingLoop,
    checked,
    received_field,
    return_path_field,
    separator,
)

_log = logger("inbound")


class Meetings(Protocol):
    """Takes messages about meetings out of mail that was delivered."""

    async def take(
        self,
        envelope: Envelope,
        content: bytes,
        arrival: Arrival | None,
        fates: Mapping[AccountId, Fate],
    ) -> int: ...


class Aftermath(Protocol):
    """Has something to put down about a message, in the transaction that stores or refuses it.

    `head` are the trace fields that its recipients would see above the judged content.
    """

    async def prepare(
        self, message_id: str, envelope: Envelope, judgement: Judgement, head: bytes
    ) -> Extra | None: ...


@dataclass(frozen=True, slots=True)
class _Message:
    """A message that is being received; `head` are its trace fields, `content` all else."""

    id: str
    envelope: Envelope
    head: bytes
    content: bytes
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Inbound:
    """Takes messages in; `hostname` is this server's name in the trace.

    Without `forwarding` forwarded mail leaves as it came, without `own_mail` also what forges a
    sender of ours. Without `judging` nothing is checked, without `records` nothing put down,
    without `filters` no scripts run, without `meetings` no calendar is changed.
    """

    hostname: str
    recipients: Recipients
    delivery: Delivery
    clock: Clock
    ids: IdSource
    forwarding: Forwarding | None = None
    reports: ReportReading | None = None
    own_mail: OwnMail | None = None
    judging: Judging | None = None
    records: Records | None = None
    aftermaths: Sequence[Aftermath] = ()
    filters: Filters | None = None
    meetings: Meetings | None = None

    async def recipient(self, path: str, size_bytes: int = 0, reverse_path: str = "") -> Recipient:
        """Accept a recipient, for a message announced with `size_bytes`.

        Raises `Denied` for a domain not served here (this is no relay) and for what is no report
        at a reverse-path of ours, `NotFound` for an unknown user, `OverQuota` for a full mailbox,
        `Unavailable` when that can't be found out.
        """
        if reverse_path and await self.recipients.is_return(path):
            raise Denied("This address is for delivery reports only; write to the sender itself")
        found = await self.recipients.find(path, size_bytes)
        if found is None:
            raise Denied("Relaying is not allowed here")
        return Recipient(path, found.local, found.outside, here=True)

    async def receive(
        self, envelope: Envelope, content: bytes, screened: Screened | None = None
    ) -> Received:
        """Deliver a message to all its recipients; on disk when it returns.

        Mail that was not `screened` is believed. Raises `RoutingLoop`, `Denied` for what is refused
        or must not be forwarded, `Deferred` for what is put off, and the failures of database and
        disk; what concerns one recipient alone is an outcome.
        """
        content = checked(content, self.hostname)
        message_id = public_id("", self.ids.next())
        trace = received_field(envelope, self.hostname, message_id, self.clock.now())
        came_back = returned(envelope, content)
        judgement = Judgement()
        if self.judging is not None and screened is not None:
            judgement = await self.judging.judge(screened, envelope, content)
        if judgement.arrival is not None:
            trace += b"".join(judgement.arrival.results.added_fields)
        if judgement.results:
            trace = results_field(self.hostname, judgement.results) + trace
        message = _Message(message_id, envelope, trace + separator(content), content, judgement)
        refusal = judgement.refusal
        try:
            if refusal is not None:
                raise refusal
            plans = NO_PLANS
            if came_back:
                outcomes = await self._without(came_back, message)
            else:
                outcomes, plans = await self._deliver(message)
        except Failure as failure:
            await self._refused(message, failure)
            raise
        if self.reports is not None:
            await self.reports.read(envelope, content, judgement.arrival)
        if self.meetings is not None and not came_back:
            fates = {**judgement.fates, **unwanted(plans)}
            await self.meetings.take(envelope, content, judgement.arrival, fates)
        return Received(message_id, outcomes)

    async def _deliver(self, message: _Message) -> tuple[Outcomes, Plans]:
        """Store it for all, as their scripts want; that nobody could be served is put down, too."""
        envelope = message.envelope
        copies: tuple[Copy, ...] = ()
        kept_from = message.judgement.kept_from()
        if kept_from:
            others = (
                replace(one, outside=()) if one in kept_from else one for one in envelope.recipients
            )
            envelope = replace(envelope, recipients=tuple(others))
        if self.forwarding is not None and any(r.forwards for r in envelope.recipients):
            if self.own_mail is not None and not envelope.each:  # by LMTP a relay of ours judged
                arrival = message.judgement.arrival
                found = None if arrival is None else arrival.results
                await self.own_mail.check(message.content, found)
            results = message.judgement.results
            stored = message.head + message.content
            copies = await self.forwarding.copies(envelope, stored, results)
        plans = await self._plans(message)
        note, extras = None, await self._extras(message)
        if self.records is not None:
            note = await self.records.note(self._trace(self.records, message), extras, plans)
        parcel = Parcel(
            envelope,
            message.head,
            message.content,
            copies=copies,
            report=True,
            fates=message.judgement.fates,
            kept=frozenset(one.path for one in kept_from),
            note=note,
            plans=plans,
        )
        outcomes = await self.delivery.deliver(parcel)
        failure = next((one for one in outcomes if one is not None), None)
        if failure is not None and all(one is not None for one in outcomes):
            await self._refused(message, failure, extras, plans)
        return outcomes, plans

    async def _plans(self, message: _Message) -> Plans:
        """What the scripts of the recipients want."""
        envelope = message.envelope
        if self.filters is None or not any(one.local for one in envelope.recipients):
            return NO_PLANS
        top = return_path_field(envelope.reverse_path)
        judgement = message.judgement
        arrived = Arrived(
            envelope, (top, message.head, message.content), judgement.fates, judgement=judgement
        )
        return await self.filters.plans(arrived)

    async def _refused(
        self,
        message: _Message,
        why: Failure,
        extras: tuple[Extra, ...] | None = None,
        plans: Plans = NO_PLANS,
    ) -> None:
        """Put down that nobody gets it; what was refused for good, its recipients may rescue.

        `extras` and `plans` are given where they were made already.
        """
        if self.records is not None:
            if why.temporary:
                extras = ()
            elif extras is None:
                extras = await self._extras(message)
            trace = planned_trace(self._trace(self.records, message), plans)
            await self.records.refused(trace, why, extras)

    async def _extras(self, message: _Message) -> tuple[Extra, ...]:
        if self.records is None or not message.judgement.judged:
            return ()
        found = [
            await one.prepare(message.id, message.envelope, message.judgement, message.head)
            for one in self.aftermaths
        ]
        return tuple(one for one in found if one is not None)

    @staticmethod
    def _trace(records: Records, message: _Message) -> Trace:
        return records.trace(message.id, message.envelope, message.content, message.judgement)

    async def _without(self, came_back: frozenset[str], message: _Message) -> Outcomes:
        """Deliver a message that came back from where it was forwarded, to all others.

        Whoever gets the mail of those addresses got it before. Where every recipient shares one
        reply they are passed over, and only a message for nobody else is refused.
        """
        loop = RoutingLoop("This address has had the message; it is going in circles")
        envelope = message.envelope
        others = tuple(one for one in envelope.recipients if one.path not in came_back)
        if not others:
            raise loop
        _log.warning("came back from where it was forwarded", id=message.id, to=sorted(came_back))
        rest = replace(message, envelope=replace(envelope, recipients=others))
        served = iter((await self._deliver(rest))[0])
        if not envelope.each:
            first = next(served)
            return tuple(first for _ in envelope.recipients)
        return tuple(
            loop if recipient.path in came_back else next(served)
            for recipient in envelope.recipients
        )
