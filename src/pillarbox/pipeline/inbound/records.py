"""What is put down about a message beside the message: its trace, DMARC's count, what is kept.

Made ready before the transaction that stores the message, written in it; a message that is refused
has a transaction of its own. Called by `receive`.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from pillarbox.base.clock import Clock
from pillarbox.base.errors import Failure
from pillarbox.base.ids import AccountId, QueueId, public_id
from pillarbox.base.log import logger
from pillarbox.domain.accounts.model import LocalTarget
from pillarbox.domain.judgement.model import Verdict
from pillarbox.domain.trace import store
from pillarbox.domain.trace.explain import QUARANTINE, QUEUE
from pillarbox.domain.trace.model import Trace, TracedClient, TracedRecipient, TracedRules
from pillarbox.formats.address import mailboxes, parse_address_list
from pillarbox.formats.mime.header import Headers, header_of
from pillarbox.formats.mime.words import decode_raw
from pillarbox.pipeline.inbound.deliver import Note, Noted
from pillarbox.pipeline.inbound.judging import Judgement
from pillarbox.pipeline.inbound.message import Envelope, Fate
from pillarbox.pipeline.inbound.plan import NO_PLANS, Plans, placement
from pillarbox.pipeline.inbound.trace import message_id_of
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

HEADER_TEXT_MAX = 300
SEALED_AT_ONCE = 100
"""Recipients and findings; a trace of more is sealed in a thread."""
_PLACES = {Fate.INBOX: "INBOX", Fate.JUNK: "Junk", Fate.QUARANTINE: QUARANTINE}

Extra = Callable[[Tx], None]
"""Something more that is put down with a trace, by whoever gives it."""

_log = logger("trace")


@dataclass(frozen=True, slots=True)
class Records:
    """Puts down what came of messages."""

    database: Database
    keys: KeyRing
    clock: Clock

    def trace(
        self, message_id: str, envelope: Envelope, content: bytes, judgement: Judgement
    ) -> Trace:
        """A message's trace, as it is known before the message is stored."""
        origin = envelope.origin
        rules, recipients = _recipients(envelope, judgement)
        seen = judgement.content
        return Trace(
            id=message_id,
            at_ms=self.clock.now_ms(),
            client=TracedClient(
                ip=origin.ip,
                helo=origin.name,
                name=origin.verified_name or "",
                protocol=origin.protocol,
                tls=origin.tls or "",
                session=judgement.arrival.peer.session if judgement.arrival is not None else "",
            ),
            reverse_path=envelope.reverse_path,
            recipients=(*judgement.refused, *recipients),
            message_id=message_id_of(content) or "",
            sender="" if seen is None else seen.from_address,
            subject="" if seen is None else seen.fields.subject[:HEADER_TEXT_MAX],
            size_bytes=len(content),
            runs=judgement.runs,
            rules=rules,
            results=judgement.results,
        )

    async def note(
        self, received: Trace, extras: Sequence[Extra] = (), plans: Plans = NO_PLANS
    ) -> Note:
        """What writes it all down in the transaction that stores the message.

        `received` is its trace without what the scripts of its recipients want.
        """
        trace = planned_trace(received, plans)
        if len(trace.recipients) + sum(len(one.findings) for one in trace.runs) > SEALED_AT_ONCE:
            prepared = await asyncio.to_thread(store.prepare, self.keys, trace)
        else:
            prepared = store.prepare(self.keys, trace)

        def write(tx: Tx, noted: Noted) -> None:
            told = prepared
            if noted.waiting or any(one.lines for one in noted.carried.values()):
                told = store.prepare(self.keys, _with_outcome(trace, received, noted))
            store.keep(tx, self.keys, told, noted.queued)
            for extra in extras:
                extra(tx)

        return write

    async def filtered(
        self, trace_id: str, envelope: Envelope, content: bytes, plans: Plans
    ) -> Note:
        """What puts down what scripts do with a message that nobody judges now.

        It came from a user here, or out of the queue.
        """
        headers = Headers(header_of(content))
        authors = mailboxes(parse_address_list(headers.first(b"from") or b"", 1))
        trace = msgspec.structs.replace(
            self.trace(trace_id, envelope, content, Judgement()),
            sender="".join(decode_raw(one.address)[:HEADER_TEXT_MAX] for one in authors[:1]),
            subject=(headers.text(b"subject") or "")[:HEADER_TEXT_MAX],
        )
        return await self.note(trace, (), plans)

    async def refused(self, trace: Trace, why: Failure, extras: Sequence[Extra] = ()) -> None:
        """Put down that a message was refused, or put off, as a whole.

        The answer is the same where that fails: then the log alone tells.
        """
        recipients = tuple(
            one if one.reply else msgspec.structs.replace(one, placement="", reply=why.public)
            for one in trace.recipients
        )
        told = msgspec.structs.replace(trace, recipients=recipients, refused=why.public)
        try:
            note = await self.note(told, extras)
            await self.database.write(note, Noted())
        except Failure as failure:
            _log.warning("a trace is lost", id=trace.id, why=failure.cause or failure.public)

    async def fates(self, queued: QueueId) -> dict[AccountId, Fate]:
        """Who gets a message that waits for room elsewhere than in the inbox, by its trace."""
        name = public_id("", queued)
        fates: dict[AccountId, Fate] = {}
        for trace in await self.database.read(store.find, self.keys, name, 1):
            for one in trace.recipients:
                if one.account_id is not None and one.decision is not None:
                    is_junk = one.decision.verdict is Verdict.JUNK
                    fates.setdefault(
                        AccountId(one.account_id), Fate.JUNK if is_junk else Fate.INBOX
                    )
        return fates


