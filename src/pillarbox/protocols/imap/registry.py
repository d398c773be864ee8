"""Which command is run by whom, and when it may be: the one list of this server's commands.

A feature makes a `Registry` of these entries and its own; nothing here changes for it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import IntFlag
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pillarbox.protocols.imap.commands import acl as acl_
from pillarbox.protocols.imap.commands import any_state as any_
from pillarbox.protocols.imap.commands import append as append_
from pillarbox.protocols.imap.commands import auth as auth_
from pillarbox.protocols.imap.commands import compress as compress_
from pillarbox.protocols.imap.commands import copy as copy_
from pillarbox.protocols.imap.commands import enable as enable_
from pillarbox.protocols.imap.commands import esearch as esearch_
from pillarbox.protocols.imap.commands import expunge as expunge_
from pillarbox.protocols.imap.commands import fetch as fetch_
from pillarbox.protocols.imap.commands import idle as idle_
from pillarbox.protocols.imap.commands import list as list_
from pillarbox.protocols.imap.commands import mailboxes as mailboxes_
from pillarbox.protocols.imap.commands import metadata as metadata_
from pillarbox.protocols.imap.commands import notify as notify_
from pillarbox.protocols.imap.commands import quota as quota_
from pillarbox.protocols.imap.commands import replace as replace_
from pillarbox.protocols.imap.commands import search as search_
from pillarbox.protocols.imap.commands import select as select_
from pillarbox.protocols.imap.commands import sort as sort_
from pillarbox.protocols.imap.commands import status as status_
from pillarbox.protocols.imap.commands import store as store_
from pillarbox.protocols.imap.commands import thread as thread_
from pillarbox.protocols.imap.reply import Reply
from pillarbox.wire.imap.parse import (
    acl,
    any_state,
    append,
    auth,
    compress,
    copy,
    enable,
    esearch,
    expunge,
    fetch,
    idle,
    mailboxes,
    metadata,
    notify,
    quota,
    replace,
    search,
    select,
    sort,
    status,
    store,
    thread,
)
from pillarbox.wire.imap.parse import list as lists
from pillarbox.wire.imap.parse.command import CommandEntry, CommandTable
from pillarbox.wire.imap.parse.table import FAMILIES

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession

# Any: each handler takes the value that its own parser made, which the entry pairs it with.
Handler = Callable[["ImapSession", Any], Awaitable[Reply | None]]
"""Runs a command; gives the tagged answer, or `None` where it has sent that itself."""


class States(IntFlag):
    """The states of a connection (RFC 9051 §3)."""

    NOT_AUTHENTICATED = 1
    AUTHENTICATED = 2
    SELECTED = 4
    LOGGED_IN = AUTHENTICATED | SELECTED
    ANY = NOT_AUTHENTICATED | LOGGED_IN


@dataclass(frozen=True, slots=True)
class Entry:
    """A command's value, the states it may come in, and its handler.

    Where `reports`, the client is told while the command takes long; it must write none but whole
    responses at a time. With `look_after` the session tells what is new before the tagged answer,
    expunged messages included; commands during which numbers must not move see to it themselves.
    """

    kind: type
    states: States
    handler: Handler
    look_after: bool = True
    reports: bool = False


class Registry:
    """Commands and the grammar that reads them."""

    __slots__ = ("_entries", "table")

    def __init__(
        self, entries: Iterable[Entry], families: Iterable[Iterable[CommandEntry]]
    ) -> None:
        self._entries = MappingProxyType({entry.kind: entry for entry in entries})
        self.table = CommandTable(*families)

    def entry(self, kind: type) -> Entry | None:
        """Who runs commands of this kind."""
        return self._entries.get(kind)


_ANY, _NEW, _IN, _OPEN = (
    States.ANY,
    States.NOT_AUTHENTICATED,
    States.LOGGED_IN,
    States.SELECTED,
)

ENTRIES = (
    Entry(any_state.Capability, _ANY, any_.capability),
    Entry(any_state.Noop, _ANY, any_.noop),
    Entry(any_state.Id, _ANY, any_.id_),
    Entry(any_state.Logout, _ANY, any_.logout, look_after=False),
    Entry(auth.StartTls, _NEW, auth_.starttls),
    Entry(auth.Login, _NEW, auth_.login),
    Entry(auth.Authenticate, _NEW, auth_.authenticate),
    Entry(auth.Unauthenticate, _IN, auth_.unauthenticate, look_after=False),
    Entry(enable.Enable, _IN, enable_.enable),
    Entry(select.Select, _IN, select_.select, look_after=False),
    Entry(select.Close, _OPEN, select_.close, look_after=False),
    Entry(select.Unselect, _OPEN, select_.unselect, look_after=False),
    Entry(select.Check, _OPEN, select_.check),
    Entry(mailboxes.Create, _IN, mailboxes_.create),
    Entry(mailboxes.Delete, _IN, mailboxes_.delete),
    Entry(mailboxes.Rename, _IN, mailboxes_.rename),
    Entry(mailboxes.Subscribe, _IN, mailboxes_.subscribe),
    Entry(mailboxes.Namespace, _IN, mailboxes_.namespace),
    Entry(lists.List, _IN, list_.list_),
    Entry(lists.Lsub, _IN, list_.lsub),
    Entry(status.Status, _IN, status_.status),
    Entry(acl.SetAcl, _IN, acl_.setacl),
    Entry(acl.DeleteAcl, _IN, acl_.deleteacl),
    Entry(acl.GetAcl, _IN, acl_.getacl),
    Entry(acl.ListRights, _IN, acl_.listrights),
    Entry(acl.MyRights, _IN, acl_.myrights),
    Entry(metadata.GetMetadata, _IN, metadata_.getmetadata),
    Entry(metadata.SetMetadata, _IN, metadata_.setmetadata),
    Entry(quota.GetQuota, _IN, quota_.getquota),
    Entry(quota.GetQuotaRoot, _IN, quota_.getquotaroot),
    Entry(quota.SetQuota, _IN, quota_.setquota),
    Entry(append.Append, _IN, append_.append),
    Entry(replace.Replace, _OPEN, replace_.replace),
    Entry(compress.Compress, _IN, compress_.compress, look_after=False),
    Entry(notify.Notify, _IN, notify_.notify, look_after=False),
    Entry(idle.Idle, _IN, idle_.idle, look_after=False),
    Entry(fetch.Fetch, _OPEN, fetch_.fetch, look_after=False),
    Entry(store.Store, _OPEN, store_.store, look_after=False, reports=True),
    Entry(search.Search, _OPEN, search_.search, look_after=False, reports=True),
    Entry(sort.Sort, _OPEN, sort_.sort, look_after=False, reports=True),
    Entry(thread.Thread, _OPEN, thread_.thread, look_after=False, reports=True),
    Entry(esearch.Esearch, _IN, esearch_.esearch, reports=True),
    Entry(copy.Copy, _OPEN, copy_.copy, reports=True),
    Entry(copy.Move, _OPEN, copy_.move, reports=True),
    Entry(expunge.Expunge, _OPEN, expunge_.expunge, reports=True),
)

CORE = Registry(ENTRIES, FAMILIES)
