"""The scripts of those who get a message: run once it is judged, before it is delivered.

Called by `inbound/receive`, `submission/submit` and `outbound/local`; calls `programs`, `executing`
and `planning`. Mail in quarantine meets no scripts.
"""

from dataclasses import dataclass
from types import MappingProxyType

from pillarbox.base.clock import Clock
from pillarbox.base.ids import AccountId
from pillarbox.domain.accounts.model import LocalTarget
from pillarbox.formats.sieve.message import Message
from pillarbox.formats.sieve.surroundings import Surroundings
from pillarbox.pipeline.filtering.executing import Executor
from pillarbox.pipeline.filtering.planning import Circumstances, Planner
from pillarbox.pipeline.filtering.programs import Loaded, Programs
from pillarbox.pipeline.filtering.redirects import Source
from pillarbox.pipeline.inbound.message import Fate
from pillarbox.pipeline.inbound.plan import NO_PLANS, Arrived, Plan, Plans

CLEAN, INFECTED = 1, 5
"""What virustest compares (RFC 5235 §2.4); 0 is not tested."""
_LIKE_JUNK = 6
"""What spamtest compares for mail that has just so many points that it is junk (1 to 10)."""
_JUNK_PERCENT = 50
_SCANNERS = frozenset(("clamav",))
_VIRUS = "virus"


@dataclass(frozen=True, slots=True)
class _Spam:
    """What the checks of a message came to, in the terms of RFC 5235."""

    tested: bool = False
    value: int = 0
    percent: int = 0
    virus: int = 0


@dataclass(frozen=True, slots=True)
class Filtering:
    """Makes the plans of accounts that have scripts."""

    hostname: str
    programs: Programs
    executor: Executor
    planner: Planner
    clock: Clock
    delimiter: str = "+"

    async def plans(self, arrived: Arrived) -> Plans:
        """The plans, by account; accounts without scripts have none.

        Never fails but with the database.
        """
        found: dict[AccountId, Plan] = {}
        message: Message | None = None
        source: Source | None = None
        for path, target in _targets(arrived):
            account = target.account_id
            loaded = await self.programs.of(account)
            if loaded is None or arrived.fates.get(account) is Fate.QUARANTINE:
                continue
            if message is None or source is None:
                source = _source(arrived)
                message = Message(source.content)
            found[account] = await self._plan(loaded, path, arrived, message, source)
        return found or NO_PLANS

    async def _plan(
        self, loaded: Loaded, path: str, arrived: Arrived, message: Message, source: Source
    ) -> Plan:
        account = loaded.actor.account_id
        is_junk = arrived.fates.get(account) is Fate.JUNK
        spam = _spam(arrived, account, is_junk=is_junk)
        surroundings = Surroundings(
            now=self.clock.now().astimezone(),
            reverse_path=arrived.envelope.reverse_path,
            recipient=path,
            authenticated=arrived.sender,
            delimiter=self.delimiter,
            spam=spam.value,
            spam_percent=spam.percent,
            spam_tested=spam.tested,
            virus=spam.virus,
            environment=self._environment(loaded, arrived),
        )
        outcome = await self.executor.run(loaded, message, surroundings)
        how = Circumstances(
            source,
            path,
            arrived.pieces[0],
            junk=is_junk and not loaded.handles_spam,
            vouched=_vouched(arrived),
            smtputf8=arrived.envelope.smtputf8,
        )
        return await self.planner.plan(loaded, outcome, how)

    def _environment(self, loaded: Loaded, arrived: Arrived) -> MappingProxyType[str, str]:
        """The items of RFC 5183 §4."""
        origin = arrived.envelope.origin
        items = {
            "domain": self.hostname.partition(".")[2],
            "host": self.hostname,
            "location": "MS",
            "name": "pillarbox",
            "phase": "during",
            "remote-host": origin.verified_name or origin.name,
            "remote-ip": origin.ip,
        }
        return MappingProxyType({name: value for name, value in items.items() if value})


def _targets(arrived: Arrived) -> list[tuple[str, LocalTarget]]:
    """The accounts a message goes to, each once, with the recipient that leads there first."""
    found: dict[AccountId, tuple[str, LocalTarget]] = {}
    for recipient in arrived.envelope.recipients:
        for target in recipient.local:
            found.setdefault(target.account_id, (recipient.path, target))
    return list(found.values())


def _source(arrived: Arrived) -> Source:
    judgement = arrived.judgement
    arrival = None if judgement is None else judgement.arrival
    return Source(
        arrived.envelope.reverse_path,
        b"".join(arrived.pieces[1:]),
        "" if judgement is None else judgement.results,
        None if arrival is None else arrival.results,
        arrived.envelope.smtputf8,
        arrived.believed,
    )


def _spam(arrived: Arrived, account: AccountId, *, is_junk: bool) -> _Spam:
    judgement = arrived.judgement
    judged = () if judgement is None else judgement.judged
    one = next((one for one in judged if one.account_id == account), None)
    if judgement is None or one is None:
        return _Spam(True, _LIKE_JUNK, _JUNK_PERCENT) if is_junk else _Spam()
    points = max(one.decision.score, 0.0)
    share = min(points / (one.rules.junk_score or 5.0), 2.0)
    value = 1 + min(9, int(share * (_LIKE_JUNK - 1)))
    percent = int(share * _JUNK_PERCENT)
    if is_junk:
        value, percent = max(value, _LIKE_JUNK), max(percent, _JUNK_PERCENT)
    scans = [run for run in judgement.runs if run.check in _SCANNERS and not run.failure]
    infected = any(found.name == _VIRUS for run in scans for found in run.findings)
    virus = 0 if not scans else INFECTED if infected else CLEAN
    return _Spam(True, value, percent, virus)


def _vouched(arrived: Arrived) -> bool:
    """Whether the sender in the envelope is no forgery, as far as it can be known."""
    if arrived.believed:
        return True
    arrival = None if arrived.judgement is None else arrived.judgement.arrival
    spf = None if arrival is None else arrival.results.spf
    return spf is not None and spf.status.value == "pass"
