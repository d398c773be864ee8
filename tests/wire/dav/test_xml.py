"""XML bodies: what is read of them, and that attacks are refused with little work."""

import codecs
import time

import pytest

from pillarbox.wire.dav.names import LANG, D
from pillarbox.wire.dav.xml import MAX_BODY_BYTES, MAX_DEPTH, MAX_ELEMENTS, XmlError, parse_body

ONE_MB = 1_000_000
ENTITIES = b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'
LAUGHS = (
    b'<?xml version="1.0"?>\n<!DOCTYPE lolz [<!ENTITY l0 "lol">'
    + b"".join(b'<!ENTITY l%d "%s">' % (n + 1, b"&l%d;" % n * 10) for n in range(12))
    + b"]><lolz>&l12;</lolz>"
)


def filled(head: bytes, unit: bytes, tail: bytes = b"") -> bytes:
    """A body of one megabyte."""
    return head + unit * ((ONE_MB - len(head) - len(tail)) // len(unit)) + tail


def test_a_tree_has_names_texts_and_tails() -> None:
    root = parse_body(
        b'<?xml version="1.0" encoding="utf-8"?>\n<!-- a --><p:a xmlns:p="DAV:" x="1" p:y="2">'
        b'one<b xmlns="u" xml:lang="de">two</b>thr<![CDATA[<e>]]>e<c/></p:a>\n'
    )
    assert (root.name, root.prefix, root.text) == (D + "a", "p", "one")
    assert root.attributes == {"x": "1", D + "y": "2"}
    b, c = root
    assert (b.name, b.text, b.tail, b.lang) == ("{u}b", "two", "thr<e>e", "de")
    assert b.attributes == {LANG: "de"}
    assert (c.name, c.prefix, c.text, c.children) == ("c", "", "", [])
    assert root.first("{u}b") is b
    assert root.first(D + "b") is None
    assert root.of("c") == [c]
    assert root.has("c")
    assert not root.has(D + "c")
    assert root.value("{u}b") == "two"
    assert root.value(D + "b") is None


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf<a>\xc3\xa9</a>",
        b"<?xml version='1.0' encoding='UTF-8'?><a>&#233;</a>",
        b'<?xml version="1.0" encoding="us-ascii"?>\n\n<a>&#xE9;</a>',
        b"<!-- - -- --><a>\xc3\xa9</a>".replace(b" -- ", b" "),
        b"<?p <!DOCTYPE ?><!-- <!DOCTYPE a> --><a>\xc3\xa9</a>",
    ],
)
def test_what_is_utf8_is_read(body: bytes) -> None:
    assert parse_body(body).text == "\u00e9"


def test_a_doctype_in_text_is_no_doctype() -> None:
    assert parse_body(b"<a><![CDATA[<!DOCTYPE a>]]></a>").text == "<!DOCTYPE a>"


