"""Running the scripts of mailboxes for what happens in them (RFC 6785).

The domain notes events (`domain/mail/imap_events`); here the message is opened, the script is run,
and what it wants is done in one transaction with the removal of the event: killed in between, the
event is still there, and nothing was done. What a script causes is no event. One process at a time
is at it. Calls `executing` and `planning`, as delivery does.
"""

import asyncio
from dataclasses import dataclass, replace
from types import MappingProxyType

from pillarbox.base.clock import Clock
from pillarbox.base.errors import Failure, Unavailable
from pillarbox.base.ids import AccountId, MailboxId
from pillarbox.base.log import logger
from pillarbox.cluster.bus import Bus
from pillarbox.domain.accounts import users
from pillarbox.domain.mail import copy, flags, imap_events, mailboxes, read
from pillarbox.domain.mail.content import ContentStore, PreparedEmail
from pillarbox.domain.mail.flags import FlagChange
from pillarbox.domain.mail.imap_events import Event
from pillarbox.domain.mail.model import FLAG_NAMES, Flag, FlagSet
from pillarbox.domain.owners.quota import lock
from pillarbox.domain.sieve import scripts
from pillarbox.domain.sieve.model import Script
from pillarbox.formats.mime.crlf import crlf_pieces, line_end_bytes
from pillarbox.formats.sieve.actions import Keep, SetFlags
from pillarbox.formats.sieve.errors import Problem, RunError, ScriptError
from pillarbox.formats.sieve.message import Message
from pillarbox.formats.sieve.program import Program
from pillarbox.formats.sieve.run import Outcome
from pillarbox.formats.sieve.surroundings import Surroundings
from pillarbox.pipeline.filtering.executing import Executor
from pillarbox.pipeline.filtering.planning import Circumstances, Planner, flags_of
from pillarbox.pipeline.filtering.programs import Broken, Loaded, Programs
from pillarbox.pipeline.filtering.redirects import Counting, Source
from pillarbox.pipeline.inbound.plan import Plan
from pillarbox.pipeline.inbound.planned import Carrier, SealedPlan, seal_plans
from pillarbox.pipeline.noted import Holds, NotedWork
from pillarbox.pipeline.prepare import Preparation
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

LEASE = "imap events"
BATCH = 16
"""Of one account, before another one has its turn."""
BATCH_S = 0.5
TRIES = 2
NOT_HERE = frozenset(("reject", "ereject", "vacation", "vacation-seconds"))
"""What only a message that is being delivered can meet (RFC 6785 §3.11)."""

_DELETED = int(Flag.DELETED)
_log = logger("sieve")


@dataclass(frozen=True, slots=True)
class Machinery:
    """What scripts are run with; the same as for delivery.

    What they send is tried for `queue_age_ms`.
    """

    hostname: str
    programs: Programs
    executor: Executor
    planner: Planner
    preparation: Preparation
    clock: Clock
    queue_age_ms: int
    delimiter: str = "+"


@dataclass(frozen=True, slots=True)
class _Opened:
    """The message of an event, where it is, and what runs; `user` is the address of who did it."""

    mailbox: str
    user: str
    flags: FlagSet
    content: bytes
    email: PreparedEmail
    script: Script


@dataclass(frozen=True, slots=True)
class _Work:
    """What is to be done for an event; `flags` are those the message is to have then."""

    event: Event
    email: PreparedEmail
    sealed: SealedPlan
    keeps: bool
    before: FlagSet
    flags: FlagSet


