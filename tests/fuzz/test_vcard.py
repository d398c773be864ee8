"""Any bytes as cards: a card or `GrammarError`, and what reads a card reads every card."""

import gc
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pillarbox.base.errors import GrammarError
from pillarbox.formats.ical.component import parse_calendar
from pillarbox.formats.text_match import TextMatch
from pillarbox.formats.vcard.birthdays import birthday_events
from pillarbox.formats.vcard.card import (
    Card,
    check_card,
    completed,
    parse_card,
    parse_cards,
)
from pillarbox.formats.vcard.convert import converted
from pillarbox.formats.vcard.facts import facts_of
from pillarbox.formats.vcard.filter import AddressData, CardFilter, PropFilter
from pillarbox.formats.vcard.matching import matches
from pillarbox.formats.vcard.partial import told
from pillarbox.formats.vcard.photo import photo_of

FUZZ = settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
PIECES = st.one_of(
    st.sampled_from(
        (
            *("BEGIN:VCARD\r\n", "END:VCARD\r\n", "VERSION:2.1\r\n", "VERSION:3.0\r\n"),
            *("VERSION:4.0\r\n", "UID:1\r\n", "FN:x\r\n", "N:a;b;c;d;e\r\n", "\r\n", "\n", "\r"),
            *(" ", "\t", "=", "=\r\n", ";", ":", ",", '"', "^", "\\", ".", "item1.", "\0", "é"),
            *("NOTE", "PHOTO", "BDAY", "KIND", "RELATED", "ADR", "X-ABLABEL", "AGENT", "GEO"),
            *(";ENCODING=QUOTED-PRINTABLE", ";ENCODING=b", ";BASE64", ";CHARSET=utf-16", ";TYPE="),
            *(";VALUE=uri", ";CHARSET=utf-7", ";X-PILLARBOX-WAS=", ";X-PILLARBOX-MADE=1", ";PREF"),
            *("data:image/png;base64,", "1604-02-29", "--0229", "AAAA", "=C3=A4", "a@b.c"),
        )
    ).map(str.encode),
    st.text(max_size=6).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.binary(max_size=6),
)
CONTENTS = st.one_of(
    st.lists(PIECES, max_size=40).map(b"".join),
    st.tuples(st.sampled_from([b"2.1", b"3.0", b"4.0"]), st.lists(PIECES, max_size=30)).map(
        lambda found: (
            b"BEGIN:VCARD\r\nVERSION:%s\r\n%s\r\nEND:VCARD\r\n" % (found[0], b"".join(found[1]))
        )
    ),
)
FILTER = CardFilter(
    False, (PropFilter("N", text_matches=(TextMatch("a"),)), PropFilter("X.TEL", True))
)


def used(card: Card) -> None:
    """Whatever is done with a card that could be read."""
    facts_of(card)
    photo_of(card)
    matches(FILTER, card)
    for _, event in birthday_events(card):
        parse_calendar(event)
    content = card.written()
    assert parse_card(content).version == card.version
    for version in ("3.0", "4.0"):
        there = converted(card, version)
        assert there.version == version
        assert parse_card(there.written()).version == version
        told(content, AddressData(version=version, props=("N", "X.TEL")))


@FUZZ
@given(CONTENTS)
def test_one_card(content: bytes) -> None:
    try:
        card = parse_card(content)
    except GrammarError:
        return
    used(card)
    try:
        check_card(card)
    except GrammarError:
        return
    assert completed(card) is card


@FUZZ
@given(CONTENTS)
def test_files(content: bytes) -> None:
    try:
        cards = parse_cards(content)
    except GrammarError:
        return
    for card in cards:
        used(card)
        made = completed(card)
        assert made.first("FN") is not None
        assert made.value("UID")


def wrapped(body: bytes, version: bytes) -> bytes:
    return b"BEGIN:VCARD\r\nVERSION:%s\r\nUID:1\r\nFN:x\r\n%s\r\nEND:VCARD\r\n" % (version, body)


GROWING = {
    "folds": lambda count: b"NOTE:x" + b"\r\n x" * count,
    "soft breaks": lambda count: b"NOTE;QUOTED-PRINTABLE:x" + b"=\r\nx" * count,
    "base64": lambda count: b"PHOTO;BASE64:\r\n" + b" AAAA\r\n" * count,
    "semicolons": lambda count: b"ADR:" + b";" * count,
    "backslashes": lambda count: b"N:" + b"\\" * count,
    "params": lambda count: b"TEL" + b";A=b" * count + b":1",
    "types": lambda count: b"TEL;TYPE=" + b"a," * count + b"pref:1",
    "quotes": lambda count: b'TEL;TYPE="' + b'"' * count + b":1",
    "spaces": lambda count: b"NOTE:" + b" " * count,
    "BEGIN and spaces": lambda count: b"BEGIN:VCARD" + b" " * count + b"x:",
    "empty lines": lambda count: b"\r\n" * count,
    "returns": lambda count: b"NOTE:x" + b"\r" * count,
    "returns in between": lambda count: b"NOTE:x" + b"\r" * count + b"y",
    "dates": lambda count: b"BDAY:" + b"1" * count,
    "geo": lambda count: b"GEO:1." + b"1" * count + b";2",
    "many": lambda count: b"item1.X-ABRELATEDNAMES:a\r\n" * (count // 50),
    "memories": lambda count: b'N;X-PILLARBOX-WAS="N;A=b":c\r\n' * (count // 50),
    "data": lambda count: b"PHOTO:data:" + b"a/" * count,
}


@pytest.mark.parametrize("version", [b"2.1", b"3.0", b"4.0"])
@pytest.mark.parametrize("name", GROWING)
def test_time_grows_with_size(name: str, version: bytes) -> None:
    def took(count: int) -> float:
        content = wrapped(GROWING[name](count), version)
        gc.collect()
        gc.disable()
        began = time.process_time()
        try:
            for card in parse_cards(content):
                used(card)
                completed(card)
        except GrammarError:
            pass
        finally:
            gc.enable()
        return time.process_time() - began

    short = max(took(20_000), 0.005)
    assert took(200_000) < 60 * short
