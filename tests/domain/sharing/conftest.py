"""Three users of two domains who share, on each kind of database."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from kit.mail import MailAccount, content_store
from pillarbox.domain.accounts.model import Actor, User
from pillarbox.domain.mail.content import ContentStore
from pillarbox.domain.mail.model import Mailbox
from pillarbox.domain.sharing import access, acl
from pillarbox.domain.sharing.acl import RightsChange
from pillarbox.domain.sharing.rights import Right, parse_rights, rights_text
from pillarbox.storage.db import Database


def actor_of(user: User) -> Actor:
    return Actor(user.account_id, user.address, user.domain_id, user.role)


@dataclass
class House:
    """ann and bob at example.org, carl at example.net."""

    database: Database
    store: ContentStore
    ann: Actor
    bob: Actor
    carl: Actor

    def account(self, actor: Actor) -> MailAccount:
        return MailAccount(self.database, self.store, actor.account_id)

    async def box(self, name: str = "INBOX", owner: Actor | None = None) -> Mailbox:
        """A mailbox, ann's if no owner is named."""
        return await self.account(owner or self.ann).box(name)

    async def let(
        self,
        who: str,
        rights: str,
        name: str = "INBOX",
        *,
        owner: Actor | None = None,
        how: RightsChange = RightsChange.SET,
    ) -> None:
        """Give rights to a mailbox of ann's, or of another owner."""
        actor = owner or self.ann
        await self.database.write(acl.set_rights, actor, name, who, how, parse_rights(rights))

    async def rights(self, actor: Actor, name: str) -> str | None:
        """What somebody may do with a mailbox by the name they use; `None` for no such mailbox."""
        found = await self.database.read(access.find, actor, name)
        return None if found is None else rights_text(found.rights)

    async def seen(self, actor: Actor) -> dict[str, Right]:
        """The mailboxes of others that somebody may know of."""
        found = await self.database.read(access.visible, actor)
        return {one.name: one.rights for one in found}


@pytest.fixture
async def house(database: Database, tmp_path: Path, add_user) -> House:
    people = [
        actor_of(await database.write(add_user, address))
        for address in ("ann@example.org", "bob@example.org", "carl@example.net")
    ]
    return House(database, content_store(tmp_path / "blobs"), *people)
