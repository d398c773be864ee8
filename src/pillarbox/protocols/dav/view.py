"""Who looks at resources, in one transaction."""

from dataclasses import dataclass, field

from pillarbox.base.ids import AccountId
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.collections import homes
from pillarbox.domain.collections.model import Access, CollectionKind
from pillarbox.domain.contacts import directory
from pillarbox.domain.contacts.directory import DirectoryCard
from pillarbox.domain.sharing import principals
from pillarbox.domain.sharing.principals import Principal, PrincipalKind
from pillarbox.protocols.dav.options import DavOptions
from pillarbox.protocols.dav.paths import INBOX
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx


@dataclass(slots=True)
class View:
    """Who looks, in which transaction; what was looked up once is kept for the request."""

    tx: Tx
    keys: KeyRing
    actor: Actor
    options: DavOptions
    root: str
    _principals: dict[str, Principal | None] = field(default_factory=dict)
    _by_account: dict[int, Principal | None] = field(default_factory=dict)
    _inboxes: dict[int, Access | None] = field(default_factory=dict)
    _has_directory: bool | None = None
    _directory: list[DirectoryCard] | None = None

    def principal(self, address: str) -> Principal | None:
        """Who has an address here."""
        if address not in self._principals:
            self._principals[address] = principals.find(self.tx, address)
        return self._principals[address]

    def principal_of(self, account: AccountId) -> Principal | None:
        """Whose account this is."""
        if account not in self._by_account:
            self._by_account[account] = principals.by_account(self.tx, account)
        return self._by_account[account]

    def inbox(self, owner: Principal) -> Access | None:
        """Somebody's inbox, which also keeps what is set for their whole home."""
        if owner.account_id not in self._inboxes:
            self._inboxes[owner.account_id] = homes.find(
                self.tx, self.keys, self.actor, owner.account_id, CollectionKind.INBOX, INBOX
            )
        return self._inboxes[owner.account_id]

    def is_own(self, owner: Principal | None) -> bool:
        """Whether it is the actor's."""
        return owner is not None and owner.account_id == self.actor.account_id

    def addresses_of(self, principal: Principal) -> tuple[str, ...]:
        """The addresses of a principal, its own first; those of other users' aliases are theirs."""
        own = principal.address
        if principal.kind is PrincipalKind.USER and not self.is_own(principal):
            return (own,)
        return tuple(dict.fromkeys((own, *principal.addresses)))

    def has_directory(self) -> bool:
        """Whether the actor's domain shows its users to each other."""
        if self._has_directory is None:
            self._has_directory = directory.is_open(self.tx, self.actor)
        return self._has_directory

    def directory(self) -> list[DirectoryCard]:
        """The cards of the actor's domain: 35 µs of work for each; `NotFound` without any."""
        if self._directory is None:
            self._directory = directory.list_of(self.tx, self.actor)
        return self._directory
