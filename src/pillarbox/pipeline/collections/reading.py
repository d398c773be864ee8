"""What an object says, found before it is stored: checked, its facts, and packed."""

import asyncio
from dataclasses import dataclass

from pillarbox.base.cpu import Line
from pillarbox.base.errors import GrammarError, TooLarge
from pillarbox.domain.collections.addresses import folded
from pillarbox.domain.collections.model import (
    MAX_ITEM_BYTES,
    CollectionKind,
    ComponentKind,
    ItemFacts,
    ItemInvalid,
)
from pillarbox.domain.collections.prepare import Prepared, prepare
from pillarbox.formats.ical.component import parse_calendar
from pillarbox.formats.ical.object import InvalidObject, check_object, components_of
from pillarbox.formats.ical.object import facts_of as calendar_facts
from pillarbox.formats.ical.zones import Zones
from pillarbox.formats.vcard.birthdays import birthday_events
from pillarbox.formats.vcard.card import InvalidCard, check_card, parse_card
from pillarbox.formats.vcard.facts import facts_of as card_facts

QUICK_BYTES = 8 * 1024
"""Objects up to this size that do not recur are read on the event loop: a thread costs more."""
READING_AT_ONCE = 2
READING_WAITING = 200
_SLOW_WORDS = (b"RRULE", b"RDATE", b"EXRULE", b"rrule", b"rdate")


@dataclass(frozen=True, slots=True)
class Reading:
    """An object that can be stored; `is_meeting` says that it has an organizer."""

    content: bytes
    prepared: Prepared
    is_meeting: bool
    birthdays: tuple[tuple[str, bytes], ...] = ()
    """Of a card: events by UID."""


class Reader:
    """Reads objects, large ones in threads and few at once."""

    def __init__(self) -> None:
        self._line = Line(READING_AT_ONCE, READING_WAITING)

    async def read(self, kind: CollectionKind, content: bytes) -> Reading:
        """What is to be stored; raises `ItemInvalid`, `TooLarge`, and `Busy`."""
        if len(content) > MAX_ITEM_BYTES:
            raise TooLarge(f"An object has {MAX_ITEM_BYTES >> 20} MB at most")
        if len(content) <= QUICK_BYTES and not any(word in content for word in _SLOW_WORDS):
            return _read(kind, content)
        async with self._line:
            return await asyncio.to_thread(_read, kind, content)


def _read(kind: CollectionKind, content: bytes) -> Reading:
    if kind is CollectionKind.ADDRESS_BOOK:
        return _card(content)
    return _calendar_object(content)


def _calendar_object(content: bytes) -> Reading:
    try:
        calendar = parse_calendar(content)
        check_object(calendar)
        facts = calendar_facts(calendar, Zones(calendar))
    except InvalidObject as error:
        raise ItemInvalid(
            f"The calendar object can't be stored: {error.text}", error.rule
        ) from error
    except GrammarError as error:
        text = f"The calendar object can't be read: {error.text}"
        raise ItemInvalid(text, "valid-calendar-data") from error
    found = ItemFacts(facts.uid, ComponentKind[facts.component_name], facts.first_ms, facts.last_ms)
    is_meeting = any(part.first("ORGANIZER") for part in components_of(calendar))
    return Reading(content, prepare(found, content), is_meeting)


def _card(content: bytes) -> Reading:
    try:
        card = parse_card(content)
        check_card(card)
        facts = card_facts(card)
    except InvalidCard as error:
        raise ItemInvalid(f"The card can't be stored: {error.text}", error.rule) from error
    except GrammarError as error:
        raise ItemInvalid(f"The card can't be read: {error.text}", "valid-address-data") from error
    found = ItemFacts(facts.uid, ComponentKind.VCARD, addresses=folded(facts.emails))
    return Reading(content, prepare(found, content), False, tuple(birthday_events(card)))


def birthdays_of(content: bytes) -> tuple[tuple[str, bytes], ...]:
    """The birthdays a stored card tells of."""
    try:
        return tuple(birthday_events(parse_card(content)))
    except GrammarError:  # stored by an older version that took it
        return ()
