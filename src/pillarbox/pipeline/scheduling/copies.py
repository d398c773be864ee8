"""Copies of meetings in calendars here: looked up by UID, and stored where nobody changed them."""

import secrets
from dataclasses import dataclass

from pillarbox.base.errors import Conflict, Failure
from pillarbox.base.ids import AccountId
from pillarbox.base.log import logger
from pillarbox.domain.accounts import resources
from pillarbox.domain.accounts.resources import Resource
from pillarbox.domain.calendars import scheduling as calendars
from pillarbox.domain.collections import homes, items, listing
from pillarbox.domain.collections.model import (
    ALL_RIGHTS,
    NO_CONDITION,
    Access,
    CollectionKind,
    ComponentKind,
    Condition,
    Item,
    ItemFacts,
    ScheduleTag,
    Source,
)
from pillarbox.domain.collections.prepare import Prepared, prepare
from pillarbox.domain.scheduling import parties
from pillarbox.domain.sharing.principals import Principal
from pillarbox.formats.ical.component import Component, parse_calendar
from pillarbox.formats.ical.object import check_object, facts_of
from pillarbox.formats.ical.zones import Zones
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

INBOX_MOST = 200
"""Messages in an inbox; many programs never remove any, so the oldest go."""

_log = logger("scheduling")


class Changed(Conflict):
    """The copy was changed meanwhile; all has to be done anew."""

    def __init__(self) -> None:
        super().__init__("The meeting was changed meanwhile")


@dataclass(frozen=True, slots=True)
class Copy:
    """An account's copy of a meeting: the account alone where it has none."""

    principal: Principal
    resource: Resource | None = None
    access: Access | None = None
    item: Item | None = None
    content: bytes = b""

    @property
    def account(self) -> AccountId:
        """Whose it is."""
        return self.principal.account_id

    def calendar(self) -> Component | None:
        """The object; raises `GrammarError`."""
        return parse_calendar(self.content) if self.item is not None else None


def find(tx: Tx, keys: KeyRing, account: AccountId, uid: str) -> Copy | None:
    """An account's copy of the meeting with a UID; `None` where the account has gone.

    Of several the one that is scheduled, else the oldest.
    """
    principal = parties.of_account(tx, account)
    if principal is None:
        return None
    resource = resources.by_account(tx, account)
    found = listing.everywhere(tx, keys, account, CollectionKind.CALENDAR, uid)
    found.sort(key=lambda one: (one.schedule_tag is None, one.id))
    for item in found:
        collection = homes.collection_by_id(tx, keys, item.collection_id)
        if collection is None or collection.source is not Source.OWN:
            continue
        for one, content in listing.read(tx, keys, collection, [item.href]):
            return Copy(principal, resource, Access(collection, ALL_RIGHTS), one, content)
    return Copy(principal, resource)


def ready(calendar: Component, *, as_message: bool = False) -> Prepared:
    """An object made ready to be stored; raises `GrammarError`, `TooLarge`. CPU only."""
    check_object(calendar, allow_method=as_message)
    facts = facts_of(calendar, Zones(calendar))
    kind = ComponentKind[facts.component_name]
    return prepare(ItemFacts(facts.uid, kind, facts.first_ms, facts.last_ms), calendar.written())


def store(tx: Tx, keys: KeyRing, copy: Copy, prepared: Prepared, tag: ScheduleTag) -> Item:
    """Store a copy in the place it has, or in the default calendar.

    Raises `Changed` where it is not as it was when it was looked up, or another has come, and the
    failures of `items.put`; the transaction must not go on then.
    """
    now = find(tx, keys, copy.account, prepared.facts.uid)
    before = None if copy.item is None else copy.item.etag
    if now is None or (None if now.item is None else now.item.etag) != before:
        raise Changed
    if now.access is not None and now.item is not None:
        access, href = now.access, now.item.href
        condition = Condition(if_match=(now.item.etag,))
    else:
        found = calendars.default_for(tx, keys, copy.account, prepared.facts.component)
        if found is None:
            raise Conflict("There is no calendar for this")
        access, href, condition = found, new_href(), NO_CONDITION
    put = items.put(tx, keys, access, href, prepared, condition, tag=tag, by_server=True)
    return put.item


def put_in_inbox(tx: Tx, keys: KeyRing, account: AccountId, prepared: Prepared) -> None:
    """Put a message into an inbox; a full account gets on without.

    The oldest go where there are too many.
    """
    inbox = calendars.inbox(tx, keys, account)
    try:
        with tx.savepoint():
            total, _ = listing.usage(tx, inbox.collection)
            if total >= INBOX_MOST:
                for old, _ in listing.contents(tx, keys, inbox.collection, 0, 1):
                    items.delete(tx, keys, inbox, old.href, by_server=True)
            items.put(tx, keys, inbox, new_href(), prepared, by_server=True)
    except Failure as failure:
        _log.info("no message in the inbox", why=failure.public, account=account)


def new_href() -> str:
    """A name that no other object has."""
    return f"{secrets.token_hex(16)}.ics"
