"""REPORT bodies about principals (RFC 3744 §9), and Apple's search for them."""

from dataclasses import dataclass
from typing import Final

from pillarbox.formats.text_match import MatchType
from pillarbox.wire.dav.names import CS, D
from pillarbox.wire.dav.properties import NO_PROPS, Asked, Propfind, asked_of, prop_names
from pillarbox.wire.dav.xml import Element, XmlError

MAX_SEARCHES: Final = 20
MAX_SEARCH_CHARACTERS: Final = 255
_SEARCH_PARTS = frozenset(
    (
        D + "property-search",
        D + "prop",
        D + "apply-to-principal-collection-set",
        D + "limit",
        CS + "limit",
    )
)


@dataclass(frozen=True, slots=True)
class PropSearch:
    """A text to be found in any of these properties, whatever its case."""

    props: tuple[str, ...]
    text: str
    match_type: MatchType = MatchType.CONTAINS


@dataclass(frozen=True, slots=True)
class PrincipalPropertySearch:
    """DAV:principal-property-search (RFC 3744 §9.4); with `any_of` one search is enough.

    Without a search all principals are meant, which python-caldav asks for. `everywhere`: all
    principal collections are searched, not only the request's.
    """

    searches: tuple[PropSearch, ...]
    wanted: Propfind
    any_of: bool = False
    everywhere: bool = False
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class PrincipalSearchPropertySet:
    """DAV:principal-search-property-set (RFC 3744 §9.5)."""


@dataclass(frozen=True, slots=True)
class AclPrincipalPropSet:
    """DAV:acl-principal-prop-set (RFC 3744 §9.2)."""

    wanted: Propfind


@dataclass(frozen=True, slots=True)
class PrincipalMatch:
    """DAV:principal-match (RFC 3744 §9.3): oneself, or what a property names oneself in."""

    principal_property: str | None
    wanted: Propfind


@dataclass(frozen=True, slots=True)
class CalendarServerPrincipalSearch:
    """CS:calendarserver-principal-search: principals who have all the words in name or address.

    `context` is `attendee`, `user`, `group`, `location`, `resource` or empty.
    """

    words: tuple[str, ...]
    context: str
    wanted: Propfind
    limit: int | None = None


PrincipalReport = (
    PrincipalPropertySearch
    | PrincipalSearchPropertySet
    | AclPrincipalPropSet
    | PrincipalMatch
    | CalendarServerPrincipalSearch
)


def parse_principal_report(root: Element) -> PrincipalReport | None:
    """A report about principals; `None` if the root is that of another."""
    if root.name == D + "principal-property-search":
        return _property_search(root)
    if root.name == D + "principal-search-property-set":
        return PrincipalSearchPropertySet()
    if root.name == D + "acl-principal-prop-set":
        return AclPrincipalPropSet(asked_of(root) or NO_PROPS)
    if root.name == D + "principal-match":
        return _match(root)
    if root.name == CS + "calendarserver-principal-search":
        return _calendarserver_search(root)
    return None


def _property_search(root: Element) -> PrincipalPropertySearch:
    searches = tuple(_search(one) for one in root.of(D + "property-search"))
    if len(searches) > MAX_SEARCHES:
        raise XmlError(f"A search has at most {MAX_SEARCHES} property-search.")
    return PrincipalPropertySearch(
        searches,
        _wanted(root),
        any_of=bool(searches) and root.attributes.get("test", "allof") == "anyof",
        everywhere=root.has(D + "apply-to-principal-collection-set"),
        limit=_limit(root),
    )


def _wanted(root: Element) -> Propfind:
    """The properties to be told; python-caldav 3.6 has an empty prop, and their names beside it."""
    asked = asked_of(root) or NO_PROPS
    if asked != NO_PROPS or not root.has(D + "prop"):
        return asked
    return Propfind(Asked.PROP, tuple(one for one in prop_names(root) if one not in _SEARCH_PARTS))


def _search(node: Element) -> PropSearch:
    prop, match = node.first(D + "prop"), node.first(D + "match")
    names = () if prop is None else prop_names(prop)
    if not names or match is None:
        raise XmlError("A property-search has a prop and a match.")
    # Apple's clients say here how to match; others know `contains` alone (§9.4).
    said = match.attributes.get("match-type", "contains")
    kind = next((one for one in MatchType if one.value == said), MatchType.CONTAINS)
    return PropSearch(names, _text(match), kind)


def _text(node: Element) -> str:
    text = node.text.strip()
    if len(text) > MAX_SEARCH_CHARACTERS:
        raise XmlError(f"A text to look for is longer than {MAX_SEARCH_CHARACTERS} characters.")
    return text


def _match(root: Element) -> PrincipalMatch:
    node = root.first(D + "principal-property")
    if (node is None) == (not root.has(D + "self")):
        raise XmlError("A principal-match has self or a principal-property.")
    if node is not None and len(node.children) != 1:
        raise XmlError("A principal-property names one property.")
    return PrincipalMatch(
        None if node is None else node.children[0].name, asked_of(root) or NO_PROPS
    )


def _calendarserver_search(root: Element) -> CalendarServerPrincipalSearch:
    words = tuple(filter(None, (_text(one) for one in root.of(CS + "search-token"))))
    if not words or len(words) > MAX_SEARCHES:
        raise XmlError(f"A search has 1 to {MAX_SEARCHES} words.")
    return CalendarServerPrincipalSearch(
        words,
        root.attributes.get("context", "").strip().lower(),
        asked_of(root) or NO_PROPS,
        _limit(root),
    )


def _limit(root: Element) -> int | None:
    for space in (D, CS):
        node = root.first(space + "limit")
        said = "" if node is None else node.value(space + "nresults") or ""
        if said.isascii() and said.isdigit() and 0 < len(said) <= 9:
            return max(int(said), 1)
    return None
