"""PROPFIND, PROPPATCH, MKCOL and MKCALENDAR bodies."""

import pytest

from pillarbox.wire.dav.markup import xml_text
from pillarbox.wire.dav.names import C, D
from pillarbox.wire.dav.properties import (
    ALLPROP,
    Asked,
    Mkcalendar,
    Mkcol,
    Propfind,
    RemoveProp,
    SetProp,
    parse_mkcalendar,
    parse_mkcol,
    parse_propfind,
    parse_proppatch,
)
from pillarbox.wire.dav.xml import XmlError


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        ("", ALLPROP),
        (" \r\n", ALLPROP),
        ("<propfind xmlns='DAV:'><allprop/></propfind>", ALLPROP),
        ("<propfind xmlns='DAV:'><propname/></propfind>", Propfind(Asked.PROPNAME)),
        (
            "<propfind xmlns='DAV:'><prop><a/><b xmlns='u'/><a/><c xmlns=''/></prop></propfind>",
            Propfind(Asked.PROP, (D + "a", "{u}b", "c")),
        ),
        ("<propfind xmlns='DAV:'><prop/></propfind>", Propfind(Asked.PROP)),
        (
            "<propfind xmlns='DAV:'><allprop/><include><a/></include></propfind>",
            Propfind(Asked.ALLPROP, include=(D + "a",)),
        ),
        # RFC 4918 §17: what is not known is left aside.
        (
            "<propfind xmlns='DAV:'><leave-out/><y xmlns='z'><prop/></y><propname/></propfind>",
            Propfind(Asked.PROPNAME),
        ),
    ],
)
def test_what_is_asked_for(body: str, asked: Propfind) -> None:
    assert parse_propfind(body.encode()) == asked


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("<propfind xmlns='DAV:'/>", "asks for nothing"),
        ("<propfind xmlns='DAV:'><expired-props/></propfind>", "asks for nothing"),
        ("<propfind xmlns='DAV:'><prop/><allprop/></propfind>", "Only one"),
        ("<propfind xmlns='DAV:'><prop/><prop/></propfind>", "Only one"),
        ("<propfind><prop/></propfind>", "not {DAV:}propfind"),
        ("<propertyupdate xmlns='DAV:'/>", "not {DAV:}propfind"),
        ("<propfind xmlns='DAV:'><prop>", "well-formed"),
        (
            "<propfind xmlns='DAV:'><prop>"
            + "".join(f"<a{n}/>" for n in range(501))
            + "</prop></propfind>",
            "More than 500",
        ),
    ],
)
def test_what_asks_for_nothing_is_refused(body: str, why: str) -> None:
    with pytest.raises(XmlError, match=why):
        parse_propfind(body.encode())


def test_changes_are_in_their_order() -> None:
    patch = parse_proppatch(
        b"<D:propertyupdate xmlns:D='DAV:'>"
        b"<D:set><D:prop><D:displayname>A &amp; B</D:displayname><x xmlns='u'/></D:prop></D:set>"
        b"<D:unknown/><D:remove><D:prop><D:displayname/></D:prop></D:remove>"
        b"<D:set><D:prop><y/></D:prop><D:prop><z/></D:prop></D:set></D:propertyupdate>"
    )
    assert [(type(change), change.name) for change in patch.changes] == [
        (SetProp, D + "displayname"),
        (SetProp, "{u}x"),
        (RemoveProp, D + "displayname"),
        (SetProp, "y"),
        (SetProp, "z"),
    ]
    first = patch.changes[0]
    assert isinstance(first, SetProp)
    assert first.element.text == "A & B"


def test_the_language_in_force_is_kept() -> None:
    patch = parse_proppatch(
        b"<propertyupdate xmlns='DAV:' xml:lang='en'><set><prop><a/></prop></set>"
        b"<set xml:lang='fr'><prop><b/></prop></set>"
        b"<set><prop xml:lang='de'><c>x</c><d xml:lang=''/></prop></set></propertyupdate>"
    )
    written = [xml_text(one.element) for one in patch.changes if isinstance(one, SetProp)]
    assert written == [
        '<a xmlns="DAV:" xml:lang="en"/>',
        '<b xmlns="DAV:" xml:lang="fr"/>',
        '<c xmlns="DAV:" xml:lang="de">x</c>',
        '<d xmlns="DAV:" xml:lang=""/>',
    ]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("", "empty"),
        ("<propertyupdate xmlns='DAV:'/>", "nothing"),
        ("<propertyupdate xmlns='DAV:'><set/></propertyupdate>", "nothing"),
        ("<propfind xmlns='DAV:'/>", "not {DAV:}propertyupdate"),
        (
            "<propertyupdate xmlns='DAV:'><set><prop>"
            + "<a/>" * 501
            + "</prop></set></propertyupdate>",
            "More than 500",
        ),
    ],
)
def test_no_changes_are_refused(body: str, why: str) -> None:
    with pytest.raises(XmlError, match=why):
        parse_proppatch(body.encode())


def test_collections_to_make() -> None:
    assert parse_mkcol(b"") == Mkcol()
    made = parse_mkcol(
        b"<D:mkcol xmlns:D='DAV:' xmlns:A='urn:ietf:params:xml:ns:carddav'><D:set><D:prop>"
        b"<D:resourcetype><D:collection/><A:addressbook/></D:resourcetype>"
        b"<D:displayname>x</D:displayname></D:prop></D:set></D:mkcol>"
    )
    assert made.resource_types == {
        D + "collection",
        "{urn:ietf:params:xml:ns:carddav}addressbook",
    }
    assert [prop.name for prop in made.props] == [D + "displayname"]
    assert parse_mkcalendar(b"") == Mkcalendar()
    calendar = parse_mkcalendar(
        b"<C:mkcalendar xmlns:D='DAV:' xmlns:C='urn:ietf:params:xml:ns:caldav'><D:set><D:prop>"
        b"<D:resourcetype><D:collection/><C:calendar/></D:resourcetype>"
        b"<C:calendar-description xml:lang='en'>x</C:calendar-description>"
        b"</D:prop></D:set></C:mkcalendar>"
    )
    assert [(prop.name, prop.element.lang) for prop in calendar.props] == [
        (C + "calendar-description", "en")
    ]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"<mkcol xmlns='DAV:'><remove><prop><a/></prop></remove></mkcol>", "only be set"),
        (
            b"<mkcol xmlns='DAV:'><set><prop><resourcetype/><resourcetype/></prop></set></mkcol>",
            "more than one",
        ),
        (b"<mkcol/>", "not {DAV:}mkcol"),
        (
            b"<mkcol xmlns='DAV:'><set><prop>" + b"<a/>" * 501 + b"</prop></set></mkcol>",
            "More than 500",
        ),
    ],
)
def test_wrong_collections_are_refused(body: bytes, why: str) -> None:
    with pytest.raises(XmlError, match=why):
        parse_mkcol(body)


def test_a_calendar_is_nothing_else() -> None:
    made = parse_mkcalendar(
        b"<C:mkcalendar xmlns:D='DAV:' xmlns:C='urn:ietf:params:xml:ns:caldav'><D:set><D:prop>"
        b"<D:resourcetype><D:principal/></D:resourcetype></D:prop></D:set></C:mkcalendar>"
    )
    assert [prop.name for prop in made.props] == [D + "resourcetype"]
