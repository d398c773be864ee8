"""LIST in all its forms, and LSUB (RFC 9051 §6.3.9, RFC 5258, RFC 3501 §6.3.9).

The matching and printing runs in the database thread: an account may have very many mailboxes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.mail import annotations as attached
from pillarbox.domain.mail import mailboxes
from pillarbox.domain.mail.annotations import Annotated
from pillarbox.domain.mail.model import Mailbox
from pillarbox.domain.sharing import access
from pillarbox.domain.sharing.access import ALL_RIGHTS, Right
from pillarbox.domain.sharing.rights import rights_text
from pillarbox.protocols.imap.commands.metadata import canonical_entries, with_missing
from pillarbox.protocols.imap.commands.status import deleted_bytes_of, status_line
from pillarbox.protocols.imap.patterns import matcher
from pillarbox.protocols.imap.reply import Reply
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx
from pillarbox.wire.imap.names import SEPARATOR, fold_inbox
from pillarbox.wire.imap.parse.list import List, Lsub
from pillarbox.wire.imap.respond.acl import my_rights
from pillarbox.wire.imap.respond.list import list_response, lsub_response
from pillarbox.wire.imap.respond.metadata import metadata

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession

_CHUNK_LINES = 1_000


@dataclass(frozen=True, slots=True)
class _Tree:
    """Everything the client may know of, by the name it sees; own mailboxes have all rights."""

    mailboxes: dict[str, Mailbox]
    shared: dict[str, Right] = field(default_factory=dict)

    def rights(self, name: str) -> Right:
        """What the client may do with a mailbox of that name."""
        return self.shared.get(name, ALL_RIGHTS)


async def list_(session: ImapSession, args: List) -> Reply:
    """Tell the mailboxes that match."""
    if args.patterns == ("",) and not args.extended:
        session.write(list_response(["\\Noselect"], SEPARATOR, "", utf8=session.utf8))
        return Reply("LIST completed")
    session.condstore |= "HIGHESTMODSEQ" in (args.status or ())
    await _send(session, await session.services.database.read(
        _list, session.services.content.keys, session.require_actor(), args,
        args.extended or session.rev2, session.utf8,
        session.services.options.max_message_size_bytes,
    ))  # fmt: skip
    return Reply("LIST completed")


async def lsub(session: ImapSession, args: Lsub) -> Reply:
    """Tell the subscribed names that match."""
    actor = session.require_actor()
    lines = await session.services.database.read(_lsub, actor, args, session.utf8)
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


def _tree(tx: Tx, actor: Actor) -> _Tree:
    tree = _Tree({mailbox.name: mailbox for mailbox in mailboxes.all_of(tx, actor.account_id)})
    for found in access.visible(tx, actor):
        # An old mailbox of that name, from before these names were kept, hides it.
        if found.name not in tree.mailboxes:
            tree.mailboxes[found.name] = found.seen
            tree.shared[found.name] = found.rights
    return tree


def _branch(tx: Tx, actor: Actor, args: List) -> tuple[_Tree, set[str]]:
    """What of the tree a LIST may have to tell, and which of that has mailboxes below it."""
    names = [fold_inbox(args.reference + pattern) for pattern in args.patterns]
    plain = not any(mark in name for mark in "%*" for name in names)
    if not plain or args.selection or any(_is_others(name) for name in names):
        tree = _tree(tx, actor)
        return tree, _parents(tree.mailboxes)
    # Clients ask for INBOX by its name; that must not cost a look at all mailboxes.
    found = [mailboxes.by_name(tx, actor.account_id, name) for name in names]
    tree = _Tree({mailbox.name: mailbox for mailbox in found if mailbox is not None})
    account = actor.account_id
    return tree, {name for name in tree.mailboxes if mailboxes.has_below(tx, account, name)}


def _is_others(name: str) -> bool:
    return name.split(SEPARATOR, 1)[0] in mailboxes.NAMESPACES


@dataclass(frozen=True, slots=True)
class _Asked:
    """A LIST command and what its answer depends on besides the tree."""

    args: List
    subscribed: set[str]
    below: set[str]
    """Names that lead to subscribed ones that are not told themselves (RFC 5258 §3.5)."""
    parents: set[str]
    extended: bool
    utf8: bool
    append_limit_bytes: int
    entries: tuple[str, ...]
    """Annotations to tell along, by canonical names (RFC 9590)."""


def _list(
    tx: Tx, keys: KeyRing, actor: Actor, args: List, extended: bool, utf8: bool, limit_bytes: int
) -> list[bytes]:
    tree, parents = _branch(tx, actor, args)
    matches = matcher(args.reference, args.patterns)
    wants_subscribed = "SUBSCRIBED" in args.selection
    subscribed: set[str] = set()
    if wants_subscribed or "SUBSCRIBED" in args.returns:
        subscribed = mailboxes.subscriptions(tx, actor.account_id)
    below: set[str] = set()
    if "RECURSIVEMATCH" in args.selection:
        below = _parents(name for name in subscribed if not matches(name))
    names: set[str] = set(tree.mailboxes)
    if wants_subscribed:
        names = subscribed | below
    elif any("%" in pattern for pattern in args.patterns):
        names |= parents
    entries = canonical_entries(args.metadata)
    asked = _Asked(args, subscribed, below, parents, extended, utf8, limit_bytes, entries)
    lines: list[bytes] = []
    for name in sorted(names):
        if matches(name):
            lines += _lines(tree, asked, name)
            mailbox = tree.mailboxes.get(name)
            if mailbox is not None and Right.READ in tree.rights(name):
                lines += _along(tx, keys, actor, asked, mailbox)
    return lines


def _along(tx: Tx, keys: KeyRing, actor: Actor, asked: _Asked, mailbox: Mailbox) -> list[bytes]:
    """The STATUS and METADATA responses of a mailbox that LIST tells."""
    lines = []
    if asked.args.status is not None:
        line = status_line(
            mailbox,
            asked.args.status,
            utf8=asked.utf8,
            append_limit_bytes=asked.append_limit_bytes,
            deleted_bytes=deleted_bytes_of(tx, mailbox, asked.args.status),
        )
        lines.append(line)
    if asked.entries:
        where = Annotated(mailbox.id, mailbox.account_id, actor.account_id)
        values = attached.get(tx, keys, where, asked.entries, 0)
        lines.append(metadata(mailbox.name, with_missing(values, asked.entries), utf8=asked.utf8))
    return lines


def _lines(tree: _Tree, asked: _Asked, name: str) -> list[bytes]:
    """The LIST response of a name, and what is to be told along."""
    args, utf8 = asked.args, asked.utf8
    mailbox, rights = tree.mailboxes.get(name), tree.rights(name)
    # What somebody else uses a mailbox for says nothing about the client's own.
    use = None if mailbox is None or name in tree.shared else mailbox.special_use
    if "SPECIAL-USE" in args.selection and not use:
        return []
    attributes = []
    if mailbox is None:
        # NonExistent says Noselect too, to clients that know the word (RFC 5258 §3).
        attributes.append("\\NonExistent" if asked.extended else "\\Noselect")
    elif Right.READ not in rights:
        attributes.append("\\Noselect")
    attributes.append("\\HasChildren" if name in asked.parents else "\\HasNoChildren")
    if name in asked.subscribed:
        attributes.append("\\Subscribed")
    if use:
        attributes.append(use)
    info = ("SUBSCRIBED",) if name in asked.below else ()
    lines = [list_response(attributes, SEPARATOR, name, utf8=utf8, child_info=info)]
    if mailbox is None:
        return lines
    if "MYRIGHTS" in args.returns:
        lines.append(my_rights(name, rights_text(rights), utf8=utf8))
    return lines


def _lsub(tx: Tx, actor: Actor, args: Lsub, utf8: bool) -> list[bytes]:
    subscribed = mailboxes.subscriptions(tx, actor.account_id)
    have = _tree(tx, actor).mailboxes
    matches = matcher(args.reference, (args.pattern,))
    names = {name: name in have for name in subscribed if matches(name)}
    if args.pattern.endswith("%"):
        # A level that is not subscribed itself but leads to one that is (RFC 3501 §6.3.9).
        names |= {name: False for name in _parents(subscribed) - subscribed if matches(name)}
    return [
        lsub_response([] if selectable else ["\\Noselect"], SEPARATOR, name, utf8=utf8)
        for name, selectable in sorted(names.items())
    ]
