"""Addresses nothing is sent to, by the senders of one domain or by anybody.

Looked at when mail is accepted (`suppressed`) and again when it is about to be sent (`mark`), so an
entry holds for what waits already. Addresses are compared without regard to case.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlalchemy import bindparam, column, delete, select, table, update

from pillarbox.base.errors import GrammarError, Invalid
from pillarbox.base.ids import DomainId
from pillarbox.domain.queue.log import clean
from pillarbox.domain.queue.model import LeasedMessage, OutgoingRecipient, Suppression
from pillarbox.domain.queue.tables import suppressions
from pillarbox.formats.address import parse_path
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Tx

LIST_MAX = 1000
_EVERYBODY = 0
_SLOTS = (1, 2, 4, 8, 16, 32, 64, 128)

# Named, not imported: `domain/accounts` rests on the mail store, which rests on the queue.
_domains = table("domains", column("id"), column("name"))
_DOMAIN = Statement(select(_domains.c.id).where(_domains.c.name == bindparam("name")))

_s = suppressions.c
_NAMES = tuple(f"a{slot}" for slot in range(_SLOTS[-1]))


def _find(slots: int) -> Statement:
    return Statement(
        select(_s.address, _s.domain_id, _s.reason, _s.expires_ms).where(
            _s.address.in_([bindparam(name) for name in _NAMES[:slots]])
        )
    )


_FIND = tuple((slots, _find(slots)) for slots in _SLOTS)
_THIS = (_s.domain_id == bindparam("owner"), _s.address == bindparam("key"))
_CHANGE = Statement(
    update(suppressions).where(*_THIS).values(reason=bindparam("why"), expires_ms=bindparam("ends"))
)
_INSERT = insert_row(suppressions)
_REMOVE = Statement(delete(suppressions).where(*_THIS))
_LIST = Statement(
    select(_s.address, _s.domain_id, _s.reason, _s.created_ms, _s.expires_ms)
    .where(_s.address > bindparam("after"))
    .order_by(_s.address, _s.domain_id)
    .limit(bindparam("most"))
)
_SWEEP = Statement(
    delete(suppressions).where(
        _s.id.in_(
            select(_s.id)
            .where(_s.expires_ms <= bindparam("now"))
            .limit(bindparam("most"))
            .scalar_subquery()
        )
    )
)


def add(
    tx: Tx, domain_id: DomainId | None, address: str, reason: str, expires_ms: int | None = None
) -> None:
    """Send nothing to an address any more; an entry that is there gets the new reason and end.

    `domain_id` is whose senders it is for, `None` for everybody's. Raises `Invalid` if it is no
    address.
    """
    key, owner = _key(address), domain_id or _EVERYBODY
    reason = clean(reason, 255)
    if tx.run(_CHANGE, owner=owner, key=key, why=reason, ends=expires_ms):
        return
    tx.run(
        _INSERT,
        id=tx.next_id(),
        domain_id=owner,
        address=key,
        reason=reason,
        created_ms=tx.now_ms,
        expires_ms=expires_ms,
    )


def remove(tx: Tx, domain_id: DomainId | None, address: str) -> bool:
    """Send to an address again; gives whether there was an entry."""
    return tx.run(_REMOVE, owner=domain_id or _EVERYBODY, key=_key(address)) > 0


def list_of(tx: Tx, after: str = "", limit: int = LIST_MAX) -> list[Suppression]:
    """The entries, by address, from behind the address `after`; at most about `LIST_MAX`."""
    return [
        Suppression(address, DomainId(owner) if owner else None, *rest)
        for address, owner, *rest in tx.all(_LIST, after=after, most=min(limit, LIST_MAX))
    ]


def suppressed(tx: Tx, domain_id: DomainId | None, addresses: Iterable[str]) -> dict[str, str]:
    """Which of the addresses nothing may be sent to by the senders of a domain, and why.

    With `None` only what holds for everybody. The addresses come back as they were given.
    """
    given = defaultdict(list)
    for address in addresses:
        given[_folded(address)].append(address)
    found: dict[str, str] = {}
    for key, entries in _entries(tx, list(given)).items():
        reason = _reason(entries, domain_id)
        if reason is not None:
            found |= dict.fromkeys(given[key], reason)
    return found


def mark(tx: Tx, messages: list[LeasedMessage]) -> list[LeasedMessage]:
    """The messages with `suppressed` set where nothing may be sent to a recipient."""
    keys = {_folded(r.address) for message in messages for r in message.recipients}
    entries = _entries(tx, list(keys))
    return [_marked(tx, message, entries) for message in messages] if entries else messages


def sweep(tx: Tx, most: int) -> int:
    """Drop up to `most` entries whose time is over; gives how many."""
    return tx.run(_SWEEP, now=tx.now_ms, most=most)


_Entries = dict[str, list[tuple[int, str]]]


def _key(address: str) -> str:
    """An address that somebody typed, as it is compared; `Invalid` if it is none."""
    try:
        return _folded(str(parse_path(address.strip())))
    except GrammarError as error:
        raise Invalid(f"{address!r} is not an address (user@domain)", str(error)) from error


def _folded(address: str) -> str:
    """An address of an envelope as it is compared, its domain in ASCII."""
    if address.isascii():
        return address.lower()
    local = address.rpartition("@")[0]
    return f"{unicodedata.normalize('NFC', local).lower()}@{OutgoingRecipient(address).domain}"


def _entries(tx: Tx, keys: Sequence[str]) -> _Entries:
    """What holds now for addresses in lower case: (whose, why) of each that has entries."""
    found: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
    for first in range(0, len(keys), _SLOTS[-1]):
        part = list(keys[first : first + _SLOTS[-1]])
        slots, statement = next(one for one in _FIND if one[0] >= len(part))
        padded = part + part[:1] * (slots - len(part))
        for address, owner, reason, expires_ms in tx.all(
            statement, **dict(zip(_NAMES, padded, strict=False))
        ):
            if expires_ms is None or expires_ms > tx.now_ms:
                found[address].append((owner, reason))
    return dict(found)


def _marked(tx: Tx, message: LeasedMessage, entries: _Entries) -> LeasedMessage:
    mine = [entries.get(_folded(r.address), []) for r in message.recipients]
    if not any(mine):
        return message
    domain_id = tx.scalar(_DOMAIN, name=OutgoingRecipient(message.reverse_path).domain)
    return replace(
        message,
        recipients=tuple(
            replace(recipient, suppressed=_reason(found, domain_id))
            for recipient, found in zip(message.recipients, mine, strict=True)
        ),
    )


def _reason(entries: Sequence[tuple[int, str]], domain_id: int | None) -> str | None:
    """Why nothing is sent, by the domain's own entry first."""
    for owner in (domain_id, _EVERYBODY):
        for whose, reason in entries:
            if whose == owner:
                return reason
    return None
