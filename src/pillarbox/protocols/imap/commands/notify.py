"""NOTIFY: tell what happens all the time, between commands too (RFC 5465 §3)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from pillarbox.base.ids import AccountId
from pillarbox.domain.changes import topic
from pillarbox.protocols.imap.commands.fetch import tell_items
from pillarbox.protocols.imap.commands.fetch_columns import plan
from pillarbox.protocols.imap.errors import RefusedCommand
from pillarbox.protocols.imap.reply import Reply
from pillarbox.protocols.imap.updates import look
from pillarbox.protocols.imap.view import View
from pillarbox.protocols.imap.watch import MAX_LINES, MAX_WATCHED, Manner, Watch, overview
from pillarbox.wire.imap.parse.notify import Filter, Notify, NotifyEvent
from pillarbox.wire.imap.respond.replies import status_response

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession


async def notify(session: ImapSession, args: Notify) -> Reply:
    """Tell of these events from now on, and of nothing else."""
    actor = session.require_actor()
    watch = Watch(actor.account_id, args.groups)
    notifier = Notifier(session, watch)
    # Before anything is read, so that nothing happens that nobody hears of.
    notifier.listen(first=True)
    try:
        if watch.others:
            watch.known = await session.services.database.read(
                overview, actor, watch.shared, watch.annotated
            )
            if len(watch.known.boxes) > MAX_WATCHED:
                raise RefusedCommand("You have too many mailboxes for that", "NOTIFICATIONOVERFLOW")
        session.end_notifying()
        if args.groups:
            # Whatever is to be told later, first all that has gathered (RFC 5465 §3.1).
            await look(session, expunge=True)
    except BaseException:
        notifier.close()
        raise
    session.notifier = notifier
    notifier.listen()
    notifier.seen(session.view)
    if args.status:
        for line in await asyncio.to_thread(watch.standing, notifier.manner()):
            session.write(line)
    return Reply("NOTIFY completed")


class Notifier:
    """Tells one session's client what it asked for, when the bus hints that there is something."""

    __slots__ = ("_highest", "_session", "_stops", "_view", "wake", "watch")

    def __init__(self, session: ImapSession, watch: Watch) -> None:
        self._session = session
        self._stops: dict[AccountId, Callable[[], None]] = {}
        self._view: View | None = None
        self._highest = 0
        self.watch = watch
        self.wake = asyncio.Event()

    def listen(self, *, first: bool = False) -> None:
        """Hear of changes of all accounts that own something watched.

        Unless this is the `first` thing done, new ones have to be looked at once more.
        """
        wanted: set[AccountId] = set()
        if self.watch.others:
            wanted = self.watch.known.owners | {self._session.require_actor().account_id}
        if self._session.view is not None:
            wanted.add(self._session.view.account_id)
        for account in self._stops.keys() - wanted:
            self._stops.pop(account)()
        for account in wanted - self._stops.keys():
            bus = self._session.services.bus
            self._stops[account] = bus.subscribe(topic(account), lambda _: self.wake.set())
            if not first:
                self.wake.set()

    def close(self) -> None:
        """Listen no more."""
        for stop in self._stops.values():
            stop()
        self._stops.clear()

    def manner(self) -> Manner:
        """How the client is told things now."""
        session = self._session
        selected = None if session.view is None else session.view.mailbox_id
        return Manner(session.condstore, session.qresync, session.utf8, selected)

    def wants(self, event: NotifyEvent) -> bool:
        """Whether the client wants to be told of an event in the selected mailbox."""
        group = self.watch.of_selected
        return group is not None and event in group.events

    def seen(self, view: View | None) -> None:
        """The client needs to be told nothing more of messages that are in the view now."""
        self._view = view
        self._highest = 0 if view is None else view.uidnext - 1

    async def push(self, *, idle: bool = False) -> None:
        """Tell what has happened; between two commands, or in IDLE."""
        session, group = self._session, self.watch.of_selected
        view = session.view
        if view is not None and group is not None and group.events:
            at_once = idle or group.filter is Filter.SELECTED
            await look(session, expunge=at_once)
            await self.tell_new()
        if self.watch.others:
            await self._others()
        self.listen()

    async def tell_new(self) -> None:
        """The items asked for of messages that the client has just been told of."""
        session, group, view = self._session, self.watch.of_selected, self._session.view
        if view is not self._view:
            self.seen(view)
            self.listen()
            return
        if view is None or not view.loaded:
            return
        first = self._highest + 1
        self.seen(view)
        if group is None or not group.items or first > self._highest:
            return
        spans = [
            (start, min(end, view.told))
            for start, end in view.spans_of_uids([(first, self._highest)])
            if start < view.told
        ]
        if spans:
            wanted = plan(group.items, uid=not session.uidonly, modseq=session.condstore)
            await tell_items(session, view, spans, wanted, uid=not session.uidonly)

    async def _others(self) -> None:
        session = self._session
        actor = session.require_actor()
        watch = self.watch
        now = await session.services.database.read(overview, actor, watch.shared, watch.annotated)
        lines = []
        if len(now.boxes) <= MAX_WATCHED:
            lines = await asyncio.to_thread(watch.news, now, self.manner())
            if len(lines) <= MAX_LINES:
                for line in lines:
                    session.write(line)
                return
        session.write(
            status_response("OK", "Too much happens at once", code=b"NOTIFICATIONOVERFLOW")
        )
        self.watch = Watch(actor.account_id, ())
