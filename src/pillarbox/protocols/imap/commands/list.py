"""LIST in all its forms, and LSUB (RFC 9051 §6.3.9, RFC 5258, RFC 3501 §6.3.9).

The matching and printing runs in the database thread: an account may have very many mailboxes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pillarbox.base.ids import AccountId
from pillarbox.domain.mail import mailboxes
from pillarbox.domain.mail.model import Mailbox
from pillarbox.protocols.imap.commands.status import status_line
from pillarbox.protocols.imap.patterns import matcher
from pillarbox.protocols.imap.reply import Reply
from pillarbox.storage.tx import Tx
from pillarbox.wire.imap.names import SEPARATOR
from pillarbox.wire.imap.parse.list import List, Lsub
from pillarbox.wire.imap.respond.list import list_response, lsub_response

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession

_CHUNK_LINES = 1_000


async def list_(session: ImapSession, args: List) -> Reply:
    """Tell the mailboxes that match."""
    if args.patterns == ("",) and not args.extended:
        session.write(list_response(["\\Noselect"], SEPARATOR, "", utf8=session.utf8))
        return Reply("LIST completed")
    session.condstore |= "HIGHESTMODSEQ" in (args.status or ())
    await _send(session, await session.services.database.read(
        _list, session.require_actor().account_id, args, session.utf8,
        session.services.options.max_message_size_bytes,
    ))  # fmt: skip
    return Reply("LIST completed")


async def lsub(session: ImapSession, args: Lsub) -> Reply:
    """Tell the subscribed names that match."""
    account = session.require_actor().account_id
    lines = await session.services.database.read(_lsub, account, args, session.utf8)
    await _send(session, lines)
    return Reply("LSUB completed")


async def _send(session: ImapSession, lines: list[bytes]) -> None:
    for start in range(0, len(lines), _CHUNK_LINES):
        session.write(b"".join(lines[start : start + _CHUNK_LINES]))
        await session.flush()


def _parents(names: Iterable[str]) -> set[str]:
    """Every name that has another below it."""
    found: set[str] = set()
    for name in names:
        parent = name.rpartition(SEPARATOR)[0]
        while parent and parent not in found:
            found.add(parent)
            parent = parent.rpartition(SEPARATOR)[0]
    return found


def _list(
    tx: Tx, account: AccountId, args: List, utf8: bool, append_limit_bytes: int
) -> list[bytes]:
    by_name = {mailbox.name: mailbox for mailbox in mailboxes.all_of(tx, account)}
    matches = matcher(args.reference, args.patterns)
    names: set[str] = set(by_name)
    wants_subscribed = "SUBSCRIBED" in args.selection
    subscribed: set[str] = set()
    if wants_subscribed or "SUBSCRIBED" in args.returns:
        subscribed = mailboxes.subscriptions(tx, account)
    parents = _parents(by_name)
    below = _parents(subscribed) if "RECURSIVEMATCH" in args.selection else set()
    if wants_subscribed:
        names = subscribed | below
    elif any("%" in pattern for pattern in args.patterns):
        names |= parents
    lines: list[bytes] = []
    for name in sorted(names):
        if not matches(name):
            continue
        mailbox = by_name.get(name)
        if "SPECIAL-USE" in args.selection and not (mailbox and mailbox.special_use):
            continue
        if wants_subscribed and name not in subscribed and name not in below:
            continue
        info = ("SUBSCRIBED",) if name in below else ()
        attributes = _attributes(name, mailbox, parents, subscribed, extended=args.extended)
        lines.append(list_response(attributes, SEPARATOR, name, utf8=utf8, child_info=info))
        if args.status is not None and mailbox is not None:
            lines.append(
                status_line(mailbox, args.status, utf8=utf8, append_limit_bytes=append_limit_bytes)
            )
    return lines


def _attributes(
    name: str, mailbox: Mailbox | None, parents: set[str], subscribed: set[str], *, extended: bool
) -> list[str]:
    attributes = []
    if mailbox is None:
        # NonExistent says Noselect too, to clients that know the word (RFC 5258 §3).
        attributes.append("\\NonExistent" if extended else "\\Noselect")
    attributes.append("\\HasChildren" if name in parents else "\\HasNoChildren")
    if name in subscribed:
        attributes.append("\\Subscribed")
    if mailbox is not None and mailbox.special_use:
        attributes.append(mailbox.special_use)
    return attributes


def _lsub(tx: Tx, account: AccountId, args: Lsub, utf8: bool) -> list[bytes]:
    subscribed = mailboxes.subscriptions(tx, account)
    have = {mailbox.name for mailbox in mailboxes.all_of(tx, account)}
    matches = matcher(args.reference, (args.pattern,))
    names = {name: name in have for name in subscribed if matches(name)}
    if args.pattern.endswith("%"):
        # A level that is not subscribed itself but leads to one that is (RFC 3501 §6.3.9).
        names |= {name: False for name in _parents(subscribed) - subscribed if matches(name)}
    return [
        lsub_response([] if selectable else ["\\Noselect"], SEPARATOR, name, utf8=utf8)
        for name, selectable in sorted(names.items())
    ]
