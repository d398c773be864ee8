"""Changing the flags of messages (RFC 9051 §6.4.6, RFC 7162 §3.1.3).

Keywords keep the spelling they came with and are compared in any case (RFC 9051 §2.3.2).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from math import inf

from sqlalchemy import bindparam, select, update

from pillarbox.base.errors import Invalid
from pillarbox.base.ids import AccountId, MailboxId
from pillarbox.domain.changes import next_modseq
from pillarbox.domain.mail import imap_events, sorting
from pillarbox.domain.mail import keywords as mailbox_keywords
from pillarbox.domain.mail.model import MAX_KEYWORDS_PER_MESSAGE, FlagSet
from pillarbox.domain.mail.placement import Tally, UidRanges, count, runs
from pillarbox.domain.mail.tables import messages
from pillarbox.domain.owners.quota import lock
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

_IN_RANGE = (
    messages.c.mailbox_id == bindparam("mailbox"),
    messages.c.uid.between(bindparam("first"), bindparam("last")),
)
_ROWS = Statement(
    select(messages.c.uid, messages.c.flags, messages.c.keywords, messages.c.modseq)
    .where(*_IN_RANGE)
    .order_by(messages.c.uid)
)
_SET = Statement(
    update(messages)
    .where(*_IN_RANGE)
    .values(
        flags=bindparam("new_flags"),
        keywords=bindparam("new_keywords"),
        modseq=bindparam("new_modseq"),
    )
)
_ADD_BITS = Statement(
    update(messages)
    .where(*_IN_RANGE, messages.c.flags.bitwise_and(bindparam("bits")) != bindparam("bits"))
    .values(flags=messages.c.flags.bitwise_or(bindparam("bits")), modseq=bindparam("new_modseq"))
)
_REMOVE_BITS = Statement(
    update(messages)
    .where(*_IN_RANGE, messages.c.flags.bitwise_and(bindparam("bits")) != 0)
    .values(flags=messages.c.flags.bitwise_and(bindparam("others")), modseq=bindparam("new_modseq"))
)
_ALL_BITS = 0x7FFF_FFFF


_State = tuple[int, str | None]


class FlagChange(Enum):
    """How given flags meet those a message has."""

    SET = "set"
    ADD = "add"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Changeable:
    """Which flags the one who asks may change; the others stay as they are (RFC 4314 §4)."""

    bits: int = _ALL_BITS
    keywords: bool = True


EVERY_FLAG = Changeable()


@dataclass(frozen=True, slots=True)
class FlagsChanged:
    """What became of a flag change.

    `modseq` is the change's, 0 if nothing changed. `refused` are UIDs that had changed after
    `unchanged_since`. `rows` are all other messages asked for: (UID, bits, keywords, modseq).
    """

    modseq: int
    refused: tuple[int, ...]
    rows: list[tuple[int, int, str | None, int]]


_Row = tuple[int, int, str | None, int]


def change_flags(
    tx: Tx,
    account: AccountId,
    mailbox: MailboxId,
    ranges: UidRanges,
    how: FlagChange,
    flags: FlagSet,
    unchanged_since: int | None,
    may: Changeable = EVERY_FLAG,
    known: Mapping[int, _State] | None = None,
    by: AccountId | None = None,
    by_script: bool = False,
) -> FlagsChanged:
    """Set, add or remove flags; messages that have them so already are left alone.

    `by` is who does it, if not the owner. What is done `by_script` teaches nothing and runs none.
    `known` gives (bits, keywords) of messages at `unchanged_since`: flags added or removed where
    they have not changed since then are no conflict (RFC 7162 §3.1.12). Raises `Invalid` if a
    message would have too many keywords, `TooLarge` if the mailbox would.
    """
    lock(tx, account)
    flags = FlagSet(flags.bits & may.bits, flags.keywords if may.keywords else ())
    if how is not FlagChange.REMOVE:
        mailbox_keywords.admit(tx, mailbox, flags.keywords)
    stretches = [tx.all(_ROWS, mailbox=mailbox, first=first, last=last) for first, last in ranges]
    since = inf if unchanged_since is None else unchanged_since
    target = _Targets(how, flags, may)
    tally = Tally()
    refused: list[int] = []
    result: list[_Row] = []
    changed: list[list[tuple[int, _State | None]]] = []
    for rows in stretches:
        states: list[tuple[int, _State | None]] = []
        for uid, bits, keywords, modseq in rows:
            if modseq > since and not target.untouched((known or {}).get(uid), (bits, keywords)):
                refused.append(uid)
                states.append((uid, None))
                continue
            new = target.of(bits, keywords)
            if new == (bits, keywords):
                result.append((uid, bits, keywords, modseq))
                states.append((uid, None))
                continue
            tally.change(bits, new[0])
            result.append((uid, *new, 0))
            states.append((uid, new))
        changed.append(states)
    if not any(new for states in changed for _, new in states):
        return FlagsChanged(0, tuple(refused), result)
    modseq = next_modseq(tx, account)
    counted = count(tx, account, mailbox, modseq, tally)
    if refused or flags.keywords or how is FlagChange.SET:
        _write_states(tx, mailbox, modseq, changed)
    else:
        _write_bits(tx, mailbox, modseq, ranges, how, flags.bits)
    if how is not FlagChange.REMOVE and not by_script and sorting.may_say(flags):
        sorting.flagged(tx, account, mailbox, _told(stretches, changed))
    if counted.has_script and not by_script:
        imap_events.flagged(tx, account, mailbox, _told(stretches, changed), by)
    return FlagsChanged(modseq, tuple(refused), [(*row[:3], row[3] or modseq) for row in result])


def _told(
    stretches: list[list[_Row]], changed: list[list[tuple[int, _State | None]]]
) -> Iterator[tuple[int, _State, _State]]:
    """The messages that changed: (UID, state before, state after)."""
    for rows, states in zip(stretches, changed, strict=True):
        for (uid, bits, keywords, _), (_, new) in zip(rows, states, strict=True):
            if new is not None:
                yield uid, (bits, keywords), new


def _write_bits(
    tx: Tx, mailbox: MailboxId, modseq: int, ranges: UidRanges, how: FlagChange, bits: int
) -> None:
    """Add or remove bits in every message of the ranges that does not have them so."""
    where = {"mailbox": mailbox, "bits": int(bits), "new_modseq": modseq}
    for first, last in ranges:
        if how is FlagChange.ADD:
            tx.run(_ADD_BITS, first=first, last=last, **where)
        else:
            tx.run(_REMOVE_BITS, first=first, last=last, others=_ALL_BITS & ~int(bits), **where)


def _write_states(
    tx: Tx, mailbox: MailboxId, modseq: int, changed: list[list[tuple[int, _State | None]]]
) -> None:
    """Give runs of adjacent messages the state they share."""
    for bits, keywords in {new for states in changed for _, new in states if new is not None}:
        tx.run_many(
            _SET,
            [
                {
                    "mailbox": mailbox,
                    "first": first,
                    "last": last,
                    "new_flags": bits,
                    "new_keywords": keywords,
                    "new_modseq": modseq,
                }
                for states in changed
                for first, last in runs((uid, new == (bits, keywords)) for uid, new in states)
            ],
        )


class _Targets:
    """What each state becomes; few distinct states come up again and again."""

    def __init__(self, how: FlagChange, flags: FlagSet, may: Changeable) -> None:
        self._how = how
        self._may = may
        self._bits = int(flags.bits)
        self._keywords = {name.lower(): name for name in flags.keywords}
        self._known: dict[_State, _State] = {}

    def untouched(self, known: _State | None, now: _State) -> bool:
        """Whether the flags to add or remove are as they were known to be."""
        if known is None or self._how is FlagChange.SET:
            return False
        names = [
            set((state[1] or "").lower().split(" ")) & set(self._keywords) for state in (known, now)
        ]
        return not (known[0] ^ now[0]) & self._bits and names[0] == names[1]

    def of(self, bits: int, keywords: str | None) -> _State:
        state = (bits, keywords)
        new = self._known.get(state)
        if new is None:
            new = self._known[state] = self._compute(bits, keywords)
        return new

    def _compute(self, bits: int, keywords: str | None) -> _State:
        has = {name.lower(): name for name in keywords.split(" ")} if keywords else {}
        if self._how is FlagChange.ADD:
            return self._checked(bits | self._bits, self._keywords | has)
        if self._how is FlagChange.REMOVE:
            kept = {key: name for key, name in has.items() if key not in self._keywords}
            return self._checked(bits & ~self._bits, kept)
        spelled = {key: has.get(key, name) for key, name in self._keywords.items()}
        kept_bits = bits & ~self._may.bits
        return self._checked(self._bits | kept_bits, spelled if self._may.keywords else has)

    @staticmethod
    def _checked(bits: int, names: dict[str, str]) -> _State:
        if len(names) > MAX_KEYWORDS_PER_MESSAGE:
            raise Invalid(f"A message can have at most {MAX_KEYWORDS_PER_MESSAGE} keywords")
        return bits, " ".join(sorted(names.values())) or None
