"""Writes XML: values of properties as ready text, and elements that were read as they were.

A value is XML text that may stand inside an answer, whose root declares `names.PREFIXES`. What
comes from people goes through `text_value` or `element`'s `text`; nothing else escapes.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from pillarbox.base.errors import GrammarError
from pillarbox.formats.content_line import text_of
from pillarbox.wire.dav.hrefs import quoted
from pillarbox.wire.dav.names import LANG, PREFIXES, local_of, namespace_of
from pillarbox.wire.dav.xml import Element

DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'
NAMESPACES = "".join(
    f' xmlns:{prefix}="{uri}"' for uri, prefix in PREFIXES.items() if prefix != "xml"
)
"""The declarations of an answer's root."""

_SPECIAL = re.compile("[&<>\r\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_UNTOLD = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_UNTOLD_BYTES = bytes([*range(9), 11, 12, *range(14, 32)])
_SPECIAL_IN_ATTRIBUTE = re.compile('[&<>"\r\n\t\0-\x1f\ud800-\udfff\ufffe\uffff]')
_REPLACED = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "\r": "&#13;",
    "\n": "&#10;",
    "\t": "&#9;",
}


class WholeElement(str):
    """XML text of a whole element, to stand for a property's element itself, not for its value."""

    __slots__ = ()


def _replaced(found: re.Match[str]) -> str:
    # What XML can't hold is told as the replacement character.
    return _REPLACED.get(found[0], "\ufffd")


def text_value(text: str) -> str:
    """A text, escaped."""
    if _SPECIAL.search(text) is None:
        return text
    return _escaped(text if _UNTOLD.search(text) is None else _UNTOLD.sub("\ufffd", text))


def content_text(content: bytes) -> str:
    """The text of an object: a fold inside of a character, which no text can have, is undone."""
    try:
        return text_of(content)
    except GrammarError:  # stored by an older version that took it
        return content.decode("utf-8", "replace")


def content_value(content: bytes) -> str:
    """The content of an object, escaped: `text_value` of its text, and quicker for plain ones."""
    if not content.isascii() or len(content.translate(None, _UNTOLD_BYTES)) != len(content):
        return text_value(content_text(content))
    return _escaped(content.decode("ascii"))


def _escaped(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("\r", "&#13;")


def attribute_value(text: str) -> str:
    """A text, escaped for an attribute in double quotes."""
    return _SPECIAL_IN_ATTRIBUTE.sub(_replaced, text)


@lru_cache(maxsize=1024)
def tags(name: str) -> tuple[str, str]:
    """What an element of a name begins with, without `>`, and the name for its end."""
    uri, local = namespace_of(name), local_of(name)
    prefix = PREFIXES.get(uri)
    if prefix is not None:
        return f"<{prefix}:{local}", f"{prefix}:{local}"
    if not uri:
        return f'<{local} xmlns=""', local
    return f'<X:{local} xmlns:X="{attribute_value(uri)}"', f"X:{local}"


def element(name: str, value: str = "", attributes: Iterable[tuple[str, str]] = ()) -> str:
    """An element with a ready value, empty without one; attributes by plain or Clark name."""
    begin, end = tags(name)
    for key, text in attributes:
        key = "xml:lang" if key == LANG else key
        begin += f' {key}="{attribute_value(text)}"'
    return f"{begin}>{value}</{end}>" if value else f"{begin}/>"


def text_element(name: str, text: str) -> str:
    """An element with a text, which is escaped."""
    return element(name, text_value(text))


def empty_elements(names: Iterable[str]) -> str:
    """An empty element for each name, such as resource types and privileges."""
    return "".join(tags(name)[0] + "/>" for name in names)


def href_value(path: str) -> str:
    """A DAV:href of a path of this server, which is not yet percent-encoded."""
    return f"<D:href>{quoted(path)}</D:href>"


def hrefs_value(paths: Iterable[str]) -> str:
    """A DAV:href for each path."""
    return "".join(map(href_value, paths))


def uri_value(uri: str) -> str:
    """A DAV:href of a URI as it is, such as `mailto:` ones."""
    return f"<D:href>{text_value(uri)}</D:href>"


def document(name: str, value: str = "") -> bytes:
    """A body with a root of a name and a ready value."""
    begin, end = tags(name)
    return f"{DECLARATION}{begin}{NAMESPACES}>{value}</{end}>\n".encode()


def xml_text(root: Element) -> WholeElement:
    """An element as text that stands by itself: its root declares every namespace it uses.

    Each namespace has one prefix, where possible the one it was read with; so the text is never
    much longer than what was read.
    """
    names = _Names(root)
    pieces: list[str] = []
    _write(root, names, names.declarations(), pieces)
    return WholeElement("".join(pieces))


def inner_xml(root: Element) -> str:
    """What is inside of an element, as text that stands by itself."""
    pieces = [text_value(root.text)]
    for child in root.children:
        pieces += [xml_text(child), text_value(child.tail)]
    return "".join(pieces)


class _Names:
    """The prefixes of a tree; `default` is the namespace of names without one."""

    def __init__(self, root: Element) -> None:
        nodes = [root]
        for node in nodes:
            nodes += node.children
        some_have_none = any(not node.name.startswith("{") for node in nodes)
        self.default = "" if root.prefix or some_have_none else namespace_of(root.name)
        self._prefixes = {namespace_of(LANG): "xml"}
        self._taken = {"xml", "xmlns", ""}
        for node in nodes:
            if namespace_of(node.name) != self.default:
                self._give(node.name, node.prefix)
            for name in node.attributes:
                self._give(name, "")

    def _give(self, name: str, prefix: str) -> None:
        uri = namespace_of(name)
        if not uri or uri in self._prefixes:
            return
        if prefix in self._taken or prefix[:3].lower() == "xml":
            prefix = PREFIXES.get(uri, "X")
        while prefix in self._taken:
            prefix = f"X{len(self._taken)}"
        self._taken.add(prefix)
        self._prefixes[uri] = prefix

    def of_element(self, name: str) -> str:
        """An element's name as it is written."""
        uri = namespace_of(name)
        return local_of(name) if uri == self.default else f"{self._prefixes[uri]}:{local_of(name)}"

    def of_attribute(self, name: str) -> str:
        """An attribute's name as it is written."""
        uri = namespace_of(name)
        return f"{self._prefixes[uri]}:{local_of(name)}" if uri else name

    def declarations(self) -> str:
        """What the root declares, as attributes."""
        found = f' xmlns="{attribute_value(self.default)}"' if self.default else ""
        for uri, prefix in self._prefixes.items():
            if prefix != "xml":
                found += f' xmlns:{prefix}="{attribute_value(uri)}"'
        return found


def _write(node: Element, names: _Names, declarations: str, pieces: list[str]) -> None:
    tag = names.of_element(node.name)
    pieces.append(f"<{tag}{declarations}")
    for key, value in node.attributes.items():
        pieces.append(f' {names.of_attribute(key)}="{attribute_value(value)}"')
    if not node.children and not node.text:
        pieces.append("/>")
        return
    pieces.append(">" + text_value(node.text))
    for child in node.children:
        _write(child, names, "", pieces)
        pieces.append(text_value(child.tail))
    pieces.append(f"</{tag}>")
