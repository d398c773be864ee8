"""Mailboxes: making, naming, finding and deleting them (RFC 9051 §6.3).

A name is the whole path, levels divided by `/`. INBOX is spelled in capitals; its children are
ordinary mailboxes. Creating one costs the same however many there are: an account counts its
mailboxes in its own row.
"""

import unicodedata
from collections.abc import Collection

from sqlalchemy import bindparam, func, select, update
from sqlalchemy import delete as delete_from

from pillarbox.base.errors import Exists, Invalid, NotFound, TooLarge
from pillarbox.base.ids import AccountId, MailboxId
from pillarbox.domain import changes
from pillarbox.domain.mail import acl_entries, annotations, keywords, threads
from pillarbox.domain.mail.model import Mailbox
from pillarbox.domain.mail.placement import MAX_UID, bury, note_unplaced
from pillarbox.domain.mail.tables import expunged, mailboxes
from pillarbox.domain.mail.tables import subscriptions as subscribed
from pillarbox.domain.owners.quota import charge, lock
from pillarbox.domain.owners.tables import accounts
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Row, Tx

INBOX = "INBOX"
DEFAULTS: tuple[tuple[str, str | None], ...] = (
    (INBOX, None),
    ("Drafts", "\\Drafts"),
    ("Sent", "\\Sent"),
    ("Junk", "\\Junk"),
    ("Trash", "\\Trash"),
    ("Archive", "\\Archive"),
)
FEATURE_DEFAULTS: tuple[tuple[str, str | None], ...] = (
    ("Snoozed", "\\Snoozed"),
    ("Screener", None),
)
"""Mailboxes of features, made once the feature of that name is on; none is yet."""
SPECIAL_USES = frozenset({"\\All", "\\Flagged"} | {use for _, use in DEFAULTS if use})

OTHER_USERS = "Other Users"
SHARED = "Shared"
NAMESPACES = (OTHER_USERS, SHARED)
"""First levels kept for mailboxes of others (RFC 2342); see `domain/sharing/access`."""

MAX_MAILBOXES = 100_000
MAX_NAME_CHARACTERS = 1000
MAX_NAME_OCTETS = 2000  # PostgreSQL refuses index entries above 2,700
MAX_LEVEL_CHARACTERS = 255
MAX_DEPTH = 32

COLUMNS = (
    mailboxes.c.id,
    mailboxes.c.account_id,
    mailboxes.c.name,
    mailboxes.c.special_use,
    mailboxes.c.uidvalidity,
    mailboxes.c.uidnext,
    mailboxes.c.modseq,
    mailboxes.c.total,
    mailboxes.c.unseen,
    mailboxes.c.deleted,
    mailboxes.c.size_bytes,
    mailboxes.c.recent_uid,
)
_OF_ACCOUNT = mailboxes.c.account_id == bindparam("account")
_GET = Statement(select(*COLUMNS).where(mailboxes.c.id == bindparam("mailbox")))
_BY_NAME = Statement(select(*COLUMNS).where(_OF_ACCOUNT, mailboxes.c.name == bindparam("path")))
_BY_USE = Statement(
    select(*COLUMNS)
    .where(_OF_ACCOUNT, mailboxes.c.special_use == bindparam("use"))
    .order_by(mailboxes.c.id)
)
_ALL = Statement(select(*COLUMNS).where(_OF_ACCOUNT).order_by(mailboxes.c.name))
_NAMES = Statement(
    select(mailboxes.c.id, mailboxes.c.name).where(_OF_ACCOUNT, mailboxes.c.special_use.is_(None))
)
_BELOW = Statement(
    select(mailboxes.c.id, mailboxes.c.name).where(
        _OF_ACCOUNT, func.substr(mailboxes.c.name, 1, bindparam("length")) == bindparam("prefix")
    )
)
_HAS_BELOW = Statement(
    select(mailboxes.c.id)
    .where(
        _OF_ACCOUNT, func.substr(mailboxes.c.name, 1, bindparam("length")) == bindparam("prefix")
    )
    .limit(1)
)
_COUNT_SUBSCRIPTIONS = Statement(
    select(func.count())
    .select_from(subscribed)
    .where(subscribed.c.account_id == bindparam("account"))
)
_INSERT = insert_row(mailboxes)
_TAKE_UIDVALIDITY = Statement(
    update(accounts)
    .where(accounts.c.id == bindparam("account"))
    .values(
        modseq=accounts.c.modseq + 1,
        uidvalidity=accounts.c.uidvalidity + 1,
        mailbox_count=accounts.c.mailbox_count + 1,
    )
    .returning(accounts.c.modseq, accounts.c.uidvalidity, accounts.c.mailbox_count)
)
_UNCOUNT = Statement(
    update(accounts)
    .where(accounts.c.id == bindparam("account"))
    .values(mailbox_count=accounts.c.mailbox_count - 1)
)
_SET_UIDVALIDITY = Statement(
    update(accounts)
    .where(accounts.c.id == bindparam("account"))
    .values(uidvalidity=bindparam("new_uidvalidity"))
)
_RENAME = Statement(
    update(mailboxes)
    .where(mailboxes.c.id == bindparam("mailbox"))
    .values(name=bindparam("path"), changed_modseq=bindparam("new_modseq"))
)
_DELETE = Statement(delete_from(mailboxes).where(mailboxes.c.id == bindparam("mailbox")))
_FORGET = Statement(delete_from(expunged).where(expunged.c.mailbox_id == bindparam("mailbox")))
_SUBSCRIPTIONS = Statement(
    select(subscribed.c.name).where(subscribed.c.account_id == bindparam("account"))
)
_SUBSCRIBED = Statement(
    select(subscribed.c.name).where(
        subscribed.c.account_id == bindparam("account"),
        subscribed.c.name == bindparam("path"),
    )
)
_SUBSCRIBE = insert_row(subscribed)
_UNSUBSCRIBE = Statement(
    delete_from(subscribed).where(
        subscribed.c.account_id == bindparam("account"),
        subscribed.c.name == bindparam("path"),
    )
)


