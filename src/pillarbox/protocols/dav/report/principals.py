"""Reports about principals (RFC 3744 §9), and Apple's search for them."""

from collections.abc import Callable, Iterable
from typing import Final

from starlette.responses import Response

from pillarbox.domain.collections.model import ALL_RIGHTS, READ_RIGHTS
from pillarbox.domain.contacts.directory import ENTRIES_MOST
from pillarbox.domain.sharing import principals
from pillarbox.domain.sharing.principals import EVERY_KIND, Principal, PrincipalKind
from pillarbox.formats.text_match import Collation, TextMatch
from pillarbox.protocols.dav.call import Call, Pieces, xml_answer
from pillarbox.protocols.dav.paths import Area, Path, principal_path, read_path
from pillarbox.protocols.dav.props.dav import aces_of
from pillarbox.protocols.dav.report.collections import TOO_MANY
from pillarbox.protocols.dav.resources import Kind, Resource, children, find
from pillarbox.protocols.dav.telling import Answer, value_of
from pillarbox.protocols.dav.view import View
from pillarbox.wire.dav.acl import PrincipalKind as AceKind
from pillarbox.wire.dav.acl import search_properties_value
from pillarbox.wire.dav.markup import document, href_value
from pillarbox.wire.dav.names import CS, C, D
from pillarbox.wire.dav.principal_reports import (
    AclPrincipalPropSet,
    CalendarServerPrincipalSearch,
    PrincipalMatch,
    PrincipalPropertySearch,
    PrincipalSearchPropertySet,
    PropSearch,
)
from pillarbox.wire.dav.properties import Propfind

_SEARCHED: Final = (
    (D + "displayname", "Name"),
    (C + "calendar-user-address-set", "Address"),
    (CS + "email-address-set", "Mail address"),
    (C + "calendar-user-type", "Kind"),
)
_CONTEXTS: Final = {
    "user": frozenset({PrincipalKind.USER}),
    "group": frozenset({PrincipalKind.GROUP}),
    "location": frozenset({PrincipalKind.ROOM}),
    "resource": frozenset({PrincipalKind.RESOURCE}),
}


async def principal_property_search(call: Call, query: PrincipalPropertySearch) -> Response:
    """Principals of the actor's domain that have texts in their properties."""

    def fits(one: Principal) -> bool:
        some = (any(_has(one, name, search) for name in search.props) for search in query.searches)
        return any(some) if query.any_of else all(some)

    texts = [search.text for search in query.searches]
    return await _searched(call, fits, texts, query.wanted, query.limit)


async def calendarserver_principal_search(
    call: Call, query: CalendarServerPrincipalSearch
) -> Response:
    """Principals that have all the words in name or address."""
    kinds = _CONTEXTS.get(query.context, EVERY_KIND)
    words = [word.casefold() for word in query.words]

    def fits(one: Principal) -> bool:
        text = f"{one.name} {one.address}".casefold()
        return one.kind in kinds and all(word in text for word in words)

    return await _searched(call, fits, query.words, query.wanted, query.limit)


async def _searched(
    call: Call,
    fits: Callable[[Principal], bool],
    texts: Iterable[str],
    wanted: Propfind,
    limit: int | None,
) -> Response:
    most = min(limit or call.services.options.people, call.services.options.people)

    def run(view: View) -> list[bytes]:
        found = [one for one in _searchable(view, texts) if fits(one)]
        answer = Answer.begun(view.root, call.preferences.minimal)
        for one in found[:most]:
            answer.resource(view, _resource(view, one), wanted)
        if len(found) > most:
            answer.body.status(call.path.written(call.root), 507, (TOO_MANY,))
        return answer.end()

    return Pieces(await call.read(run))


def _searchable(view: View, texts: Iterable[str]) -> list[Principal]:
    """Everybody of the actor's domain; where it has no directory, whom the texts name in full."""
    if view.has_directory():
        return principals.search(view.tx, view.actor, most=ENTRIES_MOST)
    addresses = (text.strip().lower().removeprefix("mailto:") for text in texts)
    named = [view.principal(one) for one in (view.actor.address, *addresses) if "@" in one]
    return list(
        {
            one.account_id: one
            for one in named
            if one is not None and one.enabled and one.domain_id == view.actor.domain_id
        }.values()
    )


def _has(one: Principal, prop: str, search: PropSearch) -> bool:
    match prop.partition("}")[2]:
        case "displayname":
            values: Iterable[str] = (one.name,)
        case "calendar-user-address-set" | "email-address-set":
            values = (one.address, f"mailto:{one.address}")
        case "calendar-user-type":
            values = (one.kind.value,)
        case _:
            return False
    wanted = TextMatch(search.text, Collation.UNICODE_CASEMAP, search.match_type)
    return any(wanted.fits(value) for value in values)


def _resource(view: View, principal: Principal) -> Resource:
    # What was searched knows no aliases.
    owner = view.principal(principal.address) or principal
    rights = ALL_RIGHTS if view.is_own(owner) else READ_RIGHTS
    return Resource(Kind.PRINCIPAL, Path(Area.PRINCIPALS, owner.address), rights, owner)


async def principal_search_property_set(call: Call, query: PrincipalSearchPropertySet) -> Response:
    """Which properties can be searched."""
    body = document(D + "principal-search-property-set", search_properties_value(_SEARCHED))
    return xml_answer(body)


async def acl_principal_prop_set(call: Call, query: AclPrincipalPropSet) -> Response:
    """Properties of everybody who has an entry in an access control list."""
    return Pieces(await call.read(_of_aces, call.path, query.wanted, call.preferences.minimal))


def _of_aces(view: View, path: Path, wanted: Propfind, minimal: bool) -> list[bytes]:
    resource = find(view, path)
    answer = Answer.begun(view.root, minimal)
    named = (ace.href for ace in aces_of(view, resource) if ace.kind is AceKind.HREF)
    for href in dict.fromkeys(named):
        owner = view.principal(read_path(href or "/").address)
        if owner is not None:
            answer.resource(view, _resource(view, owner), wanted)
    return answer.end()


async def principal_match(call: Call, query: PrincipalMatch) -> Response:
    """Oneself and one's groups, or what names oneself in a property."""
    pieces = await call.read(_matching, call.path, query, call.preferences.minimal)
    return Pieces(pieces)


def _matching(view: View, path: Path, query: PrincipalMatch, minimal: bool) -> list[bytes]:
    resource = find(view, path)
    answer = Answer.begun(view.root, minimal)
    if query.principal_property is None:
        for one in _selves(view, resource):
            answer.resource(view, one, query.wanted)
        return answer.end()
    me = href_value(principal_path(view.actor.address))
    for child in children(view, resource):
        value = value_of(view, child, query.principal_property)
        if value is not None and me in value:
            answer.resource(view, child, query.wanted)
    return answer.end()


def _selves(view: View, resource: Resource) -> list[Resource]:
    """The actor and the groups they are in, where the resource has principals."""
    if resource.path.area not in (None, Area.PRINCIPALS):
        return []
    mine = view.principal(view.actor.address)
    if mine is None:
        return []
    groups = principals.groups_of(view.tx, mine.account_id)
    found = [_resource(view, one) for one in (mine, *groups)]
    if resource.kind is Kind.PRINCIPAL:
        return [one for one in found if one.path == resource.path]
    return found