class ImapEvents:
    """Runs what is noted; one for a process, `owner` is a name that no other has."""

    def __init__(
        self,
        database: Database,
        content: ContentStore,
        bus: Bus,
        owner: str,
        machinery: Machinery,
        *,
        enabled: bool = True,
    ) -> None:
        """Where it is not `enabled`, what is noted is dropped."""
        self._database = database
        self._content = content
        self._noted = NotedWork(
            database, bus, owner, LEASE, imap_events.TOPIC, imap_events.waiting, self._drain
        )
        self._with = machinery
        self._enabled = enabled

    async def run(self) -> None:
        """Run scripts at every hint, and look without one now and then, until cancelled."""
        await self._noted.run()

    async def run_once(self) -> int:
        """Deal with everything that is noted, unless another process is at it; gives how much."""
        return await self._noted.run_once()

    async def _drain(self, holds: Holds) -> int:
        loop = asyncio.get_running_loop()
        dealt, after = 0, -1
        if not self._enabled:
            await self._database.write(imap_events.forget_all)
            return 0
        while events := await self._database.read(imap_events.waiting, BATCH, after):
            after, began_s = events[0].account_id, loop.time()
            for event in events:
                await self._deal_with(event)
                dealt += 1
                if not await holds():
                    return dealt
                if loop.time() - began_s > BATCH_S:
                    break
        return dealt

    async def _deal_with(self, event: Event) -> None:
        """Run the script for one event; whatever it is, the event is gone afterwards.

        Raises `Unavailable` where the database can't be reached.
        """
        for _ in range(TRIES):
            try:
                opened = await self._database.read(_open, self._content, event)
                if opened is None:
                    break
                async with self._with.preparation.place(len(opened.content)):
                    await self._run(event, opened)
                    return
            except Unavailable as failure:
                # A connection that was lost, or a damaged message.
                _log.warning("a script can't be run", why=failure.cause or failure.public)
            except Exception:
                _log.exception("a script could not be run", account=event.account_id)
                break
        # Is it the database, this fails as well.
        await self._database.write(imap_events.done, event)

    async def _run(self, event: Event, opened: _Opened) -> None:
        loaded = await self._load(event.account_id, opened.script)
        if loaded is None:  # there is nobody any more whose script it is
            await self._database.write(imap_events.done, event)
            return
        name = opened.script.info.name
        forbidden = sorted(NOT_HERE.intersection(*(one.extensions for one in loaded.programs)))
        if forbidden:
            problem = Problem(1, 1, f'"{forbidden[0]}" is for mail that is being delivered only')
            outcome = _failed(opened, RunError(problem, name))
        else:
            here = self._surroundings(loaded, event, opened)
            outcome = await self._with.executor.run(loaded, Message(opened.content), here)
        try:
            await self._carry_out(event, opened, loaded, outcome)
        except Unavailable:
            raise
        except Failure as failure:
            _log.info("what a script wants can't be done", why=failure.cause or failure.public)
            error = RunError(Problem(0, 0, failure.public), name)
            await self._carry_out(event, opened, loaded, _failed(opened, error))

    async def _carry_out(
        self, event: Event, opened: _Opened, loaded: Loaded, outcome: Outcome
    ) -> None:
        address = loaded.actor.address
        if outcome.failure is not None:
            failure = outcome.failure
            # Without its words: they may tell of the message.
            at = {"script": failure.script, "line": failure.problem.line}
            _log.info("a script of a mailbox failed", user=address, **at)
        source = Source(address, opened.content, believed=True)
        plan = await self._with.planner.plan(loaded, outcome, Circumstances(source, address))
        keeps = any(filing.destination is None for filing in plan.filings)
        copies = tuple(filing for filing in plan.filings if filing.destination is not None)
        plan = replace(plan, filings=copies)
        sealed = (await seal_plans(self._with.preparation, {event.account_id: plan}))[
            event.account_id
        ]
        wanted = opened.flags if outcome.failure is not None else _flags(opened.flags, outcome)
        work = _Work(event, opened.email, sealed, keeps, opened.flags, wanted)
        queue_age_ms = self._with.queue_age_ms
        try:
            lines = await self._database.write(_apply, self._content, work, queue_age_ms)
        finally:
            await _tell_limits(plan)
        _log.debug("a script was run", user=address, cause=event.cause.name, notes=len(lines))

    async def _load(self, account: AccountId, script: Script) -> Loaded | None:
        name = script.info.name
        program = await self._with.programs.compiled(name, script.content)
        if not isinstance(program, ScriptError):
            return await self._with.programs.with_script(account, program)
        loaded = await self._with.programs.with_script(account, Program(name, lambda run: None))
        return None if loaded is None else replace(loaded, broken=Broken(name, program))

    def _surroundings(self, loaded: Loaded, event: Event, opened: _Opened) -> Surroundings:
        """RFC 6785 §4; without an envelope."""
        parts = self._with
        environment = {
            "domain": parts.hostname.partition(".")[2],
            "host": parts.hostname,
            "location": "MS",
            "name": "pillarbox",
            "phase": "post",
            "imap.user": opened.user,
            "imap.email": opened.user,
            "imap.cause": event.cause.name,
            "imap.mailbox": opened.mailbox,
            "imap.changedflags": " ".join(event.changed),
        }
        return Surroundings(
            now=parts.clock.now().astimezone(),
            recipient=loaded.actor.address,
            delimiter=parts.delimiter,
            environment=MappingProxyType(environment),
            # No mailbox: what is filed where it lies already is there twice (RFC 6785 §3.3).
            default_mailbox="",
            flags=_names(opened.flags),
            in_mailbox=True,
        )


