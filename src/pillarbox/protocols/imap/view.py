"""The selected mailbox as this session's client knows it: UIDs, flags and modseqs by number.

No I/O. What changed is put in with `apply`; the client's numbering follows only in
`take_expunged`, since no message may lose its number while the client uses numbers
(RFC 9051 §7.5.1). A message costs 16 bytes, and nothing before `load`: opening a large mailbox
and waiting for news takes no more than its counters. Owned by `session`; fed by `updates`.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import compress

from pillarbox.base.errors import Conflict
from pillarbox.base.ids import AccountId, MailboxId
from pillarbox.domain.mail.model import Mailbox
from pillarbox.domain.mail.placement import MAX_UID
from pillarbox.domain.sharing.access import ALL_RIGHTS, Right
from pillarbox.protocols.imap.errors import BadCommand
from pillarbox.protocols.imap.flagsets import RECENT, FlagSets
from pillarbox.wire.imap.sets import SequenceSet

Range = tuple[int, int]
Span = tuple[int, int]
"""Indexes of adjacent messages, half-open: message numbers are one higher."""

FlagRow = tuple[int, int, str | None, int]
"""UID, bits, stored keywords, modseq."""

_FEW_RUNS = 16


class View:
    """What the client was told of the mailbox, and what it is still to be told."""

    __slots__ = (
        "account_id",
        "announced",
        "claimed_to",
        "complete_modseq",
        "flags",
        "gone",
        "keywords_told",
        "lagging",
        "loaded",
        "mailbox_id",
        "modseq",
        "modseqs",
        "name",
        "read_only",
        "recent",
        "recent_told",
        "recent_uids",
        "rights",
        "saved",
        "sets",
        "told",
        "uidnext",
        "uids",
        "uidvalidity",
        "untold",
        "withdrawn",
    )

    def __init__(
        self,
        mailbox: Mailbox,
        *,
        read_only: bool,
        recent_uids: Range,
        name: str | None = None,
        rights: Right = ALL_RIGHTS,
    ) -> None:
        """UIDs in `recent_uids`, half-open, are \\Recent here.

        `name` is the mailbox's as the client sees it, where that differs from its owner's.
        """
        self.account_id: AccountId = mailbox.account_id
        self.mailbox_id: MailboxId = mailbox.id
        self.name = mailbox.name if name is None else name
        self.rights = rights
        self.uidvalidity = mailbox.uidvalidity
        self.uidnext = mailbox.uidnext
        self.modseq = mailbox.modseq
        self.read_only = read_only
        self.recent_uids = [recent_uids]
        self.claimed_to = MAX_UID if read_only else recent_uids[1]
        """Of messages below this UID it is known whose \\Recent they are."""
        self.recent = self.recent_told = 0
        self.complete_modseq = mailbox.modseq
        """The client has been told all that happened up to this modseq."""
        self.lagging = False
        """Whether the client was told of `complete_modseq` because more is still to be told."""
        self.untold = False
        """Whether flags changed that the client did not want to hear of."""
        self.withdrawn = False
        """Whether the client may not read the mailbox any more, or it is gone."""
        self.loaded = False
        self.sets = FlagSets()
        self.uids, self.flags, self.modseqs = array("I"), array("I"), array("Q")
        self.keywords_told = 0
        self.announced: set[int] = set()
        """UIDs whose flags changed by others and have not been told."""
        self.gone: set[int] = set()
        """UIDs that are no more but still have their number."""
        self.told = mailbox.total
        """How many messages the client knows of; those that came since are behind them."""
        self.saved = array("I")
        """The UIDs `$` stands for (RFC 5182)."""

    def load(self, rows: Iterable[FlagRow], gone: Iterable[int], modseq: int, uidnext: int) -> None:
        """Take in every message, as it is at `modseq`.

        `gone` are the UIDs expunged since the mailbox was opened. `Conflict` if those and the rows
        don't make up the messages the client was told of.
        """
        old = [(uid, 0, None, 0) for uid in gone if uid < self.uidnext]
        everything = sorted([*rows, *old]) if old else list(rows)
        sets = self.sets
        self.uids = array("I", [row[0] for row in everything])
        self.flags = array("I", [sets[row[1:3]] for row in everything])
        self.modseqs = array("Q", [row[3] for row in everything])
        if bisect_left(self.uids, self.uidnext) != self.told:
            raise Conflict("The mailbox changed too much; select it again")
        self.loaded, self.recent = True, 0
        for claimed in self.recent_uids:
            self._mark_recent(claimed)
        if modseq != self.modseq:
            self.announced.update(row[0] for row in everything[: self.told] if row[3] > self.modseq)
        self.gone.update(row[0] for row in old)
        self.modseq, self.uidnext = modseq, uidnext

    def load_deleted(self) -> None:
        """Stand for a mailbox that was deleted before it was loaded: all messages are gone."""
        self.load([], range(1, self.told + 1), self.modseq, self.uidnext)

    def withdraw(self) -> None:
        """Let the mailbox be empty to this client, which may not read it any more.

        Should that change, the client has to hear of everything anew: it notes the lowest modseq.
        """
        self.gone.update(self.uids)
        self.complete_modseq, self.untold, self.withdrawn = 1, True, True

    def __len__(self) -> int:
        return len(self.uids)

    # Finding messages

    def spans_of_numbers(self, ranges: Iterable[Range]) -> list[Span]:
        """The messages with these numbers; those over the highest are left out."""
        count = len(self.uids)
        return [(low - 1, min(high, count)) for low, high in ranges if low <= count]

    def spans_of_uids(self, ranges: Iterable[Range]) -> list[Span]:
        """The messages with UIDs in these ascending ranges."""
        uids = self.uids
        spans: list[Span] = []
        start = 0
        for low, high in ranges:
            start = bisect_left(uids, low, start)
            end = bisect_right(uids, high, start)
            if start < end:
                spans.append((start, end))
                start = end
        return spans

    def spans_of_indexes(self, indexes: Sequence[int]) -> list[Span]:
        """Ascending indexes as spans."""
        spans: list[Span] = []
        start = previous = -2
        for index in indexes:
            if index != previous + 1:
                if start >= 0:
                    spans.append((start, previous + 1))
                start = index
            previous = index
        if start >= 0:
            spans.append((start, previous + 1))
        return spans

    def resolve(self, sequence: SequenceSet, *, uid: bool) -> list[Span]:
        """The messages a client means; BAD for a number it can't know (RFC 9051 §9).

        In an empty mailbox any number is none: clients ask for `1:*` without a look at EXISTS.
        """
        if sequence.saved:
            return self.spans_of_indexes(self.indexes_of(self.saved))
        if uid:
            return self.spans_of_uids(sequence.resolve(self.largest_uid))
        if self.uids and sequence.highest > len(self.uids):
            raise BadCommand("There is no message with that number")
        return self.spans_of_numbers(sequence.resolve(len(self.uids)))

    def uid_ranges(self, spans: Iterable[Span]) -> list[Range]:
        """The same messages as UID ranges; no other message has a UID within them."""
        uids = self.uids
        return [(uids[start], uids[end - 1]) for start, end in spans if start < end]

    def index_of(self, uid: int) -> int:
        """Where a message stands, or -1."""
        index = bisect_left(self.uids, uid)
        return index if index < len(self.uids) and self.uids[index] == uid else -1

    def indexes_of(self, uids: Sequence[int]) -> list[int]:
        """Where these ascending UIDs stand; unknown ones are left out."""
        own = self.uids
        if len(uids) * 8 < len(own):
            found = [self.index_of(uid) for uid in uids]
            return [index for index in found if index >= 0]
        wanted = set(uids)
        return [index for index, uid in enumerate(own) if uid in wanted]

    @property
    def largest_uid(self) -> int:
        """The highest UID, 0 in an empty mailbox."""
        return self.uids[-1] if self.uids else 0

    # What is \Recent

    def claim(self, uids: Range) -> None:
        """Messages with UIDs in this half-open range are \\Recent here, those to come as well."""
        first, end = uids
        if first < end:
            if self.recent_uids and self.recent_uids[-1][1] == first:
                self.recent_uids[-1] = (self.recent_uids[-1][0], end)
            else:
                self.recent_uids.append(uids)
            if self.loaded:
                self._mark_recent(uids)
        self.claimed_to = max(self.claimed_to, end)

    def _mark_recent(self, uids: Range) -> None:
        sets = self.sets
        for index in range(*(bisect_left(self.uids, uid) for uid in uids)):
            bits, keywords = sets.sets[self.flags[index]]
            self.recent += not bits & RECENT
            self.flags[index] = sets[bits | RECENT, keywords]

    def forget_recent(self) -> None:
        """\\Recent means nothing to the client any more (RFC 9051 Appendix E)."""
        self.recent_uids, self.claimed_to = [], MAX_UID
        self.recent = self.recent_told = 0
        sets = self.sets
        plain = [sets[bits & ~RECENT, keywords] for bits, keywords in list(sets.sets)]
        self.flags = array("I", [plain[number] for number in self.flags])

    @property
    def unclaimed(self) -> bool:
        """Whether it has messages of which it is not known whose \\Recent they are."""
        return self.claimed_to < self.uidnext

    # Taking in what changed

    def set_rows(self, rows: Iterable[FlagRow]) -> list[int]:
        """Take over flags and modseqs of known messages; gives the indexes found."""
        found: list[int] = []
        uids, flags, modseqs, sets = self.uids, self.flags, self.modseqs, self.sets
        count = len(uids)
        index = 0
        for uid, bits, keywords, modseq in rows:
            if index >= count or uids[index] != uid:
                index = bisect_left(uids, uid)
                if index >= count or uids[index] != uid:
                    continue
            recent = sets.sets[flags[index]][0] & RECENT
            flags[index] = sets[bits | recent, keywords]
            modseqs[index] = modseq
            found.append(index)
            index += 1
        return found

    def apply(
        self, rows: Sequence[FlagRow], gone: Iterable[int], uidnext: int, *, whole: bool = False
    ) -> None:
        """Take in what others did: changed and new messages, and expunged UIDs.

        With `whole`, `rows` are all messages there are, and the others are gone.
        """
        if whole:
            gone = set(self.uids).difference(row[0] for row in rows)
        known: list[FlagRow] = []
        new: list[FlagRow] = []
        for row in rows:
            (known if row[0] < self.uidnext else new).append(row)
        if known:
            known.sort()
            self.announced.update(self.uids[index] for index in self._differing(known))
            self.set_rows(known)
        if new:
            new.sort()
            sets = self.sets
            self.uids.extend([row[0] for row in new])
            self.flags.extend([sets[row[1:3]] for row in new])
            self.modseqs.extend([row[3] for row in new])
            for first, end in self.recent_uids:
                if end > new[0][0]:
                    self._mark_recent((max(first, new[0][0]), end))
        self.uidnext = max(self.uidnext, uidnext)
        self.gone.update(uid for uid in gone if self.index_of(uid) >= 0)

    def _differing(self, rows: Iterable[FlagRow]) -> list[int]:
        found = []
        for uid, _, _, modseq in rows:
            index = self.index_of(uid)
            if index >= 0 and self.modseqs[index] != modseq:
                found.append(index)
        return found

    def take_expunged(self) -> tuple[list[int], list[int]]:
        """Let the gone messages lose their numbers; gives the indexes they had, and their UIDs.

        Both ascending; those the client never knew of are left out.
        """
        if not self.gone:
            return [], []
        indexes = self.indexes_of(sorted(self.gone))
        known = indexes[: bisect_left(indexes, self.told)]
        uids = [self.uids[index] for index in known]
        spans = self.spans_of_indexes(indexes)
        recent = [number for number, (bits, _) in enumerate(self.sets.sets) if bits & RECENT]
        if recent:
            self.recent -= sum(self.flags[index] in recent for index in indexes)
        if len(spans) <= _FEW_RUNS:
            for start, end in reversed(spans):
                del self.uids[start:end]
                del self.flags[start:end]
                del self.modseqs[start:end]
        else:
            kept = bytearray(b"\1") * len(self.uids)
            for start, end in spans:
                kept[start:end] = bytes(end - start)
            self.uids = array("I", compress(self.uids, kept))
            self.flags = array("I", compress(self.flags, kept))
            self.modseqs = array("Q", compress(self.modseqs, kept))
        if self.saved:
            self.saved = array("I", [uid for uid in self.saved if uid not in self.gone])
        self.announced -= self.gone
        self.gone = set()
        self.told -= len(known)
        return known, uids