def canonical_name(name: str) -> str:
    """A mailbox name as it is stored; `Invalid` or `TooLarge` where it can't be one.

    INBOX is recognised in any case (RFC 9051 §5.1), as a first level too.
    """
    name = unicodedata.normalize("NFC", name)
    levels = name.split("/")
    if len(name) > MAX_NAME_CHARACTERS or len(levels) > MAX_DEPTH:
        raise TooLarge("The mailbox name is too long or too deep")
    for level in levels:
        if not level.strip():
            raise Invalid("A level of a mailbox name is empty")
        if len(level) > MAX_LEVEL_CHARACTERS:
            raise TooLarge("A level of the mailbox name is too long")
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in level):
            raise Invalid("A mailbox name can't hold control characters")
    if len(name.encode()) > MAX_NAME_OCTETS:
        raise TooLarge("The mailbox name is too long")
    if levels[0].upper() == INBOX:
        levels[0] = INBOX
    return "/".join(levels)


def get(tx: Tx, mailbox: MailboxId) -> Mailbox | None:
    """The mailbox of that id."""
    return _mailbox(tx.one(_GET, mailbox=mailbox))


def by_name(tx: Tx, account: AccountId, name: str) -> Mailbox | None:
    """The mailbox of that name; a name that can't be one is just not found."""
    try:
        path = canonical_name(name)
    except (Invalid, TooLarge):
        return None
    return _mailbox(tx.one(_BY_NAME, account=account, path=path))


def by_detail(tx: Tx, account: AccountId, detail: str) -> MailboxId | None:
    """The mailbox of a name in any case that a sub-address may lead to (RFC 5233 §1).

    None with a special use: nobody from outside puts mail into those.
    """
    wanted = detail.lower()
    for mailbox_id, name in tx.all(_NAMES, account=account):
        if name.lower() == wanted:
            return MailboxId(mailbox_id)
    return None


def by_special_use(tx: Tx, account: AccountId, use: str) -> Mailbox | None:
    """The first mailbox with that special use (RFC 6154), such as `\\Sent`."""
    return _mailbox(tx.one(_BY_USE, account=account, use=use))


def all_of(tx: Tx, account: AccountId) -> list[Mailbox]:
    """Every mailbox of an account, by name."""
    return [Mailbox(*row) for row in tx.all(_ALL, account=account)]


def create_defaults(tx: Tx, account: AccountId, features: Collection[str] = ()) -> None:
    """Make and subscribe the mailboxes every account begins with.

    `features` are those of `FEATURE_DEFAULTS` that are on.
    """
    for name, use in DEFAULTS:
        create(tx, account, name, use)
        subscribe(tx, account, name)
    for name, use in FEATURE_DEFAULTS:
        if name in features:
            _insert(tx, account, name, use)
            subscribe(tx, account, name)


