"""Any bytes as WebDAV bodies and fields: values or GrammarError; what is written is XML again."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import lxml.etree
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pillarbox.base.errors import GrammarError
from pillarbox.wire.dav import headers, hrefs
from pillarbox.wire.dav.acl import parse_acl
from pillarbox.wire.dav.attachments import disposition_filename, parse_attachment_query
from pillarbox.wire.dav.markup import document, element, text_value, xml_text
from pillarbox.wire.dav.multistatus import MultiStatus, PropStatus, error_body
from pillarbox.wire.dav.names import CS, A, C, D
from pillarbox.wire.dav.properties import (
    parse_mkcalendar,
    parse_mkcol,
    parse_propfind,
    parse_proppatch,
)
from pillarbox.wire.dav.reports import parse_report
from pillarbox.wire.dav.sharing import parse_sharing
from pillarbox.wire.dav.xml import Element, XmlError, parse_body

FUZZ = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
PARSERS: list[Callable[[bytes], object]] = [
    *(parse_propfind, parse_proppatch, parse_mkcol, parse_mkcalendar),
    *(parse_report, parse_acl, parse_sharing),
]
LOCALS = """
propfind prop allprop propname include propertyupdate set remove mkcol mkcalendar displayname
resourcetype sync-collection sync-token sync-level limit nresults calendar-query filter
comp-filter prop-filter param-filter text-match time-range is-not-defined calendar-data comp
expand limit-recurrence-set limit-freebusy-set calendar-multiget href free-busy-query
addressbook-query addressbook-multiget address-data expand-property property acl ace principal
grant deny invert privilege all self principal-property-search property-search match
principal-match principal-property share invite-reply invite-accepted sharee share-resource
share-access read hosturl timezone timezone-id
"""
NAMES = st.builds(
    str.__add__,
    st.sampled_from([D, C, A, CS, "{u}", "{http://x/y}", ""]),
    st.sampled_from([*LOCALS.split(), "a", "\u00e9"]),
)
VALUES = st.one_of(
    st.sampled_from(
        [
            *("VCALENDAR", "VEVENT", "1", "infinite", "yes", "anyof", "i;octet", "text/calendar"),
            *("20060104T000000Z", "20070104T000000Z", "/a%20b", "mailto:a@x.test", "2.0", "equals"),
        ]
    ),
    st.text(max_size=20),
)
ATTRIBUTES = st.dictionaries(
    st.sampled_from(
        [
            *("name", "start", "end", "test", "collation", "match-type", "negate-condition"),
            *("novalue", "content-type", "version", "namespace", "{u}x", "{http://x/y}z"),
        ]
    ),
    VALUES,
    max_size=3,
)
# What XML can hold as it is.
TEXTS = VALUES.map(lambda text: text_value(text)).map(
    lambda text: text.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")
)


@st.composite
def elements(draw: st.DrawFn) -> Element:
    """A tree of what requests are made of, and of other things."""
    size = draw(st.integers(0, 8))
    nodes: list[Element] = []
    for _ in range(size + 1):
        node = Element(draw(NAMES), draw(ATTRIBUTES), draw(TEXTS))
        node.prefix = draw(st.sampled_from(["", "D", "p", "xmlns", "X"]))
        node.tail = draw(TEXTS) if nodes else ""
        if nodes:
            # Mostly deeper, since requests have their names on several levels.
            nodes[draw(st.integers(max(0, len(nodes) - 3), len(nodes) - 1))].children.append(node)
        nodes.append(node)
    return nodes[0]


def seen(node: Any) -> Any:
    """A tree of lxml's or of ours as values."""
    name = node.tag if hasattr(node, "tag") else node.name
    attributes = dict(node.attrib if hasattr(node, "attrib") else node.attributes)
    return name, attributes, node.text or "", [(seen(one), one.tail or "") for one in node]


@FUZZ
@given(elements())
def test_trees_are_read_as_another_parser_reads_them(root: Element) -> None:
    written = xml_text(root).encode()
    read = parse_body(written)
    assert seen(read) == seen(lxml.etree.fromstring(written))
    assert seen(parse_body(xml_text(read).encode())) == seen(read)


