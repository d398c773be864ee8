"""Who the parties of a meeting are here: whose an address is, and how messages reach it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from pillarbox.base.errors import Failure, NotFound
from pillarbox.base.ids import AccountId
from pillarbox.domain.accounts import domains
from pillarbox.domain.accounts.resolve import resolve
from pillarbox.domain.sharing import principals
from pillarbox.domain.sharing.principals import Principal
from pillarbox.storage.tx import Tx


class Way(IntEnum):
    """How a message reaches somebody."""

    HERE = 1
    """They have a calendar here."""
    MAIL = 2
    """By mail: elsewhere, or a list of several here."""
    NONE = 3
    """The address is of a domain served here, and nobody has it."""


@dataclass(frozen=True, slots=True)
class Reached:
    """Where an address leads; `account_id` is set for `HERE`."""

    way: Way
    account_id: AccountId | None = None


def reach(tx: Tx, address: str, delimiter: str = "+") -> Reached:
    """How a message reaches an address, bare and in lower case."""
    found = principals.behind(tx, address)
    if found is not None:
        return Reached(Way.HERE, found.account_id) if found.enabled else Reached(Way.NONE)
    local, _, domain = address.rpartition("@")
    if not domains.is_local(tx, domain):
        return Reached(Way.MAIL)
    try:
        resolution = resolve(tx, local, domain, delimiter)
    except NotFound:
        return Reached(Way.NONE)
    except Failure:
        return Reached(Way.MAIL)
    if len(resolution.local) == 1 and not resolution.outside:
        return Reached(Way.HERE, resolution.local[0].account_id)
    return Reached(Way.MAIL)


def reach_all(tx: Tx, addresses: Iterable[str], delimiter: str = "+") -> dict[str, Reached]:
    """`reach` of each."""
    return {address: reach(tx, address, delimiter) for address in addresses}


def of_account(tx: Tx, account: AccountId) -> Principal | None:
    """Whose an account is; `None` where it has gone."""
    return principals.by_account(tx, account)
