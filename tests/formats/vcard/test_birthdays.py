"""Birthdays and anniversaries as events."""

from datetime import UTC, datetime

import pytest
from dateutil.rrule import rrulestr

from pillarbox.formats.ical.component import Component, parse_calendar
from pillarbox.formats.vcard.birthdays import birthday_events
from pillarbox.formats.vcard.card import Card, parse_card

from .cards import APPLE, APPLE_GROUP, DAVX5, card_text, sent


def events(card: Card) -> list[Component]:
    found = []
    for uid, content in birthday_events(card):
        (event,) = parse_calendar(content).of("VEVENT")
        assert event.value("UID") == uid
        found.append(event)
    return found


def days(event: Component, count: int) -> list[str]:
    start = datetime.strptime(event.value("DTSTART") or "", "%Y%m%d").replace(tzinfo=UTC)
    rule = rrulestr(event.value("RRULE") or "", dtstart=start)
    return [found.strftime("%Y-%m-%d") for _, found in zip(range(count), rule, strict=False)]


def test_both_days() -> None:
    birthday, anniversary = events(parse_card(sent(DAVX5)))
    assert birthday.value("SUMMARY") == "🎂 Ben Moritz (1985)"
    assert birthday.value("DTSTART") == "19850412"
    start = birthday.first("DTSTART")
    assert start is not None
    assert start.param("VALUE") == "DATE"
    assert days(birthday, 2) == ["1985-04-12", "1986-04-12"]
    assert birthday.value("TRANSP") == "TRANSPARENT"
    assert anniversary.value("SUMMARY") == "💍 Ben Moritz (2010)"
    assert days(anniversary, 1) == ["2010-06-12"]


def test_the_last_of_february() -> None:
    birthday = events(parse_card(sent(APPLE)))[0]
    assert birthday.value("SUMMARY") == "🎂 Dr. Ada Rosa Moritz"
    assert days(birthday, 5) == [
        *("1972-02-29", "1973-02-28", "1974-02-28", "1975-02-28", "1976-02-29"),
    ]


def test_uids_are_stable() -> None:
    before = birthday_events(parse_card(sent(DAVX5)))
    assert birthday_events(parse_card(sent(DAVX5))) == before
    renamed = birthday_events(parse_card(sent(DAVX5.replace("Ben", "Benno"))))
    assert [uid for uid, _ in renamed] == [uid for uid, _ in before]
    other = birthday_events(parse_card(sent(DAVX5.replace("UID:6a", "UID:7a"))))
    assert not {uid for uid, _ in other} & {uid for uid, _ in before}
    assert len({uid for uid, _ in before}) == 2


@pytest.mark.parametrize(
    "lines",
    [
        ("NOTE:no day",),
        ("BDAY:1985",),
        ("BDAY:nonsense",),
        ("BDAY:1985-04-12", "FN:", "N:;;;;"),
        ("BDAY:1985-04-12", "X-ADDRESSBOOKSERVER-KIND:group"),
    ],
)
def test_cards_without(lines: tuple[str, ...]) -> None:
    assert birthday_events(parse_card(card_text(*lines))) == []
    assert birthday_events(parse_card(sent(APPLE_GROUP))) == []


def test_names_that_would_break_out() -> None:
    content = card_text("BDAY:--0412", "FN:a\\nEND:VEVENT;b\\,c" + "x" * 999)
    (event,) = events(parse_card(content))
    assert event.value("SUMMARY") == "🎂 a END:VEVENT\\;b\\,c" + "x" * (200 - 16)
