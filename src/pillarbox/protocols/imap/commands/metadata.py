"""GETMETADATA and SETMETADATA (RFC 5464 §4.2, §4.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pillarbox.base.errors import Denied, Invalid, TooLarge
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.mail import annotations as attached
from pillarbox.domain.mail.annotations import (
    ANY_DEPTH,
    MAX_VALUE_BYTES,
    SCRIPT,
    SERVER,
    Annotated,
)
from pillarbox.domain.sharing import access
from pillarbox.domain.sharing.access import Right
from pillarbox.protocols.imap.errors import BadCommand, RefusedCommand
from pillarbox.protocols.imap.reply import Reply
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx
from pillarbox.wire.imap.parse.metadata import GetMetadata, SetMetadata
from pillarbox.wire.imap.respond import metadata as respond

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession

ADMIN_ENTRY = "/shared/admin"
"""How to reach the people who run the server (RFC 5464 §6.2.1)."""

_Values = list[tuple[str, bytes]]


async def getmetadata(session: ImapSession, args: GetMetadata) -> Reply:
    """Tell the values of entries, those that are too long for the client left out."""
    entries = canonical_entries(args.entries)
    depth = ANY_DEPTH if args.depth is None else args.depth
    keys, actor = session.services.content.keys, session.require_actor()
    name, values = await session.services.database.read(
        _read, keys, actor, args.mailbox, entries, depth
    )
    if not args.mailbox:
        values += _of_server(actor, entries, depth)
    most = MAX_VALUE_BYTES if args.max_size_bytes is None else args.max_size_bytes
    told = with_missing(values, () if depth else entries)
    told = [(entry, value) for entry, value in told if value is None or len(value) <= most]
    if told:
        session.write(respond.metadata(name, told, utf8=session.utf8))
    longest = max((len(value) for _, value in values), default=0)
    code = respond.long_entries_code(longest) if longest > most else None
    return Reply("GETMETADATA completed", code)


async def setmetadata(session: ImapSession, args: SetMetadata) -> Reply:
    """Set or remove values, all or none."""
    values = [(_entry(name), value) for name, value in args.values]
    if any(value is not None and len(value) > MAX_VALUE_BYTES for _, value in values):
        raise RefusedCommand("A value is too long", respond.max_size_code(MAX_VALUE_BYTES))
    keys, actor = session.services.content.keys, session.require_actor()
    try:
        await session.services.database.write(_write, keys, actor, args.mailbox, values)
    except TooLarge as failure:
        raise RefusedCommand(failure.public, "METADATA TOOMANY") from None
    return Reply("SETMETADATA completed")


def canonical_entries(names: Sequence[str]) -> tuple[str, ...]:
    """The names as they are stored, each once; BAD where one can't be a name."""
    return tuple(dict.fromkeys(map(_entry, names)))


def with_missing(values: _Values, entries: Sequence[str]) -> list[tuple[str, bytes | None]]:
    """The values found, and `None` for those of the entries that have none."""
    have = {entry for entry, _ in values}
    return [*values, *((entry, None) for entry in entries if entry not in have)]


def _entry(name: str) -> str:
    try:
        return attached.canonical_entry(name)
    except Invalid as failure:
        raise BadCommand(failure.public) from None


def _read(
    tx: Tx, keys: KeyRing, actor: Actor, name: str, entries: tuple[str, ...], depth: int
) -> tuple[str, _Values]:
    name, where = _annotated(tx, actor, name, Right.READ)
    return name, attached.get(tx, keys, where, entries, depth)


def _write(
    tx: Tx, keys: KeyRing, actor: Actor, name: str, values: list[tuple[str, bytes | None]]
) -> None:
    shared = {entry for entry, _ in values if attached.is_shared(entry)}
    if not name and not shared <= {SCRIPT}:
        raise Denied("Shared annotations of the server can't be set")
    _, where = _annotated(tx, actor, name, Right.WRITE if shared else Right.READ)
    attached.put(tx, keys, where, values)


def _annotated(tx: Tx, actor: Actor, name: str, right: Right) -> tuple[str, Annotated]:
    if not name:
        return "", Annotated(SERVER, actor.account_id, actor.account_id)
    found = access.require(tx, actor, name, right)
    mailbox = found.mailbox
    return found.name, Annotated(mailbox.id, mailbox.account_id, actor.account_id)


def _of_server(actor: Actor, entries: tuple[str, ...], depth: int) -> _Values:
    """What the server itself says of itself."""
    wanted = ADMIN_ENTRY in entries or (depth and "/shared" in entries)
    domain = actor.address.rpartition("@")[2]
    return [(ADMIN_ENTRY, f"mailto:postmaster@{domain}".encode())] if wanted else []
