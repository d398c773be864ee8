"""Short ways to fill a directory."""

from collections.abc import Callable

import pytest

from pillarbox.domain.accounts import domains, users
from pillarbox.domain.accounts.model import Role, User
from pillarbox.storage.tx import Tx

AddUser = Callable[..., User]


@pytest.fixture
def add_user() -> AddUser:
    """Adds a user, and the domain if need be: `add_user(tx, address, role, quota_bytes)`."""

    def add(tx: Tx, address: str, role: Role = Role.USER, quota_bytes: int = 0) -> User:
        domain = address.rpartition("@")[2]
        if domains.get(tx, domain) is None:
            domains.create(tx, domain)
        return users.create(tx, address, "hash of " + address, "", role, quota_bytes)

    return add