def create(
    tx: Tx,
    account: AccountId,
    name: str,
    special_use: str | None = None,
    heir_of: MailboxId | None = None,
) -> Mailbox:
    """Make a mailbox and the parents it lacks; each takes over the access list of its parent.

    At the top, where there is none, that of `heir_of`. Raises `Exists`, `Invalid` (name or special
    use), `TooLarge`; the transaction must not go on then.
    """
    path = canonical_name(name)
    if by_name(tx, account, path) is not None:
        raise Exists("There is a mailbox of that name already")
    _require_personal(path)
    if special_use is not None and special_use not in SPECIAL_USES:
        raise Invalid("That special use is not known here")
    parent = _make_parents(tx, account, path, heir_of)
    return _insert(tx, account, path, special_use, parent)


def rename(
    tx: Tx, account: AccountId, name: str, new_name: str, heir_of: MailboxId | None = None
) -> None:
    """Rename a mailbox and everything below it (RFC 9051 §6.3.6); their access lists stay.

    Renaming INBOX moves its messages into a new mailbox and leaves INBOX and its children.
    `heir_of` as in `create`. Raises `NotFound`, `Exists`, `Invalid`, `TooLarge`.
    """
    old_path, new_path = canonical_name(name), canonical_name(new_name)
    lock(tx, account)
    mailbox = by_name(tx, account, old_path)
    if mailbox is None:
        raise NotFound("There is no such mailbox")
    if old_path == INBOX:
        # All of appending hangs on it, which commands about users can do without.
        from pillarbox.domain.mail.copy import move

        target = create(tx, account, new_path)
        move(tx, account, mailbox.id, ((1, MAX_UID),), target.id)
        return
    if new_path.startswith(old_path + "/"):
        raise Invalid("A mailbox can't be moved below itself")
    if by_name(tx, account, new_path) is not None:
        raise Exists("There is a mailbox of that name already")
    _require_personal(new_path)
    moved = [(mailbox.id, old_path), *_below(tx, account, old_path)]
    taken = {path for _, path in _below(tx, account, new_path)}
    taken.update(path for _, path in moved)
    renamed = [(found, new_path + path[len(old_path) :]) for found, path in moved]
    for _, path in renamed:
        if path in taken:
            raise Exists("There is a mailbox of that name already")
        _require_fit(path)
    _make_parents(tx, account, new_path, heir_of)
    modseq = changes.next_modseq(tx, account)
    tx.run_many(
        _RENAME,
        [{"mailbox": found, "path": path, "new_modseq": modseq} for found, path in renamed],
    )
    changes.note_all(tx, account, modseq, changes.Kind.MAILBOX, [found for found, _ in renamed])
    _move_subscriptions(tx, account, old_path, new_path)


def has_below(tx: Tx, account: AccountId, name: str) -> bool:
    """Whether there are mailboxes below a name, be there one of the name itself or not."""
    prefix = canonical_name(name) + "/"
    return tx.one(_HAS_BELOW, account=account, prefix=prefix, length=len(prefix)) is not None


def delete(tx: Tx, account: AccountId, name: str) -> None:
    """Delete a mailbox with its messages; mailboxes below it stay (RFC 9051 §6.3.5).

    Raises `NotFound`, and `Invalid` for INBOX.
    """
    lock(tx, account)
    mailbox = by_name(tx, account, name)
    if mailbox is None:
        raise NotFound("There is no such mailbox")
    if mailbox.name == INBOX:
        raise Invalid("INBOX can't be deleted")
    _remove(tx, mailbox)


def delete_all(tx: Tx, account: AccountId) -> None:
    """Delete every mailbox of an account that is about to go."""
    lock(tx, account)
    for mailbox in all_of(tx, account):
        _remove(tx, mailbox)
    for name in subscriptions(tx, account):
        unsubscribe(tx, account, name)
    threads.forget_account(tx, account)


def subscriptions(tx: Tx, account: AccountId) -> set[str]:
    """The names an account is subscribed to; mailboxes of such names need not exist."""
    return {row[0] for row in tx.all(_SUBSCRIPTIONS, account=account)}


def subscribe(tx: Tx, account: AccountId, name: str) -> None:
    """Subscribe to a name; once more does nothing. `TooLarge` where there are far too many."""
    path = canonical_name(name)
    if tx.one(_SUBSCRIBED, account=account, path=path) is None:
        if tx.scalar(_COUNT_SUBSCRIPTIONS, account=account) >= MAX_MAILBOXES:
            raise TooLarge("The account has too many subscriptions")
        tx.run(_SUBSCRIBE, account_id=account, name=path)
        changes.hint(tx, account)


