"""Cards in the other version: what a client finds there, and that nothing is lost on the way.

RFC 2426 is 3.0, RFC 6350 is 4.0.
"""

import string
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.steps import counted
from pillarbox.base.errors import GrammarError
from pillarbox.formats.content_line import ContentLine
from pillarbox.formats.vcard.card import Card, parse_card
from pillarbox.formats.vcard.convert import MADE, WAS, converted
from pillarbox.formats.vcard.facts import facts_of

from .cards import APPLE, APPLE_COMPANY, APPLE_GROUP, DAVX5, STORED, card_text, sent

OTHER = {"3.0": "4.0", "4.0": "3.0"}


def plain(card: Card) -> list[str]:
    """The lines without what only the way back needs."""
    found = []
    for line in card.lines:
        shown = line.copy()
        shown.params = [pair for pair in shown.params if pair[0] not in (WAS, MADE)]
        found.append(shown.written().replace("\r\n ", "").rstrip("\r\n"))
    return found


def there_and_back(card: Card) -> Card:
    """Over the wire each time, as a client would have it."""
    there = parse_card(converted(card, OTHER[card.version]).written())
    assert there.version == OTHER[card.version]
    return converted(there, card.version)


@pytest.mark.parametrize("name", STORED)
def test_cards_of_programs_come_back(name: str) -> None:
    card = parse_card(sent(STORED[name]))
    assert converted(card, card.version) is card
    assert there_and_back(card) == card


def test_unknown_versions() -> None:
    with pytest.raises(GrammarError):
        converted(parse_card(sent(APPLE)), "2.1")


def test_facts_are_the_same() -> None:
    for text in STORED.values():
        card = parse_card(sent(text))
        found = facts_of(converted(card, OTHER[card.version]))
        if card.first("N") is None:
            found = replace(found, family_name="")
        assert found == facts_of(card)


UP = [
    ("EMAIL;TYPE=INTERNET,HOME,PREF:a@b.c", "EMAIL;TYPE=HOME;PREF=1:a@b.c"),
    ("EMAIL;type=INTERNET;type=pref:a@b.c", "EMAIL;PREF=1:a@b.c"),
    ("TEL;HOME;PREF:+1", "TEL;TYPE=home;PREF=1:+1"),
    ("PHOTO;ENCODING=b;TYPE=JPEG:/9j/", "PHOTO:data:image/jpeg;base64,/9j/"),
    ("PHOTO;ENCODING=BASE64:iVBORw0K", "PHOTO:data:image/png;base64,iVBORw0K"),
    ("PHOTO;TYPE=image/gif;ENCODING=B:R0lG", "PHOTO:data:image/gif;base64,R0lG"),
    ("PHOTO;VALUE=uri:https://a.example/b", "PHOTO:https://a.example/b"),
    ("KEY;ENCODING=b;TYPE=PGP:AAAA", "KEY:data:application/pgp-keys;base64,AAAA"),
    ("SOUND;ENCODING=b;TYPE=BASIC:AAAA", "SOUND:data:audio/basic;base64,AAAA"),
    ("BDAY:1985-04-12", "BDAY:19850412"),
    ("BDAY;VALUE=date:1985-04-12", "BDAY:19850412"),
    ("BDAY:--04-12", "BDAY:--0412"),
    ("BDAY;VALUE=date-time:1985-04-12T01:02:03Z", "BDAY:19850412T010203Z"),
    ("BDAY;X-APPLE-OMIT-YEAR=1604:1604-04-12", "BDAY:--0412"),
    ("BDAY:circa 1800", "BDAY:circa 1800"),
    ("REV:2024-05-01T12:30:00.5+02:00", "REV:20240501T123000+0200"),
    ("TZ:-05:00", "TZ;VALUE=utc-offset:-0500"),
    ("TZ;VALUE=text:Europe/Berlin", "TZ:Europe/Berlin"),
    ("GEO:37.386013;-122.082932", "GEO:geo:37.386013,-122.082932"),
    ("X-ADDRESSBOOKSERVER-KIND:group", "KIND:group"),
    ("X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:1", "MEMBER:urn:uuid:1"),
    ("X-EVOLUTION-ANNIVERSARY:2001-09-08", "ANNIVERSARY:20010908"),
    ("X-EVOLUTION-SPOUSE:Gro", "RELATED;VALUE=text;TYPE=spouse:Gro"),
    ("X-GENDER:F", "GENDER:F"),
    ("X-JABBER:a@b.c", "IMPP:xmpp:a@b.c"),
    ("X-JABBER:not an address", "X-JABBER:not an address"),
    ("AGENT;VALUE=uri:urn:uuid:1", "RELATED;TYPE=agent:urn:uuid:1"),
    ("AGENT:BEGIN\\:VCARD", "X-AGENT:BEGIN\\:VCARD"),
    ("CLASS:PRIVATE", "X-CLASS:PRIVATE"),
    ("LABEL;TYPE=HOME:Road 1\\nTown", "X-LABEL;TYPE=HOME:Road 1\\nTown"),
    ("SORT-STRING:Berg", "X-SORT-STRING:Berg"),
    ("X-UNKNOWN;A=b;C:d;e\\,f", "X-UNKNOWN;A=b;C:d;e\\,f"),
]


