"""Annotations: named values that users and programs attach to mailboxes and to the server.

Private ones belong to one user, shared ones to the mailbox (RFC 5464 §3). Values are sealed: the
private ones for their holder, the shared ones for the owner of the mailbox.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Column, Index, Table, bindparam, func, literal, or_, select, update
from sqlalchemy import delete as delete_from

from pillarbox.base.errors import Invalid, NotFound, TooLarge
from pillarbox.base.ids import AccountId, MailboxId
from pillarbox.domain import changes
from pillarbox.domain.mail.tables import mailboxes
from pillarbox.domain.owners.quota import lock, salt_of
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.schema import Big, Blob, metadata, text
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Tx

MAX_ENTRY_CHARACTERS = 255
MAX_VALUE_BYTES = 64 * 1024
MAX_ENTRIES = 200
"""Of one holder on one mailbox, or on the server."""
MAX_BYTES = 16 << 20
"""Of one holder, and of what is shared on the mailboxes of one owner: no quota counts them."""
SERVER = MailboxId(0)
"""In the place of a mailbox: the server itself."""
ANY_DEPTH = 1_000
SCRIPT = "/shared/imapsieve/script"
"""The script that runs for what happens in a mailbox (RFC 6785 §2.3.1). On the server it is each
user's own, for the mailboxes without one: what users see of the server are their own mailboxes."""

annotations = Table(
    "annotations",
    metadata,
    Column("mailbox_id", Big, primary_key=True, autoincrement=False),  # 0: the server
    Column("holder_id", Big, primary_key=True, autoincrement=False),  # 0: shared
    Column("entry", text(MAX_ENTRY_CHARACTERS), primary_key=True),  # lower case, /private/… too
    Column("value", Blob, nullable=False),  # sealed
    Index(None, "holder_id"),
    sqlite_with_rowid=False,
)

_COMPONENT = re.compile(r"[^\x00-\x1f\x7f-\U0010ffff*%/]+")
_SHARED = 0
_OF = (
    annotations.c.mailbox_id == bindparam("mailbox"),
    or_(annotations.c.holder_id == bindparam("holder"), annotations.c.holder_id == _SHARED),
)
_NAMES = Statement(
    select(annotations.c.entry, annotations.c.holder_id).where(*_OF).order_by(annotations.c.entry)
)
_ONE = (
    annotations.c.mailbox_id == bindparam("mailbox"),
    annotations.c.holder_id == bindparam("holder"),
    annotations.c.entry == bindparam("name"),
)
_VALUE = Statement(select(annotations.c.value).where(*_ONE))
_REMOVE = Statement(delete_from(annotations).where(*_ONE))
_INSERT = insert_row(annotations)
_COUNT = Statement(
    select(func.count())
    .select_from(annotations)
    .where(
        annotations.c.mailbox_id == bindparam("mailbox"),
        annotations.c.holder_id == bindparam("holder"),
    )
)
_BYTES = func.coalesce(func.sum(func.length(annotations.c.value)), 0)
_PRIVATE_BYTES = Statement(select(_BYTES).where(annotations.c.holder_id == bindparam("holder")))
_SHARED_BYTES = Statement(
    select(_BYTES)
    .select_from(mailboxes.join(annotations, annotations.c.mailbox_id == mailboxes.c.id))
    .where(mailboxes.c.account_id == bindparam("owner"), annotations.c.holder_id == _SHARED)
)
_MAILBOX = Statement(
    select(mailboxes.c.id).where(
        mailboxes.c.id == bindparam("mailbox"), mailboxes.c.account_id == bindparam("owner")
    )
)
_FORGET_MAILBOX = Statement(
    delete_from(annotations).where(annotations.c.mailbox_id == bindparam("mailbox"))
)
_FORGET_HOLDER = Statement(
    delete_from(annotations).where(annotations.c.holder_id == bindparam("holder"))
)
# For statements that know the `mailbox` and the `account` it belongs to.
HAS_SCRIPT = or_(
    *(
        select(annotations.c.entry)
        .where(
            annotations.c.mailbox_id == place,
            annotations.c.holder_id == holder,
            annotations.c.entry == SCRIPT,
        )
        .exists()
        for place, holder in (
            (bindparam("mailbox"), literal(_SHARED, Big)),
            (literal(SERVER, Big), bindparam("account")),
        )
    )
)

# RFC 7162 §3.2: annotations of a mailbox move its modseq too.
_TOUCH = Statement(
    update(mailboxes)
    .where(mailboxes.c.id == bindparam("mailbox"))
    .values(modseq=bindparam("new_modseq"))
)
_MARK_BYTES = 48
_MARKS = Statement(
    select(
        annotations.c.mailbox_id,
        annotations.c.entry,
        func.substr(annotations.c.value, 1, _MARK_BYTES),
    )
    .select_from(mailboxes.join(annotations, annotations.c.mailbox_id == mailboxes.c.id))
    .where(
        mailboxes.c.account_id == bindparam("owner"),
        or_(annotations.c.holder_id == bindparam("holder"), annotations.c.holder_id == _SHARED),
    )
)
_SERVER_MARKS = Statement(
    select(annotations.c.entry, func.substr(annotations.c.value, 1, _MARK_BYTES)).where(
        annotations.c.mailbox_id == SERVER, annotations.c.holder_id == bindparam("holder")
    )
)


