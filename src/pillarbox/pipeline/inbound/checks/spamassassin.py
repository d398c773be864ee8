"""What SpamAssassin says of the content, on our scale: its threshold is the Junk score.

It reads of client and sender in the fields that this server is going to add, so it is shown them.
"""

from collections.abc import Sequence

from pillarbox.base.clock import Clock
from pillarbox.domain.judgement.model import JUNK_SCORE, Finding, Kind, Stage
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.check import Check
from pillarbox.pipeline.inbound.message import Envelope, Origin
from pillarbox.pipeline.inbound.trace import (
    protocol_name,
    received_field,
    return_path_field,
    separator,
)
from pillarbox.pipeline.scanning.spamassassin import SpamAssassin
from pillarbox.wire.spamc import scaled

SPAM = Kind("spamassassin_spam", JUNK_SCORE, "is spam for SpamAssassin")
SCORE = Kind("spamassassin_score", 0.0, "is no spam for SpamAssassin")
POINTS_MIN, POINTS_MAX = -3.0, 10.0
_MARGIN_S = 1.0


class SpamAssassinCheck(Check):
    """Asks for the score of every message that is small enough."""

    name = "spamassassin"
    stage = Stage.DATA
    kinds = (SPAM, SCORE)

    def __init__(self, spamassassin: SpamAssassin, hostname: str, clock: Clock) -> None:
        self._spamassassin = spamassassin
        self._hostname = hostname
        self._clock = clock
        self.deadline_s = spamassassin.timeout_s + _MARGIN_S

    async def run(self, arrival: Arrival) -> Sequence[Finding]:
        """As `Check.run`."""
        if arrival.content is None or not self._spamassassin.takes(arrival.content.data):
            return ()
        data = arrival.content.data
        found = await self._spamassassin.check(self._trace(arrival) + separator(data) + data)
        score = found.score
        points = round(min(max(scaled(score, JUNK_SCORE), POINTS_MIN), POINTS_MAX), 2)
        detail = f"{score.points:g} of {score.threshold:g}: {', '.join(found.rules)}"
        return ((SPAM if score.spam else SCORE).found(detail, points=points),)

    def _trace(self, arrival: Arrival) -> bytes:
        protocol = protocol_name(
            lmtp=False,
            extended=arrival.extended,
            tls=arrival.tls,
            authenticated=False,
            smtputf8=False,
        )
        name = arrival.results.verified_name
        origin = Origin(arrival.peer.ip, arrival.helo, protocol, verified_name=name)
        envelope = Envelope(origin, arrival.reverse_path, tuple(arrival.recipients))
        now, message_id = self._clock.now(), arrival.peer.session or "unknown"
        received = received_field(envelope, self._hostname, message_id, now)
        return return_path_field(arrival.reverse_path) + received