@pytest.mark.parametrize(("before", "after"), UP)
def test_3_as_4(before: str, after: str) -> None:
    card = parse_card(card_text(before))
    assert after in plain(converted(card, "4.0"))
    assert there_and_back(card) == card


DOWN = [
    ("EMAIL;TYPE=home;PREF=1:a@b.c", "EMAIL;TYPE=home;TYPE=pref:a@b.c"),
    ("EMAIL;PREF=50;PID=1.1;ALTID=1:a@b.c", "EMAIL:a@b.c"),
    ('TEL;VALUE=uri;TYPE="voice,home":tel:+1-555', "TEL;TYPE=voice,home:+1-555"),
    ("PHOTO:data:image/jpeg;base64,/9j/", "PHOTO;ENCODING=b;TYPE=JPEG:/9j/"),
    ("PHOTO;MEDIATYPE=image/gif:https://a.example/b", "PHOTO;VALUE=uri:https://a.example/b"),
    (
        "PHOTO:data:image/svg;charset=x;base64,AA",
        "PHOTO;VALUE=uri:data:image/svg;charset=x;base64,AA",
    ),
    ("KEY:data:application/pgp-keys;base64,AA", "KEY;ENCODING=b;TYPE=PGP:AA"),
    ("KEY;VALUE=text:abc", "KEY:abc"),
    ("LOGO:data:application/octet-stream;base64,AA", "LOGO;ENCODING=b:AA"),
    ("BDAY:19850412", "BDAY:1985-04-12"),
    ("BDAY:--0412", "BDAY;X-APPLE-OMIT-YEAR=1604:1604-04-12"),
    ("BDAY;VALUE=text:circa 1800", "BDAY;VALUE=text:circa 1800"),
    ("BDAY:1985", "BDAY;VALUE=text:1985"),
    ("BDAY;CALSCALE=gregorian:19850412T0102Z", "BDAY:19850412T0102Z"),
    ("BDAY:19850412T010203-05", "BDAY;VALUE=date-time:1985-04-12T01:02:03-05:00"),
    ("ANNIVERSARY:20100612", "item1.X-ABDATE:2010-06-12"),
    ("ANNIVERSARY:20100612", "item1.X-ABLABEL:_$!<Anniversary>!$_"),
    ("ANNIVERSARY:2010", "X-ANNIVERSARY;VALUE=text:2010"),
    ("RELATED;TYPE=spouse;VALUE=text:Ada", "item1.X-ABRELATEDNAMES:Ada"),
    ("RELATED;TYPE=spouse;VALUE=text:Ada", "item1.X-ABLABEL:_$!<Spouse>!$_"),
    ("RELATED;TYPE=friend:urn:uuid:1", "X-RELATED;TYPE=friend:urn:uuid:1"),
    ("RELATED;TYPE=agent:urn:uuid:1", "AGENT;VALUE=uri:urn:uuid:1"),
    ("GENDER:M;man", "X-GENDER:M;man"),
    ("KIND:org", "X-ADDRESSBOOKSERVER-KIND:org"),
    ("KIND:org", "X-ABSHOWAS:COMPANY"),
    ("KIND:group", "X-ADDRESSBOOKSERVER-KIND:group"),
    ("MEMBER:mailto:a@b.c", "X-ADDRESSBOOKSERVER-MEMBER:mailto:a@b.c"),
    ('ADR;LABEL="A^nB";GEO="geo:1,2";TYPE=home:;;A;B;;;', "ADR;TYPE=home:;;A;B;;;"),
    ('ADR;LABEL="A^nB";GEO="geo:1,2";TYPE=home:;;A;B;;;', "LABEL;TYPE=home:A\\nB"),
    ("GEO:geo:1.5,-2;u=10", "GEO:1.5;-2"),
    ("TZ:Europe/Berlin", "TZ;VALUE=text:Europe/Berlin"),
    ("TZ;VALUE=utc-offset:-0500", "TZ:-05:00"),
    ("REV:20240501T123000Z", "REV:2024-05-01T12:30:00Z"),
    ("LANG;PREF=1:de", "X-LANG;TYPE=pref:de"),
    ("CLIENTPIDMAP:1;urn:uuid:1", "X-CLIENTPIDMAP:1;urn:uuid:1"),
    ("XML:<a/>", "X-XML:<a/>"),
    ("X-HOBBY:rowing", "X-HOBBY:rowing"),
    ("X-JABBER:a@b.c", "X-JABBER:a@b.c"),
    ("X-ABSHOWAS:COMPANY", "X-ABSHOWAS:COMPANY"),
    ("X-ABSHOWAS:PERSON", "X-ABSHOWAS:PERSON"),
]


