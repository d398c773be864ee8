"""Aliases: addresses that lead to others, here or outside.

An alias may bear the address of a user if it also leads there: forwarding that keeps a copy.
"""

from collections.abc import Iterable

from sqlalchemy import bindparam, exists, insert, select, update
from sqlalchemy import delete as sql_delete

from pillarbox.base.errors import Conflict, Exists, Invalid, NotFound, TooLarge
from pillarbox.base.ids import DomainId
from pillarbox.domain.accounts import domains, names
from pillarbox.domain.accounts.model import TOPIC, Alias, Domain
from pillarbox.domain.accounts.tables import alias_targets, aliases, resources, user_groups, users
from pillarbox.formats.address import Address
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Row, Tx

MAX_TARGETS = 1000

_SELECT = (
    select(
        aliases.c.id,
        aliases.c.domain_id,
        aliases.c.address,
        aliases.c.enabled,
        alias_targets.c.target,
    )
    .select_from(aliases.outerjoin(alias_targets, alias_targets.c.alias_id == aliases.c.id))
    .order_by(aliases.c.address, alias_targets.c.position)
)
_BY_ADDRESS = Statement(_SELECT.where(aliases.c.address == bindparam("address")))
_OF_DOMAIN = Statement(_SELECT.where(aliases.c.domain_id == bindparam("domain_id")))
_ALL = Statement(_SELECT)
_LEADING_TO = Statement(
    select(alias_targets.c.alias_id).where(alias_targets.c.target == bindparam("address"))
)
_others = alias_targets.alias()
_OWN = Statement(
    select(aliases.c.address)
    .select_from(aliases.join(alias_targets, alias_targets.c.alias_id == aliases.c.id))
    .where(
        alias_targets.c.target == bindparam("address"),
        aliases.c.enabled == 1,
        ~exists().where(
            _others.c.alias_id == aliases.c.id, _others.c.target != bindparam("address")
        ),
    )
    .order_by(aliases.c.address)
    .limit(bindparam("most"))
)
_OWNER_EXISTS = Statement(
    select(users.c.account_id)
    .where(users.c.address == bindparam("address"))
    .union_all(
        select(user_groups.c.account_id).where(user_groups.c.address == bindparam("address")),
        select(resources.c.account_id).where(resources.c.address == bindparam("address")),
    )
)
_INSERT = Statement(
    insert(aliases).values(
        id=bindparam("id"),
        domain_id=bindparam("domain_id"),
        address=bindparam("address"),
        enabled=1,
        created_ms=bindparam("created_ms"),
    )
)
_INSERT_TARGET = insert_row(alias_targets)
_SET_ENABLED = Statement(
    update(aliases)
    .where(aliases.c.id == bindparam("alias_id"))
    .values(enabled=bindparam("is_enabled"))
)
_DELETE_TARGETS = Statement(
    sql_delete(alias_targets).where(alias_targets.c.alias_id == bindparam("this_alias"))
)
_DELETE_TARGET = Statement(
    sql_delete(alias_targets).where(alias_targets.c.target == bindparam("address"))
)
_HAS_TARGETS = Statement(
    select(alias_targets.c.position)
    .where(alias_targets.c.alias_id == bindparam("this_alias"))
    .limit(1)
)
_DELETE = Statement(sql_delete(aliases).where(aliases.c.id == bindparam("this_alias")))


def create(tx: Tx, address: str | Address, targets: Iterable[str]) -> Alias:
    """Add an alias with 1 to 1,000 targets.

    Raises `NotFound` if its domain is not served here, `Exists` if there is such an alias,
    `Conflict` if a user or group of that address would get no mail any more.
    """
    key, _, domain_name = names.mailbox_key(address)
    domain = domains.require_mailboxes(tx, domain_name)
    if get(tx, key) is not None:
        raise Exists(f"The alias {key} exists already")
    keys = _target_keys(tx, key, targets)
    alias_id = tx.next_id()
    tx.run(_INSERT, id=alias_id, domain_id=domain.id, address=key, created_ms=tx.now_ms)
    _insert_targets(tx, alias_id, keys)
    tx.emit(TOPIC)
    return Alias(alias_id, domain.id, key, keys, True)


