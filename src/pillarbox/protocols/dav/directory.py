"""The directory: everybody of one's domain as a read-only address book."""

import hashlib
from dataclasses import dataclass

from pillarbox.base.ids import AccountId
from pillarbox.domain.collections.model import ComponentKind, Item, ItemFacts
from pillarbox.domain.sharing import principals
from pillarbox.domain.sharing.principals import Principal, PrincipalKind
from pillarbox.formats.vcard.directory import DirectoryEntry, EntryKind, directory_card
from pillarbox.protocols.dav.view import View

_KINDS = {
    PrincipalKind.USER: EntryKind.USER,
    PrincipalKind.GROUP: EntryKind.GROUP,
    PrincipalKind.RESOURCE: EntryKind.RESOURCE,
    PrincipalKind.ROOM: EntryKind.ROOM,
}


@dataclass(frozen=True, slots=True)
class DirectoryCard:
    """The card of somebody in the directory."""

    item: Item
    content: bytes


def directory_cards(view: View) -> list[DirectoryCard]:
    """A card for each user, group and resource of the actor's domain."""
    found = principals.search(view.tx, view.actor, most=view.options.people_listed)
    return [_card(view, one) for one in found]


def directory_card_named(view: View, href: str) -> DirectoryCard | None:
    """The card of a name."""
    address = href.removesuffix(".vcf")
    found = principals.find(view.tx, address) if address != href else None
    if found is None or found.address != address or not found.enabled:
        return None
    return _card(view, found) if found.domain_id == view.actor.domain_id else None


def _card(view: View, principal: Principal) -> DirectoryCard:
    members: tuple[str, ...] = ()
    if principal.kind is PrincipalKind.GROUP:
        members = tuple(_uid(one) for one in principals.members(view.tx, principal))
    entry = DirectoryEntry(
        _uid(principal), _KINDS[principal.kind], principal.address, principal.name, "", members
    )
    content = directory_card(entry).written()
    etag = hashlib.sha256(content).hexdigest()[:24]
    item = Item(
        id=principal.account_id,
        collection_id=0,
        href=f"{principal.address}.vcf",
        facts=ItemFacts(entry.uid, ComponentKind.VCARD),
        modseq=0,
        size_bytes=len(content),
        etag=etag,
        schedule_tag=None,
        created_ms=0,
        changed_ms=0,
    )
    return DirectoryCard(item, content)


def _uid(principal: Principal) -> str:
    name = f"pillarbox-directory-{AccountId(principal.account_id)}"
    return hashlib.sha256(name.encode()).hexdigest()[:32]
