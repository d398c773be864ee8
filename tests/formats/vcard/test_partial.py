"""Cards as clients ask for them (RFC 6352 §10.4)."""

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.formats.vcard.card import parse_card
from pillarbox.formats.vcard.filter import AddressData
from pillarbox.formats.vcard.partial import told

from .cards import APPLE, DAVX5, sent


def names(content: bytes) -> list[str]:
    return [line.name for line in parse_card(content).lines]


def test_all_is_what_was_stored() -> None:
    stored = sent(APPLE)
    assert told(stored, AddressData()) is stored
    assert told(stored, AddressData(version="3.0")) is stored
    assert told(b"no card", AddressData()) == b"no card"


def test_some_properties() -> None:
    found = told(sent(APPLE), AddressData(props=("fn", "EMAIL", "PHONE")))
    assert names(found) == ["VERSION", "FN", "EMAIL", "EMAIL", "UID"]
    assert names(told(sent(APPLE), AddressData(props=()))) == ["VERSION", "UID"]


def test_groups() -> None:
    found = parse_card(told(sent(APPLE), AddressData(props=("ITEM1.TEL",))))
    assert [line.value for line in found.all("TEL")] == ["+49 30 901821"]
    both = parse_card(told(sent(APPLE), AddressData(props=("TEL",))))
    assert len(both.all("TEL")) == 2


def test_without_values() -> None:
    data = AddressData(props=("PHOTO", "FN", "UID"), without_value=frozenset(("PHOTO", "UID")))
    found = told(sent(APPLE), data)
    assert b"PHOTO;ENCODING=b;TYPE=JPEG:\r\n" in found
    assert b"UID:\r\n" in found
    assert b"FN:Dr. Ada Rosa Moritz\r\n" in found


def test_other_versions() -> None:
    found = parse_card(told(sent(DAVX5), AddressData(version="3.0", props=("KIND", "BDAY"))))
    assert found.version == "3.0"
    assert found.value("BDAY") == "1985-04-12"
    whole = parse_card(told(sent(DAVX5), AddressData(version="3.0")))
    assert whole.value("FN") == "Ben Moritz"
    with pytest.raises(GrammarError):
        told(sent(DAVX5), AddressData(version="2.1"))


def test_what_is_no_card() -> None:
    with pytest.raises(GrammarError):
        told(b"no card", AddressData(props=("FN",)))
