"""Messages that wait to be delivered: noted with what causes them, removed with what they do.

A row is removed in the transaction that delivers it (`done`), which goes on only where it was there
still: so each is delivered once, whoever works them off. Sealed under the account's keys.
"""

from collections.abc import Sequence

from msgspec import Struct, msgpack
from sqlalchemy import bindparam, delete, exists, func, select, update

from pillarbox.base.ids import AccountId
from pillarbox.domain.owners.quota import salt_of
from pillarbox.domain.scheduling.model import (
    TOPIC,
    NewMessage,
    WaitingMessage,
    Why,
)
from pillarbox.domain.scheduling_rows.tables import scheduling_contents, scheduling_messages
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Tx

GRACE_MS = 10_000
"""For so long the process that noted a message is given the time to deliver it itself."""
ATTEMPTS_MOST = 10
WAITING_MOST = 20_000
"""Messages of one account that wait; more can't be noted."""
DIGESTS = "scheduling"
_FIRST_WAIT_MS = 30_000
_LONGEST_WAIT_MS = 6 * 3_600_000

_m = scheduling_messages.c
_MINE = _m.account_id == bindparam("account")
_THIS = _m.id == bindparam("message")
_INSERT = insert_row(scheduling_messages)
_INSERT_CONTENT = insert_row(scheduling_contents)
_COLUMNS = (_m.id, _m.account_id, _m.content_id, _m.why, _m.attempts, _m.created_ms, _m.head)
_DUE = Statement(
    select(_m.account_id)
    .where(_m.due_ms <= bindparam("now_ms"))
    .order_by(_m.due_ms)
    .limit(bindparam("most"))
)
_OF_ACCOUNT = Statement(
    select(*_COLUMNS, scheduling_contents.c.data)
    .select_from(
        scheduling_messages.join(scheduling_contents, scheduling_contents.c.id == _m.content_id)
    )
    .where(_MINE, _m.due_ms <= bindparam("until_ms"), _m.id > bindparam("after"))
    .order_by(_m.id)
    .limit(bindparam("most"))
)
_COUNT = Statement(select(func.count()).select_from(scheduling_messages).where(_MINE))
_ONCE = Statement(select(_m.id).where(_MINE, _m.once == bindparam("of_uid")).limit(1))
_DONE = Statement(delete(scheduling_messages).where(_THIS))
_PUT_OFF = Statement(
    update(scheduling_messages)
    .where(_THIS)
    .values(attempts=_m.attempts + 1, due_ms=bindparam("new_due_ms"))
)
_RELEASE = Statement(
    update(scheduling_messages)
    .where(_MINE, _m.due_ms > bindparam("now_ms"), _m.attempts == 0)
    .values(due_ms=bindparam("now_ms"))
)
_CONTENT_OF = Statement(select(_m.content_id).where(_THIS))
_UNUSED = Statement(
    delete(scheduling_contents).where(
        scheduling_contents.c.id == bindparam("content"),
        ~exists().where(_m.content_id == bindparam("content")),
    )
)
_ORPHANS = Statement(
    delete(scheduling_contents).where(~exists().where(_m.content_id == scheduling_contents.c.id))
)


class _Head(Struct, array_like=True):
    """What is sealed beside the content."""

    method: str
    uid: str
    sender: str
    recipient: str
    prior: str


_DECODER = msgpack.Decoder(_Head)


