"""What is known of a card."""

import pytest

from pillarbox.formats.vcard.card import Card, parse_card
from pillarbox.formats.vcard.dates import CardDate, date_of
from pillarbox.formats.vcard.facts import MOST, facts_of
from pillarbox.formats.vcard.photo import Photo, photo_of

from .cards import APPLE, APPLE_COMPANY, APPLE_GROUP, DAVX5, DAVX5_GROUP, card_text, sent


def test_apple() -> None:
    facts = facts_of(parse_card(sent(APPLE)))
    assert facts.uid == "0C5C04A9-6E13-4C06-8F5C-7F4A3C1E2B01"
    assert facts.kind == "individual"
    assert (facts.name, facts.family_name, facts.given_name) == (
        "Dr. Ada Rosa Moritz",
        "Moritz",
        "Ada",
    )
    assert facts.nicknames == ("Adi",)
    assert facts.organization == "Sample Works, Ltd. Research"
    assert facts.emails == ("ada@example.org", "ada.moritz@example.com")
    assert facts.phones == ("+49 30 901820", "+49 30 901821")
    assert facts.birthday == CardDate(None, 2, 29)
    assert facts.anniversary == CardDate(2010, 6, 12)
    assert facts.has_photo


def test_davx5() -> None:
    facts = facts_of(parse_card(sent(DAVX5)))
    assert facts.emails == ("ben@example.org", "ben@boats.example")
    assert facts.phones == ("+49 170 5550100", "+49-30-901820")
    assert facts.birthday == CardDate(1985, 4, 12)
    assert facts.anniversary == CardDate(2010, 6, 12)


def test_kinds() -> None:
    assert facts_of(parse_card(sent(APPLE_COMPANY))).kind == "org"
    group = facts_of(parse_card(sent(APPLE_GROUP)))
    assert (group.kind, len(group.members)) == ("group", 2)
    other = facts_of(parse_card(sent(DAVX5_GROUP)))
    assert other.members[1] == "mailto:someone@example.net"
    assert facts_of(parse_card(card_text("KIND: GROUP"))).kind == "group"


def test_addresses() -> None:
    lines = ("EMAIL: a@b.c ", "EMAIL:A@B.C", "EMAIL:MAILTO:d@e.f", "EMAIL:nobody", "EMAIL:")
    assert facts_of(parse_card(card_text(*lines))).emails == ("a@b.c", "d@e.f")


def test_nothing_at_all() -> None:
    facts = facts_of(Card("3.0"))
    assert (facts.uid, facts.name, facts.emails, facts.has_photo) == ("", "", (), False)


def test_hostile_cards() -> None:
    many = [f"EMAIL:{number}@b.c" for number in range(MOST + 9)]
    facts = facts_of(parse_card(card_text(*many, "EMAIL:" + "x" * 5000 + "@b.c")))
    assert len(facts.emails) == MOST
    assert len(facts_of(parse_card(card_text("FN:" + "x" * 99_999))).name) == 1000


@pytest.mark.parametrize(
    ("line", "day"),
    [
        ("BDAY:1985-04-12", CardDate(1985, 4, 12)),
        ("BDAY:19850412", CardDate(1985, 4, 12)),
        ("BDAY:19850412T010203Z", CardDate(1985, 4, 12)),
        ("BDAY:1970-01-02T00:00:00Z", CardDate(1970, 1, 2)),
        ("BDAY:1985-4-2", CardDate(1985, 4, 2)),
        ("BDAY:--0412", CardDate(None, 4, 12)),
        ("BDAY:--04-12", CardDate(None, 4, 12)),
        ("BDAY:--0229", CardDate(None, 2, 29)),
        ("BDAY:2000-02-29", CardDate(2000, 2, 29)),
        ("BDAY:1604-04-12", CardDate(None, 4, 12)),
        ("BDAY;X-APPLE-OMIT-YEAR=1900:1900-04-12", CardDate(None, 4, 12)),
        ("BDAY:1900-02-29", None),
        ("BDAY:--0230", None),
        ("BDAY:--1301", None),
        ("BDAY:0000-01-01", None),
        ("BDAY:1985", None),
        ("BDAY:1985-04", None),
        ("BDAY:---12", None),
        ("BDAY;VALUE=text:circa 1800", None),
        ("BDAY:", None),
        ("BDAY:１９８５-04-12", None),
        ("BDAY:" + "1" * 10_000, None),
    ],
)
def test_days(line: str, day: CardDate | None) -> None:
    bday = parse_card(card_text(line)).first("BDAY")
    assert bday is not None
    assert date_of(bday) == day


@pytest.mark.parametrize(
    ("line", "photo"),
    [
        ("PHOTO;ENCODING=b;TYPE=JPEG:aGk=", Photo("image/jpeg", b"hi")),
        ("PHOTO;BASE64:aGk=", Photo("application/octet-stream", b"hi")),
        ("PHOTO:data:image/png;base64,aGk=", Photo("image/png", b"hi")),
        ("PHOTO:DATA:image/png,h%69", Photo("image/png", b"hi")),
        ("PHOTO;VALUE=uri:https://a.example/b", Photo(uri="https://a.example/b")),
        ("LOGO:https://a.example/b", Photo(uri="https://a.example/b")),
        ("PHOTO;ENCODING=b:a", None),
        ("PHOTO:data:image/png", None),
        ("PHOTO:", None),
        ("NOTE:x", None),
    ],
)
def test_photos(line: str, photo: Photo | None) -> None:
    assert photo_of(parse_card(card_text(line))) == photo
