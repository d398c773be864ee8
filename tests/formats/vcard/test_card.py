"""Cards are read as they come, and refused where address books could not use them."""

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.formats.vcard.card import (
    MAX_LINES,
    InvalidCard,
    check_card,
    completed,
    parse_card,
    parse_cards,
    split_cards,
)

from .cards import APPLE, DAVX5, GOOGLE, OUTLOOK, STORED, card_text, sent


@pytest.mark.parametrize("name", STORED)
def test_cards_of_programs(name: str) -> None:
    card = parse_card(sent(STORED[name]))
    check_card(card)
    assert parse_card(card.written()) == card


def test_lines_keep_what_they_are() -> None:
    card = parse_card(sent(APPLE))
    assert card.version == "3.0"
    mail = card.all("EMAIL")[1]
    assert (mail.value, mail.params) == (
        "ada.moritz@example.com",
        [("TYPE", ["INTERNET"]), ("TYPE", ["WORK"])],
    )
    label = card.first("X-ABLABEL")
    assert label is not None
    assert (label.group, label.value) == ("item1", "Boat")
    assert card.value("NO-SUCH") is None


def test_folds_inside_of_a_character() -> None:
    content = card_text("NOTE:Grüße").replace("ü".encode(), b"\xc3\r\n \xbc")
    assert parse_card(content).value("NOTE") == "Grüße"


@pytest.mark.parametrize("ending", ["\n", "\r", "\r\n", "\r\r\n"])
def test_line_ends(ending: str) -> None:
    content = APPLE.replace("\n", ending).encode()
    assert parse_card(content) == parse_card(sent(APPLE))


def refused(content: bytes) -> InvalidCard:
    with pytest.raises(InvalidCard) as caught:
        check_card(parse_card(content))
    return caught.value


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"BEGIN:VCARD\r\nEND:VCARD\r\n",
        b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n",
        sent(APPLE + GOOGLE),
        sent(APPLE).replace(b"END:VCARD", b""),
        sent(APPLE).replace(b"UID:", b"X-UID:"),
        card_text("UID: "),
        card_text("UID:one", "UID:two"),
        card_text("UID:" + "x" * 1001),
        card_text("VERSION:3.0"),
        sent(GOOGLE).replace(b"FN:", b"X-FN:"),
        sent(GOOGLE).replace(b"VERSION:", b"X-VERSION:"),
        card_text("NOTE:\xff").replace("\xff".encode(), b"\xff"),
        card_text("NOTE:a\0b"),
        card_text("no colon"),
        card_text(*["NOTE:x"] * MAX_LINES),
        card_text("NOTE" + ";A=b" * 1001 + ":x"),
        card_text("NOTE;A=" + "b," * 1001 + ":x"),
    ],
)
def test_what_is_no_card(content: bytes) -> None:
    assert refused(content).rule == "valid-address-data"


@pytest.mark.parametrize("version", ["2.1", "5.0", "x" * 999])
def test_versions_not_taken(version: str) -> None:
    error = refused(card_text(version=version))
    assert error.rule == "supported-address-data"
    assert len(str(error)) < 200


def test_old_cards_are_told_from_broken_ones() -> None:
    assert refused(sent(OUTLOOK)).rule == "supported-address-data"


def test_too_large() -> None:
    assert "bytes" in refused(card_text("NOTE:" + "x" * (11 << 20))).text


def test_a_file_of_many() -> None:
    cards = parse_cards(sent("\n" + APPLE + "\n\nrubbish\n" + OUTLOOK + DAVX5))
    assert [card.version for card in cards] == ["3.0", "3.0", "4.0"]
    assert cards[0] == parse_card(sent(APPLE))


def test_a_file_in_utf_16_or_an_8_bit_set() -> None:
    text = card_text("NOTE:Grüße").decode()
    assert parse_cards(text.encode("utf-16"))[0].value("NOTE") == "Grüße"
    assert parse_cards(text.encode("cp1252"))[0].value("NOTE") == "Grüße"
    assert parse_cards(b"\xef\xbb\xbf" + text.encode())[0].value("NOTE") == "Grüße"
    folded = text.encode().replace("ü".encode(), b"\xc3\r\n \xbc")
    assert parse_cards(folded)[0].value("NOTE") == "Grüße"


