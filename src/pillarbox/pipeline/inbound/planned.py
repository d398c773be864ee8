"""Carrying out what scripts want, as part of the transaction that delivers a message.

All contents are sealed before it. Called by `deliver`; calls `domain/mail`, `domain/queue`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from pillarbox.base.errors import Denied, Exists, Failure, Invalid, NotFound, OverQuota, TooLarge
from pillarbox.base.ids import AccountId, MailboxId, parse_public_id
from pillarbox.domain.mail import mailboxes
from pillarbox.domain.mail.append import place, store_blob
from pillarbox.domain.mail.content import ContentStore, PreparedEmail
from pillarbox.domain.mail.model import FlagSet
from pillarbox.domain.owners.quota import lock
from pillarbox.domain.queue.destinations import make_due
from pillarbox.domain.queue.enqueue import enqueue
from pillarbox.domain.queue.model import Outgoing, OutgoingRecipient
from pillarbox.domain.sharing import access, trees
from pillarbox.domain.sharing.access import Right
from pillarbox.domain.sharing.rights import kept_flags
from pillarbox.pipeline.inbound.plan import Destination, Filing, Plan, Plans, Posting
from pillarbox.pipeline.inbound.trace import message_id_of
from pillarbox.pipeline.prepare import Preparation
from pillarbox.storage.blobs.sealed import SealedBlob
from pillarbox.storage.tx import Tx

MAILBOX_ID_LETTER = "F"
_NO_REPORT = "NEVER"


@dataclass(frozen=True, slots=True)
class SealedPosting:
    """A posting, its content ready for the queue and for the mailbox that keeps a copy."""

    posting: Posting
    blob: SealedBlob
    message_id: str | None
    kept: PreparedEmail | None
    eight_bit: bool = False


@dataclass(frozen=True, slots=True)
class SealedPlan:
    """A plan ready for the transaction: `edited` has the filings' own contents, in their order."""

    plan: Plan
    edited: tuple[PreparedEmail | None, ...] = ()
    postings: tuple[SealedPosting, ...] = ()

    @property
    def needs_message(self) -> bool:
        """Whether the message as it came is filed; or may be, where the plan fails."""
        plan = self.plan
        return any(one.content is None for one in plan.filings) or bool(plan.postings)


async def seal_plans(preparation: Preparation, plans: Plans) -> dict[AccountId, SealedPlan]:
    """Seal what scripts made of a message; contents that plans share once."""
    emails: dict[int, PreparedEmail] = {}

    async def email(content: bytes) -> PreparedEmail:
        key = id(content)
        if key not in emails:
            emails[key] = await preparation.email(content)
        return emails[key]

    sealed = {}
    for account, plan in plans.items():
        edited = tuple(
            [None if one.content is None else await email(one.content) for one in plan.filings]
        )
        postings = []
        for posting in plan.postings:
            fields, content = posting.fields, posting.content
            blob = await preparation.blob(fields, content)
            kept = None if posting.filing is None else await preparation.email(fields, content)
            eight_bit = not (fields.isascii() and content.isascii())
            message_id = message_id_of(content)
            postings.append(SealedPosting(posting, blob, message_id, kept, eight_bit))
        sealed[account] = SealedPlan(plan, edited, tuple(postings))
    return sealed


@dataclass(frozen=True, slots=True)
class Carried:
    """What came of a plan: `lines` tell of what went otherwise, `filings` where it went."""

    lines: tuple[str, ...] = ()
    filings: tuple[Filing, ...] = ()


