"""NOTIFY: which events of which mailboxes a client wants to be told of (RFC 5465 §8)."""

from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from pillarbox.wire.imap.parse.command import CommandEntry, RefusedError
from pillarbox.wire.imap.parse.fetch import FetchItem, fetch_items
from pillarbox.wire.imap.tokens import Tokens

_MAX_GROUPS = 100
_MAX_NAMES = 1_000


class Filter(Enum):
    """Which mailboxes a group of events is for (RFC 5465 §6)."""

    SELECTED = "SELECTED"
    SELECTED_DELAYED = "SELECTED-DELAYED"
    INBOXES = "INBOXES"
    PERSONAL = "PERSONAL"
    SUBSCRIBED = "SUBSCRIBED"
    SUBTREE = "SUBTREE"
    MAILBOXES = "MAILBOXES"


OF_SELECTED = frozenset({Filter.SELECTED, Filter.SELECTED_DELAYED})
_WITH_NAMES = frozenset({Filter.SUBTREE, Filter.MAILBOXES})


class NotifyEvent(Enum):
    """The events there are notifications of (RFC 5465 §5)."""

    MESSAGE_NEW = "MessageNew"
    MESSAGE_EXPUNGE = "MessageExpunge"
    FLAG_CHANGE = "FlagChange"
    MAILBOX_NAME = "MailboxName"
    SUBSCRIPTION_CHANGE = "SubscriptionChange"
    MAILBOX_METADATA_CHANGE = "MailboxMetadataChange"
    SERVER_METADATA_CHANGE = "ServerMetadataChange"


MESSAGE_EVENTS = frozenset(
    {NotifyEvent.MESSAGE_NEW, NotifyEvent.MESSAGE_EXPUNGE, NotifyEvent.FLAG_CHANGE}
)
_EVENTS = MappingProxyType({event.value.upper(): event for event in NotifyEvent})
_BAD_EVENT = f"BADEVENT ({' '.join(event.value for event in NotifyEvent)})"


@dataclass(frozen=True, slots=True)
class EventGroup:
    """Events of some mailboxes; `items` are to be told of new messages in the selected one."""

    filter: Filter
    events: frozenset[NotifyEvent]
    names: tuple[str, ...] = ()
    items: tuple[FetchItem, ...] = ()


@dataclass(frozen=True, slots=True)
class Notify:
    """What to tell from now on, nothing for NONE; with `status` also how things stand now."""

    groups: tuple[EventGroup, ...] = ()
    status: bool = False


def parse_notify(tokens: Tokens) -> Notify:
    """NOTIFY (RFC 5465 §3.1)."""
    tokens.sp()
    match tokens.keyword():
        case "NONE":
            return Notify()
        case "SET":
            pass
        case _:
            raise tokens.fault("expected SET or NONE")
    tokens.sp()
    status = not tokens.at(b"(")
    if status:
        if tokens.keyword() != "STATUS":
            raise tokens.fault("expected STATUS")
        tokens.sp()
    groups = [_group(tokens)]
    while not tokens.at_end():
        tokens.sp()
        if len(groups) == _MAX_GROUPS:
            raise tokens.fault("too many groups of events")
        groups.append(_group(tokens))
    if sum(group.filter in OF_SELECTED for group in groups) > 1:
        raise tokens.fault("only one group can be for the selected mailbox")
    return Notify(tuple(groups), status)


def _group(tokens: Tokens) -> EventGroup:
    tokens.expect(b"(")
    try:
        which = Filter(tokens.keyword())
    except ValueError:
        raise tokens.fault("unknown choice of mailboxes") from None
    tokens.sp()
    names: tuple[str, ...] = ()
    if which in _WITH_NAMES:
        names = _names(tokens)
        tokens.sp()
    selected = which in OF_SELECTED
    events: dict[NotifyEvent, tuple[FetchItem, ...]] = {}
    if tokens.skip(b"("):
        while True:
            event, items = _event(tokens, items_allowed=selected)
            events[event] = items
            if tokens.skip(b")"):
                break
            tokens.sp()
    elif tokens.keyword() != "NONE":
        raise tokens.fault("expected events or NONE")
    tokens.expect(b")")
    _check(tokens, frozenset(events), selected=selected)
    return EventGroup(which, frozenset(events), names, events.get(NotifyEvent.MESSAGE_NEW, ()))


def _check(tokens: Tokens, events: frozenset[NotifyEvent], *, selected: bool) -> None:
    new, gone = NotifyEvent.MESSAGE_NEW in events, NotifyEvent.MESSAGE_EXPUNGE in events
    if new != gone or (NotifyEvent.FLAG_CHANGE in events and not new):
        raise tokens.fault("MessageNew and MessageExpunge go together")
    if selected and not events <= MESSAGE_EVENTS:
        raise tokens.fault("the selected mailbox has events of messages only")


def _names(tokens: Tokens) -> tuple[str, ...]:
    if not tokens.skip(b"("):
        return (tokens.mailbox(),)
    names = {tokens.mailbox(): None}
    while not tokens.skip(b")"):
        tokens.sp()
        if len(names) == _MAX_NAMES:
            raise tokens.fault("too many mailboxes")
        names[tokens.mailbox()] = None
    return tuple(names)


def _event(tokens: Tokens, *, items_allowed: bool) -> tuple[NotifyEvent, tuple[FetchItem, ...]]:
    at = tokens.pos
    event = _EVENTS.get(tokens.keyword())
    if event is None:
        raise RefusedError("there are no such events here", at, _BAD_EVENT)
    if not tokens.at(b" ("):
        return event, ()
    if event is not NotifyEvent.MESSAGE_NEW or not items_allowed:
        raise tokens.fault("items are told of new messages in the selected mailbox only")
    tokens.sp()
    return event, fetch_items(tokens)


NOTIFY: tuple[CommandEntry, ...] = (("NOTIFY", parse_notify),)
