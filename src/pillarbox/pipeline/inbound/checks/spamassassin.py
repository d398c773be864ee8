"""What SpamAssassin says of the content, on our scale: its threshold is the Junk score."""

from collections.abc import Sequence

from pillarbox.domain.judgement.model import JUNK_SCORE, Finding, Kind, Stage
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.scanning.spamassassin import SpamAssassin
from pillarbox.wire.spamc import scaled

SPAM = Kind("spamassassin_spam", JUNK_SCORE, "is spam for SpamAssassin")
SCORE = Kind("spamassassin_score", 0.0, "is no spam for SpamAssassin")
POINTS_MIN, POINTS_MAX = -3.0, 10.0
_MARGIN_S = 1.0


class SpamAssassinCheck:
    """Asks for the score of every message that is small enough."""

    name = "spamassassin"
    stage = Stage.DATA
    kinds = (SPAM, SCORE)

    def __init__(self, spamassassin: SpamAssassin) -> None:
        self._spamassassin = spamassassin
        self.deadline_s = spamassassin.timeout_s + _MARGIN_S

    async def run(self, arrival: Arrival) -> Sequence[Finding]:
        """As `Check.run`."""
        if arrival.content is None or not self._spamassassin.takes(arrival.content.data):
            return ()
        found = await self._spamassassin.check(arrival.content.data)
        score = found.score
        points = round(min(max(scaled(score, JUNK_SCORE), POINTS_MIN), POINTS_MAX), 2)
        detail = f"{score.points:g} of {score.threshold:g}: {', '.join(found.rules)}"
        return ((SPAM if score.spam else SCORE).found(detail, points=points),)

    def failed(self, arrival: Arrival, why: str) -> Sequence[Finding]:
        """As `Check.failed`."""
        return ()
