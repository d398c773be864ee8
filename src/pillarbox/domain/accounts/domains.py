"""Mail domains served here. Names may be given in any spelling; they are kept as A-labels."""

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy import delete as sql_delete

from pillarbox.base.errors import Conflict, Exists, NotFound
from pillarbox.base.ids import DomainId
from pillarbox.domain.accounts import names
from pillarbox.domain.accounts.model import TOPIC, Domain
from pillarbox.domain.accounts.tables import aliases, domains, resources, user_groups, users
from pillarbox.domain.collection_rows.forget import forget_domain
from pillarbox.domain.policy import policies
from pillarbox.domain.sender_lists import lists
from pillarbox.domain.sender_lists.model import Owner, Scope
from pillarbox.domain.sieve import site
from pillarbox.domain.signing import keys as signing_keys
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Row, Tx

_COLUMNS = (
    domains.c.id,
    domains.c.name,
    domains.c.enabled,
    domains.c.catch_all,
    domains.c.relay,
)
_BY_NAME = Statement(select(*_COLUMNS).where(domains.c.name == bindparam("name")))
_ALL = Statement(select(*_COLUMNS).order_by(domains.c.name))
_INSERT = Statement(
    insert(domains).values(
        id=bindparam("id"),
        name=bindparam("name"),
        enabled=1,
        relay=bindparam("passed_on"),
        created_ms=bindparam("created_ms"),
    )
)
_SET_CATCH_ALL = Statement(
    update(domains)
    .where(domains.c.id == bindparam("domain_id"))
    .values(catch_all=bindparam("address"))
)
_SET_ENABLED = Statement(
    update(domains)
    .where(domains.c.id == bindparam("domain_id"))
    .values(enabled=bindparam("is_enabled"))
)
_DELETE = Statement(sql_delete(domains).where(domains.c.id == bindparam("domain_id")))
_COUNT_USERS = Statement(
    select(func.count()).select_from(users).where(users.c.domain_id == bindparam("domain_id"))
)
_COUNT_ALIASES = Statement(
    select(func.count()).select_from(aliases).where(aliases.c.domain_id == bindparam("domain_id"))
)
_COUNT_GROUPS = Statement(
    select(func.count())
    .select_from(user_groups)
    .where(user_groups.c.domain_id == bindparam("domain_id"))
)
_COUNT_RESOURCES = Statement(
    select(func.count())
    .select_from(resources)
    .where(resources.c.domain_id == bindparam("domain_id"))
)


def create(tx: Tx, name: str, relay: bool = False) -> Domain:
    """Serve a new domain; `Exists` if it is served already, `Invalid` if it is no domain name.

    Mail for a `relay` domain is accepted for every recipient and passed on: to the host of a route,
    or to those of its mail exchangers that are better than this server (RFC 5321 §5.1).
    """
    key = names.domain_key(name)
    if tx.one(_BY_NAME, name=key) is not None:
        raise Exists(f"The domain {key} exists already")
    domain_id = DomainId(tx.next_id())
    tx.run(_INSERT, id=domain_id, name=key, passed_on=int(relay), created_ms=tx.now_ms)
    tx.emit(TOPIC)
    return Domain(domain_id, key, True, None, relay)


def get(tx: Tx, name: str) -> Domain | None:
    """The domain of that name, enabled or not."""
    key = name.lower() if name.isascii() else names.domain_key(name)
    return _domain(tx.one(_BY_NAME, name=key))


def require(tx: Tx, name: str) -> Domain:
    """The domain of that name; `NotFound` if it is not served here."""
    domain = get(tx, name)
    if domain is None:
        raise NotFound(f"The domain {name} is not served here")
    return domain


def require_mailboxes(tx: Tx, name: str) -> Domain:
    """The domain of that name; `NotFound` if it is not served here, `Conflict` if only relayed."""
    domain = require(tx, name)
    if domain.relay:
        raise Conflict(f"Mail for {domain.name} is passed on, so it can have no addresses here")
    return domain


def is_local(tx: Tx, name: str) -> bool:
    """Whether the domain is served here, even if it is disabled (its mail is then refused)."""
    return get(tx, name) is not None


def all_of(tx: Tx) -> list[Domain]:
    """Every domain, by name."""
    return [_from_row(row) for row in tx.all(_ALL)]


def set_catch_all(tx: Tx, domain: Domain, address: str | None) -> None:
    """Where mail for unknown users of the domain goes, here or outside; `None`: it is refused."""
    target = None
    if address is not None:
        target = names.target_key(address, is_local(tx, names.parse(address).domain))
    tx.run(_SET_CATCH_ALL, domain_id=domain.id, address=target)
    tx.emit(TOPIC)


def set_enabled(tx: Tx, domain: Domain, enabled: bool) -> None:
    """Disabled, a domain takes no mail and its users can't log in; nothing is lost."""
    tx.run(_SET_ENABLED, domain_id=domain.id, is_enabled=int(enabled))
    tx.emit(TOPIC)


def delete(tx: Tx, domain: Domain) -> None:
    """Stop serving an empty domain; `Conflict` while it has users, groups, resources or aliases."""
    user_count = tx.scalar(_COUNT_USERS, domain_id=domain.id)
    alias_count = tx.scalar(_COUNT_ALIASES, domain_id=domain.id)
    group_count = tx.scalar(_COUNT_GROUPS, domain_id=domain.id)
    resource_count = tx.scalar(_COUNT_RESOURCES, domain_id=domain.id)
    if user_count or alias_count or group_count or resource_count:
        groups = f", {group_count} groups" if group_count else ""
        groups += f", {resource_count} resources" if resource_count else ""
        raise Conflict(
            f"{domain.name} still has {user_count} users{groups} and {alias_count} aliases"
        )
    signing_keys.remove_all(tx, domain.id)
    policies.remove(tx, domain.name)
    lists.forget(tx, Owner(Scope.DOMAIN, domain.id))
    site.forget(tx, domain.name)
    forget_domain(tx, domain.id)
    tx.run(_DELETE, domain_id=domain.id)
    tx.emit(TOPIC)


def _domain(row: Row | None) -> Domain | None:
    return None if row is None else _from_row(row)


def _from_row(row: Row) -> Domain:
    return Domain(row[0], row[1], bool(row[2]), row[3], bool(row[4]))
