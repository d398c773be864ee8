"""Cards of the directory; things are devices (RFC 6869 §3)."""

from pillarbox.formats.vcard.card import check_card, parse_card
from pillarbox.formats.vcard.directory import DirectoryEntry, EntryKind, directory_card
from pillarbox.formats.vcard.facts import facts_of


def test_users() -> None:
    entry = DirectoryEntry("u-1", EntryKind.USER, "ann@example.org", "Ann; B Smith", "Example")
    card = directory_card(entry)
    check_card(card)
    assert parse_card(card.written()) == card
    facts = facts_of(card)
    assert (facts.uid, facts.kind, facts.name) == ("u-1", "individual", "Ann; B Smith")
    assert (facts.family_name, facts.given_name) == ("Smith", "Ann; B")
    assert (facts.emails, facts.organization) == (("ann@example.org",), "Example")
    assert directory_card(entry) == card


def test_groups_and_rooms() -> None:
    group = DirectoryEntry("g", EntryKind.GROUP, "team@example.org", members=("u-1", "u-2"))
    facts = facts_of(directory_card(group))
    assert (facts.kind, facts.name) == ("group", "team")
    assert facts.members == ("urn:uuid:u-1", "urn:uuid:u-2")
    room = DirectoryEntry("r", EntryKind.ROOM, "room@example.org", "Room 1")
    assert facts_of(directory_card(room)).kind == "location"


def test_names_that_would_break_out() -> None:
    entry = DirectoryEntry("u", EntryKind.USER, "a@b.c", "x\r\nEND:VCARD", "y\nz")
    assert parse_card(directory_card(entry).written()).value("FN") == "x\\nEND:VCARD"
