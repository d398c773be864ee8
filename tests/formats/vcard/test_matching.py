"""Filters of address-book queries (RFC 6352 §10.5)."""

import pytest

from pillarbox.formats.text_match import Collation, MatchType, ParamFilter, TextMatch
from pillarbox.formats.vcard.card import Card, parse_card
from pillarbox.formats.vcard.filter import CardFilter, PropFilter
from pillarbox.formats.vcard.matching import matches

from .cards import APPLE, card_text, sent

CARD = parse_card(
    card_text(
        "FN:Zoë Straße",
        "N:Straße;Zoë,Anna;Maria;;",
        "NICKNAME:Zo,Zoé\\, the first",
        "EMAIL;TYPE=HOME,pref:Zoe@Example.org",
        "item1.EMAIL;TYPE=WORK:zoe@work.example",
        "item1.X-ABLABEL:Work",
        "TEL;CELL:+49 30 1",
        "ADR;TYPE=HOME:;;Road 5\\, back;Sampleton;;12345;Germany",
        "NOTE:one\\ntwo",
    )
)


def has(prop: PropFilter) -> bool:
    return matches(CardFilter(props=(prop,)), CARD)


def text(
    name: str,
    wanted: str,
    match_type: MatchType = MatchType.CONTAINS,
    *,
    collation: Collation = Collation.UNICODE_CASEMAP,
    negate: bool = False,
) -> bool:
    return has(PropFilter(name, text_matches=(TextMatch(wanted, collation, match_type, negate),)))


def param(name: str, wanted: ParamFilter) -> bool:
    return has(PropFilter(name, params=(wanted,)))


def test_without_parts_all_fit() -> None:
    assert matches(CardFilter(), CARD)
    assert matches(CardFilter(any_of=False), Card("3.0"))


@pytest.mark.parametrize(
    ("name", "is_there"),
    [
        ("EMAIL", True),
        ("email", True),
        ("item1.EMAIL", True),
        ("ITEM1.email", True),
        ("item2.EMAIL", False),
        ("item1.TEL", False),
        ("X-ABLabel", True),
        ("PHOTO", False),
        ("", False),
    ],
)
def test_whether_it_is_there(name: str, is_there: bool) -> None:
    assert has(PropFilter(name)) is is_there
    assert has(PropFilter(name, is_not_defined=True)) is not is_there


def test_match_types() -> None:
    assert text("EMAIL", "EXAMPLE.ORG", MatchType.ENDS_WITH)
    assert text("EMAIL", "zoe@", MatchType.STARTS_WITH)
    assert text("EMAIL", "zoe@example.org", MatchType.EQUALS)
    assert text("EMAIL", "@exa")
    assert not text("EMAIL", "example.org", MatchType.STARTS_WITH)
    assert not text("EMAIL", "zoe@", MatchType.ENDS_WITH)
    assert not text("EMAIL", "zoe", MatchType.EQUALS)


def test_collations() -> None:
    assert text("FN", "strasse")
    assert text("FN", "ZOË")
    assert not text("FN", "ZOË", collation=Collation.ASCII_CASEMAP)
    assert text("FN", "zoë", collation=Collation.ASCII_CASEMAP)
    assert not text("FN", "zoë", collation=Collation.OCTET)
    assert text("FN", "Zoë", collation=Collation.OCTET)


def test_values_are_decoded() -> None:
    assert text("NOTE", "one\ntwo", MatchType.EQUALS)
    assert text("ADR", "road 5, back", MatchType.EQUALS)
    assert text("NICKNAME", "zoé, the first", MatchType.EQUALS)


def test_components() -> None:
    assert text("N", "Straße", MatchType.EQUALS)
    assert text("N", "maria", MatchType.STARTS_WITH)
    assert text("N", "straße;zoë", MatchType.STARTS_WITH)
    assert text("ADR", "Sampleton", MatchType.EQUALS)
    assert text("NICKNAME", "zo", MatchType.EQUALS)
    assert not text("NOTE", "two", MatchType.EQUALS)


def test_negation() -> None:
    assert not text("FN", "zoë", negate=True)
    assert text("FN", "ann", negate=True)
    # One of the two addresses does not have it.
    assert text("EMAIL", "example.org", negate=True)
    assert not text("EMAIL", "zoe", negate=True)
    assert not text("N", "maria", MatchType.EQUALS, negate=True)
    # What is not there can't be told apart from what is not wanted.
    assert not text("PHOTO", "x", negate=True)


def test_params() -> None:
    assert param("EMAIL", ParamFilter("TYPE"))
    assert not param("EMAIL", ParamFilter("LANGUAGE"))
    assert param("EMAIL", ParamFilter("LANGUAGE", is_not_defined=True))
    assert not param("EMAIL", ParamFilter("TYPE", is_not_defined=True))
    assert param("EMAIL", ParamFilter("type", text_match=TextMatch("PREF")))
    assert not param("EMAIL", ParamFilter("TYPE", text_match=TextMatch("CELL")))
    assert param("TEL", ParamFilter("TYPE", text_match=TextMatch("cell")))
    assert param("EMAIL", ParamFilter("TYPE", text_match=TextMatch("home", negate=True)))
    assert not param("ADR", ParamFilter("TYPE", text_match=TextMatch("home", negate=True)))
    assert not param("EMAIL", ParamFilter("X-A", text_match=TextMatch("home", negate=True)))


WORK = ParamFilter("TYPE", text_match=TextMatch("WORK"))
AT_HOME = TextMatch("example.org")
AT_WORK = TextMatch("work.example")


def test_any_and_all_of_one_property() -> None:
    """All have to hold for the same property, not each for some."""
    assert has(PropFilter("EMAIL", any_of=False, text_matches=(AT_WORK,), params=(WORK,)))
    assert not has(PropFilter("EMAIL", any_of=False, text_matches=(AT_HOME,), params=(WORK,)))
    assert has(PropFilter("EMAIL", any_of=True, text_matches=(TextMatch("no"),), params=(WORK,)))
    assert not has(PropFilter("EMAIL", any_of=False, text_matches=(AT_HOME, AT_WORK)))
    assert has(PropFilter("EMAIL", any_of=True, text_matches=(TextMatch("no"), AT_WORK)))
    assert has(PropFilter("EMAIL", any_of=False, params=(WORK, ParamFilter("TYPE"))))
    assert not has(PropFilter("EMAIL", any_of=False, params=(WORK, ParamFilter("X-A"))))


def test_any_and_all_of_the_card() -> None:
    yes, no = PropFilter("EMAIL"), PropFilter("PHOTO")
    assert matches(CardFilter(True, (yes, no)), CARD)
    assert not matches(CardFilter(False, (yes, no)), CARD)
    assert matches(CardFilter(False, (yes, yes)), CARD)
    assert not matches(CardFilter(True, (no, no)), CARD)


def test_what_apple_asks() -> None:
    """Its search: any of names, addresses and the organization contains the text."""
    names = ("FN", "N", "NICKNAME", "EMAIL", "ORG")
    card = parse_card(sent(APPLE))

    def found(wanted: str) -> bool:
        match = TextMatch(wanted, Collation.UNICODE_CASEMAP)
        props = tuple(PropFilter(name, text_matches=(match,)) for name in names)
        return matches(CardFilter(True, props), card)

    assert all(map(found, ("rosa", "MORITZ", "adi", "example.com", "Works, Ltd")))
    assert not found("ben")
