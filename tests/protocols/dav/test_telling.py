"""Which properties there are, and that what is told of items is chosen once."""

import pytest

from pillarbox.domain.collections.model import ComponentKind, Item, ItemFacts
from pillarbox.protocols.dav.paths import Area, Path
from pillarbox.protocols.dav.report.collections import item_names
from pillarbox.protocols.dav.resources import EVERYTHING, ITEMS, Kind
from pillarbox.protocols.dav.telling import ITEM_PROPS, PROPS, Answer, ItemForm
from pillarbox.wire.dav.names import PREFIXES, C, D, namespace_of


def test_names_are_there_once_and_in_known_namespaces() -> None:
    for name in (*PROPS, *ITEM_PROPS):
        assert namespace_of(name) in PREFIXES


def test_what_can_be_set_can_be_told_of_the_same_resources() -> None:
    for prop in PROPS.values():
        if prop.name != "{urn:ietf:params:xml:ns:caldav}calendar-free-busy-set":  # set when made
            assert not prop.settable & ~prop.on, prop.name
        assert (prop.set is None) == (not prop.settable), prop.name


def test_no_item_has_a_property_twice() -> None:
    for name in set(PROPS) & set(ITEM_PROPS):
        assert not PROPS[name].on & ITEM_PROPS[name].on & ITEMS, name


def test_every_kind_has_what_every_client_asks_for() -> None:
    for name in ("resourcetype", "current-user-principal", "current-user-privilege-set"):
        assert PROPS["{DAV:}" + name].on == EVERYTHING
    assert Kind.EVENT & ITEM_PROPS["{DAV:}getetag"].on


def _item(href: str, tag: str | None = None) -> Item:
    facts = ItemFacts("uid", ComponentKind.VEVENT)
    return Item(1, 2, href, facts, 3, 4, "5a", tag, 6, 7)


@pytest.mark.parametrize("minimal", [False, True])
@pytest.mark.parametrize("data", [None, C + "calendar-data"])
@pytest.mark.parametrize("names_only", [False, True])
@pytest.mark.parametrize("fixed", [[], [(D + "resourcetype", "")]])
@pytest.mark.parametrize("each", [("getetag",), ("getetag", "schedule-tag"), ()])
def test_many_items_are_told_as_one_by_one(
    minimal: bool, data: str | None, names_only: bool, fixed: list[tuple[str, str]],
    each: tuple[str, ...],
) -> None:  # fmt: skip
    getters = [
        (name, ITEM_PROPS[name].get) for name in ITEM_PROPS if name.partition("}")[2] in each
    ]
    form = ItemForm(fixed, getters, [D + "displayname"], data, names_only)
    rows = [(_item("a b.ics"), b"BEGIN & <"), (_item("\u00fc.ics", "9f"), None)]
    one, other = Answer.begun("/dav", minimal), Answer.begun("/dav", minimal)
    for item, content in rows:
        one.told("/dav/c @/" + item.href, *form.told(item, content))
    other.rows("/dav/c @/", form, rows)
    assert one.end() == other.end()


def test_entity_tags_alone_are_told_as_items_are() -> None:
    etag = D + "getetag"
    form = ItemForm([(D + "owner", "x")], [(etag, ITEM_PROPS[etag].get)], [D + "displayname"])
    assert form.is_etag_only
    one, other = Answer.begun("/dav", False), Answer.begun("/dav", False)
    one.told("/dav/c/a b.ics", *form.told(_item("a b.ics")))
    other.marks("/dav/c/", form, [("a b.ics", "5a")])
    assert one.end() == other.end()
    assert not ItemForm([], form.each, [], C + "calendar-data").is_etag_only
    assert not ItemForm([], form.each, [], names_only=True).is_etag_only


def test_hrefs_name_objects_however_they_are_written() -> None:
    calendar = Path(Area.CALENDARS, "a@example.test", "work")
    base = "/dav/calendars/a@example.test/work/"
    named = [
        base + "1.ics",
        "/caldav/calendars/a%40example.test/work/2.ics",
        "https://mail.example.test" + base + "3.ics",
        base + "4%20.ics",
        base + "@5.ics",
    ]
    strange = [
        base,
        base + ".",
        base + "..",
        base + "a/b.ics",
        base + "x.ics?y",
        "/dav/calendars/a@example.test/other/1.ics",
        "/dav/calendars/b@example.test/work/1.ics",
    ]
    names, others = item_names(calendar, [*named, *strange])
    assert names == ["1.ics", "2.ics", "3.ics", "4 .ics", "@5.ics"]
    assert others == strange
