"""The DKIM keys of a domain: made, put into use, replaced and forgotten.

Of each algorithm at most one key of a domain is ACTIVE. Making a key (`make`) is no work for a
transaction. Private keys are sealed for their own row.
"""

from sqlalchemy import bindparam, delete, func, select, update

from pillarbox.base.errors import Conflict, Exists, Invalid, NotFound
from pillarbox.base.ids import DomainId
from pillarbox.domain.signing.model import TOPIC, DkimKey, KeyState, NewKey
from pillarbox.domain.signing.tables import dkim_keys
from pillarbox.formats.mailauth.keys import KeyAlgorithm
from pillarbox.storage.blobs.sealed import row_name
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Row, Tx

KEEP_PUBLISHED_MS = 14 * 86_400_000
"""How long the record of a key stays wanted after its last signature: mail may be on its way."""
SETTLE_MS = 3_600_000
"""How long the DNS must have shown a prepared key: not all its servers are equally quick."""
KEYS_MOST = 32
"""Keys of one domain, those retired included."""

_PURPOSE = "dkim"
_COLUMNS = (
    dkim_keys.c.id,
    dkim_keys.c.domain_id,
    dkim_keys.c.selector,
    dkim_keys.c.algorithm,
    dkim_keys.c.public_key,
    dkim_keys.c.state,
    dkim_keys.c.created_ms,
    dkim_keys.c.activated_ms,
    dkim_keys.c.retired_ms,
    dkim_keys.c.published_ms,
    dkim_keys.c.checked_ms,
)
_OF_DOMAIN = Statement(
    select(*_COLUMNS)
    .where(dkim_keys.c.domain_id == bindparam("domain_id"))
    .order_by(dkim_keys.c.state, dkim_keys.c.algorithm.desc(), dkim_keys.c.created_ms)
)
_ACTIVE = Statement(
    select(dkim_keys.c.id, dkim_keys.c.selector, dkim_keys.c.private_key, dkim_keys.c.algorithm)
    .where(
        dkim_keys.c.domain_id == bindparam("domain_id"),
        dkim_keys.c.state == int(KeyState.ACTIVE),
    )
    .order_by(dkim_keys.c.algorithm.desc(), dkim_keys.c.id)
)
_PRIVATE = Statement(select(dkim_keys.c.private_key).where(dkim_keys.c.id == bindparam("key")))
_BY_ID = Statement(select(*_COLUMNS).where(dkim_keys.c.id == bindparam("key")))
_DOMAINS = Statement(select(dkim_keys.c.domain_id).distinct())
_COUNT = Statement(
    select(func.count()).select_from(dkim_keys).where(dkim_keys.c.domain_id == bindparam("domain"))
)
_INSERT = insert_row(dkim_keys)
_DELETE = Statement(delete(dkim_keys).where(dkim_keys.c.id == bindparam("key")))
_DELETE_ALL = Statement(delete(dkim_keys).where(dkim_keys.c.domain_id == bindparam("domain_id")))
_STATE_IS = (dkim_keys.c.id == bindparam("key"), dkim_keys.c.state == bindparam("was"))
_ACTIVATE = Statement(
    update(dkim_keys)
    .where(*_STATE_IS)
    .values(state=int(KeyState.ACTIVE), activated_ms=bindparam("now"), retired_ms=None)
)
_RETIRE = Statement(
    update(dkim_keys)
    .where(*_STATE_IS)
    .values(state=int(KeyState.RETIRING), retired_ms=bindparam("now"))
)
_FORGET = Statement(
    update(dkim_keys)
    .where(
        dkim_keys.c.state == int(KeyState.RETIRING), dkim_keys.c.retired_ms <= bindparam("before")
    )
    .values(state=int(KeyState.RETIRED), private_key=b"")
)
_FORGET_PREPARED = Statement(
    update(dkim_keys)
    .where(*_STATE_IS)
    .values(state=int(KeyState.RETIRED), retired_ms=bindparam("now"), private_key=b"")
)
_NOTE = Statement(
    update(dkim_keys)
    .where(dkim_keys.c.id == bindparam("key"))
    .values(published_ms=bindparam("published"), checked_ms=bindparam("now"))
)


def add(tx: Tx, ring: KeyRing, domain_id: DomainId, new: NewKey, state: KeyState) -> DkimKey:
    """Keep a new key, PREPARED or ACTIVE; an ACTIVE one takes the place of its like.

    Raises `Exists` where the selector is in use, `Invalid` at 32 keys.
    """
    present = of_domain(tx, domain_id)
    if any(key.selector == new.selector for key in present):
        raise Exists(f"The selector {new.selector} is in use")
    if len(present) >= KEYS_MOST:
        raise Invalid(f"The domain has {KEYS_MOST} keys; remove some that are retired")
    key_id = tx.next_id()
    tx.run(
        _INSERT,
        id=key_id,
        domain_id=domain_id,
        selector=new.selector,
        algorithm=str(new.algorithm),
        private_key=ring.system(_PURPOSE).seal(new.private, row_name(key_id)),
        public_key=new.public,
        state=int(KeyState.PREPARED),
        created_ms=tx.now_ms,
        activated_ms=None,
        retired_ms=None,
        published_ms=None,
        checked_ms=None,
    )
    made = require(tx, domain_id, new.selector)
    if state is KeyState.ACTIVE:
        activate(tx, made)
    tx.emit(TOPIC)
    return require(tx, domain_id, new.selector)


