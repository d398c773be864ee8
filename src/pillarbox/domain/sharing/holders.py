"""Whose an account is, a user's or a group's: who acts where a program of theirs runs."""

from pillarbox.base.errors import NotFound
from pillarbox.base.ids import AccountId
from pillarbox.domain.accounts import names, users
from pillarbox.domain.accounts.model import Actor, Role, User
from pillarbox.domain.sharing import groups
from pillarbox.domain.sharing.groups import Group
from pillarbox.storage.tx import Tx


def require(tx: Tx, address: str) -> Actor:
    """The user or group of an address, in any spelling; `NotFound` if there is none."""
    key = names.mailbox_key(address)[0]
    found = users.get(tx, key) or groups.get(tx, key)
    if found is None:
        raise NotFound(f"There is no user or group {address}")
    return _actor(found)


def of_account(tx: Tx, account: AccountId) -> tuple[Actor, str] | None:
    """The user or group of an account, and the name that is shown beside the address."""
    user = users.by_account(tx, account)
    if user is not None:
        return _actor(user), user.display_name
    group = groups.by_account(tx, account)
    return None if group is None else (_actor(group), "")


def _actor(found: User | Group) -> Actor:
    role = found.role if isinstance(found, User) else Role.USER
    return Actor(found.account_id, found.address, found.domain_id, role)