@pytest.mark.parametrize(
    "body",
    [
        ENTITIES,
        b"\n<!-- -->" + ENTITIES,
        b"\xef\xbb\xbf" + ENTITIES,
        b"<?a?>" + ENTITIES,
        b'<?xml version="1.0"?><?a ??>\r\n' + ENTITIES,
        LAUGHS,
        b"<!doctype a><a/>",
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "http://a.test/x">]><a>&x;</a>',
        b'<!DOCTYPE a [<!ENTITY % x SYSTEM "http://a.test/x"> %x;]><a/>',
        b'<!DOCTYPE a [<!ATTLIST a b CDATA "c">]><a/>',
        b'<!DOCTYPE a PUBLIC "-//x" "http://a.test/x"><a/>',
    ],
)
def test_document_types_are_refused_before_they_are_read(body: bytes) -> None:
    with pytest.raises(XmlError, match="Document types") as refused:
        parse_body(body)
    assert refused.value.condition == D + "no-external-entities"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("<a/>".encode("utf-16"), "UTF-8"),
        ("<a/>".encode("utf-16-le"), "UTF-8"),
        ("<a/>".encode("utf-16-be"), "UTF-8"),
        ("<a/>".encode("utf-32"), "UTF-8"),
        (codecs.BOM_UTF16_LE + b"<a/>", "UTF-8"),
        (b'<?xml version="1.0" encoding="utf-16"?><a/>', "UTF-8"),
        (b'<?xml version="1.0" encoding="utf-7"?>+ADw-a/+AD4-', "UTF-8"),
        (b"+/v8-+ADwAIQ-DOCTYPE", "UTF-8"),
        (b"+ADw-a/+AD4-", "well-formed"),
        (b"<?xml version='1.0' encoding='iso-8859-1'?><a>\xe9</a>", "UTF-8"),
        (b"<a>\xe9</a>", "valid UTF-8"),
        (b"<a>\xc0\xbc</a>", "valid UTF-8"),
        (b"<a>\xed\xa0\x80</a>", "valid UTF-8"),
        (b"<a>\0</a>", "NUL"),
        (b"<a>&#0;</a>", "well-formed"),
        (b"<a>&#x1f;</a>", "well-formed"),
        (b"<a>\x1f</a>", "well-formed"),
        (b"<a>\xef\xbf\xbe</a>", "well-formed"),
        (b"<a>&nbsp;</a>", "undefined entity"),
        (b"<a><b></a>", "mismatched"),
        (b"<a/><b/>", "junk"),
        (b"<a x='1' x='2'/>", "duplicate"),
        (b"<a xmlns:p='u' xmlns:q='u' p:x='1' q:x='2'/>", "duplicate"),
        (b"<p:a/>", "unbound prefix"),
        (b"<a xmlns:p=''/>", "undeclare"),
        (b"<a xmlns:xml='u'/>", "xml"),
        (b"<a xmlns='a}b'/>", "no URI"),
        (b"<a xmlns='a b'/>", "no URI"),
        (b"<a xmlns=':a'/>", "no URI"),
        (b"<a xmlns='http://a:b/'/>", "no URI"),
        (b"<a xmlns='a%zz'/>", "no URI"),
        (b"<a xmlns='a#b#c'/>", "no URI"),
        ("<a xmlns='\u00fc'/>".encode(), "no URI"),
        (b"<a xmlns='a&#x1f;b'/>", "well-formed"),
        (b"", "empty"),
        (b" \n", "empty"),
        (b"<!-- a -->", "empty"),
        (b"<!-- a", "not well-formed"),
        (b"text", "well-formed"),
        (b"<a>]]></a>", "well-formed"),
        (b"<a>" + b" " * MAX_BODY_BYTES, "larger than"),
    ],
)
def test_what_is_no_good_xml_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(XmlError, match=why) as refused:
        parse_body(body)
    assert refused.value.condition is None


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (filled(b"", b"<a>"), "deep"),
        (filled(b"<a>", b"<b/>", b"</a>"), "elements"),
        (filled(b"<a>", b"<b/>x", b"</a>"), "elements"),
        (filled(b"<a>", b"<b xmlns='u'/>", b"</a>"), "elements"),
        (filled(b"<a xmlns:p='" + b"u" * 500 + b"'>", b"<p:b/>", b"</a>"), "elements"),
        (filled(b"<a xmlns='" + b"u" * 500_000 + b"'>", b"<b/>", b"</a>"), "too long"),
        (b"<a " + b" ".join(b'a%d=""' % n for n in range(90_000)) + b"/>", "attributes"),
        (b"<a " + b" ".join(b'xmlns:a%d="u"' % n for n in range(60_000)) + b"/>", "namespaces"),
        (
            b"<a " + b" ".join(b'a%d="" xmlns:b%d="u"' % (n, n) for n in range(40)) + b"/>",
            "attributes",
        ),
        (filled(b"<", b"a", b"/>"), "name is longer"),
        (filled(b"<a ", b"b", b"='1'/>"), "name is longer"),
        (filled(b"<a b='", b"x", b"'/>"), "attribute is longer"),
        (filled(b"<a b='", b"&#65;", b"'/>"), "attribute is longer"),
        (filled(b"<a>", b"x", b"</a>"), "text is longer"),
        (filled(b"<a><b/>", b"x", b"</a>"), "text is longer"),
        (filled(b"<a>", b"<![CDATA["), "text is longer"),
        (filled(b"<!--", b"- "), "well-formed"),
        (filled(b"<?a ", b"?"), "well-formed"),
        (filled(b"<a>", b"<"), "well-formed"),
        (filled(b"<a>", b"&x;"), "entity"),
        (filled(b"", b"<!--->"), "empty"),
    ],
    ids=range(21),
)
def test_big_attacks_are_refused_in_little_time(body: bytes, why: str) -> None:
    began = time.process_time()
    with pytest.raises(XmlError, match=why):
        parse_body(body)
    # The slowest takes 0.25 s here; what is quadratic takes minutes.
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("head", "unit", "tail"),
    [
        (b"<a>", b"&#65;", b"</a>"),
        (b"<a>", b"<![CDATA[x]]>", b"</a>"),
        (b"<a>", b"x<!---->", b"</a>"),
        (b"<a>", b"<?a b?>", b"</a>"),
        (b"", b"<!-- a -->", b"<a/>"),
        (b"", b"<?a ?>", b"<a/>"),
    ],
)
def test_bulk_within_the_limits_takes_linear_time(head: bytes, unit: bytes, tail: bytes) -> None:
    began = time.process_time()
    parse_body(filled(head, unit, tail))
    assert time.process_time() - began < 2


def test_limits_are_reached_only_by_one_more() -> None:
    parse_body(b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH)
    with pytest.raises(XmlError, match="deep"):
        parse_body(b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1))
    parse_body(b"<a>" + b"<b/>" * (MAX_ELEMENTS - 1) + b"</a>")
    with pytest.raises(XmlError, match="elements"):
        parse_body(b"<a>" + b"<b/>" * MAX_ELEMENTS + b"</a>")
    with pytest.raises(XmlError, match="larger than 3 bytes"):
        parse_body(b"<a/>", 3)


def test_a_refusal_says_where() -> None:
    with pytest.raises(XmlError, match="line 2") as refused:
        parse_body(b"<a>\n<b></a>")
    assert 0 < refused.value.position <= 11


def test_texts_are_whole_however_the_body_is_cut() -> None:
    text = "aä€😀" * 20_000
    root = parse_body(f"<a><b>{text}</b>{text}</a>".encode())
    assert root.children[0].text == text
    assert root.children[0].tail == text
