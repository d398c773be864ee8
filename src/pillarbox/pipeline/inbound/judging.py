"""What is to become of a message whose content has come: the checks of its content, the verdict.

Called by `receive`; runs the checks by `running`, has `domain/judgement/decide` weigh what they
found, by the rules of each recipient, and puts it all down in the message's trace.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from pillarbox.base.errors import Denied, Failure
from pillarbox.base.ids import AccountId
from pillarbox.domain.judgement.decide import decide
from pillarbox.domain.judgement.model import Decision, Rules, Run, Stage, Verdict
from pillarbox.domain.mail.content import is_quick
from pillarbox.domain.trace.model import TracedRecipient
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.content import Content, read_content
from pillarbox.pipeline.inbound.message import Envelope, Fate, Recipient
from pillarbox.pipeline.inbound.policies import Policies
from pillarbox.pipeline.inbound.results_text import results_text
from pillarbox.pipeline.inbound.running import Runner
from pillarbox.pipeline.inbound.screening import Deferred, Screened

REFUSED = "This message was refused"
PUT_OFF = "Try again later, please"
WEIGHED_AT_ONCE = 1000
"""Findings of all recipients together; more are weighed in a thread (2 µs each)."""


_Asked = tuple[Recipient, AccountId | None, Rules]


@dataclass(frozen=True, slots=True)
class Judged:
    """The decision for one recipient, or one of the accounts it leads to."""

    recipient: Recipient
    account_id: AccountId | None
    rules: Rules
    decision: Decision


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is to become of a message: one decision per recipient's account, and the reasons.

    Recipients elsewhere, to whom it would be forwarded, have one without an account. `results` is
    what Authentication-Results says behind our name.
    """

    arrival: Arrival | None = None
    content: Content | None = None
    runs: tuple[Run, ...] = ()
    judged: tuple[Judged, ...] = ()
    results: str = ""
    refused: tuple[TracedRecipient, ...] = ()
    """Recipients that were refused before the content came."""

    @property
    def refusal(self) -> Failure | None:
        """The answer to the content: one for all recipients.

        Whoever is to get it later has all get it later, since nobody may get it twice. It is
        refused only if nobody is to have it: else it waits in quarantine for those who are not.
        """
        verdicts = [one.decision for one in self.judged]
        if not verdicts:
            return None
        put_off = [one for one in verdicts if one.verdict is Verdict.DEFER]
        if put_off:
            return Deferred(put_off[0].reply or PUT_OFF)
        if all(one.verdict is Verdict.REFUSE for one in verdicts):
            return Denied(verdicts[0].reply or REFUSED)
        return None

    @property
    def fates(self) -> dict[AccountId, Fate]:
        """Where each account's copy goes, if it is taken."""
        fates: dict[AccountId, Fate] = {}
        for one in self.judged:
            if one.account_id is not None:
                fates.setdefault(one.account_id, _FATES[one.decision.verdict])
        return fates

    def kept_from(self) -> tuple[Recipient, ...]:
        """Recipients elsewhere to whom it must not be forwarded."""
        return tuple(
            one.recipient
            for one in self.judged
            if one.account_id is None and _FATES[one.decision.verdict] is Fate.QUARANTINE
        )


_FATES = {
    Verdict.ACCEPT: Fate.INBOX,
    Verdict.JUNK: Fate.JUNK,
    Verdict.QUARANTINE: Fate.QUARANTINE,
    Verdict.DEFER: Fate.QUARANTINE,
    Verdict.REFUSE: Fate.QUARANTINE,
}


@dataclass(frozen=True, slots=True)
class Judging:
    """Judges messages from elsewhere."""

    runner: Runner
    policies: Policies

    async def judge(self, screened: Screened, envelope: Envelope, data: bytes) -> Judgement:
        """Check the content and decide; never fails, whatever the content is."""
        arrival, runs = screened.arrival, screened.runs
        quick = is_quick(data)
        content = read_content(data) if quick else await asyncio.to_thread(read_content, data)
        arrival.content = content
        for stage in (Stage.DATA, Stage.AUTHOR, Stage.VERDICT):
            runs += await self.runner.run(stage, arrival)
        found = tuple(runs)
        asked = [one for recipient in envelope.recipients for one in await self._asked(recipient)]
        if len(asked) * sum(len(one.findings) for one in found) > WEIGHED_AT_ONCE:
            judged = await asyncio.to_thread(_judged, asked, found)
        else:
            judged = _judged(asked, found)
        return Judgement(
            arrival,
            content,
            found,
            judged,
            results_text(arrival),
            tuple(screened.refused),
        )

    async def _asked(self, recipient: Recipient) -> list[_Asked]:
        """Whose copies there are of one recipient, and the rules for each."""
        found: list[_Asked] = []
        for target in recipient.local:
            rules = await self.policies.rules(target.account_id, recipient.domain)
            found.append((recipient, target.account_id, rules))
        if recipient.outside:
            found.append((recipient, None, (await self.policies.of(recipient.domain)).rules))
        return found


def _judged(asked: Sequence[_Asked], runs: tuple[Run, ...]) -> tuple[Judged, ...]:
    return tuple(
        Judged(recipient, account_id, rules, decide(runs, rules, account_id))
        for recipient, account_id, rules in asked
    )
