"""Whose an account is, a user's, a group's or a resource's: who acts where a program runs."""

from pillarbox.base.errors import NotFound
from pillarbox.base.ids import AccountId
from pillarbox.domain.accounts import names, resources, users
from pillarbox.domain.accounts.model import Actor, Role, User
from pillarbox.domain.accounts.resources import Resource
from pillarbox.domain.sharing import groups
from pillarbox.domain.sharing.groups import Group
from pillarbox.storage.tx import Tx


def require(tx: Tx, address: str) -> Actor:
    """The user, group or resource of an address, in any spelling; `NotFound` if there is none."""
    key = names.mailbox_key(address)[0]
    found = users.get(tx, key) or groups.get(tx, key) or resources.get(tx, key)
    if found is None:
        raise NotFound(f"There is no user, group or resource {address}")
    return _actor(found)


def of_account(tx: Tx, account: AccountId) -> tuple[Actor, str] | None:
    """The user, group or resource of an account, and the name that is shown beside the address."""
    user = users.by_account(tx, account)
    if user is not None:
        return _actor(user), user.display_name
    group = groups.by_account(tx, account)
    if group is not None:
        return _actor(group), ""
    resource = resources.by_account(tx, account)
    return None if resource is None else (_actor(resource), resource.name)


def _actor(found: User | Group | Resource) -> Actor:
    role = found.role if isinstance(found, User) else Role.USER
    return Actor(found.account_id, found.address, found.domain_id, role)