@pytest.mark.parametrize(("before", "after"), DOWN)
def test_4_as_3(before: str, after: str) -> None:
    card = parse_card(card_text(before, version="4.0"))
    assert after in plain(converted(card, "3.0"))
    assert there_and_back(card) == card


def test_3_needs_an_n() -> None:
    text = "BEGIN:VCARD\nVERSION:4.0\nUID:1\nFN:Ann\\, and Ben\nEND:VCARD\n"
    card = parse_card(sent(text))
    assert "N:Ann\\, and Ben;;;;" in plain(converted(card, "3.0"))
    assert there_and_back(card) == card


def test_companies() -> None:
    card = parse_card(sent(APPLE_COMPANY))
    four = converted(card, "4.0")
    assert "KIND:org" in plain(four)
    assert facts_of(four).kind == "org"


def test_groups() -> None:
    four = converted(parse_card(sent(APPLE_GROUP)), "4.0")
    assert facts_of(four).members == facts_of(parse_card(sent(APPLE_GROUP))).members
    assert "KIND:group" in plain(four)


def test_what_a_client_changes_counts() -> None:
    """The client got 3.0 of a card in 4.0, changed some of it and stored that."""
    there = converted(parse_card(sent(DAVX5)), "3.0").written().decode().replace("\r\n ", "")
    changed = (
        there.replace("<Spouse>", "<Friend>")
        .replace("ben@example.org", "ben@new.example")
        .replace("+49-30-901820", "+49-30-901821")
        .replace("2010-06-12", "2011-06-12")
    )
    assert changed != there
    shown = plain(converted(parse_card(changed.encode()), "4.0"))
    assert "EMAIL;TYPE=home;PREF=1:ben@new.example" in shown
    assert any(line.endswith("RELATED;VALUE=text;TYPE=friend:Ada Moritz") for line in shown)
    assert any(line.endswith(":+49-30-901821") for line in shown)
    assert any(line.endswith("ANNIVERSARY:20110612") for line in shown)
    assert not any("20100612" in line for line in shown)


def test_lines_a_client_takes_away_stay_away() -> None:
    there = converted(parse_card(sent(DAVX5)), "3.0")
    there.lines = [line for line in there.lines if line.name not in ("X-ABRELATEDNAMES", "LABEL")]
    back = converted(parse_card(there.written()), "4.0")
    assert not any(line.param("VALUE") == "text" for line in back.all("RELATED"))
    assert back.all("ADR")[0].param("LABEL") is None


@pytest.mark.parametrize(
    "was",
    ['"BEGIN"', '"END:x"', '""', '"no name here",x', "a,b,c", '"VERSION"', '"N;A=b^nEND:VCARD"'],
)
def test_made_up_memories_are_not_believed(was: str) -> None:
    for version in ("3.0", "4.0"):
        card = parse_card(card_text(f"NOTE;{WAS}={was}:x", f"N;{MADE}=1:b", version=version))
        found = converted(card, OTHER[version])
        assert [line.value for line in found.all("NOTE")] == ["x"]
        assert found.all("N")
        parse_card(found.written())


def test_white_space_in_base64_goes() -> None:
    card = parse_card(card_text("PHOTO;ENCODING=b;TYPE=JPEG:AA AA"))
    assert converted(card, "4.0").value("PHOTO") == "data:image/jpeg;base64,AAAA"


