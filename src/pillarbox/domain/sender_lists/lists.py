"""Lists of senders as rows: adding, removing, reading.

Called by the command line and by `pipeline/inbound/checks/sender_lists`, which keeps lists in
memory. Whose list somebody may change is the caller's to know.
"""

from ipaddress import IPv4Network, IPv6Network, ip_network

import msgspec
from sqlalchemy import bindparam, delete, select

from pillarbox.base.errors import GrammarError, Invalid, NotFound
from pillarbox.domain.judgement.model import Action
from pillarbox.domain.sender_lists.model import (
    ACTIONS,
    ENTRIES_MOST,
    TOPIC,
    Entry,
    Owner,
    Scope,
    SenderList,
)
from pillarbox.domain.sender_lists.tables import sender_entries
from pillarbox.formats.address import ascii_domain
from pillarbox.storage.blobs.sealed import row_name
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Row, Tx

_PURPOSE = "sender lists"
_PATTERN_CHARS = 320

_e = sender_entries.c
_THIS = (_e.scope == bindparam("of_scope"), _e.owner_id == bindparam("of_owner"))
_LIST = Statement(select(_e.id, _e.entry, _e.created_ms).where(*_THIS).order_by(_e.id))
_INSERT = insert_row(sender_entries)
_DELETE = Statement(delete(sender_entries).where(_e.id == bindparam("number")))
_FORGET = Statement(delete(sender_entries).where(*_THIS))


class _Sealed(msgspec.Struct, frozen=True, array_like=True):
    pattern: str
    action: Action
    even_unauthenticated: bool = False


def add(
    tx: Tx,
    keys: KeyRing,
    owner: Owner,
    pattern: str,
    action: Action,
    *,
    subdomains: bool = False,
    even_unauthenticated: bool = False,
) -> Entry:
    """Put a sender on a list, instead of what the list says of it now.

    With `subdomains` a domain is meant with all below it. Raises `Invalid` for what can't be.
    """
    if action not in ACTIONS:
        raise Invalid(f"A list of senders can {', '.join(ACTIONS)}, and nothing else")
    spelled = spelling(pattern, owner.scope, subdomains=subdomains)
    if "/" in spelled and even_unauthenticated:
        raise Invalid("An address of a host needs no authentication")
    present = all_of(tx, keys, owner)
    for one in present:
        if one.pattern == spelled:
            tx.run(_DELETE, number=one.id)
    if len(present) >= ENTRIES_MOST and all(one.pattern != spelled for one in present):
        raise Invalid(f"A list has {ENTRIES_MOST} entries at most; remove some first")
    number = tx.next_id()
    sealed = msgspec.msgpack.encode(_Sealed(spelled, action, even_unauthenticated))
    tx.run(
        _INSERT,
        id=number,
        scope=int(owner.scope),
        owner_id=owner.id,
        entry=keys.system(_PURPOSE).seal(sealed, row_name(number)),
        created_ms=tx.now_ms,
    )
    tx.emit(TOPIC)
    return Entry(number, spelled, action, even_unauthenticated, tx.now_ms)


def remove(tx: Tx, keys: KeyRing, owner: Owner, pattern: str) -> int:
    """Take a sender off a list, with and without what is below a domain; gives how many entries.

    Raises `NotFound` if it is not on it, `Invalid` for what can't be.
    """
    wanted = {spelling(pattern, owner.scope)}
    if "@" not in pattern and "/" not in next(iter(wanted)):
        wanted.add(spelling(pattern, owner.scope, subdomains=True))
    found = [one for one in all_of(tx, keys, owner) if one.pattern in wanted]
    if not found:
        raise NotFound(f"{pattern} is not on that list; see `sender list`")
    tx.run_many(_DELETE, [{"number": one.id} for one in found])
    tx.emit(TOPIC)
    return len(found)


def all_of(tx: Tx, keys: KeyRing, owner: Owner) -> list[Entry]:
    """The entries of a list, in the order they were made."""
    rows = tx.all(_LIST, of_scope=int(owner.scope), of_owner=owner.id)
    return [_entry(keys, row) for row in rows]


def load(tx: Tx, keys: KeyRing, owners: tuple[Owner, ...]) -> dict[Owner, SenderList]:
    """Several lists, as they are looked up."""
    found = {}
    for owner in owners:
        named: dict[str, Entry] = {}
        networks: list[tuple[IPv4Network | IPv6Network, Entry]] = []
        for one in all_of(tx, keys, owner):
            if "/" in one.pattern and "@" not in one.pattern:
                networks.append((ip_network(one.pattern), one))
            else:
                named[one.pattern] = one
        found[owner] = SenderList(named, tuple(networks))
    return found


def forget(tx: Tx, owner: Owner) -> None:
    """Drop the list of a domain or a user that is removed."""
    if tx.run(_FORGET, of_scope=int(owner.scope), of_owner=owner.id):
        tx.emit(TOPIC)


def spelling(pattern: str, scope: Scope, *, subdomains: bool = False) -> str:
    """A pattern as it is kept; `Invalid` for what is no address, domain or network.

    Networks are for the list of the server alone.
    """
    text = pattern.strip()
    if len(text) > _PATTERN_CHARS or not text.isprintable() or " " in text:
        raise Invalid(f"{pattern[:80]!r} is no address, domain or network")
    local, at, domain = text.rpartition("@")
    if not at and (network := _network(text)) is not None:
        if scope is not Scope.SERVER:
            raise Invalid("Networks can be on the list of the whole server only")
        return str(network)
    below = subdomains or (not at and domain.startswith((".", "*.")))
    try:
        name = ascii_domain((domain if at else domain.lstrip("*").lstrip(".")).rstrip("."))
    except GrammarError as error:
        raise Invalid(f"{pattern[:80]!r} is no address, domain or network") from error
    if at and not local:
        return name
    if at:
        if subdomains:
            raise Invalid("Only domains have others below them")
        return f"{local.lower()}@{name}"
    return f".{name}" if below else name


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text.strip("[]"), strict=False)
    except ValueError:
        return None


def _entry(keys: KeyRing, row: Row) -> Entry:
    number, sealed, created_ms = row
    plain = keys.system(_PURPOSE).open(sealed, row_name(number))
    one = msgspec.msgpack.decode(plain, type=_Sealed)
    return Entry(number, one.pattern, one.action, one.even_unauthenticated, created_ms)
