"""Milters: filters of the admin's, each of which sees the message and what those before it added.

Header fields that they add are in `Results.added_fields`. What they want discarded goes into
quarantine: nothing is dropped silently. A recipient whom a milter refuses was accepted by then;
the finding counts for that recipient's accounts alone.
"""

from collections.abc import Iterator, Sequence
from types import MappingProxyType

from pillarbox.base.errors import Unavailable
from pillarbox.domain.judgement.model import Action, Finding, Kind, Stage
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.check import Check
from pillarbox.pipeline.inbound.checks.content import Content
from pillarbox.pipeline.scanning.milter import Milter, OnFailure
from pillarbox.pipeline.scanning.milter_session import MilterMessage, MilterVerdict, Ruling, Word
from pillarbox.wire.milter import NewField

REFUSED = Kind("milter_refused", 0.0, "was refused by a milter", Action.REFUSE)
DEFERRED = Kind("milter_deferred", 0.0, "was put off by a milter", Action.DEFER)
QUARANTINED = Kind(
    "milter_quarantined", 0.0, "was put into quarantine by a milter", Action.QUARANTINE
)
DISCARDED = Kind("milter_discarded", 0.0, "was to be discarded by a milter", Action.QUARANTINE)
FAILED = Kind("milter_failed", 0.0, "could not be shown to a milter")
NOT_ACCEPTED = "The message was not accepted"
TRY_LATER = "Try again later"
_KINDS = MappingProxyType({Word.REFUSE: REFUSED, Word.DEFER: DEFERRED, Word.DISCARD: DISCARDED})
_REPLIES = MappingProxyType({Word.REFUSE: NOT_ACCEPTED, Word.DEFER: TRY_LATER, Word.DISCARD: ""})
_ON_FAILURE = MappingProxyType(
    {
        OnFailure.ACCEPT: None,
        OnFailure.TEMPFAIL: Action.DEFER,
        OnFailure.REJECT: Action.REFUSE,
        OnFailure.QUARANTINE: Action.QUARANTINE,
    }
)
_MARGIN_S = 1.0


class MilterCheck(Check):
    """Shows the message to one milter after the other, until one ends it."""

    name = "milter"
    stage = Stage.DATA
    kinds = (REFUSED, DEFERRED, QUARANTINED, DISCARDED, FAILED)

    def __init__(self, milters: Sequence[Milter], hostname: str) -> None:
        self._milters = tuple(milters)
        self._hostname = hostname
        self.deadline_s = sum(one.timeout_s for one in self._milters) + _MARGIN_S

    async def run(self, arrival: Arrival) -> Sequence[Finding]:
        """As `Check.run`."""
        content = arrival.content
        if content is None:
            return ()
        findings: list[Finding] = []
        added: list[NewField] = []
        for milter in self._milters:
            try:
                verdict = await milter.show(self._message(arrival, content, added))
            except Unavailable as failure:
                findings.append(_failure(milter, failure.cause or failure.public))
                continue
            added[:0] = verdict.fields
            arrival.results.added_fields = tuple(one.line for one in added)
            findings += _findings(milter, verdict, arrival)
            if verdict.ruling.word is not Word.ACCEPT:
                break
        return findings

    def failed(self, arrival: Arrival, why: str) -> Sequence[Finding]:
        """As `Check.failed`."""
        return [_failure(one, why) for one in self._milters]

    def _message(
        self, arrival: Arrival, content: Content, added: Sequence[NewField]
    ) -> MilterMessage:
        peer = arrival.peer
        return MilterMessage(
            hostname=self._hostname,
            client_name=arrival.results.verified_name or "",
            ip=peer.ip,
            port=0,
            helo=arrival.helo,
            tls=arrival.tls,
            sender=arrival.reverse_path,
            recipients=tuple(one.path for one in arrival.recipients),
            header=_header(content, added),
            body=memoryview(content.data)[content.root.body_start :],
            queue_id=peer.session,
        )


def _header(content: Content, added: Sequence[NewField]) -> Iterator[tuple[bytes, bytes]]:
    """The fields as they are told, one by one: there may be many thousands."""
    for one in added:
        yield one.name.encode(), b" " + _value(one)
    at = content.root.header_start
    for name, raw, start, _ in content.headers:
        yield content.data[at + start : at + start + len(name)], raw


def _value(field: NewField) -> bytes:
    return field.value.encode("utf-8", "surrogateescape")


def _failure(milter: Milter, why: str) -> Finding:
    action = _ON_FAILURE[milter.options.on_failure]
    detail = why if milter.name in why else f"{milter.name}: {why}"
    return FAILED.found(detail, action=action, reply=TRY_LATER if action else "")


def _findings(milter: Milter, verdict: MilterVerdict, arrival: Arrival) -> Iterator[Finding]:
    if verdict.quarantine is not None:
        yield QUARANTINED.found(f"{milter.name}: {verdict.quarantine}")
    if verdict.ruling.word is not Word.ACCEPT:
        yield _found(milter, verdict.ruling)
        return
    accounts = {
        one.path: tuple(target.account_id for target in one.local) for one in arrival.recipients
    }
    for path, ruling in verdict.recipients:
        for account_id in accounts[path]:
            yield _found(milter, ruling, path, account_id)


def _found(
    milter: Milter, ruling: Ruling, path: str = "", account_id: int | None = None
) -> Finding:
    kind = _KINDS[ruling.word]
    detail = ": ".join(one for one in (milter.name, path, ruling.reply) if one)
    reply = ruling.reply or _REPLIES[ruling.word]
    return kind.found(detail, reply=reply, account_id=account_id)
