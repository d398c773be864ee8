"""What rspamd says of a message, on our scale: where it would mark it as spam is the Junk score.

That it would refuse is a finding of its own, which a domain's policy may give the action to do so.
"""

from collections.abc import Sequence

from pillarbox.domain.judgement.model import JUNK_SCORE, Action, Finding, Kind, Stage
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.check import Check
from pillarbox.pipeline.scanning.rspamd import Rspamd
from pillarbox.wire.rspamd import DEFERRING, MARKING, REJECT, Judgement, Question

REFUSED = Kind("rspamd_reject", 8.0, "is spam that rspamd would refuse")
DEFERRED = Kind("rspamd_defer", 0.0, "is one that rspamd wants to see again later", Action.DEFER)
SPAM = Kind("rspamd_spam", JUNK_SCORE, "is spam for rspamd")
SCORE = Kind("rspamd_score", -1.0, "is no spam for rspamd")
POINTS_MIN, POINTS_MAX = -3.0, 10.0
MARKED_FROM = 6.0
"""The score from which rspamd marks mail, where it does not say so."""
TRY_LATER = "Try again later"
SYMBOLS_SHOWN = 15
_MARGIN_S = 1.0


class RspamdCheck(Check):
    """Asks for a judgement of every message."""

    name = "rspamd"
    stage = Stage.DATA
    kinds = (REFUSED, DEFERRED, SPAM, SCORE)

    def __init__(self, rspamd: Rspamd) -> None:
        self._rspamd = rspamd
        self.deadline_s = rspamd.timeout_s + _MARGIN_S

    async def run(self, arrival: Arrival) -> Sequence[Finding]:
        """As `Check.run`."""
        if arrival.content is None or not self._rspamd.takes(arrival.content.data):
            return ()
        question = Question(
            ip=arrival.peer.ip,
            helo=arrival.helo,
            hostname=arrival.results.verified_name or "",
            sender=arrival.reverse_path,
            recipients=tuple(one.path for one in arrival.recipients),
            tls="TLS" if arrival.tls else "",
        )
        return (_finding(await self._rspamd.check(arrival.content.data, question)),)


def _finding(found: Judgement) -> Finding:
    threshold = found.marked_from or 0.0
    points = found.points * JUNK_SCORE / (threshold if threshold > 0 else MARKED_FROM)
    symbols = ", ".join(f"{name} {score:g}" for name, score in found.symbols[:SYMBOLS_SHOWN])
    detail = f"{found.action}, {found.points:g}: {symbols}"
    if found.action == REJECT:
        return REFUSED.found(detail, points=_within(max(points, REFUSED.points)), reply=found.reply)
    if found.action in DEFERRING:
        return DEFERRED.found(detail, points=_within(points), reply=found.reply or TRY_LATER)
    if found.action in MARKING:
        return SPAM.found(detail, points=_within(max(points, SPAM.points)))
    return SCORE.found(detail, points=_within(points + SCORE.points))


def _within(points: float) -> float:
    return round(min(max(points, POINTS_MIN), POINTS_MAX), 2)
