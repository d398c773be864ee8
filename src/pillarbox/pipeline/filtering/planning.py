"""From what scripts want to what delivery does: mail that leaves is made, the rest is named.

What can't be done is told in the trace, and the message is then kept. Called by `filtering`; calls
the makers of replies, notices, reports and redirected copies.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol, TypeVar

from pillarbox.base.clock import Clock
from pillarbox.base.errors import Denied, Failure, GrammarError
from pillarbox.base.ids import IdSource, public_id
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.mail.content import is_quick
from pillarbox.domain.mail.flag_names import flag_set
from pillarbox.domain.mail.model import (
    MAX_KEYWORD_CHARACTERS,
    MAX_KEYWORDS_PER_MESSAGE,
    Flag,
    FlagSet,
)
from pillarbox.domain.sieve import memory
from pillarbox.formats.mime.header import Headers, header_of
from pillarbox.formats.sieve.actions import (
    Action,
    Discard,
    FileInto,
    Keep,
    Note,
    Notify,
    Redirect,
    Reject,
    Remember,
    SetFlags,
    Vacation,
    Where,
)
from pillarbox.formats.sieve.errors import Problem
from pillarbox.formats.sieve.run import Outcome
from pillarbox.pipeline.filtering.failure import failure_notice
from pillarbox.pipeline.filtering.notices import mail_notice, why_untold
from pillarbox.pipeline.filtering.outgoing import OutgoingMail, Owner, Stamp
from pillarbox.pipeline.filtering.programs import Loaded
from pillarbox.pipeline.filtering.redirects import Counting, Redirects, Source
from pillarbox.pipeline.filtering.rejection import rejection_report, reply_text
from pillarbox.pipeline.filtering.replies import vacation_reply
from pillarbox.pipeline.filtering.suppression import why_silent, why_unanswered
from pillarbox.pipeline.inbound.plan import Destination, Filing, Plan, Posting
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

LINES_MOST = 40
"""Of one account in the trace of one message."""
REJECTED = "Its recipient does not want this message"
_SEEN = FlagSet(Flag.SEEN)
_SECOND_MS = 1000
R = TypeVar("R")


class Signer(Protocol):
    """Makes the DKIM-Signature fields of a domain, none where it has no keys."""

    async def sign(self, domain: str, content: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Circumstances:
    """How a message came to an account.

    `source` is it without Return-Path, as it would leave again; `top` is that field. `junk`: it was
    judged so, and the account's scripts leave that to the server. `vouched` says that its sender is
    who it says. `headers` are those of the source, where they were read already.
    """

    source: Source
    recipient: str
    top: bytes = b""
    junk: bool = False
    vouched: bool = False
    smtputf8: bool = False
    headers: Headers | None = None


@dataclass(slots=True)
class _Draft:
    """A plan that is being made; what looks at the message `in_thread` would hold up others."""

    headers: Headers
    owner: Owner
    top: bytes
    in_thread: bool
    filings: list[Filing] = field(default_factory=list)
    postings: list[Posting] = field(default_factory=list)
    marks: dict[str, int] = field(default_factory=dict)
    refusal: Failure | None = None
    lines: list[str] = field(default_factory=list)
    topped: dict[int, bytes] = field(default_factory=dict)

    async def work(self, make: Callable[..., R], *arguments: Any, **named: Any) -> R:
        """What `make` gives, made where it holds nobody up."""
        if self.in_thread:
            return await asyncio.to_thread(make, *arguments, **named)
        return make(*arguments, **named)

    async def file(self, filing: Filing) -> None:
        """File a copy; what a script edited has `top` above it, made once for all copies."""
        content = filing.content
        if content is not None:
            key = id(content)
            if key not in self.topped:
                self.topped[key] = await self.work(b"".join, (self.top, content))
            filing = replace(filing, content=self.topped[key])
        self.filings.append(filing)


@dataclass(frozen=True, slots=True)
class Planner:
    """Makes plans; without `signer` what leaves is not signed."""

    hostname: str
    keys: KeyRing
    clock: Clock
    ids: IdSource
    redirects: Redirects
    signer: Signer | None = None
    delimiter: str = "+"

    async def plan(self, loaded: Loaded, outcome: Outcome, how: Circumstances) -> Plan:
        """What is done for an account."""
        owner = Owner(how.recipient, loaded.addresses, loaded.display_name, self.delimiter)
        content = how.source.content
        in_thread = not is_quick(content)
        headers = how.headers
        if headers is None:
            headers = await read_headers(content)
        draft = _Draft(headers, owner, how.top, in_thread)
        draft.lines += (f"{_place(one.where)}{one.text}" for one in outcome.steps)
        if outcome.failure is not None:
            await self._failed(loaded, outcome, draft)
        for action in outcome.actions:
            await self._do(loaded, action, how, draft)
        if how.junk and draft.refusal is None and draft.filings:
            flags = draft.filings[0].flags
            draft.filings = [Filing(None, flags, draft.filings[0].content)]
            draft.lines.append("judged junk, so it goes where junk goes")
        if draft.refusal is not None:
            draft.filings, draft.postings = [], []
        return Plan(
            loaded.actor,
            tuple(draft.filings),
            tuple(draft.postings),
            draft.refusal,
            partial(_remember, self.keys, loaded.actor, draft.marks) if draft.marks else None,
            tuple(draft.lines[:LINES_MOST]),
        )

    async def _do(self, loaded: Loaded, action: Action, how: Circumstances, draft: _Draft) -> None:
        match action:
            case Keep():
                await draft.file(Filing(None, flags_of(action.flags), action.content))
            case FileInto():
                await draft.file(filing_of(action))
            case Redirect():
                await self._redirect(loaded.actor, action, how, draft)
            case Reject():
                await self._reject(loaded, action, how, draft)
            case Vacation():
                await self._vacation(loaded, action, how, draft)
            case Notify():
                await self._notify(loaded.actor, action, how, draft)
            case Remember(mark, seconds):
                draft.marks[mark] = self.clock.now_ms() + seconds * _SECOND_MS
            case Note(text):
                draft.lines.append(f"{_place(action.where)}trace: {text}")
            case Discard() | SetFlags():
                pass

    async def _redirect(
        self, actor: Actor, action: Redirect, how: Circumstances, draft: _Draft
    ) -> None:
        if how.junk:
            draft.lines.append(f"not redirected to {action.address}: it was judged junk")
            draft.filings.append(Filing())
            return
        try:
            copy = await self.redirects.copy(
                action.address, how.source, draft.owner, action.content
            )
        except Failure as failure:
            draft.lines.append(f"not redirected to {action.address}: {failure.public}; kept")
            draft.filings.append(Filing())
            return
        count = self.redirects.counting(actor, copy.recipients)
        draft.postings.append(await self._posting("redirect", copy, count=count))

    async def _reject(
        self, loaded: Loaded, action: Reject, how: Circumstances, draft: _Draft
    ) -> None:
        """By SMTP where the reason can be said there, else by a report (RFC 5429 §2.1)."""
        reason = reply_text(action.reason, utf8=how.smtputf8)
        if reason is not None:
            draft.refusal = Denied(reason)
            return
        sender = how.source.reverse_path
        untold = action.early or not how.vouched
        if untold or await draft.work(why_unanswered, draft.headers, sender) is not None:
            draft.refusal = Denied(REJECTED)
            return
        try:
            report = await draft.work(
                rejection_report,
                *(action.reason, how.source.content, sender, draft.owner, self._stamp()),
            )
        except GrammarError:
            draft.refusal = Denied(REJECTED)
            return
        draft.postings.append(await self._posting("report of refusal", report))

    async def _vacation(
        self, loaded: Loaded, action: Vacation, how: Circumstances, draft: _Draft
    ) -> None:
        sender = how.source.reverse_path
        why = (
            "it was judged junk"
            if how.junk
            else await draft.work(
                why_silent,
                *(draft.headers, sender, action, loaded.addresses),
                delimiter=self.delimiter,
            )
        )
        if why is None:
            try:
                reply = await draft.work(
                    vacation_reply, action, draft.headers, sender, draft.owner, self._stamp()
                )
            except GrammarError:
                why = "its sender is no address"
        if why is not None:
            draft.lines.append(f"no vacation reply: {why}")
            return
        until_ms = self.clock.now_ms() + action.period_s * _SECOND_MS
        account = loaded.actor.account_id

        def wanted(tx: Tx) -> bool:
            return memory.remember_reply(tx, self.keys, account, action.handle, sender, until_ms)

        draft.postings.append(
            await self._posting(
                "vacation reply",
                reply,
                wanted=wanted,
                filing=None if action.fcc is None else _sent(action.fcc),
            )
        )

    async def _notify(
        self, actor: Actor, action: Notify, how: Circumstances, draft: _Draft
    ) -> None:
        why = "it was judged junk" if how.junk else why_untold(draft.headers)
        if why is None:
            try:
                notice = await draft.work(
                    mail_notice,
                    *(action, draft.headers, how.source.reverse_path, draft.owner, self._stamp()),
                )
            except GrammarError as error:
                why = error.text
        if why is not None:
            draft.lines.append(f"no notification: {why}")
            return
        draft.postings.append(
            await self._posting(
                "notification",
                notice,
                count=self.redirects.counting(actor, notice.recipients),
                filing=None if action.fcc is None else _sent(action.fcc),
            )
        )

    async def _failed(self, loaded: Loaded, outcome: Outcome, draft: _Draft) -> None:
        """The trace says what was wrong, and once a day a mail to whose script it is."""
        failure = outcome.failure
        if failure is None:
            return
        name = f"script {failure.script!r}" if failure.script else "the script"
        draft.lines.append(f"{name} failed: {failure.problem}; the message is kept")
        notice = failure_notice(
            failure.script, _problems(loaded, outcome), draft.headers, draft.owner, self._stamp()
        )
        account = loaded.actor.account_id
        draft.postings.append(
            await self._posting(
                "notice of the failure",
                notice,
                wanted=lambda tx: memory.note_failure(tx, account),
            )
        )

    async def _posting(
        self,
        what: str,
        mail: OutgoingMail,
        *,
        wanted: Callable[[Tx], bool] | None = None,
        count: Counting | None = None,
        filing: Filing | None = None,
    ) -> Posting:
        signature = b""
        if self.signer is not None and mail.domain:
            signature = await self.signer.sign(mail.domain, mail.content)
        return Posting(
            what,
            mail.recipients,
            mail.reverse_path,
            signature + mail.content,
            wanted,
            count,
            filing,
            mail.smtputf8,
            None if count is None else count.tell,
            mail.fields,
        )

    def _stamp(self) -> Stamp:
        unique = f"{public_id('', self.ids.next())}@{self.hostname}"
        return Stamp(self.hostname, unique, self.clock.now())


async def read_headers(content: bytes) -> Headers:
    """The header of a message."""
    if is_quick(content):
        return _headers(content)
    return await asyncio.to_thread(_headers, content)


def _headers(content: bytes) -> Headers:
    return Headers(header_of(content))


def filing_of(action: FileInto) -> Filing:
    """A copy where a script says."""
    where = Destination(action.mailbox, action.special_use, action.mailbox_id)
    return Filing(where, flags_of(action.flags), action.content)


def flags_of(names: Iterable[str]) -> FlagSet:
    """Flags as scripts name them; those that are too long or too many are left out."""
    known = [name for name in dict.fromkeys(names) if len(name) <= MAX_KEYWORD_CHARACTERS]
    keywords = [name for name in known if not name.startswith("\\")]
    system = [name for name in known if name.startswith("\\")]
    return flag_set((*system, *keywords[:MAX_KEYWORDS_PER_MESSAGE]))


def _sent(action: FileInto) -> Filing:
    """A copy of what was sent, which its sender has read."""
    filing = filing_of(action)
    return replace(filing, flags=FlagSet(filing.flags.bits | _SEEN.bits, filing.flags.keywords))


def _place(where: Where) -> str:
    name = f"{where.script} " if where.script else ""
    return f"{name}line {where.line}: " if where.line else f"{name}end: "


def _problems(loaded: Loaded, outcome: Outcome) -> tuple[Problem, ...]:
    if loaded.broken is not None:
        return loaded.broken.error.problems
    return () if outcome.failure is None else (outcome.failure.problem,)


def _remember(keys: KeyRing, actor: Actor, marks: Mapping[str, int], tx: Tx) -> None:
    memory.remember_marks(tx, keys, actor.account_id, marks)
