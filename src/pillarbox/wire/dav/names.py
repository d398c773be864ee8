"""Namespaces and names of WebDAV and its extensions, as Clark strings: `{DAV:}displayname`.

A name is written `D + "displayname"`. `PREFIXES` are the namespaces every answer declares.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

D: Final = "{DAV:}"
"""RFC 4918 and what extends it."""
C: Final = "{urn:ietf:params:xml:ns:caldav}"
"""RFC 4791, 6638, 7809, 7953, 8607."""
A: Final = "{urn:ietf:params:xml:ns:carddav}"
"""RFC 6352."""
CS: Final = "{http://calendarserver.org/ns/}"
"""CTags, sharing, notifications and other extensions of Apple's server."""
ICAL: Final = "{http://apple.com/ns/ical/}"
"""Colour and order of calendars."""
ME: Final = "{http://me.com/_namespace/}"
"""Apple's properties of address books and bulk requests."""
XML: Final = "{http://www.w3.org/XML/1998/namespace}"
"""xml:lang."""

LANG: Final = XML + "lang"

PREFIXES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "DAV:": "D",
        "urn:ietf:params:xml:ns:caldav": "C",
        "urn:ietf:params:xml:ns:carddav": "A",
        "http://calendarserver.org/ns/": "CS",
        "http://apple.com/ns/ical/": "I",
        "http://me.com/_namespace/": "ME",
        "http://www.w3.org/XML/1998/namespace": "xml",
    }
)


def namespace_of(name: str) -> str:
    """The namespace of a Clark string, empty for a name without one."""
    return name[1:].rpartition("}")[0] if name.startswith("{") else ""


def local_of(name: str) -> str:
    """A Clark string's name without its namespace."""
    return name.rpartition("}")[2]
