"""Which properties there are, and that what is told of items is chosen once."""

from pillarbox.protocols.dav.resources import EVERYTHING, ITEMS, Kind
from pillarbox.protocols.dav.telling import ITEM_PROPS, PROPS
from pillarbox.wire.dav.names import PREFIXES, namespace_of


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