def note(
    tx: Tx, keys: KeyRing, account: AccountId, messages: Sequence[NewMessage], *, now: bool = False
) -> None:
    """Note messages of an account; with `now` any process may deliver them at once.

    What would wait beyond `WAITING_MOST` is not noted. Messages with the same content share it.
    """
    if not messages:
        return
    salt = salt_of(tx, account)
    sealer, digester = keys.account(salt), keys.digester(DIGESTS, salt)
    room = WAITING_MOST - int(tx.scalar(_COUNT, account=account))
    contents: dict[bytes, int] = {}
    rows = []
    due_ms = tx.now_ms if now else tx.now_ms + GRACE_MS
    for message in messages[: max(room, 0)]:
        once = 0
        if message.why is Why.REFRESH:
            once = digester.digests(b"uid " + message.uid.encode("utf-8", "replace"))[0]
            if tx.one(_ONCE, account=account, of_uid=once) is not None:
                continue
        content_id = contents.get(message.content)
        if content_id is None:
            content_id = contents[message.content] = tx.next_id()
            data = sealer.seal(message.content, _row_name(content_id, b"content"))
            tx.run(_INSERT_CONTENT, id=content_id, data=data)
        row_id = tx.next_id()
        head = _Head(message.method, message.uid, message.sender, message.recipient, message.prior)
        rows.append(
            {
                "id": row_id,
                "account_id": account,
                "content_id": content_id,
                "once": once,
                "why": int(message.why),
                "attempts": 0,
                "due_ms": due_ms,
                "created_ms": tx.now_ms,
                "head": sealer.seal(msgpack.encode(head), _row_name(row_id, b"head")),
            }
        )
    tx.run_many(_INSERT, rows)
    if now:
        tx.emit(TOPIC)


def due(tx: Tx, most: int) -> list[AccountId]:
    """Accounts with messages that are due, the longest first; maybe several times."""
    return [AccountId(row[0]) for row in tx.all(_DUE, now_ms=tx.now_ms, most=most)]


def of_account(
    tx: Tx, keys: KeyRing, account: AccountId, after: int, most: int, *, early: bool = False
) -> list[WaitingMessage]:
    """Messages of an account that are due, by id behind `after`; with `early` those not yet, too.

    Those that were put off wait in any case.
    """
    until_ms = tx.now_ms + GRACE_MS if early else tx.now_ms
    rows = tx.all(_OF_ACCOUNT, account=account, until_ms=until_ms, after=after, most=most)
    if not rows:
        return []
    sealer = keys.account(salt_of(tx, account))
    found = []
    for row_id, _, content_id, why, attempts, created_ms, sealed, data in rows:
        head = _DECODER.decode(sealer.open(bytes(sealed), _row_name(row_id, b"head")))
        content = sealer.open(bytes(data), _row_name(content_id, b"content"))
        message = NewMessage(
            head.method, head.uid, head.sender, head.recipient, content, Why(why), head.prior
        )
        found.append(WaitingMessage(row_id, account, message, attempts, created_ms))
    return found


def done(tx: Tx, message: WaitingMessage) -> bool:
    """Remove a message in the transaction that delivers it; false where somebody else did."""
    content_id = tx.scalar(_CONTENT_OF, message=message.id)
    if content_id is None or not tx.run(_DONE, message=message.id):
        return False
    tx.run(_UNUSED, content=content_id)
    return True


def put_off(tx: Tx, message: WaitingMessage) -> bool:
    """Try a message again later, the later the more often it was; false where it was too often."""
    if message.attempts + 1 >= ATTEMPTS_MOST:
        return False
    wait_ms = min(_FIRST_WAIT_MS << message.attempts, _LONGEST_WAIT_MS)
    tx.run(_PUT_OFF, message=message.id, new_due_ms=tx.now_ms + wait_ms)
    return True


def release(tx: Tx, account: AccountId) -> None:
    """Let any process deliver what an account's own did not come to."""
    if tx.run(_RELEASE, account=account, now_ms=tx.now_ms):
        tx.emit(TOPIC)


def prune_contents(tx: Tx) -> int:
    """Drop contents that no message has; gives how many.

    Two processes that deliver the last two messages of a content at once each see the other's.
    """
    return tx.run(_ORPHANS)


def _row_name(row_id: int, what: bytes) -> bytes:
    return b"scheduling " + what + row_id.to_bytes(8, "big")
