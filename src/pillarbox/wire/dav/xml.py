"""Reads XML bodies of requests: a tree of elements with limits, and nothing that makes work.

The body has to be UTF-8 and without a document type declaration, so that there are no entities but
XML's own five, no defaults of attributes, and nothing outside the body (RFC 4918 §20.6).
"""

import re
from collections.abc import Iterator
from typing import Final
from xml.parsers import expat

from pillarbox.base.errors import GrammarError
from pillarbox.wire.dav.names import LANG, D

MAX_BODY_BYTES: Final = 1 << 20
MAX_DEPTH: Final = 32
MAX_ELEMENTS: Final = 50_000
MAX_ATTRIBUTES: Final = 64
"""Of one element; declarations of namespaces count as well."""
MAX_NAME_CHARACTERS: Final = 512
"""Of an element's or attribute's name with its namespace."""
MAX_VALUE_CHARACTERS: Final = 64 * 1024
"""Of an attribute's value."""
MAX_TEXT_CHARACTERS: Final = 1 << 19
"""Of one element's own text."""

_SEPARATOR = "\x1f"
_PIECE_BYTES = 64 * 1024
_PROLOG = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:\s|<\?(?:[^?]|\?(?!>))*+\?>|<!--(?:[^-]|-(?!->))*+-->)*+", re.DOTALL
)
_ENCODING = re.compile(rb"<\?xml\s[^>]*?encoding\s*=\s*[\"']([^\"']*)[\"']", re.DOTALL)
# Other clients' parsers take a whole answer for broken XML where a namespace is no URI.
_URI_CHARACTERS = r"(?:[A-Za-z0-9._~:/?@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*+"
_NAMESPACE = re.compile(
    r"(?:[A-Za-z][A-Za-z0-9+.-]*:|(?![^/?#]*:))(?://[A-Za-z0-9._~-]*+(?::[0-9]{0,5})?(?![^/?#])|(?!//))"
    + f"{_URI_CHARACTERS}(?:#{_URI_CHARACTERS})?"
)
_NAME_START = (
    "A-Z_a-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c-\u200d"
    "\u2070-\u218f\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_LOCAL_NAME = re.compile(f"[{_NAME_START}][{_NAME_START}.0-9\u00b7\u0300-\u036f\u203f-\u2040-]*")
_BYTE_ORDER_MARKS = (b"\xfe\xff", b"\xff\xfe", b"\0", b"<\0", b"+/v")


def is_name(space: str, local: str) -> bool:
    """Whether an element can be called so; of names that were not read as an element's.

    `space` is its namespace, empty where it has none.
    """
    if max(len(space), len(local)) > MAX_NAME_CHARACTERS:
        return False
    return _NAMESPACE.fullmatch(space) is not None and _LOCAL_NAME.fullmatch(local) is not None


class XmlError(GrammarError):
    """A body that is not what it has to be: 400, or with `condition` 403.

    `condition` is the Clark name of the precondition that does not hold.
    """

    def __init__(self, text: str, condition: str | None = None, position: int = 0) -> None:
        super().__init__(text, position)
        self.condition = condition


class Element:
    """An element; `text` is what comes before its children, `tail` what follows its own end.

    `name` and the attributes' names are Clark strings. `prefix` is what it was written with.
    """

    __slots__ = ("attributes", "children", "name", "prefix", "tail", "text")

    def __init__(self, name: str, attributes: dict[str, str] | None = None, text: str = "") -> None:
        self.name = name
        self.attributes = {} if attributes is None else attributes
        self.text = text
        self.children: list[Element] = []
        self.tail = ""
        self.prefix = ""

    def __iter__(self) -> Iterator["Element"]:
        return iter(self.children)

    def first(self, name: str) -> "Element | None":
        """The first child of a name."""
        for child in self.children:
            if child.name == name:
                return child
        return None

    def of(self, name: str) -> "list[Element]":
        """The children of a name."""
        return [child for child in self.children if child.name == name]

    def has(self, name: str) -> bool:
        """Whether there is a child of a name."""
        return self.first(name) is not None

    def value(self, name: str) -> str | None:
        """The text of the first child of a name, without white space around it."""
        child = self.first(name)
        return None if child is None else child.text.strip()

    @property
    def lang(self) -> str | None:
        """Its own xml:lang."""
        return self.attributes.get(LANG)


def parse_body(body: bytes, most_bytes: int = MAX_BODY_BYTES) -> Element:
    """The root element of a body; XmlError for what is no XML or more than the limits.

    A hostile body of full size takes 0.3 s: do not read big ones on the event loop.
    """
    if len(body) > most_bytes:
        raise XmlError(f"The XML body is larger than {most_bytes} bytes.")
    _check_encoding(body)
    prolog = _PROLOG.match(body)
    start = 0 if prolog is None else prolog.end()
    if start == len(body):
        raise XmlError("The XML body is empty.", position=start)
    if body.startswith(b"<!", start) and not body.startswith(b"<!--", start):
        raise XmlError(
            "Document types and entities are not taken in XML bodies.",
            D + "no-external-entities",
            start,
        )
    return _Reader().read(body)


def _check_encoding(body: bytes) -> None:
    if body.startswith(_BYTE_ORDER_MARKS):
        raise XmlError("XML bodies have to be in UTF-8.")
    # White space before a declaration is no XML: expat says so.
    declared = _ENCODING.match(body[:200].removeprefix(b"\xef\xbb\xbf"))
    if declared is not None and declared[1].lower() not in (b"utf-8", b"utf8", b"us-ascii"):
        raise XmlError("XML bodies have to be in UTF-8; another encoding is declared.")
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise XmlError("The XML body is not valid UTF-8.", position=error.start) from None
    if b"\0" in body:
        raise XmlError("The XML body has a NUL.", position=body.index(b"\0"))


class _Reader:
    """Makes elements of what expat finds; one per body."""

    def __init__(self) -> None:
        parser = expat.ParserCreate("utf-8", _SEPARATOR)
        parser.buffer_text = True
        parser.buffer_size = MAX_VALUE_CHARACTERS
        parser.namespace_prefixes = True
        parser.ordered_attributes = True
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartNamespaceDeclHandler = self._declared
        parser.StartDoctypeDeclHandler = self._doctype
        self._parser = parser
        self._root: Element | None = None
        self._open: list[Element] = []
        self._elements = 0
        self._declarations = 0

    def read(self, body: bytes) -> Element:
        try:
            # In pieces, since after a refusal expat goes on to the end of what it was given.
            for at in range(0, len(body), _PIECE_BYTES):
                self._parser.Parse(body[at : at + _PIECE_BYTES], False)
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise XmlError(
                f"The XML body is not well-formed: {expat.ErrorString(error.code)}"
                f" (line {error.lineno}).",
                position=max(self._parser.ErrorByteIndex, 0),
            ) from None
        if self._root is None:
            raise XmlError("The XML body has no element.")
        return self._root

    def _refuse(self, text: str) -> XmlError:
        return XmlError(text, position=max(self._parser.CurrentByteIndex, 0))

    def _doctype(self, *_: object) -> None:
        raise XmlError("Document types are not taken in XML bodies.", D + "no-external-entities")

    def _declared(self, prefix: str | None, uri: str | None) -> None:
        # One call per declaration, all before their element's start.
        self._declarations += 1
        if self._declarations > MAX_ATTRIBUTES:
            raise self._refuse(f"An element declares more than {MAX_ATTRIBUTES} namespaces.")
        if uri and (len(uri) > MAX_NAME_CHARACTERS or _NAMESPACE.fullmatch(uri) is None):
            raise self._refuse("A namespace is too long or no URI.")

    def _start(self, name: str, attributes: list[str]) -> None:
        self._elements += 1
        if self._elements > MAX_ELEMENTS:
            raise self._refuse(f"The XML body has more than {MAX_ELEMENTS} elements.")
        if len(self._open) >= MAX_DEPTH:
            raise self._refuse(f"The XML body is nested more than {MAX_DEPTH} deep.")
        element = Element(*self._named(name))
        if attributes or self._declarations:
            element.attributes = self._attributes(attributes)
            self._declarations = 0
        if _SEPARATOR in name:
            element.prefix = name.split(_SEPARATOR)[2] if name.count(_SEPARATOR) == 2 else ""
        if self._open:
            self._open[-1].children.append(element)
        else:
            self._root = element
        self._open.append(element)

    def _attributes(self, pairs: list[str]) -> dict[str, str]:
        if len(pairs) // 2 + self._declarations > MAX_ATTRIBUTES:
            raise self._refuse(f"An element has more than {MAX_ATTRIBUTES} attributes.")
        found: dict[str, str] = {}
        for at in range(0, len(pairs), 2):
            value = pairs[at + 1]
            if len(value) > MAX_VALUE_CHARACTERS:
                raise self._refuse(f"An attribute is longer than {MAX_VALUE_CHARACTERS}.")
            found[self._named(pairs[at])[0]] = value
        return found

    def _named(self, name: str) -> tuple[str]:
        if len(name) > MAX_NAME_CHARACTERS:
            raise self._refuse(f"A name is longer than {MAX_NAME_CHARACTERS} characters.")
        uri, separator, rest = name.partition(_SEPARATOR)
        if not separator:
            return (name,)
        return ("{" + uri + "}" + rest.partition(_SEPARATOR)[0],)

    def _end(self, name: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        parent = self._open[-1]
        if parent.children:
            child = parent.children[-1]
            child.tail += text
            size = len(child.tail)
        else:
            parent.text += text
            size = len(parent.text)
        if size > MAX_TEXT_CHARACTERS:
            raise self._refuse(f"A text is longer than {MAX_TEXT_CHARACTERS} characters.")