def unsubscribe(tx: Tx, account: AccountId, name: str) -> None:
    """End a subscription; one that is not there is no fault."""
    if tx.run(_UNSUBSCRIBE, account=account, path=canonical_name(name)):
        changes.hint(tx, account)


def _mailbox(row: Row | None) -> Mailbox | None:
    return None if row is None else Mailbox(*row)


def _require_personal(path: str) -> None:
    if path.split("/", 1)[0] in NAMESPACES:
        raise Invalid(
            f"Names that begin with {OTHER_USERS} or {SHARED} are kept for mailboxes of others"
        )


def _require_fit(path: str) -> None:
    """Check the limits of a path whose levels were names before."""
    if len(path) > MAX_NAME_CHARACTERS or path.count("/") >= MAX_DEPTH:
        raise TooLarge("The mailbox name is too long or too deep")
    if not path.isascii() and len(path.encode()) > MAX_NAME_OCTETS:
        raise TooLarge("The mailbox name is too long")


def _below(tx: Tx, account: AccountId, path: str) -> list[tuple[MailboxId, str]]:
    prefix = path + "/"
    rows = tx.all(_BELOW, account=account, prefix=prefix, length=len(prefix))
    return [(MailboxId(row[0]), row[1]) for row in rows]


def _make_parents(
    tx: Tx, account: AccountId, path: str, heir_of: MailboxId | None
) -> MailboxId | None:
    """Make the parents a path lacks; gives the nearest, or `heir_of` at the top."""
    levels = path.split("/")
    parent = heir_of
    for depth in range(1, len(levels)):
        name = "/".join(levels[:depth])
        found = by_name(tx, account, name)
        if found is None:
            found = _insert(tx, account, name, None, parent)
        parent = found.id
    return parent


def _insert(
    tx: Tx,
    account: AccountId,
    path: str,
    special_use: str | None,
    parent: MailboxId | None = None,
) -> Mailbox:
    row = tx.one(_TAKE_UIDVALIDITY, account=account)
    if row is None:
        raise NotFound("There is no such account")
    modseq, uidvalidity, mailbox_count = row
    if mailbox_count > MAX_MAILBOXES:
        raise TooLarge("The account has too many mailboxes")
    # Seconds since the epoch, as is the custom, but never one this account has given out before.
    now = tx.now_ms // 1000
    if uidvalidity < now:
        uidvalidity = now
        tx.run(_SET_UIDVALIDITY, account=account, new_uidvalidity=uidvalidity)
    mailbox_id = MailboxId(tx.next_id())
    tx.run(
        _INSERT,
        id=mailbox_id,
        account_id=account,
        name=path,
        special_use=special_use,
        uidvalidity=uidvalidity,
        uidnext=1,
        modseq=modseq,
        created_modseq=modseq,
        changed_modseq=modseq,
        total=0,
        unseen=0,
        deleted=0,
        size_bytes=0,
        recent_uid=1,
        forgotten_modseq=0,
    )
    if parent is not None:
        acl_entries.inherit(tx, parent, mailbox_id)
    changes.note(tx, account, modseq, changes.Kind.MAILBOX, mailbox_id)
    return Mailbox(mailbox_id, account, path, special_use, uidvalidity, 1, modseq, 0, 0, 0, 0, 1)


def _remove(tx: Tx, mailbox: Mailbox) -> None:
    charged = charge(tx, mailbox.account_id, -mailbox.size_bytes, -mailbox.total)
    bury(tx, mailbox.id, charged.modseq, ((1, MAX_UID),))
    note_unplaced(tx, mailbox.id, charged.modseq)
    tx.run(_FORGET, mailbox=mailbox.id)
    keywords.forget(tx, mailbox.id)
    acl_entries.forget_mailbox(tx, mailbox.id)
    annotations.forget_mailbox(tx, mailbox.id)
    tx.run(_DELETE, mailbox=mailbox.id)
    tx.run(_UNCOUNT, account=mailbox.account_id)
    changes.note(tx, mailbox.account_id, charged.modseq, changes.Kind.MAILBOX, mailbox.id)


def _move_subscriptions(tx: Tx, account: AccountId, old_path: str, new_path: str) -> None:
    have = subscriptions(tx, account)
    moved = [name for name in have if name == old_path or name.startswith(old_path + "/")]
    tx.run_many(_UNSUBSCRIBE, [{"account": account, "path": name} for name in moved])
    new = {new_path + name[len(old_path) :] for name in moved} - (have - set(moved))
    tx.run_many(_SUBSCRIBE, [{"account_id": account, "name": name} for name in sorted(new)])