@FUZZ
@given(elements(), st.sampled_from(PARSERS))
def test_parsers_take_any_tree(root: Element, parse: Callable[[bytes], object]) -> None:
    root.name = root.name.replace("{u}", D)
    with suppress(XmlError):
        parse(xml_text(root).encode())


PIECES = [
    *(b"<", b">", b"/>", b"</", b"<a", b"<a>", b"</a>", b"<!--", b"-->", b"<?", b"?>"),
    *(b"<![CDATA[", b"]]>", b"<!DOCTYPE", b"<!ENTITY", b"&", b";", b"&#", b"&#x", b"&amp;"),
    *(b"xmlns", b"xmlns:a=", b"'", b'"', b"=", b":", b"DAV:", b" ", b"\0", b"\xff"),
    *(b"\xef\xbb\xbf", b"\xfe\xff", b"\n", b"<?xml version='1.0' encoding='", b"utf-8'?>"),
    *(b"utf-16'?>", b"<propfind xmlns='DAV:'>"),
]  # fmt: skip


@FUZZ
@given(st.one_of(st.binary(max_size=200), st.lists(st.sampled_from(PIECES)).map(b"".join)))
def test_parsers_take_any_bytes(body: bytes) -> None:
    for parse in (parse_body, *PARSERS):
        try:
            parse(body)
        except XmlError:
            continue
    try:
        root = parse_body(body)
    except XmlError:
        return
    # What we take as XML is XML to others.
    lxml.etree.fromstring(body)
    lxml.etree.fromstring(xml_text(root))


@FUZZ
@given(st.text(max_size=60), st.text(max_size=20), st.text(min_size=1, max_size=20))
def test_answers_hold_any_text(text: str, path: str, name: str) -> None:
    answer = MultiStatus()
    answer.response(
        "/" + path,
        [(D + "displayname", text_value(text)), ("{u}a", element(D + "b", "", [("c", text)]))],
        others=[PropStatus(403, (D + "x",), description=text)],
    )
    answer.status("/" + name, 404, description=text)
    answer.sync_token(text)
    root = lxml.etree.fromstring(answer.build())
    assert len(root) == 3
    said = root.find("{DAV:}sync-token").text or ""
    assert len(said) == len(text)
    # Only what XML can't hold is something else.
    assert all(a == b or b == "\ufffd" for a, b in zip(text, said, strict=True))
    lxml.etree.fromstring(error_body([(C + "no-uid-conflict", ["/" + path])], text))
    lxml.etree.fromstring(document(D + "a", text_value(text)))


@FUZZ
@given(st.text(max_size=60))
def test_paths_come_back(text: str) -> None:
    try:
        path = hrefs.decoded_path("/" + text)
    except GrammarError:
        return
    assert hrefs.decoded_path(hrefs.quoted(path)) == path
    assert ".." not in path.split("/")


@FUZZ
@given(
    st.one_of(
        st.text(max_size=80),
        st.lists(
            st.sampled_from(
                [
                    *("(", ")", "<", ">", "[", "]", '"', "W/", "Not", " ", ",", "/a", "urn:x", "*"),
                    *("%", "http://x.test/", "return=minimal", "=", ";", "..", "2f", "Second-"),
                ]
            )
        ).map("".join),
    )
)
def test_fields_take_anything(value: str) -> None:
    hosts = frozenset({"x.test"})
    parsers: list[Callable[[str], object]] = [
        *(headers.parse_etags, headers.parse_schedule_tag),
        *(headers.parse_overwrite, hrefs.href_address, hrefs.href_path, disposition_filename),
        lambda text: headers.parse_if(text, hosts),
        lambda text: hrefs.href_path(text, hosts),
        lambda text: headers.parse_prefer([text]),
        lambda text: headers.parse_depth(text, headers.Depth.ZERO),
        parse_attachment_query,
    ]
    for parse in parsers:
        try:
            parse(value)
        except GrammarError:
            continue
