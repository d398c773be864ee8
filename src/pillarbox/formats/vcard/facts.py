"""What is known of a card: names, addresses, members, days; the same for version 3.0 and 4.0."""

import re
from dataclasses import dataclass

from pillarbox.formats.content_line import ContentLine, decode_text, split_values
from pillarbox.formats.vcard.card import Card, components, name_of_parts
from pillarbox.formats.vcard.dates import CardDate, date_of
from pillarbox.formats.vcard.labels import ANNIVERSARY_LABEL, labels_of

MOST = 1000
"""Addresses, numbers and so on of one card that are looked at."""
MAX_MEMBERS = 10_000
_ADDRESS_CHARACTERS = 320
_NAME_CHARACTERS = 1000
_MAILTO = re.compile("mailto:", re.IGNORECASE)
_TEL = re.compile("tel:", re.IGNORECASE)
_PHOTO_NAMES = ("PHOTO", "LOGO")
_ANNIVERSARIES = ("ANNIVERSARY", "X-ANNIVERSARY", "X-EVOLUTION-ANNIVERSARY")


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What a card says; lists are without repeats and in the order of the card.

    `kind` is in small letters, `individual` where it says none. `members` are as written: UIDs
    behind `urn:uuid:`, or addresses behind `mailto:`.
    """

    uid: str
    kind: str = "individual"
    name: str = ""
    family_name: str = ""
    given_name: str = ""
    nicknames: tuple[str, ...] = ()
    organization: str = ""
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    birthday: CardDate | None = None
    anniversary: CardDate | None = None
    has_photo: bool = False


def facts_of(card: Card) -> CardFacts:
    """The facts of a card; what is missing in it is empty."""
    name = card.value("N") or ""
    family, given, *_ = (*(part.strip() for part in components(name)), "", "")
    return CardFacts(
        uid=(card.value("UID") or "").strip(),
        kind=_kind(card),
        name=_formatted_name(card)[:_NAME_CHARACTERS],
        family_name=family[:_NAME_CHARACTERS],
        given_name=given[:_NAME_CHARACTERS],
        nicknames=_listed(card, "NICKNAME"),
        organization=" ".join(filter(None, components(card.value("ORG") or "")))[:_NAME_CHARACTERS],
        emails=emails_of(card),
        phones=_values(card, "TEL", _TEL),
        members=_members(card),
        birthday=_day(card, ("BDAY",)),
        anniversary=_day(card, _ANNIVERSARIES) or _labelled_anniversary(card),
        has_photo=any(line.name in _PHOTO_NAMES and line.value for line in card.lines),
    )


def emails_of(card: Card) -> tuple[str, ...]:
    """The card's mail addresses as written, one of those that differ in case alone."""
    return tuple(one for one in _values(card, "EMAIL", _MAILTO) if "@" in one)


def _values(card: Card, name: str, prefix: re.Pattern[str]) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for line in card.lines:
        if line.name == name and len(line.value) <= 2 * _ADDRESS_CHARACTERS and len(found) < MOST:
            value = prefix.sub("", decode_text(line.value).strip(), count=1)
            if 0 < len(value) <= _ADDRESS_CHARACTERS:
                found.setdefault(value.lower(), value)
    return tuple(found.values())


def _kind(card: Card) -> str:
    value = card.value("KIND") or card.value("X-ADDRESSBOOKSERVER-KIND")
    if value is not None:
        return value.strip().lower()[:100] or "individual"
    shows = card.value("X-ABSHOWAS") or ""
    return "org" if shows.strip().upper() == "COMPANY" else "individual"


def _formatted_name(card: Card) -> str:
    lines = card.all("FN")
    preferred = [line for line in lines if line.param("PREF") == "1"] or lines
    name = " ".join(decode_text(preferred[0].value).split()) if preferred else ""
    return name or name_of_parts(card.value("N") or "")


def _listed(card: Card, name: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for line in card.all(name)[:MOST]:
        for part in split_values(line.value)[:MOST]:
            text = decode_text(part).strip()[:_NAME_CHARACTERS]
            if text and len(found) < MOST:
                found[text] = None
    return tuple(found)


def _members(card: Card) -> tuple[str, ...]:
    names = ("MEMBER", "X-ADDRESSBOOKSERVER-MEMBER")
    lines = [line for line in card.lines if line.name in names][:MAX_MEMBERS]
    values = (line.value.strip()[:_NAME_CHARACTERS] for line in lines)
    return tuple(dict.fromkeys(value for value in values if value))


def _day(card: Card, names: tuple[str, ...]) -> CardDate | None:
    return _first_day([line for line in card.lines if line.name in names])


def _labelled_anniversary(card: Card) -> CardDate | None:
    labels = labels_of(card.lines)
    lines = card.all("X-ABDATE")
    return _first_day([one for one in lines if labels.get(one.group.lower()) == ANNIVERSARY_LABEL])


def _first_day(lines: list[ContentLine]) -> CardDate | None:
    for line in lines[:MOST]:
        found = date_of(line)
        if found is not None:
            return found
    return None
