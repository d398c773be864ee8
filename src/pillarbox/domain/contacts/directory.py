"""The directory of a domain: its users, groups and resources as a read-only address book.

Nothing of it is stored. Names, UIDs and contents of cards depend on who they are of alone, so that
clients see what changed. A domain's admins may turn it off (`directory_enabled` of its policy).
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from uuid import UUID, uuid5

from sqlalchemy import bindparam, select

from pillarbox.base.errors import NotFound
from pillarbox.base.ids import AccountId
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.accounts.tables import group_members, user_groups, users
from pillarbox.domain.collections.model import ComponentKind, Item, ItemFacts, TokenForgotten
from pillarbox.domain.policy import policies
from pillarbox.domain.sharing import principals
from pillarbox.domain.sharing.principals import Principal, PrincipalKind
from pillarbox.formats.vcard.directory import DirectoryEntry, EntryKind, directory_card
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

ENTRIES_MOST = 50_000
SUFFIX = ".vcf"

_UIDS = UUID("0d1f7a44-94a5-5c5e-8d0b-3f1c2b7a6e90")
_KINDS = MappingProxyType(
    {
        PrincipalKind.USER: EntryKind.USER,
        PrincipalKind.GROUP: EntryKind.GROUP,
        PrincipalKind.RESOURCE: EntryKind.RESOURCE,
        PrincipalKind.ROOM: EntryKind.ROOM,
    }
)
_MEMBERS = (
    select(group_members.c.group_id, users.c.account_id, users.c.address)
    .select_from(
        group_members.join(users, users.c.account_id == group_members.c.account_id).join(
            user_groups, user_groups.c.account_id == group_members.c.group_id
        )
    )
    .where(
        user_groups.c.domain_id == bindparam("domain"),
        users.c.domain_id == bindparam("domain"),
        users.c.enabled == 1,
    )
    .order_by(users.c.address)
)
_EVERY_MEMBER = Statement(_MEMBERS)
_MEMBERS_OF = Statement(_MEMBERS.where(group_members.c.group_id == bindparam("group")))

Members = dict[AccountId, list[str]]


@dataclass(frozen=True, slots=True)
class DirectoryCard:
    """The card of somebody or something of the domain, as an item of an address book."""

    item: Item
    content: bytes


def is_open(tx: Tx, actor: Actor) -> bool:
    """Whether the actor's domain shows its users to each other."""
    return policies.directory(tx, actor.address.rpartition("@")[2])


def list_of(tx: Tx, actor: Actor, most: int = ENTRIES_MOST) -> list[DirectoryCard]:
    """The cards of all of the actor's domain, by address; `NotFound` where there is none.

    Users who are disabled are left out.
    """
    _require_open(tx, actor)
    found = principals.search(tx, actor, most=most)
    members = _members(tx.all(_EVERY_MEMBER, domain=actor.domain_id))
    return [_card(one, members) for one in found]


def read(tx: Tx, actor: Actor, hrefs: Sequence[str]) -> list[DirectoryCard]:
    """Those of the cards that are there; `NotFound` where there is no directory."""
    _require_open(tx, actor)
    return [card for href in hrefs if (card := _read(tx, actor, href)) is not None]


def find(tx: Tx, actor: Actor, href: str) -> DirectoryCard | None:
    """One card by its name; `NotFound` where there is no directory."""
    _require_open(tx, actor)
    return _read(tx, actor, href)


def token_of(cards: Iterable[DirectoryCard]) -> str:
    """What is another once any of the cards is another: for CTag and sync token."""
    digest = hashlib.sha256()
    for card in cards:
        digest.update(f"{card.item.href}\n{card.item.etag}\n".encode())
    return digest.hexdigest()[:32]


def check_token(cards: Iterable[DirectoryCard], token: str) -> None:
    """Raise `TokenForgotten` unless nothing has changed since; no changes are kept."""
    if token_of(cards) != token:
        raise TokenForgotten("The directory has changed; read it again")


def _require_open(tx: Tx, actor: Actor) -> None:
    if not is_open(tx, actor):
        raise NotFound("There is no directory of this domain")


def _read(tx: Tx, actor: Actor, href: str) -> DirectoryCard | None:
    if not href.endswith(SUFFIX):
        return None
    address = href.removesuffix(SUFFIX)
    found = principals.find(tx, address)
    if found is None or found.address != address:
        return None
    if found.domain_id != actor.domain_id or not found.enabled:
        return None
    members: Members = {}
    if found.kind is PrincipalKind.GROUP:
        rows = tx.all(_MEMBERS_OF, domain=actor.domain_id, group=found.account_id)
        members = _members(rows)
    return _card(found, members)


def _members(rows: Iterable[Sequence[object]]) -> Members:
    """UIDs of the members of each group."""
    found: Members = {}
    for group, account, address in rows:
        uid = _uid(AccountId(int(str(account))), str(address))
        found.setdefault(AccountId(int(str(group))), []).append(uid)
    return found


def _card(of: Principal, members: Members) -> DirectoryCard:
    name = "" if of.name == of.address else of.name
    uid = _uid(of.account_id, of.address)
    belonging = tuple(members.get(of.account_id, ()))
    entry = DirectoryEntry(uid, _KINDS[of.kind], of.address, name, members=belonging)
    content = directory_card(entry).written()
    item = Item(
        id=of.account_id,
        collection_id=0,
        href=f"{of.address}{SUFFIX}",
        facts=ItemFacts(uid, ComponentKind.VCARD, addresses=(of.address,)),
        modseq=0,
        size_bytes=len(content),
        etag=hashlib.sha256(content).hexdigest()[:32],
        schedule_tag=None,
        created_ms=0,
        changed_ms=0,
    )
    return DirectoryCard(item, content)


def _uid(account: AccountId, address: str) -> str:
    return str(uuid5(_UIDS, f"{account} {address}"))