def add_first(tx: Tx, ring: KeyRing, domain_id: DomainId, new: tuple[NewKey, ...]) -> bool:
    """Put keys into use for a domain that never had any; gives whether it got them."""
    if tx.scalar(_COUNT, domain=domain_id):
        return False
    for one in new:
        add(tx, ring, domain_id, one, KeyState.ACTIVE)
    return True


def of_domain(tx: Tx, domain_id: DomainId) -> list[DkimKey]:
    """Every key of a domain, in the order of their states, RSA first."""
    return [_key(row) for row in tx.all(_OF_DOMAIN, domain_id=domain_id)]


def require(tx: Tx, domain_id: DomainId, selector: str) -> DkimKey:
    """The key of that selector (any case); `NotFound` if the domain has none."""
    for key in of_domain(tx, domain_id):
        if key.selector == selector.lower():
            return key
    raise NotFound(f"There is no key with the selector {selector}")


def active(tx: Tx, domain_id: DomainId) -> list[tuple[int, str, bytes]]:
    """What signs for a domain, RSA first: id, selector, and the private key as it is sealed.

    `opened` opens it, which need not be done in the transaction.
    """
    return [(row[0], row[1], bytes(row[2])) for row in tx.all(_ACTIVE, domain_id=domain_id)]


def opened(ring: KeyRing, key_id: int, sealed: bytes) -> bytes:
    """The private key in clear, PKCS #8."""
    return ring.system(_PURPOSE).open(sealed, row_name(key_id))


def private(tx: Tx, ring: KeyRing, key: DkimKey) -> bytes:
    """The private key in clear, PKCS #8; `Conflict` if it is retired and no longer there."""
    sealed = tx.scalar(_PRIVATE, key=key.id)
    if not sealed:
        raise Conflict(f"The key {key.selector} is retired; its private half is gone")
    return opened(ring, key.id, bytes(sealed))


def domain_ids(tx: Tx) -> set[DomainId]:
    """The domains that have keys, or had some."""
    return {DomainId(row[0]) for row in tx.all(_DOMAINS)}


def activate(tx: Tx, key: DkimKey) -> None:
    """Sign with a key from now on; the one of its algorithm that did so is RETIRING then.

    Raises `Conflict` for a key that is in use already, or retired.
    """
    if key.state not in (KeyState.PREPARED, KeyState.RETIRING):
        raise Conflict(f"The key {key.selector} is {key.state.name.lower()}")
    for other in of_domain(tx, key.domain_id):
        if other.state is KeyState.ACTIVE and other.algorithm is key.algorithm:
            retire(tx, other)
    if not tx.run(_ACTIVATE, key=key.id, was=int(key.state), now=tx.now_ms):
        raise Conflict(f"The key {key.selector} has changed meanwhile")
    tx.emit(TOPIC)


def retire(tx: Tx, key: DkimKey) -> None:
    """Sign with a key no more; its record is to stay for 14 days if it ever signed.

    Raises `Conflict` for one that is on its way out already.
    """
    if key.state not in (KeyState.PREPARED, KeyState.ACTIVE):
        raise Conflict(f"The key {key.selector} is {key.state.name.lower()} already")
    statement = _RETIRE if key.activated_ms is not None else _FORGET_PREPARED
    if not tx.run(statement, key=key.id, was=int(key.state), now=tx.now_ms):
        raise Conflict(f"The key {key.selector} has changed meanwhile")
    tx.emit(TOPIC)


def remove(tx: Tx, key: DkimKey) -> None:
    """Forget a key at once; what it signed and is still on its way can't be checked by others.

    A domain whose last key goes gets new ones; one whose keys are all retired does not.
    """
    tx.run(_DELETE, key=key.id)
    tx.emit(TOPIC)


def remove_all(tx: Tx, domain_id: DomainId) -> None:
    """Forget the keys of a domain that is about to go."""
    if tx.run(_DELETE_ALL, domain_id=domain_id):
        tx.emit(TOPIC)


def note_published(tx: Tx, key_id: int, seen: bool) -> None:
    """Note whether the DNS showed the record of a key just now."""
    row = tx.one(_BY_ID, key=key_id)
    if row is not None:
        since = _key(row).published_ms or tx.now_ms
        tx.run(_NOTE, key=key_id, published=since if seen else None, now=tx.now_ms)


def move_along(tx: Tx, domain_id: DomainId) -> list[DkimKey]:
    """Put prepared keys into use that the DNS has shown for an hour, and just now; gives those.

    To be called in the transaction of `note_published`.
    """
    ready = [
        key
        for key in of_domain(tx, domain_id)
        if key.state is KeyState.PREPARED
        and key.published_ms is not None
        and key.published_ms <= tx.now_ms - SETTLE_MS
        and key.checked_ms == tx.now_ms
    ]
    for key in ready:
        activate(tx, key)
    return ready


def forget_retired(tx: Tx) -> int:
    """End the keys that stopped signing 14 days ago: their private halves go. Gives how many."""
    return tx.run(_FORGET, before=tx.now_ms - KEEP_PUBLISHED_MS)


def _key(row: Row) -> DkimKey:
    return DkimKey(
        row[0], DomainId(row[1]), row[2], KeyAlgorithm(row[3]), bytes(row[4]), KeyState(row[5]),
        *row[6:],
    )  # fmt: skip