def planned_trace(trace: Trace, plans: Plans) -> Trace:
    """A trace that tells what the scripts of its recipients want."""
    if not plans:
        return trace

    def planned(one: TracedRecipient) -> TracedRecipient:
        plan = None if one.account_id is None else plans.get(AccountId(one.account_id))
        if plan is None or one.placement == QUARANTINE:
            return one
        place, reply = placement(plan.filings), one.reply
        if plan.refusal is not None:
            waits = plan.refusal.temporary
            place, reply = (QUEUE, reply) if waits else ("", plan.refusal.public)
        place = one.placement if place is None else place
        return msgspec.structs.replace(one, placement=place, reply=reply, sieve=plan.lines)

    return msgspec.structs.replace(trace, recipients=tuple(map(planned, trace.recipients)))


def _with_outcome(trace: Trace, received: Trace, noted: Noted) -> Trace:
    """The trace of a message that had no room in some mailboxes, or went not as scripts wanted.

    `received` is the trace without what they wanted.
    """

    def outcome(one: TracedRecipient, usual: str) -> TracedRecipient:
        account = None if one.account_id is None else AccountId(one.account_id)
        if account is None:
            return one
        if account in noted.waiting and one.placement:
            return msgspec.structs.replace(one, placement=QUEUE)
        carried = noted.carried.get(account)
        if carried is None or one.placement == QUARANTINE:
            return one
        place = placement(carried.filings)
        return msgspec.structs.replace(
            one, placement=usual if place is None else place, sieve=one.sieve + carried.lines
        )

    usual = [one.placement for one in received.recipients]
    told = tuple(map(outcome, trace.recipients, usual))
    return msgspec.structs.replace(trace, recipients=told)


def _recipients(
    envelope: Envelope, judgement: Judgement
) -> tuple[tuple[TracedRules, ...], list[TracedRecipient]]:
    """The recipients, one entry for each account, and the rules their decisions were made by."""
    judged = {(one.recipient.path, one.account_id): one for one in judgement.judged}
    rules: dict[int, int] = {}
    kept: list[TracedRules] = []
    found = []

    def entry(path: str, target: LocalTarget | None, place: str) -> TracedRecipient:
        account_id = None if target is None else target.account_id
        address = "" if target is None or target.address == path.lower() else target.address
        one = judged.get((path, account_id))
        if one is None:
            return TracedRecipient(path, account_id, place, address=address)
        if id(one.rules) not in rules:
            rules[id(one.rules)] = len(kept)
            kept.append(TracedRules.of(one.rules))
        number = rules[id(one.rules)]
        return TracedRecipient(
            path, account_id, place, decision=one.decision, rules=number, address=address
        )

    fates, kept_from = judgement.fates, judgement.kept_from()
    for recipient in envelope.recipients:
        for target in recipient.local:
            place = _PLACES[fates.get(target.account_id, Fate.INBOX)]
            found.append(entry(recipient.path, target, place))
        if recipient.outside:
            place = QUARANTINE if recipient in kept_from else QUEUE
            found.append(entry(recipient.path, None, place))
    return tuple(kept), found