@dataclass(slots=True)
class Carrier:
    """Carries out plans in one transaction, and then `finish`es.

    `stored` holds the blobs that have rows by now, `dues` the domains that something waits for.
    """

    tx: Tx
    store: ContentStore
    email: PreparedEmail | None
    queue_age_ms: int
    stored: set[int] = field(default_factory=set)
    dues: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def part(self) -> Iterator[None]:
        """Undo what the block did where it raises (`Tx.savepoint`)."""
        before, dues = set(self.stored), dict(self.dues)
        try:
            with self.tx.savepoint():
                yield
        except BaseException:
            self.stored, self.dues = before, dues
            raise

    def finish(self) -> None:
        """The last step: see that what was queued is sent."""
        make_due(self.tx, self.dues)

    def place(
        self, account: AccountId, mailbox: MailboxId, email: PreparedEmail, flags: FlagSet
    ) -> None:
        """Place a message, its blob stored once."""
        if email.blob.id not in self.stored:
            store_blob(self.tx, self.store, email)
            self.stored.add(email.blob.id)
        place(self.tx, self.store, account, mailbox, email, flags, self.tx.now_ms)

    def carry_out(
        self, account: AccountId, sealed: SealedPlan, usual: Callable[[], MailboxId | None]
    ) -> Carried:
        """Do what a plan says.

        `usual` finds the mailbox where the account's mail goes without a script; `None` where it
        lies there already. Where the user may send no more, the message is there and nothing
        leaves. Raises what `place` raises, and the plan's refusal: then undo all.
        """
        plan, tx = sealed.plan, self.tx
        if plan.refusal is not None:
            raise plan.refusal
        # Nobody may delete the mailboxes between finding and using them.
        lock(tx, account)
        lines: list[str] = []
        try:
            with self.part():
                for posting in sealed.postings:
                    self._post(account, plan, posting, lines)
        except OverQuota:
            raise
        except Failure as failure:
            lines = [f"nothing was sent, and the message is kept: {failure.public}"]
            self._file(account, plan, Filing(), None, usual, lines)
            return Carried(tuple(lines), (Filing(),))
        done: set[tuple[MailboxId, int | None]] = set()
        filings = tuple(
            [
                self._file(account, plan, filing, edited, usual, lines, done)
                for filing, edited in zip(plan.filings, sealed.edited, strict=True)
            ]
        )
        if plan.note is not None:
            plan.note(tx)
        return Carried(tuple(lines), filings)

    def _post(
        self, account: AccountId, plan: Plan, sealed: SealedPosting, lines: list[str]
    ) -> None:
        posting, tx = sealed.posting, self.tx
        if posting.wanted is not None and not posting.wanted(tx):
            lines.append(f"no {posting.what}: there was one lately")
            return
        if posting.count is not None:
            posting.count(tx)
        if sealed.blob.id not in self.stored:
            self.store.blobs.insert(tx, sealed.blob)
            self.stored.add(sealed.blob.id)
        outgoing = Outgoing(
            reverse_path=posting.reverse_path,
            recipients=tuple(
                OutgoingRecipient(address, None if posting.reverse_path else _NO_REPORT)
                for address in posting.recipients
            ),
            smtputf8=posting.smtputf8,
            eight_bit=sealed.eight_bit,
            message_id=sealed.message_id,
        )
        expires_ms = tx.now_ms + self.queue_age_ms
        enqueue(tx, self.store.keys, sealed.blob, outgoing, expires_ms, self.dues)
        if posting.filing is not None and sealed.kept is not None:
            self._keep_copy(account, plan, posting.filing, sealed.kept, lines)

    def _keep_copy(
        self,
        account: AccountId,
        plan: Plan,
        filing: Filing,
        email: PreparedEmail,
        lines: list[str],
    ) -> None:
        """A full mailbox must not keep a reply from being sent: then there is no copy."""
        try:
            with self.part():
                self._file(account, plan, filing, email, lambda: _inbox(self.tx, account), lines)
        except OverQuota:
            lines.append("no copy of what was sent: the mailbox is full")

    def _file(
        self,
        account: AccountId,
        plan: Plan,
        filing: Filing,
        edited: PreparedEmail | None,
        usual: Callable[[], MailboxId | None],
        lines: list[str],
        done: set[tuple[MailboxId, int | None]] | None = None,
    ) -> Filing:
        """File a copy; gives the filing without destination where the usual place took it."""
        email = self.email if edited is None else edited
        if email is None:
            return filing
        owner, mailbox, flags = account, None, filing.flags
        if filing.destination is not None:
            try:
                with self.part():
                    found = _find(self.tx, plan, filing.destination)
                owner, mailbox = found.mailbox.account_id, found.mailbox.id
                flags = kept_flags(found.rights, flags)
            except _UNUSABLE as failure:
                name = filing.destination.name
                lines.append(f'"{name}" can\'t be used ({failure.public}): the usual place instead')
        if mailbox is None:
            filing = replace(filing, destination=None)
            mailbox = usual()
        if mailbox is None:
            return filing
        key = (mailbox, None if edited is None else edited.blob.id)
        if done is not None:
            if key in done:
                return filing
            done.add(key)
        self.place(owner, mailbox, email, flags)
        return filing


_UNUSABLE = (NotFound, Denied, Invalid, TooLarge, Exists)


def _find(tx: Tx, plan: Plan, wanted: Destination) -> access.Access:
    """The mailbox a script means, which is made where it is missing."""
    actor = plan.actor
    if wanted.mailbox_id:
        number = parse_public_id(MAILBOX_ID_LETTER, wanted.mailbox_id)
        by_id = None if number is None else mailboxes.get(tx, MailboxId(number))
        if by_id is not None and by_id.account_id == actor.account_id:
            return access.Access(by_id, by_id.name, access.ALL_RIGHTS)
    if wanted.special_use:
        by_use = mailboxes.by_special_use(tx, actor.account_id, wanted.special_use)
        if by_use is not None:
            return access.Access(by_use, by_use.name, access.ALL_RIGHTS)
    found = access.find(tx, actor, wanted.name)
    if found is None:
        made = trees.create(tx, actor, wanted.name)
        if made.account_id == actor.account_id:
            mailboxes.subscribe(tx, actor.account_id, made.name)
        found = access.find(tx, actor, wanted.name)
    if found is None or Right.INSERT not in found.rights:
        raise Denied("You may not put mail there")
    return found


def _inbox(tx: Tx, account: AccountId) -> MailboxId:
    inbox = mailboxes.by_name(tx, account, mailboxes.INBOX)
    if inbox is None:
        raise NotFound("No such user here", f"account {account} has no inbox")
    return inbox.id
