"""The pieces of a CATENATE that the server has already (RFC 4469 §3)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pillarbox.base.errors import Denied, GrammarError, NotFound
from pillarbox.base.ids import AccountId, MailboxId
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.mail import read
from pillarbox.domain.mail.content import ContentStore
from pillarbox.domain.sharing import access
from pillarbox.domain.sharing.access import Right
from pillarbox.formats.mime.part import Part
from pillarbox.protocols.imap.errors import RefusedCommand
from pillarbox.protocols.imap.sections import body_section
from pillarbox.storage.tx import Tx
from pillarbox.wire.imap.parse.append import MessagePiece, UrlPiece
from pillarbox.wire.imap.urls import MessageUrl, parse_url

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession

_SHOWN_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class _Selected:
    """The mailbox that is selected: what URLs without a mailbox mean."""

    account_id: AccountId
    mailbox_id: MailboxId


async def read_urls(session: ImapSession, pieces: tuple[MessagePiece, ...]) -> list[bytes]:
    """The pieces with what the URLs name in their place.

    Each message is read once, however many pieces are cut from it. NO with BADURL for what can't be
    read, and with TOOBIG as soon as the whole is over the limit for messages.
    """
    known = [piece if isinstance(piece, bytes) else b"" for piece in pieces]
    left_bytes = session.services.options.max_message_size_bytes - sum(map(len, known))
    if left_bytes < 0:
        raise _too_big()
    wanted: dict[tuple[str | None, int | None, int], list[tuple[int, str, MessageUrl]]] = {}
    for at, piece in enumerate(pieces):
        if isinstance(piece, UrlPiece):
            url = _parsed(piece.url)
            key = (url.mailbox, url.uidvalidity, url.uid)
            wanted.setdefault(key, []).append((at, piece.url, url))
    for uses in wanted.values():
        content, root = await _message(session, uses[0][1], uses[0][2])
        for at, text, url in uses:
            section = body_section(content, root, url.section)
            if section is None:
                raise _bad(text, "The message has no such section")
            left_bytes -= len(section)
            if left_bytes < 0:
                raise _too_big()
            known[at] = bytes(section)
        await asyncio.sleep(0)
    return known


def _parsed(text: str) -> MessageUrl:
    try:
        return parse_url(text)
    except GrammarError as error:
        raise _bad(text, f"The URL can't be used: {error.text}") from error


async def _message(session: ImapSession, text: str, url: MessageUrl) -> tuple[bytes, Part]:
    services, view = session.services, session.view
    selected = None if view is None else _Selected(view.account_id, view.mailbox_id)
    if url.mailbox is None and selected is None:
        raise _bad(text, "No mailbox is selected")
    actor = session.require_actor()
    try:
        return await services.database.read(_read, services.content, actor, selected, url)
    except (NotFound, Denied) as failure:
        raise _bad(text, failure.public) from failure


def _read(
    tx: Tx, store: ContentStore, actor: Actor, selected: _Selected | None, url: MessageUrl
) -> tuple[bytes, Part]:
    if url.mailbox is not None:
        mailbox = access.require(tx, actor, url.mailbox, Right.READ).mailbox
        if url.uidvalidity not in (None, mailbox.uidvalidity):
            raise NotFound("The mailbox has another UIDVALIDITY")
        selected = _Selected(mailbox.account_id, mailbox.id)
    elif selected is None:
        raise NotFound("No mailbox is selected")
    owner, mailbox_id = selected.account_id, selected.mailbox_id
    access.check(tx, actor, owner, mailbox_id, Right.READ)
    found = read.contents(tx, store, owner, mailbox_id, ((url.uid, url.uid),), True)
    if not found or found[0][2] is None:
        raise NotFound("There is no such message")
    return found[0][1], found[0][2]


def _bad(url: str, why: str) -> RefusedCommand:
    # A URL has none of what could end the code too early.
    shown = "".join(one for one in url if one.isascii() and one.isprintable() and one not in '"\\]')
    return RefusedCommand(why, f'BADURL "{shown[:_SHOWN_CHARACTERS]}"')


def _too_big() -> RefusedCommand:
    return RefusedCommand("The message is too large", "TOOBIG")
