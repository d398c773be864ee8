"""Reports on address books: addressbook-query, addressbook-multiget (RFC 6352 §8.6, §8.7)."""

import asyncio
from collections.abc import AsyncIterator

from starlette.responses import Response

from pillarbox.base.errors import GrammarError
from pillarbox.formats.vcard.card import parse_card
from pillarbox.formats.vcard.filter import AddressData, CardFilter
from pillarbox.formats.vcard.matching import matches
from pillarbox.formats.vcard.partial import told
from pillarbox.pipeline.collections.queries import Told
from pillarbox.protocols.dav.call import Call, multistatus
from pillarbox.protocols.dav.directory import DirectoryCard, directory_cards
from pillarbox.protocols.dav.report.collections import (
    Table,
    check_data,
    item_names,
    matched,
    named,
    table_of,
    told_named,
)
from pillarbox.protocols.dav.resources import Kind
from pillarbox.protocols.dav.telling import Answer
from pillarbox.wire.dav.reports import AddressbookMultiget, AddressbookQuery


async def addressbook_query(call: Call, query: AddressbookQuery) -> Response:
    """The cards of an address book that fit a filter."""
    check_data(query.data)
    table = await table_of(call, query.wanted)
    if table.kind is Kind.DIRECTORY:
        pages = _directory(call, query.filter, query.data)
    else:
        place = await call.place()
        pages = call.services.queries.cards(call.actor, place, query.filter, query.data)
    most = min(query.limit or call.services.options.matches, call.services.options.matches)
    return await multistatus(matched(call, table, pages, most))


async def addressbook_multiget(call: Call, query: AddressbookMultiget) -> Response:
    """Cards of an address book by name."""
    check_data(query.data)
    table = await table_of(call, query.wanted)
    if table.kind is Kind.DIRECTORY:
        return await multistatus(_directory_named(call, table, query))
    return await multistatus(named(call, table, query.hrefs, query.data))


async def _directory(
    call: Call, wanted: CardFilter, data: AddressData | None
) -> AsyncIterator[list[Told]]:
    cards = await call.read(directory_cards)
    yield await asyncio.to_thread(_fitting, cards, wanted, data)


async def _directory_named(
    call: Call, table: Table, query: AddressbookMultiget
) -> AsyncIterator[bytes]:
    cards = await call.read(directory_cards)
    rows = await asyncio.to_thread(_fitting, cards, CardFilter(), query.data)
    found = {row.item.href: row for row in rows}
    names, strange = item_names(call.path, query.hrefs)
    answer = Answer.begun(call.root, call.preferences.minimal)
    yield await told_named(answer, table, names, strange, found)
    yield answer.body.build()


def _fitting(
    cards: list[DirectoryCard], wanted: CardFilter, data: AddressData | None
) -> list[Told]:
    found = []
    for card in cards:
        try:
            if wanted.props and not matches(wanted, parse_card(card.content)):
                continue
        except GrammarError:
            continue
        found.append(Told(card.item, None if data is None else told(card.content, data)))
    return found