def test_what_is_wrong_in_a_file_is_named() -> None:
    with pytest.raises(GrammarError, match="card 2: "):
        parse_cards(sent(APPLE) + sent(GOOGLE).replace(b"VERSION:3.0\r\n", b""))
    with pytest.raises(GrammarError, match="card 2 does not end"):
        parse_cards(sent(APPLE) + b"BEGIN:VCARD\r\n")
    assert parse_cards(b"") == []


def test_cards_of_a_file_as_they_are() -> None:
    both = list(split_cards(sent(APPLE + GOOGLE)))
    assert [one.strip() for one in both] == [sent(APPLE).strip(), sent(GOOGLE).strip()]


def test_what_is_missing_is_made() -> None:
    bare = b"BEGIN:VCARD\r\nVERSION:3.0\r\nN:Lind;Cora;;;\r\nEND:VCARD\r\n"
    card = completed(parse_card(bare))
    check_card(card)
    assert card.value("FN") == "Cora Lind"
    assert completed(parse_card(bare)) == card
    assert completed(card) is card
    other = completed(parse_card(bare.replace(b"Cora", b"Dora")))
    assert other.value("UID") != card.value("UID")


@pytest.mark.parametrize(
    ("line", "name"),
    [("ORG:Sample;Sales", "Sample Sales"), ("EMAIL:a@example.org", "a@example.org"), ("X-A:b", "")],
)
def test_cards_without_a_name_get_one(line: str, name: str) -> None:
    content = sent(f"BEGIN:VCARD\nVERSION:3.0\n{line}\nEND:VCARD\n")
    assert completed(parse_card(content)).value("FN") == name


def test_version_2_1() -> None:
    (card,) = parse_cards(sent(OUTLOOK))
    found = {line.name: line for line in card.lines}
    assert found["N"].value == "Müller;Eva"
    assert found["N"].params == [("LANGUAGE", ["de"])]
    assert found["FN"].value == "Eva Müller"
    assert found["ORG"].value == "Sample Works\\, Ltd.;Sales"
    assert card.all("TEL")[0].params == [("TYPE", ["WORK", "VOICE"])]
    assert found["ADR"].value == ";;Straße des 17. Juni 1;Berlin;;10623;Germany"
    assert found["LABEL"].value == "Road 1\\n10623 Berlin"
    assert found["NOTE"].value == "one\\; two\\, three\\näö"
    assert found["PHOTO"].value == "/9j/4AAQSkZJRgABAQAAAQABAAD="
    assert found["PHOTO"].params == [("TYPE", ["JPEG"]), ("ENCODING", ["b"])]
    check_card(completed(card))
    assert parse_card(card.written()) == card


def test_old_cards_in_each_other() -> None:
    inner = "AGENT:\nBEGIN:VCARD\nVERSION:2.1\nN:Inner\nEND:VCARD\n"
    (card,) = parse_cards(sent(OUTLOOK.replace("REV:", inner + "REV:")))
    assert [line.value for line in card.all("N")] == ["Müller;Eva"]
    assert card.value("REV") == "20240501T123000Z"
    assert card.first("AGENT") is None


def test_base64_without_spaces_before_it() -> None:
    text = "BEGIN:VCARD\nVERSION:2.1\nPHOTO;JPEG;BASE64:\nAAAA\nBBBB\n\nFN:x\nEND:VCARD\n"
    (card,) = parse_cards(sent(text))
    assert (card.value("PHOTO"), card.value("FN")) == ("AAAABBBB", "x")


@pytest.mark.parametrize("name", ["N", "adr", "ORG", "CATEGORIES"])
def test_values_have_so_many_parts_at_most(name: str) -> None:
    parts = ";" * 5_000 + "," * 5_000
    for more, fits in (("", True), (";", False)):
        lines = (
            "BEGIN:VCARD",
            "VERSION:4.0",
            "UID:u",
            "FN:x",
            f"{name}:{parts}{more}",
            "END:VCARD",
        )
        content = "".join(line + "\r\n" for line in lines).encode()
        if fits:
            parse_card(content)
        else:
            with pytest.raises(InvalidCard, match="parts"):
                parse_card(content)
