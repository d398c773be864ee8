"""Reports on address books: addressbook-query, addressbook-multiget (RFC 6352 §8.6, §8.7)."""

from starlette.responses import Response

from pillarbox.protocols.dav.call import Call, multistatus
from pillarbox.protocols.dav.report.collections import (
    check_data,
    item_names,
    matched,
    named,
    require_itself,
    table_of,
)
from pillarbox.protocols.dav.report.directory import matching_cards, named_cards
from pillarbox.protocols.dav.resources import Kind
from pillarbox.wire.dav.reports import AddressbookMultiget, AddressbookQuery


async def addressbook_query(call: Call, query: AddressbookQuery) -> Response:
    """The cards of an address book that fit a filter."""
    check_data(query.data)
    href = call.path.href
    await call.resource()
    call = call.of_collection()
    table = await table_of(call, query.wanted)
    if table.kind is Kind.DIRECTORY:
        pages = matching_cards(call, query.filter, query.data)
    elif href:
        place = await call.place()
        asked = call.services.queries
        pages = asked.one_card(call.actor, place, href, query.filter, query.data)
    else:
        place = await call.place()
        pages = call.services.queries.cards(call.actor, place, query.filter, query.data)
    most = min(query.limit or call.services.options.matches, call.services.options.matches)
    return await multistatus(matched(call, table, pages, most))


async def addressbook_multiget(call: Call, query: AddressbookMultiget) -> Response:
    """Cards of an address book by name."""
    check_data(query.data)
    await require_itself(call, query.hrefs)
    call = call.of_collection()
    table = await table_of(call, query.wanted)
    if table.kind is Kind.DIRECTORY:
        names, strange = item_names(call.path, query.hrefs)
        return await multistatus(named_cards(call, table, names, strange, query.data))
    return await multistatus(named(call, table, query.hrefs, query.data))