def get(tx: Tx, address_key: str) -> Alias | None:
    """The alias with this address key (`names.mailbox_key`)."""
    found = _aliases(tx.all(_BY_ADDRESS, address=address_key))
    return found[0] if found else None


def own_of(tx: Tx, address_key: str, most: int = MAX_TARGETS) -> list[str]:
    """The addresses of enabled aliases that lead to this address alone."""
    return [row[0] for row in tx.all(_OWN, address=address_key, most=most)]


def require(tx: Tx, address: str) -> Alias:
    """The alias with this address, in any spelling; `NotFound` if there is none."""
    alias = get(tx, names.mailbox_key(address)[0])
    if alias is None:
        raise NotFound(f"There is no alias {address}")
    return alias


def list_of(tx: Tx, domain: Domain | None) -> list[Alias]:
    """Aliases of a domain, or all, by address."""
    return _aliases(tx.all(_ALL) if domain is None else tx.all(_OF_DOMAIN, domain_id=domain.id))


def set_targets(tx: Tx, alias: Alias, targets: Iterable[str]) -> None:
    """Replace where the alias leads; raises as `create` does."""
    keys = _target_keys(tx, alias.address, targets)
    tx.run(_DELETE_TARGETS, this_alias=alias.id)
    _insert_targets(tx, alias.id, keys)
    tx.emit(TOPIC)


def set_enabled(tx: Tx, alias: Alias, enabled: bool) -> None:
    """Disabled, an alias refuses mail (even where the domain has a catch-all)."""
    tx.run(_SET_ENABLED, alias_id=alias.id, is_enabled=int(enabled))
    tx.emit(TOPIC)


def delete(tx: Tx, alias: Alias) -> None:
    """Remove an alias."""
    tx.run(_DELETE_TARGETS, this_alias=alias.id)
    tx.run(_DELETE, this_alias=alias.id)
    tx.emit(TOPIC)


def forget_target(tx: Tx, address_key: str) -> None:
    """Take an address out of every alias; those that would lead nowhere are removed."""
    alias_ids = [row[0] for row in tx.all(_LEADING_TO, address=address_key)]
    tx.run(_DELETE_TARGET, address=address_key)
    for alias_id in alias_ids:
        if tx.one(_HAS_TARGETS, this_alias=alias_id) is None:
            tx.run(_DELETE, this_alias=alias_id)
    tx.emit(TOPIC)


def _target_keys(tx: Tx, address_key: str, targets: Iterable[str]) -> tuple[str, ...]:
    keys: dict[str, None] = {}
    for target in targets:
        is_local = domains.is_local(tx, names.parse(target).domain)
        keys[names.target_key(target, is_local)] = None
    if not keys:
        raise Invalid("An alias needs a target")
    if len(keys) > MAX_TARGETS:
        raise TooLarge(f"An alias can have {MAX_TARGETS} targets")
    if address_key not in keys and tx.one(_OWNER_EXISTS, address=address_key) is not None:
        raise Conflict(
            f"{address_key} has a mailbox; to forward and keep a copy, name {address_key} as a"
            " target"
        )
    return tuple(keys)


def _insert_targets(tx: Tx, alias_id: int, keys: tuple[str, ...]) -> None:
    rows = [
        {"alias_id": alias_id, "position": position, "target": key}
        for position, key in enumerate(keys)
    ]
    tx.run_many(_INSERT_TARGET, rows)


def _aliases(rows: list[Row]) -> list[Alias]:
    found: dict[int, tuple[Row, list[str]]] = {}
    for row in rows:
        targets = found.setdefault(row[0], (row, []))[1]
        if row[4] is not None:
            targets.append(row[4])
    return [
        Alias(row[0], DomainId(row[1]), row[2], tuple(targets), bool(row[3]))
        for row, targets in found.values()
    ]
