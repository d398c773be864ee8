"""PROPFIND, PROPPATCH, MKCOL and MKCALENDAR bodies (RFC 4918 §9, RFC 5689, RFC 4791 §5.3.1)."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from pillarbox.wire.dav.names import LANG, C, D
from pillarbox.wire.dav.xml import Element, XmlError, parse_body

MAX_PROPS: Final = 500
"""That one request can ask for or change."""


class Asked(Enum):
    """What of a resource's properties a request asks for."""

    PROP = "prop"
    ALLPROP = "allprop"
    PROPNAME = "propname"


@dataclass(frozen=True, slots=True)
class Propfind:
    """Properties to be told: those of `props`, all (with those of `include`), or all names.

    Names are without repetition, in the order in which they came.
    """

    asked: Asked
    props: tuple[str, ...] = ()
    include: tuple[str, ...] = ()


ALLPROP: Final = Propfind(Asked.ALLPROP)
NO_PROPS: Final = Propfind(Asked.PROP)


@dataclass(frozen=True, slots=True)
class SetProp:
    """A property to be set; `element` is the property itself, with the xml:lang in force."""

    name: str
    element: Element


@dataclass(frozen=True, slots=True)
class RemoveProp:
    """A property to be removed."""

    name: str


@dataclass(frozen=True, slots=True)
class Proppatch:
    """Changes of properties in their order; all of them are done or none."""

    changes: tuple[SetProp | RemoveProp, ...]


@dataclass(frozen=True, slots=True)
class Mkcol:
    """A collection to be made; `resource_types` is empty for a plain one.

    `props` are without DAV:resourcetype.
    """

    resource_types: frozenset[str] = frozenset()
    props: tuple[SetProp, ...] = ()


@dataclass(frozen=True, slots=True)
class Mkcalendar:
    """A calendar to be made."""

    props: tuple[SetProp, ...] = ()


def prop_names(prop: Element) -> tuple[str, ...]:
    """The names of properties in a DAV:prop, each once."""
    names = tuple(dict.fromkeys(child.name for child in prop))
    if len(names) > MAX_PROPS:
        raise XmlError(f"More than {MAX_PROPS} properties are asked for.")
    return names


def asked_of(parent: Element) -> Propfind | None:
    """What the DAV:prop, DAV:allprop or DAV:propname in an element asks for; `None` for none."""
    found = [child for child in parent if child.name in _ASKED]
    if not found:
        return None
    if len(found) > 1:
        raise XmlError("Only one of prop, allprop and propname can be asked for.")
    if found[0].name == D + "prop":
        return Propfind(Asked.PROP, prop_names(found[0]))
    if found[0].name == D + "propname":
        return Propfind(Asked.PROPNAME)
    include = parent.first(D + "include")
    return Propfind(Asked.ALLPROP, include=() if include is None else prop_names(include))


_ASKED = frozenset({D + "prop", D + "allprop", D + "propname"})


def root_of(body: bytes, *names: str) -> Element:
    """The root of a body, which has to have one of these names."""
    root = parse_body(body)
    if root.name not in names:
        raise XmlError(f"The XML body is {root.name[:200]}, not {' or '.join(names)}.")
    return root


def parse_propfind(body: bytes) -> Propfind:
    """A PROPFIND's body; an empty one asks for all (RFC 4918 §9.1)."""
    if not body.strip():
        return ALLPROP
    asked = asked_of(root_of(body, D + "propfind"))
    if asked is None:
        raise XmlError("The propfind asks for nothing: prop, allprop or propname is missing.")
    return asked


def parse_proppatch(body: bytes) -> Proppatch:
    """A PROPPATCH's body (RFC 4918 §9.2)."""
    root = root_of(body, D + "propertyupdate")
    changes: list[SetProp | RemoveProp] = []
    for part in root:
        if part.name == D + "set":
            changes += _set_props(part, root.lang)
        elif part.name == D + "remove":
            for prop in part.of(D + "prop"):
                changes += [RemoveProp(child.name) for child in prop]
    return Proppatch(_some(changes, "The propertyupdate changes nothing."))


def parse_mkcol(body: bytes) -> Mkcol:
    """An extended MKCOL's body; an empty one is plain (RFC 5689 §3)."""
    if not body.strip():
        return Mkcol()
    props = _made_with(root_of(body, D + "mkcol"))
    types = [prop for prop in props if prop.name == D + "resourcetype"]
    if len(types) > 1:
        raise XmlError("There is more than one resourcetype.")
    return Mkcol(
        frozenset(child.name for one in types for child in one.element),
        tuple(prop for prop in props if prop.name != D + "resourcetype"),
    )


def parse_mkcalendar(body: bytes) -> Mkcalendar:
    """A MKCALENDAR's body; an empty one sets nothing (RFC 4791 §5.3.1).

    Clients that say in it that a calendar is a calendar are not contradicted.
    """
    if not body.strip():
        return Mkcalendar()
    return Mkcalendar(
        tuple(
            prop
            for prop in _made_with(root_of(body, C + "mkcalendar"))
            if prop.name != D + "resourcetype"
            or not {child.name for child in prop.element} <= {D + "collection", C + "calendar"}
        )
    )


def _made_with(root: Element) -> tuple[SetProp, ...]:
    if root.has(D + "remove"):
        raise XmlError("Properties can only be set when a collection is made.")
    props = [prop for part in root.of(D + "set") for prop in _set_props(part, root.lang)]
    if len(props) > MAX_PROPS:
        raise XmlError(f"More than {MAX_PROPS} properties are set.")
    return tuple(props)


def _set_props(part: Element, lang: str | None) -> Iterator[SetProp]:
    """The properties of a DAV:set; each gets the xml:lang in force (RFC 4918 §4.3)."""
    for prop in part.of(D + "prop"):
        inherited = prop.lang or part.lang or lang
        for child in prop:
            child.tail = ""
            if inherited and LANG not in child.attributes:
                child.attributes[LANG] = inherited
            yield SetProp(child.name, child)


def _some(changes: list[SetProp | RemoveProp], nothing: str) -> tuple[SetProp | RemoveProp, ...]:
    if not changes:
        raise XmlError(nothing)
    if len(changes) > MAX_PROPS:
        raise XmlError(f"More than {MAX_PROPS} properties are changed.")
    return tuple(changes)
