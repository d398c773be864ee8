"""Counts what DMARC came to, for the report to the author's domain, with the message it is about.

One of `receive`'s aftermaths; `evaluated` says what is counted, `domain/dmarc/results` counts.
"""

from functools import partial

from pillarbox.domain.dmarc import results
from pillarbox.domain.judgement.model import Verdict
from pillarbox.formats.dmarc_report.mail import is_report
from pillarbox.pipeline.inbound.evaluated import evaluation_of, is_counted
from pillarbox.pipeline.inbound.judging import Judgement
from pillarbox.pipeline.inbound.message import Envelope
from pillarbox.pipeline.inbound.records import Extra

_MILDEST_FIRST = tuple(Verdict)


class DmarcCounting:
    """Counts messages; has no state."""

    async def prepare(
        self, message_id: str, envelope: Envelope, judgement: Judgement, head: bytes
    ) -> Extra | None:
        """What counts the message; what became of it is the best that any recipient got."""
        arrival, content = judgement.arrival, judgement.content
        if arrival is None or content is None or not (judgement.judged and is_counted(arrival)):
            return None
        verdict = min((one.decision.verdict for one in judgement.judged), key=_MILDEST_FIRST.index)
        found = {finding.name for run in judgement.runs for finding in run.findings}
        evaluation = evaluation_of(arrival, verdict, found, report=is_report(content.data))
        return None if evaluation is None else partial(results.count, evaluation=evaluation)
