"""Birthdays and anniversaries of cards, as events of a calendar."""

from uuid import UUID, uuid5

from pillarbox.formats.content_line import ContentLine, encode_text
from pillarbox.formats.vcard.card import Card
from pillarbox.formats.vcard.dates import CardDate
from pillarbox.formats.vcard.facts import facts_of

_UIDS = UUID("6f0c3f5e-0c62-5f3b-9a53-3f6c7f5f2d11")
_FIRST_YEAR = 1972
"""For days whose year is not known: a leap year, so that 29 February is one of its days."""
_NAME_CHARACTERS = 200


def birthday_events(card: Card) -> list[tuple[str, bytes]]:
    """For each day that a card says: the UID of an event and a calendar object with it.

    All-day events that come back each year, 29 February on the last day of February. The UIDs come
    from the card's, and the same card always makes the same bytes. Groups have no birthdays.
    """
    facts = facts_of(card)
    if facts.kind == "group" or not facts.uid:
        return []
    name = (facts.name or next(iter((*facts.nicknames, *facts.emails)), ""))[:_NAME_CHARACTERS]
    if not name:
        return []
    days = (("birthday", "🎂", facts.birthday), ("anniversary", "💍", facts.anniversary))
    return [
        _event(facts.uid, kind, f"{sign} {name}", day)
        for kind, sign, day in days
        if day is not None
    ]


def _event(card_uid: str, kind: str, summary: str, day: CardDate) -> tuple[str, bytes]:
    uid = str(uuid5(_UIDS, f"{kind}\n{card_uid}"))
    if day.year is not None:
        summary = f"{summary} ({day.year})"
    is_leap_day = (day.month, day.day) == (2, 29)
    rule = "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1" if is_leap_day else "FREQ=YEARLY"
    start = f"{day.year or _FIRST_YEAR:04}{day.month:02}{day.day:02}"
    lines = (
        ContentLine("BEGIN", "VCALENDAR"),
        ContentLine("VERSION", "2.0"),
        ContentLine("PRODID", "-//pillarbox//birthdays//EN"),
        ContentLine("BEGIN", "VEVENT"),
        ContentLine("UID", uid),
        # The same whenever it is made, so that its entity tag is.
        ContentLine("DTSTAMP", "19700101T000000Z"),
        ContentLine("DTSTART", start, [("VALUE", ["DATE"])]),
        ContentLine("DURATION", "P1D"),
        ContentLine("RRULE", rule),
        ContentLine("SUMMARY", encode_text(summary)),
        ContentLine("CATEGORIES", kind.capitalize()),
        ContentLine("TRANSP", "TRANSPARENT"),
        ContentLine("END", "VEVENT"),
        ContentLine("END", "VCALENDAR"),
    )
    return uid, "".join([line.written() for line in lines]).encode()
