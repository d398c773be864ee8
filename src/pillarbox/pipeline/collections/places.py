"""Where a collection is: in whose home, and under which name there."""

from dataclasses import dataclass

from pillarbox.base.ids import AccountId
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.collections import homes
from pillarbox.domain.collections.model import Access, CollectionKind, Right
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx


@dataclass(frozen=True, slots=True)
class Place:
    """A collection's path: the home's owner, what it holds, and its name in that home."""

    owner: AccountId
    kind: CollectionKind
    name: str

    def require(self, tx: Tx, keys: KeyRing, actor: Actor, right: Right) -> Access:
        """The collection, which the actor has a right on; `NotFound` or `Denied`."""
        return homes.require(tx, keys, actor, self.owner, self.kind, self.name, right)
