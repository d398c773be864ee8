"""Written XML: text can't break out of its place, and elements come back as they were read."""

from typing import Any

import lxml.etree
import pytest

from pillarbox.wire.dav.markup import (
    WholeElement,
    attribute_value,
    content_value,
    document,
    element,
    empty_elements,
    href_value,
    hrefs_value,
    inner_xml,
    text_element,
    text_value,
    uri_value,
    xml_text,
)
from pillarbox.wire.dav.names import CS, LANG, C, D, local_of, namespace_of
from pillarbox.wire.dav.xml import parse_body

HOSTILE = [
    "]]>",
    "<![CDATA[x]]>",
    "</D:prop><D:evil/>",
    "&amp;&lt;&#60;",
    "\"'><script>",
    "<!-- -->",
    "<?x?>",
    "a\r\nb\rc\td",
    "\u00e9\u20ac\U0001f600",
]


def tree(text: str | bytes) -> Any:
    """What another parser sees: names, attributes, texts, children, tails."""

    def of(node: Any) -> Any:
        return (
            node.tag,
            dict(node.attrib),
            node.text or "",
            [(of(child), child.tail or "") for child in node],
        )

    return of(lxml.etree.fromstring(text))


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_come_back_as_they_are(text: str) -> None:
    read = lxml.etree.fromstring(document(D + "a", text_element("{u&'b}b", text)))
    assert read[0].text == text
    assert read[0].tag == "{u&'b}b"
    assert len(read) == 1
    read = lxml.etree.fromstring(document(D + "a", element(D + "b", "", [("c", text)])))
    assert read[0].get("c") == text


def test_what_xml_cant_hold_is_replaced() -> None:
    text = "a\0b\x1fc\x0bd\ud800e\ufffef\uffffg"
    assert text_value(text) == "a\ufffdb\ufffdc\ufffdd\ufffde\ufffdf\ufffdg"
    assert attribute_value(text) == text_value(text)
    read = lxml.etree.fromstring(document(D + "a", text_value(text)))
    assert read.text == text_value(text)


def test_elements_have_known_prefixes_or_bring_their_own() -> None:
    assert element(D + "a") == "<D:a/>"
    assert element(C + "comp", attributes=[("name", "VEVENT")]) == '<C:comp name="VEVENT"/>'
    assert element("{u}a", "x", [(LANG, "de")]) == '<X:a xmlns:X="u" xml:lang="de">x</X:a>'
    assert element("a", "x") == '<a xmlns="">x</a>'
    assert empty_elements([D + "a", CS + "b"]) == "<D:a/><CS:b/>"
    assert (namespace_of("{u}a"), local_of("{u}a")) == ("u", "a")
    assert (namespace_of("a"), local_of("a")) == ("", "a")


def test_hrefs_are_encoded() -> None:
    assert href_value("/a b/") == "<D:href>/a%20b/</D:href>"
    assert hrefs_value(["/a", "/<&"]) == "<D:href>/a</D:href><D:href>/%3C%26</D:href>"
    assert uri_value("mailto:a&b@x.test") == "<D:href>mailto:a&amp;b@x.test</D:href>"


PROPERTIES = [
    b"<a/>",
    b"<a>]]&gt;&lt;b/&gt; &amp;amp; \xc3\xa9</a>",
    b'<a xmlns="u" b="&quot;&lt;&#10;&#9;" xml:lang="de">one<b>two</b>three<c xmlns=""/>four</a>',
    b'<p:a xmlns:p="u" xmlns="v" p:x="1"><b/><p:c p:y="2"/></p:a>',
    b'<p:a xmlns:p="u"><p:a xmlns:p="v"><p:a xmlns:p="w" xmlns:q="u" q:x="1"/></p:a></p:a>',
    b'<a xmlns="u"><a xmlns="v"><a xmlns="u"><a xmlns=""/></a></a></a>',
    b'<D:a xmlns:D="not-dav" xmlns:C="DAV:"><C:b/></D:a>',
    b'<a xmlns="u" xmlns:p="u" p:x="1" x="2"><p:b/></a>',
    b'<a xmlns:XMLx="u"><XMLx:b/></a>',
    b'<a xmlns:X="u" xmlns:X1="v" xmlns:X2="w" X:a="1" X1:a="2" X2:a="3"><X:b X1:c="1"/></a>',
    b"<a> \n <b/> \n </a>",
]


@pytest.mark.parametrize("text", PROPERTIES)
def test_elements_are_written_as_they_were_read(text: bytes) -> None:
    written = xml_text(parse_body(text))
    assert isinstance(written, WholeElement)
    assert tree(written) == tree(text)
    # Inside of an answer, whose prefixes and default namespace are others.
    inside = f'<D:x xmlns:D="DAV:" xmlns:C="urn:c" xmlns:X="x">{written}</D:x>'
    assert tree(inside)[3] == [(tree(text), "")]
    # And once more, as it is kept and read again.
    assert tree(xml_text(parse_body(written.encode()))) == tree(text)


def test_prefixes_stay() -> None:
    text = '<p:a xmlns:p="u" xmlns:q="v"><q:b/></p:a>'
    assert xml_text(parse_body(text.encode())) == text
    assert xml_text(parse_body(b"<a xmlns='u'><b/></a>")) == '<a xmlns="u"><b/></a>'


def test_what_is_inside_stands_by_itself() -> None:
    inner = inner_xml(parse_body(b'<p:a xmlns:p="u">x&lt;<p:b>y</p:b>z</p:a>'))
    assert inner == 'x&lt;<p:b xmlns:p="u">y</p:b>z'


def test_writing_makes_no_more_of_long_namespaces() -> None:
    long = "u" * 500
    for body in (
        f'<a xmlns:p="{long}">' + "<p:b/>" * 20_000 + "</a>",
        f'<p:a xmlns="{long}" xmlns:p="v">' + "<b/><p:b/>" * 10_000 + "</p:a>",
        f'<a xmlns="{long}"><b xmlns="" xmlns:p="{long}">' + "<p:b/>" * 20_000 + "</b></a>",
        f'<a xmlns:p="{long}1"><b xmlns:p="{long}">' + "<p:b p:x=''/>" * 10_000 + "</b></a>",
    ):
        assert len(xml_text(parse_body(body.encode()))) < 2 * len(body)


@pytest.mark.parametrize(
    "content",
    [
        b"BEGIN:VCALENDAR\r\nSUMMARY:a & b < c > d\r\n",
        b"\0\x01\x08\t\n\x0b\x0c\r\x0e\x1f \x7f",
        "Gr\u00fc\u00dfe & \ufffe\uffff\r\n".encode(),
        b"\xff\xfe not UTF-8 \xed\xa0\x80",
        b"&amp;&#13;]]>",
        b"",
    ],
)
def test_contents_are_escaped_as_their_texts_are(content: bytes) -> None:
    assert content_value(content) == text_value(content.decode("utf-8", "replace"))
    lxml.etree.fromstring(f"<x>{content_value(content)}</x>".encode())
