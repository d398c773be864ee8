"""What users do with mail that says whether it is spam; noted for `domain/spam`, learnt later.

Called where messages are copied, moved, appended and get flags, whichever protocol asked; never by
delivery: where the server puts mail teaches it nothing. The account is the one the mailbox belongs
to, whoever of those that share it acted.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import bindparam, or_, select

from pillarbox.base.ids import AccountId, EmailId, MailboxId
from pillarbox.domain.mail.model import Flag, FlagSet
from pillarbox.domain.mail.tables import mailboxes, messages
from pillarbox.domain.spam import training
from pillarbox.domain.spam.model import TASKS_MOST, Category
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

JUNK, TRASH, ARCHIVE = "\\Junk", "\\Trash", "\\Archive"
IMPLIED_MOST = 20
"""Of what one command archives, flags or answers so many are learnt as ham."""

_SPAM_WORDS = frozenset(("junk",))
_HAM_WORDS = frozenset(("nonjunk", "notjunk"))
"""Keywords of Thunderbird and Apple Mail, beside the registered $Junk and $NotJunk."""
_SAID = int(Flag.JUNK | Flag.NOT_JUNK)
_IMPLIED = int(Flag.ANSWERED | Flag.FLAGGED | Flag.FORWARDED)
_SPAM_BIT, _HAM_BIT = int(Flag.JUNK), int(Flag.NOT_JUNK)

_USES = Statement(
    select(mailboxes.c.id, mailboxes.c.special_use, mailboxes.c.name).where(
        mailboxes.c.account_id == bindparam("account"),
        or_(
            mailboxes.c.id == bindparam("one"),
            mailboxes.c.id == bindparam("other"),
            *(mailboxes.c.special_use == use for use in (JUNK, TRASH, ARCHIVE)),
        ),
    )
)
_EMAILS = Statement(
    select(messages.c.uid, messages.c.email_id).where(
        messages.c.mailbox_id == bindparam("mailbox"),
        messages.c.uid.between(bindparam("first"), bindparam("last")),
    )
)

_State = tuple[int, str | None]


def moved(
    tx: Tx,
    account: AccountId,
    source: MailboxId,
    target: MailboxId,
    emails: Sequence[int],
    *,
    moving: bool,
) -> None:
    """Note what it says that messages of an account were moved, or copied, within it."""
    if source == target:
        return
    uses = _uses(tx, account, source, target)
    before, after = uses.get(source), uses.get(target)
    if after == JUNK and before != JUNK:
        # A letter in Trash or Sent is not where the server had put it.
        _note(tx, account, emails, Category.SPAM, sorted=before in (None, ARCHIVE))
    elif before == JUNK and after not in (JUNK, TRASH):
        _note(tx, account, emails, Category.HAM, sorted=True)
    elif after == ARCHIVE and moving and before is None:
        _note(tx, account, emails[:IMPLIED_MOST], Category.HAM, implied=True)


def put(
    tx: Tx, account: AccountId, mailbox: MailboxId, flags: FlagSet, emails: Sequence[int]
) -> None:
    """Note what it says that a client put messages into a mailbox (or brought them from another
    account), with these flags."""
    category = _category(_said(flags.bits, " ".join(flags.keywords)))
    if category is None:
        if _uses(tx, account, mailbox).get(mailbox) != JUNK:
            return
        category = Category.SPAM
    _note(tx, account, emails, category)


def flagged(
    tx: Tx,
    account: AccountId,
    mailbox: MailboxId,
    changed: Iterable[tuple[int, _State, _State]],
) -> None:
    """Note what new flags say: (UID, state before, state after) of messages of a mailbox."""
    found: dict[tuple[Category, bool], list[int]] = {}
    for uid, before, after in changed:
        category = _category(_said(*after) - _said(*before))
        if category is not None:
            found.setdefault((category, False), []).append(uid)
        elif after[0] & ~before[0] & _IMPLIED and not after[0] & _SPAM_BIT:
            found.setdefault((Category.HAM, True), []).append(uid)
    for (category, implied), uids in found.items():
        if implied and _uses(tx, account, mailbox).get(mailbox) is not None:
            continue  # what is in Junk, Sent, Drafts or Trash is not ham for being flagged
        some = uids[: IMPLIED_MOST if implied else TASKS_MOST]
        wanted = frozenset(some)
        rows = tx.all(_EMAILS, mailbox=mailbox, first=some[0], last=some[-1])
        emails = [email for uid, email in rows if uid in wanted]
        _note(tx, account, emails, category, implied=implied)


def may_say(flags: FlagSet) -> bool:
    """Whether flags that are added, or set, can say anything of spam."""
    return bool(
        flags.bits & (_SAID | _IMPLIED)
        or any(name.lower() in _SPAM_WORDS | _HAM_WORDS for name in flags.keywords)
    )


def _uses(
    tx: Tx, account: AccountId, one: MailboxId, other: MailboxId | None = None
) -> dict[int, str | None]:
    """The special use of mailboxes; those below Junk, Trash or Archive are for the same."""
    rows = tx.all(_USES, account=account, one=one, other=one if other is None else other)
    above = [(f"{name}/", use) for _, use, name in rows if use in (JUNK, TRASH, ARCHIVE)]
    return {
        mailbox: use or next((its for path, its in above if name.startswith(path)), None)
        for mailbox, use, name in rows
    }


def _said(bits: int, keywords: str | None) -> frozenset[Category]:
    """What the flags of a message say for certain."""
    if not bits & _SAID and not keywords:
        return frozenset()
    words = set((keywords or "").lower().split(" "))
    found = set()
    if bits & _SPAM_BIT or words & _SPAM_WORDS:
        found.add(Category.SPAM)
    if bits & _HAM_BIT or words & _HAM_WORDS:
        found.add(Category.HAM)
    return frozenset(found)


def _category(said: frozenset[Category]) -> Category | None:
    """What was said; both at once says nothing."""
    return next(iter(said)) if len(said) == 1 else None


def _note(
    tx: Tx,
    account: AccountId,
    emails: Sequence[int],
    category: Category,
    *,
    implied: bool = False,
    sorted: bool = False,
) -> None:
    ids = [EmailId(email) for email in emails]
    training.note(tx, account, ids, category, implied=implied, sorted=sorted)
