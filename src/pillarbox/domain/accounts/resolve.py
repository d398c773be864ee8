"""Where a recipient address leads: called at RCPT and when mail is submitted.

Exact matches come first, then the address without its sub-address (RFC 5233 §1), then
`postmaster` (RFC 5321 §4.5.1), last the domain's catch-all.
"""

import unicodedata

from sqlalchemy import bindparam, select

from pillarbox.base.errors import NotFound, TooLarge
from pillarbox.base.ids import AccountId, DomainId
from pillarbox.domain.accounts import aliases, domains
from pillarbox.domain.accounts.model import Domain, LocalTarget, Resolution, Role
from pillarbox.domain.accounts.tables import resources, user_groups, users
from pillarbox.formats.address import Address, split_subaddress
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

MAX_DEPTH = 10
MAX_RECIPIENTS = 1000

_USER = Statement(
    select(users.c.account_id, users.c.enabled).where(users.c.address == bindparam("address"))
)
_GROUP_OR_RESOURCE = Statement(
    select(user_groups.c.account_id)
    .where(user_groups.c.address == bindparam("address"))
    .union_all(select(resources.c.account_id).where(resources.c.address == bindparam("address")))
)
_FIRST_ADMIN = Statement(
    select(users.c.account_id, users.c.address)
    .where(users.c.role == int(Role.ADMIN), users.c.enabled == 1)
    .order_by(users.c.account_id)
    .limit(1)
)
_FIRST_OF_DOMAIN = Statement(
    select(users.c.account_id, users.c.address)
    .where(users.c.domain_id == bindparam("domain_id"), users.c.enabled == 1)
    .order_by(users.c.role.desc(), users.c.account_id)
    .limit(1)
)


def resolve(tx: Tx, local: str, domain: str, delimiter: str = "+") -> Resolution:
    """Every mailbox here and address elsewhere that a local recipient address leads to.

    Raises `NotFound` if the domain is not served here or disabled, if nobody has the address, or
    if who has it is disabled; `TooLarge` if aliases lead to too many or over too many steps. An
    empty `delimiter` turns sub-addresses off.
    """
    if "\0" in local or not _is_text(local):
        raise NotFound("No such user here", "no text that could be stored")
    served = domains.get(tx, domain)
    if served is None:
        raise NotFound("No such domain here", f"domain {domain}")
    walk = _Walk(tx, delimiter)
    walk.enter(unicodedata.normalize("NFC", local), served, None, 0)
    if not walk.local and not walk.outside:
        raise NotFound("This address leads to nobody", "its aliases lead to one another")
    return Resolution(tuple(walk.local.values()), tuple(walk.outside))


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


class _Walk:
    """One resolution: what was seen on the way, and where it led."""

    __slots__ = ("_delimiter", "_seen", "_tx", "local", "outside")

    def __init__(self, tx: Tx, delimiter: str) -> None:
        self._tx = tx
        self._delimiter = delimiter
        self._seen: set[str] = set()
        self.local: dict[AccountId, LocalTarget] = {}
        self.outside: dict[str, None] = {}

    def enter(self, local: str, domain: Domain, detail: str | None, depth: int) -> None:
        if not domain.enabled:
            raise NotFound("Mail for this domain is not accepted now", "the domain is disabled")
        if domain.relay:
            self.outside[str(Address(local, domain.name))] = None
            self._limit()
            return
        if self._exact(f"{local.lower()}@{domain.name}", detail, depth):
            return
        bare, own_detail = local, None
        if self._delimiter:
            bare, own_detail = split_subaddress(local, self._delimiter)
        if own_detail is not None and self._exact(
            f"{bare.lower()}@{domain.name}", own_detail, depth
        ):
            return
        if bare.lower() == "postmaster" and self._postmaster(domain.id):
            return
        if domain.catch_all is None or domain.name in self._seen:
            raise NotFound("No such user here", f"{local}@{domain.name}")
        self._seen.add(domain.name)
        self._follow((domain.catch_all,), None, depth)

    def _exact(self, key: str, detail: str | None, depth: int) -> bool:
        """Whether an alias, user, group or resource has the address; follows them.

        `NotFound` if disabled.
        """
        alias = aliases.get(self._tx, key)
        if alias is not None and key not in self._seen:
            if not alias.enabled:
                raise NotFound("This address is disabled", key)
            self._seen.add(key)
            self._follow(alias.targets, detail, depth)
            return True
        user = self._tx.one(_USER, address=key)
        if user is not None:
            if not user[1]:
                raise NotFound("This mailbox is disabled", key)
            self._add_local(user[0], key, detail)
            return True
        other = self._tx.one(_GROUP_OR_RESOURCE, address=key)
        if other is not None:
            self._add_local(other[0], key, detail)
            return True
        # An alias that was seen already: its targets are on the list, or will be.
        return alias is not None

    def _follow(self, targets: tuple[str, ...], detail: str | None, depth: int) -> None:
        if depth >= MAX_DEPTH:
            raise TooLarge("Aliases lead over too many steps")
        failure: NotFound | None = None
        before = len(self.local) + len(self.outside)
        for target in targets:
            at = target.rindex("@")
            domain = domains.get(self._tx, target[at + 1 :])
            if domain is None:
                self.outside[target] = None
                self._limit()
                continue
            try:
                self.enter(target[:at], domain, detail, depth + 1)
            except NotFound as error:
                failure = error
        if failure is not None and len(self.local) + len(self.outside) == before:
            raise NotFound("This address leads to nobody", failure.cause)

    def _postmaster(self, domain_id: DomainId) -> bool:
        row = self._tx.one(_FIRST_ADMIN) or self._tx.one(_FIRST_OF_DOMAIN, domain_id=domain_id)
        if row is not None:
            self._add_local(row[0], row[1], None)
        return row is not None

    def _add_local(self, account_id: AccountId, address: str, detail: str | None) -> None:
        self.local.setdefault(account_id, LocalTarget(account_id, address, detail))
        self._limit()

    def _limit(self) -> None:
        if len(self.local) + len(self.outside) > MAX_RECIPIENTS:
            raise TooLarge("Aliases lead to too many addresses")
