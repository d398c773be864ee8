"""ACL bodies and the values of access control properties (RFC 3744)."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from pillarbox.wire.dav.markup import (
    element,
    empty_elements,
    href_value,
    text_element,
    text_value,
)
from pillarbox.wire.dav.names import LANG, D
from pillarbox.wire.dav.properties import root_of
from pillarbox.wire.dav.xml import Element, XmlError

MAX_ACES: Final = 200


class PrincipalKind(Enum):
    """Whom an entry is about (RFC 3744 §5.5.1)."""

    HREF = "href"
    ALL = "all"
    AUTHENTICATED = "authenticated"
    UNAUTHENTICATED = "unauthenticated"
    PROPERTY = "property"
    SELF = "self"


@dataclass(frozen=True, slots=True)
class Ace:
    """An entry: a principal and privileges by Clark name.

    `href` is as it came in requests and a decoded path in answers; `property` a Clark name.
    `inherited` is the path it comes from.
    """

    kind: PrincipalKind
    privileges: tuple[str, ...]
    href: str | None = None
    property: str | None = None
    grant: bool = True
    invert: bool = False
    protected: bool = False
    inherited: str | None = None


@dataclass(frozen=True, slots=True)
class Acl:
    """An ACL request: all entries there shall be, but for protected and inherited ones."""

    aces: tuple[Ace, ...]


@dataclass(frozen=True, slots=True)
class SupportedPrivilege:
    """A privilege with what it contains; an abstract one can't be granted by itself (§5.3)."""

    name: str
    description: str
    abstract: bool = False
    contains: tuple["SupportedPrivilege", ...] = ()


def parse_acl(body: bytes) -> Acl:
    """An ACL request's body (RFC 3744 §8.1)."""
    aces = tuple(_ace(one) for one in root_of(body, D + "acl").of(D + "ace"))
    if len(aces) > MAX_ACES:
        raise XmlError(f"There are more than {MAX_ACES} entries.", D + "limited-number-of-aces")
    return Acl(aces)


def _ace(node: Element) -> Ace:
    invert = node.first(D + "invert")
    principal = (node if invert is None else invert).first(D + "principal")
    grant, deny = node.first(D + "grant"), node.first(D + "deny")
    privileges = grant if deny is None else deny
    if principal is None or privileges is None or (grant is not None and deny is not None):
        raise XmlError("An entry has a principal and either grant or deny.")
    names = tuple(
        dict.fromkeys(child.name for one in privileges.of(D + "privilege") for child in one)
    )
    if not names or len(names) > MAX_ACES:
        raise XmlError("An entry has at least one privilege.")
    kind, href, prop = _principal(principal)
    return Ace(
        kind,
        names,
        href,
        prop,
        grant=grant is not None,
        invert=invert is not None,
        protected=node.has(D + "protected"),
    )


def _principal(node: Element) -> tuple[PrincipalKind, str | None, str | None]:
    known = [(kind, node.first(D + kind.value)) for kind in PrincipalKind]
    found = [(kind, child) for kind, child in known if child is not None]
    if len(found) != 1:
        raise XmlError("An entry has one principal.", D + "recognized-principal")
    kind, child = found[0]
    if kind is PrincipalKind.PROPERTY:
        if len(child.children) != 1:
            raise XmlError("An entry's property names one.", D + "recognized-principal")
        return kind, None, child.children[0].name
    return kind, child.text.strip() if kind is PrincipalKind.HREF else None, None


def privileges_value(names: Iterable[str]) -> str:
    """The value of DAV:current-user-privilege-set (§5.4)."""
    return "".join(element(D + "privilege", element(name)) for name in names)


def acl_value(aces: Iterable[Ace]) -> str:
    """The value of DAV:acl (§5.5)."""
    return "".join(element(D + "ace", _ace_value(ace)) for ace in aces)


def _ace_value(ace: Ace) -> str:
    if ace.kind is PrincipalKind.HREF:
        who = href_value(ace.href or "/")
    else:
        inside = element(ace.property) if ace.property else ""
        who = element(D + ace.kind.value, inside)
    principal = element(D + "principal", who)
    value = element(D + "invert", principal) if ace.invert else principal
    value += element(D + ("grant" if ace.grant else "deny"), privileges_value(ace.privileges))
    if ace.protected:
        value += element(D + "protected")
    if ace.inherited is not None:
        value += element(D + "inherited", href_value(ace.inherited))
    return value


def supported_privileges_value(privileges: Iterable[SupportedPrivilege]) -> str:
    """The value of DAV:supported-privilege-set (§5.3)."""
    return "".join(
        element(
            D + "supported-privilege",
            element(D + "privilege", element(one.name))
            + (element(D + "abstract") if one.abstract else "")
            + element(
                D + "description",
                text_value(one.description),
                [(LANG, "en")],
            )
            + supported_privileges_value(one.contains),
        )
        for one in privileges
    )


def acl_restrictions_value(names: Iterable[str]) -> str:
    """The value of DAV:acl-restrictions: such as DAV:grant-only and DAV:no-invert (§5.6)."""
    return empty_elements(names)


def search_properties_value(props: Iterable[tuple[str, str]]) -> str:
    """The inside of a DAV:principal-search-property-set: names and what people call them (§9.5)."""
    return "".join(
        element(
            D + "principal-search-property",
            element(D + "prop", element(name)) + text_element(D + "description", description),
        )
        for name, description in props
    )