def _failed(opened: _Opened, error: RunError) -> Outcome:
    return Outcome((Keep(_names(opened.flags), implicit=True),), failure=error)


def _open(tx: Tx, store: ContentStore, event: Event) -> _Opened | None:
    """`None` where there is nothing to run, or nothing any more to run it for."""
    account, uid = event.account_id, event.uid
    mailbox = mailboxes.get(tx, event.mailbox_id)
    if mailbox is None or mailbox.account_id != account:
        return None
    name = imap_events.script_name(tx, store.keys, account, mailbox.id)
    script = scripts.named(tx, store.keys, account, [name]).get(name) if name else None
    if script is None:
        return None
    ranges = ((uid, uid),)
    rows = read.rows(tx, mailbox.id, ranges)
    if not rows:
        return None
    emails = copy.open_emails(tx, store, account, mailbox.id, ranges)
    ((_, content, _),) = read.contents(tx, store, account, mailbox.id, ranges, False)
    email = next(iter(emails.values()))
    if email.line_end_bytes:
        content = b"".join(crlf_pieces(content, line_end_bytes(content)))
    user = users.by_account(tx, event.actor_id)
    return _Opened(
        mailbox.name,
        "" if user is None else user.address,
        _flag_set(rows[0][1], rows[0][2]),
        content,
        email,
        script,
    )


def _apply(tx: Tx, store: ContentStore, work: _Work, queue_age_ms: int) -> tuple[str, ...]:
    """The transaction; gives what went otherwise than the script wants."""
    event, kept = work.event, work.keeps
    lock(tx, event.account_id)
    if not imap_events.done(tx, event):
        return ()
    ranges = ((event.uid, event.uid),)
    mailbox = mailboxes.get(tx, event.mailbox_id)
    is_there = mailbox is not None and mailbox.account_id == event.account_id
    if not is_there or not read.rows(tx, event.mailbox_id, ranges):
        return ()

    def stays() -> MailboxId | None:
        """In place of where mail would be put: the message lies somewhere already."""
        nonlocal kept
        kept = True
        return None

    carrier = Carrier(tx, store, work.email, queue_age_ms, {work.email.blob.id})
    lines = carrier.carry_out(event.account_id, work.sealed, stays).lines
    wanted = work.flags
    if not kept:
        wanted = FlagSet(wanted.bits | _DELETED, wanted.keywords)
    for how, which in _changes(work.before, wanted):
        flags.change_flags(
            tx, event.account_id, event.mailbox_id, ranges, how, which, None, by_script=True
        )
    carrier.finish()
    return lines


def _flags(before: FlagSet, outcome: Outcome) -> FlagSet:
    """The flags a script gives the message where it lies: those of keep, or what it left set."""
    kept = [action.flags for action in outcome.actions if isinstance(action, Keep)]
    left = [action.flags for action in outcome.actions if isinstance(action, SetFlags)]
    found = kept or left
    return flags_of(found[-1]) if found else before


def _changes(before: FlagSet, after: FlagSet) -> list[tuple[FlagChange, FlagSet]]:
    """What makes one of the other, whatever else has changed meanwhile."""
    had = {name.lower(): name for name in before.keywords}
    has = {name.lower(): name for name in after.keywords}
    added = FlagSet(
        after.bits & ~before.bits, tuple(sorted(has[key] for key in has.keys() - had.keys()))
    )
    removed = FlagSet(
        before.bits & ~after.bits, tuple(sorted(had[key] for key in had.keys() - has.keys()))
    )
    changes = ((FlagChange.ADD, added), (FlagChange.REMOVE, removed))
    return [(how, which) for how, which in changes if which.bits or which.keywords]


def _names(which: FlagSet) -> tuple[str, ...]:
    return (*(name for flag, name in FLAG_NAMES if flag & which.bits), *which.keywords)


def _flag_set(bits: int, keywords: str | None) -> FlagSet:
    return FlagSet(bits, tuple(keywords.split(" ")) if keywords else ())


async def _tell_limits(plan: Plan) -> None:
    for posting in plan.postings:
        if isinstance(posting.count, Counting):
            await posting.count.tell()