NAMES = st.sampled_from(
    (
        *("EMAIL", "TEL", "ADR", "LABEL", "BDAY", "ANNIVERSARY", "PHOTO", "KEY", "SOUND"),
        *("LOGO", "KIND", "MEMBER", "RELATED", "IMPP", "TZ", "GEO", "REV", "CLASS"),
        *("AGENT", "SORT-STRING", "NAME", "GENDER", "LANG", "XML", "HOBBY", "X-HOBBY"),
        *("X-GENDER", "X-LABEL", "X-CLASS", "X-ABLABEL", "X-ABDATE", "X-ABRELATEDNAMES"),
        *("X-ABSHOWAS", "X-ANNIVERSARY", "X-SPOUSE", "X-JABBER", "X-SKYPE"),
        *("X-EVOLUTION-SPOUSE", "X-ADDRESSBOOKSERVER-KIND", "X-ADDRESSBOOKSERVER-MEMBER"),
        *("X-RELATED", "X-AGENT", "NOTE", "ORG", "CATEGORIES", "FN", "X-OTHER", "URL"),
        *("SOCIALPROFILE", "X-SOCIALPROFILE", "X-EVOLUTION-ANNIVERSARY"),
    )
)
VALUES = st.one_of(
    st.sampled_from(
        (
            *("1985-04-12", "19850412", "--0412", "--04-12", "1604-04-12", "1985", "", "org"),
            *("group", "COMPANY", "data:image/jpeg;base64,AAAA", "data:;base64,AA", "AAAA"),
            *("data:image/JPEG;base64,AAAA", "data:application/octet-stream;base64,AA", "iVBOR"),
            *("-05:00", "-0500", "1.5;2.5", "geo:1.5,2.5", "geo:1,2;u=3", "tel:+1", "TEL:+1"),
            *("_$!<Spouse>!$_", "_$!<Anniversary>!$_", "a@b.c", "xmpp:a@b.c", "urn:uuid:1"),
            *("1985-04-12T01:02:03Z", "19850412T010203Z", "19850412T010203-0500", ";;;", "x\\,y"),
        )
    ),
    st.text(string.printable.translate(str.maketrans("", "", "\r\n\x0b\x0c \t")), max_size=12),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zs", "Zl", "Zp")), max_size=6),
)
PARAMS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(["TYPE", "VALUE", "ENCODING", "PREF", "X-APPLE-OMIT-YEAR", "LABEL"]),
            st.lists(
                st.sampled_from(
                    (
                        *("pref", "PREF", "INTERNET", "home", "JPEG", "image/jpeg", "spouse", "1"),
                        *(
                            "b",
                            "BASE64",
                            "uri",
                            "text",
                            "date",
                            "utc-offset",
                            "agent",
                            "1604",
                            "a,b",
                        ),
                        *("", "PGP", "2", "date-time", 'q"uote', "^", "new\nline", "a:b;c"),
                    )
                ),
                min_size=1,
                max_size=3,
            ),
        ),
        st.tuples(
            st.sampled_from(["PREF", "HOME", "BASE64", "PID", "ALTID", "GEO", "X-A"]), st.just([])
        ),
        st.tuples(st.sampled_from(["PID", "ALTID", "SORT-AS", "MEDIATYPE", "GEO"]), st.just(["1"])),
    ),
    max_size=3,
)
GROUPS = st.sampled_from(["", "", "", "item1", "item2", "Item1", "x"])
LINES = st.lists(st.builds(ContentLine, NAMES, VALUES, PARAMS, GROUPS), max_size=8)


@settings(
    max_examples=800, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(st.sampled_from(["3.0", "4.0"]), LINES)
def test_nothing_is_lost(version: str, lines: list[ContentLine]) -> None:
    own = [ContentLine(*pair) for pair in (("VERSION", version), ("N", "A;;;;"), ("UID", "1"))]
    card = Card(version, own + lines)
    assert parse_card(card.written()) == card
    assert there_and_back(card) == card


def test_many_lines_take_linear_time() -> None:
    def steps(count: int) -> int:
        line = "RELATED;TYPE=spouse;VALUE=text:Ada"
        card = parse_card(card_text(*[line] * count, version="4.0"))
        return counted(lambda: there_and_back(card))

    assert steps(1000) < steps(100) * 15