@dataclass(frozen=True, slots=True)
class Annotated:
    """What annotations are attached to, and who asks: the owner seals what is shared."""

    mailbox: MailboxId
    owner: AccountId
    holder: AccountId


def canonical_entry(name: str) -> str:
    """An entry's name as it is stored; `Invalid` where it can't be one (RFC 5464 §3.2).

    `/private` and `/shared` are names too, of what lies below them: they have no value.
    """
    entry = name.lower()
    levels = entry.split("/")
    if len(entry) > MAX_ENTRY_CHARACTERS:
        raise Invalid("The name of an annotation is too long")
    if len(levels) < 2 or levels[0] or levels[1] not in ("private", "shared"):
        raise Invalid("An annotation's name begins with /private/ or /shared/")
    if not all(map(_COMPONENT.fullmatch, levels[2:])):
        raise Invalid("An annotation's name has an empty level or characters it can't have")
    return entry


def is_shared(entry: str) -> bool:
    """Whether an entry of that canonical name belongs to all who may see it."""
    return entry.split("/", 2)[1] == "shared"


def get(
    tx: Tx, keys: KeyRing, where: Annotated, entries: Iterable[str], depth: int
) -> list[tuple[str, bytes]]:
    """The values of canonical entries and of those so many levels below them, by name."""
    wanted = tuple(entries)
    found = []
    for entry, holder in tx.all(_NAMES, mailbox=where.mailbox, holder=where.holder):
        if any(_within(entry, name, depth) for name in wanted):
            account = where.owner if holder == _SHARED else where.holder
            sealer = keys.account(salt_of(tx, account))
            sealed = tx.scalar(_VALUE, mailbox=where.mailbox, holder=holder, name=entry)
            found.append((entry, sealer.open(sealed, _row(where.mailbox, holder, entry))))
    return found


def put(
    tx: Tx, keys: KeyRing, where: Annotated, values: Sequence[tuple[str, bytes | None]]
) -> None:
    """Set the values of canonical entries, all or none; `None` removes one.

    Of the server even shared ones are the holder's own (`SCRIPT`). Raises `TooLarge` where a holder
    has too many or a value is too long, `Invalid` for an entry that can't have a value, `NotFound`
    where the mailbox has gone meanwhile.
    """
    lock(tx, where.owner)
    at, owner = where.mailbox, where.owner
    if at != SERVER and tx.one(_MAILBOX, mailbox=at, owner=owner) is None:
        raise NotFound("There is no such mailbox")
    for entry, value in values:
        if entry.count("/") < 2:
            raise Invalid("An annotation's name begins with /private/ or /shared/")
        holder = _SHARED if is_shared(entry) and at != SERVER else where.holder
        tx.run(_REMOVE, mailbox=where.mailbox, holder=holder, name=entry)
        if value is None:
            continue
        if len(value) > MAX_VALUE_BYTES:
            raise TooLarge("The value of an annotation is too long")
        if tx.scalar(_COUNT, mailbox=where.mailbox, holder=holder) >= MAX_ENTRIES:
            raise TooLarge("There are too many annotations")
        account = where.owner if holder == _SHARED else where.holder
        sealer = keys.account(salt_of(tx, account))
        sealed = sealer.seal(value, _row(where.mailbox, holder, entry))
        tx.run(_INSERT, mailbox_id=where.mailbox, holder_id=holder, entry=entry, value=sealed)
    _require_room(tx, where)
    if where.mailbox == SERVER:
        changes.hint(tx, where.owner)
    else:
        modseq = changes.next_modseq(tx, where.owner)
        tx.run(_TOUCH, mailbox=where.mailbox, new_modseq=modseq)
        changes.note(tx, where.owner, modseq, changes.Kind.ANNOTATION, where.mailbox)


def _require_room(tx: Tx, where: Annotated) -> None:
    private = tx.scalar(_PRIVATE_BYTES, holder=where.holder)
    if max(private, tx.scalar(_SHARED_BYTES, owner=where.owner)) > MAX_BYTES:
        raise TooLarge("Annotations take too much room; remove some")


def marks(
    tx: Tx, holder: AccountId, owners: Iterable[AccountId]
) -> dict[tuple[MailboxId, str], bytes]:
    """What tells apart each value that `holder` may see from any it is replaced by.

    By mailbox and entry, of all mailboxes of `owners` and of the server.
    """
    found = {(SERVER, entry): bytes(mark) for entry, mark in tx.all(_SERVER_MARKS, holder=holder)}
    for owner in owners:
        for mailbox, entry, mark in tx.all(_MARKS, owner=owner, holder=holder):
            found[MailboxId(mailbox), entry] = bytes(mark)
    return found


def forget_mailbox(tx: Tx, mailbox: MailboxId) -> None:
    """Drop what is attached to a mailbox that is about to go."""
    tx.run(_FORGET_MAILBOX, mailbox=mailbox)


def forget_holder(tx: Tx, account: AccountId) -> None:
    """Drop what belongs to a user who is about to go."""
    tx.run(_FORGET_HOLDER, holder=account)


def _within(entry: str, name: str, depth: int) -> bool:
    if entry == name:
        return True
    return entry.startswith(name + "/") and entry.count("/", len(name)) <= depth


def _row(mailbox: int, holder: int, entry: str) -> bytes:
    return f"annotation {mailbox} {holder} {entry}".encode()
