"""Reports on the directory, whose cards are made when they are asked for."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus

from pillarbox.domain.contacts import directory
from pillarbox.domain.contacts.directory import DirectoryCard
from pillarbox.formats.vcard.card import parse_card
from pillarbox.formats.vcard.filter import AddressData, CardFilter
from pillarbox.formats.vcard.matching import matches
from pillarbox.formats.vcard.partial import told
from pillarbox.pipeline.collections.queries import Told
from pillarbox.protocols.dav.call import Call
from pillarbox.protocols.dav.errors import DavError
from pillarbox.protocols.dav.report.collections import TOO_MANY, Table, told_named, told_rows
from pillarbox.protocols.dav.telling import Answer
from pillarbox.protocols.dav.tokens import check_directory_token, directory_token
from pillarbox.protocols.dav.view import View
from pillarbox.wire.dav.reports import SyncCollection

CARDS_AT_ONCE = 500


async def matching_cards(
    call: Call, wanted: CardFilter, data: AddressData | None
) -> AsyncIterator[list[Told]]:
    """The cards of the directory that fit, page by page; who has enough stops asking."""
    cards = await call.read(View.directory)
    for at in range(0, len(cards), CARDS_AT_ONCE):
        yield await asyncio.to_thread(_fitting, cards[at : at + CARDS_AT_ONCE], wanted, data)


async def named_cards(
    call: Call, table: Table, names: list[str], strange: list[str], data: AddressData | None
) -> AsyncIterator[bytes]:
    """The answer to a multiget: only what is named is looked up."""
    answer = Answer.begun(call.root, call.preferences.minimal)
    for at in range(0, max(len(names), 1), CARDS_AT_ONCE):
        page = names[at : at + CARDS_AT_ONCE]
        cards = await call.read(_read, page)
        rows = await asyncio.to_thread(_fitting, cards, CardFilter(), data)
        found = {row.item.href: row for row in rows}
        yield await told_named(answer, table, page, strange if at == 0 else (), found)
    yield answer.body.build()


async def synced_cards(call: Call, table: Table, query: SyncCollection) -> AsyncIterator[bytes]:
    """The answer to a sync-collection: all cards, or with a token that still holds none.

    What changed is not kept: of another token nothing is known (RFC 6578 §3.2).
    """
    cards = await call.read(View.directory)
    token = await asyncio.to_thread(directory_token, cards)
    if query.token:
        check_directory_token(query.token, token)
        cards = []
    if query.limit is not None and len(cards) > query.limit:
        # There is no token to go on from.
        raise DavError(HTTPStatus.INSUFFICIENT_STORAGE, TOO_MANY, text="There are more entries")
    answer = Answer.begun(call.root, call.preferences.minimal)
    for at in range(0, len(cards), CARDS_AT_ONCE):
        page = cards[at : at + CARDS_AT_ONCE]
        rows = await asyncio.to_thread(_fitting, page, CardFilter(), query.address_data)
        yield await told_rows(answer, table, rows)
    answer.body.sync_token(token)
    yield answer.body.build()


def _read(view: View, names: list[str]) -> list[DirectoryCard]:
    return directory.read(view.tx, view.actor, names)


def _fitting(
    cards: list[DirectoryCard], wanted: CardFilter, data: AddressData | None
) -> list[Told]:
    return [
        Told(card.item, None if data is None else told(card.content, data))
        for card in cards
        if not wanted.props or matches(wanted, parse_card(card.content))
    ]
