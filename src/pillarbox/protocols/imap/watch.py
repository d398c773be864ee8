"""What NOTIFY asked for, and the responses that tell what has happened since (RFC 5465 §5).

No I/O: two overviews of the mailboxes are compared, so that a slow client piles up nothing. Used
by `commands/notify` and the conversation.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from pillarbox.base.ids import AccountId, MailboxId
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.mail import annotations, mailboxes
from pillarbox.domain.mail.model import Mailbox
from pillarbox.domain.sharing import access
from pillarbox.domain.sharing.access import ALL_RIGHTS, Access, Right
from pillarbox.storage.tx import Tx
from pillarbox.wire.imap.names import SEPARATOR
from pillarbox.wire.imap.parse.notify import (
    MESSAGE_EVENTS,
    OF_SELECTED,
    EventGroup,
    Filter,
    NotifyEvent,
)
from pillarbox.wire.imap.respond.list import list_response
from pillarbox.wire.imap.respond.metadata import changed as metadata_changed
from pillarbox.wire.imap.respond.status import status

MAX_WATCHED = 5_000
"""Mailboxes a client may see and still use NOTIFY."""
MAX_LINES = 2_000
"""Responses at once before the client is left to find out by itself."""

_NEW, _GONE, _FLAGS = (
    NotifyEvent.MESSAGE_NEW,
    NotifyEvent.MESSAGE_EXPUNGE,
    NotifyEvent.FLAG_CHANGE,
)
_METADATA = frozenset({NotifyEvent.MAILBOX_METADATA_CHANGE, NotifyEvent.SERVER_METADATA_CHANGE})
_READABLE = Right.LOOKUP | Right.READ


@dataclass(frozen=True, slots=True)
class Overview:
    """All mailboxes a client may know of at one moment, and the names it is subscribed to."""

    boxes: dict[MailboxId, Access]
    subscribed: frozenset[str]
    names: dict[str, Access]
    parents: frozenset[str]
    """Names that have others below them."""
    marks: dict[tuple[MailboxId, str], bytes] = field(default_factory=dict)
    """What each annotation is known by, where annotations are watched."""

    @property
    def owners(self) -> set[AccountId]:
        """The accounts the mailboxes belong to."""
        return {found.mailbox.account_id for found in self.boxes.values()}


def overview(tx: Tx, actor: Actor, shared: bool, annotated: bool) -> Overview:
    """Everything that can be watched; with `shared` also mailboxes of others.

    `annotated` says whether annotations are looked at.
    """
    own = mailboxes.all_of(tx, actor.account_id)
    boxes = {box.id: Access(box, box.name, ALL_RIGHTS) for box in own}
    if shared:
        taken = {box.name for box in own}
        for found in access.visible(tx, actor):
            if found.name not in taken:
                boxes[found.mailbox.id] = found
    names = {found.name: found for found in boxes.values()}
    parents = frozenset(parent for name in names for parent in _levels(name)[:-1])
    subscribed = frozenset(mailboxes.subscriptions(tx, actor.account_id))
    marks: dict[tuple[MailboxId, str], bytes] = {}
    if annotated:
        owners = {found.mailbox.account_id for found in boxes.values()}
        marks = annotations.marks(tx, actor.account_id, owners)
    return Overview(boxes, subscribed, names, parents, marks)


@dataclass(frozen=True, slots=True)
class Manner:
    """How this client is told things."""

    condstore: bool
    qresync: bool
    utf8: bool
    selected: MailboxId | None


class Watch:
    """The groups of events of one session, and what its client was last told."""

    __slots__ = (
        "_account",
        "_groups",
        "_names",
        "annotated",
        "known",
        "of_selected",
        "shared",
    )

    def __init__(self, account: AccountId, groups: tuple[EventGroup, ...]) -> None:
        self._account = account
        self.of_selected = next((one for one in groups if one.filter in OF_SELECTED), None)
        self._groups = tuple(one for one in groups if one.filter not in OF_SELECTED)
        self._names = {one: frozenset(one.names) for one in self._groups}
        self.known = Overview({}, frozenset(), {}, frozenset())
        self.shared = any(
            one.filter is Filter.SUBSCRIBED
            or any(name.split(SEPARATOR)[0] in mailboxes.NAMESPACES for name in one.names)
            for one in self._groups
        )
        """Whether mailboxes of others have to be looked at."""
        self.annotated = any(one.events & _METADATA for one in self._groups)
        """Whether annotations have to be looked at."""

    @property
    def others(self) -> bool:
        """Whether there is anything to be told but of the selected mailbox."""
        return any(one.events for one in self._groups)

    def standing(self, manner: Manner) -> list[bytes]:
        """STATUS of all watched mailboxes, for `NOTIFY SET STATUS` (RFC 5465 §3.1)."""
        lines = []
        for found in self._sorted(self.known):
            events = self._events((found.name,), found, self.known) & MESSAGE_EVENTS
            if not events or found.mailbox.id == manner.selected:
                continue
            if _READABLE not in found.rights:
                lines.append(self._list(found.name, self.known, manner, "\\NoAccess"))
                continue
            items = ["MESSAGES", "UIDNEXT", "UIDVALIDITY"]
            if _FLAGS in events:
                items.append("HIGHESTMODSEQ")
            lines.append(_status(found, items, manner))
        return lines

    def news(self, now: Overview, manner: Manner) -> list[bytes]:
        """What happened since the last overview, as responses; `now` is the last one then."""
        before, self.known = self.known, now
        lines = self._names_changed(before, now, manner)
        for name in sorted(before.subscribed ^ now.subscribed):
            if NotifyEvent.SUBSCRIPTION_CHANGE in self._events((name,), None, now, before):
                lines.append(self._list(name, now, manner))
        lines += self._annotations_changed(before, now, manner)
        for found in self._sorted(now):
            old = before.boxes.get(found.mailbox.id)
            if old is None or old.mailbox.modseq == found.mailbox.modseq:
                continue
            if found.mailbox.id == manner.selected or _READABLE not in found.rights:
                continue
            events = self._events((found.name,), found, now)
            items = _changed_items(old.mailbox, found.mailbox, events, manner)
            if items:
                lines.append(_status(found, items, manner))
        return lines

    def _annotations_changed(self, before: Overview, now: Overview, manner: Manner) -> list[bytes]:
        """METADATA with the names of what was set or removed (RFC 5465 §5.6, §5.7)."""
        changed: dict[MailboxId, list[str]] = {}
        for mailbox, entry in sorted(before.marks.keys() | now.marks.keys()):
            if before.marks.get((mailbox, entry)) != now.marks.get((mailbox, entry)):
                changed.setdefault(mailbox, []).append(entry)
        lines = []
        for mailbox, entries in changed.items():
            if mailbox == annotations.SERVER:
                if any(NotifyEvent.SERVER_METADATA_CHANGE in one.events for one in self._groups):
                    lines.append(metadata_changed("", entries, utf8=manner.utf8))
                continue
            found = now.boxes.get(mailbox)
            if found is None or _READABLE not in found.rights:
                continue
            if NotifyEvent.MAILBOX_METADATA_CHANGE in self._events((found.name,), found, now):
                lines.append(metadata_changed(found.name, entries, utf8=manner.utf8))
        return lines

    def _names_changed(self, before: Overview, now: Overview, manner: Manner) -> list[bytes]:
        """LIST for mailboxes that were made, deleted or renamed, and for parents of those."""
        told: dict[str, str | None] = {}
        renamed = {
            old.name: now.boxes[key].name
            for key, old in before.boxes.items()
            if key in now.boxes and now.boxes[key].name != old.name
        }
        for old, new in renamed.items():
            parent, _, last = old.rpartition(SEPARATOR)
            if parent not in renamed or new != f"{renamed[parent]}{SEPARATOR}{last}":
                told[new] = old
        for key in before.boxes.keys() ^ now.boxes.keys():
            name = (now.boxes.get(key) or before.boxes[key]).name
            told.setdefault(name, None)
            if parent := name.rpartition(SEPARATOR)[0]:
                told.setdefault(parent, None)
        lines = []
        for name, old_name in sorted(told.items()):
            names = (name,) if old_name is None else (name, old_name)
            if NotifyEvent.MAILBOX_NAME in self._events(names, None, now, before):
                lines.append(self._list(name, now, manner, old_name=old_name))
        return lines

    def _events(
        self,
        names: tuple[str, ...],
        found: Access | None,
        *overviews: Overview,
    ) -> set[NotifyEvent]:
        """The events wanted of a mailbox, by the names it has or had."""
        own = all(name.split(SEPARATOR)[0] not in mailboxes.NAMESPACES for name in names)
        if found is not None:
            own = found.mailbox.account_id == self._account
        wanted: set[NotifyEvent] = set()
        for group in self._groups:
            match group.filter:
                # Any mailbox may be one that mail is filed into, so INBOXES is PERSONAL.
                case Filter.PERSONAL | Filter.INBOXES:
                    hit = own
                case Filter.SUBSCRIBED:
                    hit = any(name in one.subscribed for name in names for one in overviews)
                case Filter.SUBTREE:
                    tops = self._names[group]
                    hit = any(level in tops for name in names for level in _levels(name))
                case _:
                    hit = any(name in self._names[group] for name in names)
            if hit:
                wanted |= group.events
        return wanted

    def _list(
        self,
        name: str,
        now: Overview,
        manner: Manner,
        *more: str,
        old_name: str | None = None,
    ) -> bytes:
        attributes = list(more)
        if name not in now.names:
            attributes.append("\\NonExistent")
        children = name in now.parents
        attributes.append("\\HasChildren" if children else "\\HasNoChildren")
        if name in now.subscribed:
            attributes.append("\\Subscribed")
        found = now.names.get(name)
        if found is not None and found.mailbox.account_id == self._account:
            attributes += [found.mailbox.special_use] if found.mailbox.special_use else []
        return list_response(attributes, SEPARATOR, name, utf8=manner.utf8, old_name=old_name)

    @staticmethod
    def _sorted(now: Overview) -> Iterable[Access]:
        return sorted(now.boxes.values(), key=lambda found: found.name)


def _levels(name: str) -> list[str]:
    """The names of everything above a mailbox, and its own."""
    parts = name.split(SEPARATOR)
    return [SEPARATOR.join(parts[:depth]) for depth in range(1, len(parts) + 1)]


def _changed_items(
    old: Mailbox, new: Mailbox, events: set[NotifyEvent], manner: Manner
) -> list[str]:
    """The STATUS items that tell what happened to messages (RFC 5465 §5.1 to §5.3)."""
    came = new.uidnext - old.uidnext
    went = came - (new.total - old.total)
    items: dict[str, None] = {}
    if (came and _NEW in events) or (went and _GONE in events):
        items |= dict.fromkeys(("MESSAGES", "UIDNEXT"))
    if _FLAGS in events:
        if manner.condstore:
            items |= dict.fromkeys(("UIDVALIDITY", "HIGHESTMODSEQ"))
        if old.unseen != new.unseen:
            items |= dict.fromkeys(("UIDVALIDITY", "UNSEEN"))
    if items and (manner.condstore or manner.qresync):
        items["HIGHESTMODSEQ"] = None
    return list(items)


def _status(found: Access, items: Iterable[str], manner: Manner) -> bytes:
    box = found.mailbox
    values = {
        "MESSAGES": box.total,
        "UIDNEXT": box.uidnext,
        "UIDVALIDITY": box.uidvalidity,
        "UNSEEN": box.unseen,
        "HIGHESTMODSEQ": box.modseq,
    }
    return status(found.name, [(item, values[item]) for item in items], utf8=manner.utf8)
