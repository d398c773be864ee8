"""The scripts of those who get a message: run once it is judged, before it is delivered.

Called by `inbound/receive`, `submission/submit` and `outbound/local`; calls `programs`, `executing`
and `planning`. Mail in quarantine meets no scripts.
"""

import asyncio
from dataclasses import dataclass, replace
from hashlib import sha256
from types import MappingProxyType

from pillarbox.base.clock import Clock
from pillarbox.base.errors import Failure
from pillarbox.base.ids import AccountId
from pillarbox.base.log import logger
from pillarbox.domain.accounts.model import LocalTarget
from pillarbox.domain.mail.content import PREPARE_INLINE_BYTES
from pillarbox.formats.mime.header import Headers
from pillarbox.formats.sieve.message import Message
from pillarbox.formats.sieve.surroundings import Surroundings
from pillarbox.pipeline.filtering.executing import Executor
from pillarbox.pipeline.filtering.planning import Circumstances, Planner, read_headers
from pillarbox.pipeline.filtering.programs import Loaded, Programs
from pillarbox.pipeline.filtering.redirects import Source
from pillarbox.pipeline.inbound.message import Fate
from pillarbox.pipeline.inbound.plan import NO_PLANS, Arrived, Plan, Plans, PutOff

CLEAN, INFECTED = 1, 5
"""What virustest compares (RFC 5235 §2.4); 0 is not tested."""
_LIKE_JUNK = 6
"""What spamtest compares for mail that has just so many points that it is junk (1 to 10)."""
_JUNK_PERCENT = 50
_SCANNERS = frozenset(("clamav",))
_VIRUS = "virus"
PLANNED_BYTES = 64 << 20
"""Of mail that scripts make of one message: whose does not fit beside that of others gets theirs
from the queue, where it is made for each alone."""

_log = logger("sieve")


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

        Fails only where the same may succeed later: with the database, and where a processor has
        too much to do to sign.
        """
        found: dict[AccountId, Plan] = {}
        room = _Room()
        message: Message | None = None
        came: _Came | None = None
        for path, target in _targets(arrived):
            account = target.account_id
            loaded = await self.programs.of(account)
            if loaded is None or arrived.fates.get(account) is Fate.QUARANTINE:
                continue
            if message is None or came is None:
                source = _source(arrived)
                message = Message(source.content)
                came = _Came(arrived, source, await read_headers(source.content))
            plan = await self._plan(loaded, path, came, message)
            found[account] = await room.fitted(plan)
            await asyncio.sleep(0)  # there may be many, and others who wait for this process
        return found or NO_PLANS

    async def _plan(self, loaded: Loaded, path: str, came: "_Came", message: Message) -> Plan:
        arrived, account = came.arrived, loaded.actor.account_id
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
            came.source,
            path,
            arrived.pieces[0],
            junk=is_junk and not loaded.handles_spam,
            vouched=_vouched(arrived),
            smtputf8=arrived.envelope.smtputf8,
            headers=came.headers,
        )
        try:
            return await self.planner.plan(loaded, outcome, how)
        except Failure:
            raise
        except Exception:
            # Whatever a script makes of our code, its owner gets the message.
            _log.exception("what a script wants can't be done", user=loaded.actor.address)
            return Plan(loaded.actor, lines=("an error of this server; the message is kept",))

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


@dataclass(frozen=True, slots=True)
class _Came:
    """The message, as all its plans need it."""

    arrived: Arrived
    source: Source
    headers: Headers


class _Room:
    """What the plans of one message may come to, all together; the first one fits in any case."""

    def __init__(self) -> None:
        self._bytes = 0
        self._contents: dict[bytes, bytes] = {}

    async def fitted(self, plan: Plan) -> Plan:
        """The plan, equal contents shared with others; one that is put off if it does not fit."""
        sent = sum(len(one.fields) + len(one.content) for one in plan.postings)
        contents = {id(one.content): one.content for one in plan.filings if one.content is not None}
        if sum(map(len, contents.values())) > PREPARE_INLINE_BYTES:
            digests = await asyncio.to_thread(_digests, contents)
        else:
            digests = _digests(contents)
        new = {digests[key]: content for key, content in contents.items()}
        new = {digest: content for digest, content in new.items() if digest not in self._contents}
        size = sent + sum(map(len, new.values()))
        if self._bytes and size and self._bytes + size > PLANNED_BYTES:
            why = PutOff()
            return Plan(plan.actor, (), (), why, lines=(f"put off: {why.public}",))
        self._bytes += size
        self._contents |= new
        filings = [
            one
            if one.content is None
            else replace(one, content=self._contents[digests[id(one.content)]])
            for one in plan.filings
        ]
        return replace(plan, filings=tuple(filings))


def _digests(contents: dict[int, bytes]) -> dict[int, bytes]:
    return {key: sha256(content).digest() for key, content in contents.items()}


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
