"""Changing the flags of messages (RFC 9051 §6.4.6, RFC 7162 §3.1.3)."""

from collections import defaultdict
from dataclasses import dataclass
from enum import Enum

from sqlalchemy import bindparam, select, update

from pillarbox.base.errors import Invalid
from pillarbox.base.ids import AccountId, MailboxId
from pillarbox.domain.changes import next_modseq
from pillarbox.domain.mail.model import MAX_KEYWORDS_PER_MESSAGE, Flag, FlagSet
from pillarbox.domain.mail.placement import Tally, UidRanges, count, runs
from pillarbox.domain.mail.tables import messages
from pillarbox.domain.owners.quota import lock
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

_ROWS = Statement(
    select(messages.c.uid, messages.c.flags, messages.c.keywords, messages.c.modseq)
    .where(
        messages.c.mailbox_id == bindparam("mailbox"),
        messages.c.uid.between(bindparam("first"), bindparam("last")),
    )
    .order_by(messages.c.uid)
)
_SET = Statement(
    update(messages)
    .where(
        messages.c.mailbox_id == bindparam("mailbox"),
        messages.c.uid.between(bindparam("first"), bindparam("last")),
    )
    .values(
        flags=bindparam("new_flags"),
        keywords=bindparam("new_keywords"),
        modseq=bindparam("new_modseq"),
    )
)


class FlagChange(Enum):
    """How given flags meet those a message has."""

    SET = "set"
    ADD = "add"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class FlagsChanged:
    """What became of a flag change.

    `modseq` is the change's, 0 if nothing changed. `refused` are UIDs that had changed after
    `unchanged_since`. `rows` are all other messages asked for: (UID, bits, keywords, modseq).
    """

    modseq: int
    refused: tuple[int, ...]
    rows: list[tuple[int, int, str | None, int]]


_State = tuple[int, str | None]


def change_flags(
    tx: Tx,
    account: AccountId,
    mailbox: MailboxId,
    ranges: UidRanges,
    how: FlagChange,
    flags: FlagSet,
    unchanged_since: int | None,
) -> FlagsChanged:
    """Set, add or remove flags; messages that have them so already are left alone.

    Raises `Invalid` if a message would have too many keywords.
    """
    lock(tx, account)
    stretches = [tx.all(_ROWS, mailbox=mailbox, first=first, last=last) for first, last in ranges]
    target = _Targets(how, flags)
    refused: list[int] = []
    changed: dict[_State, list[tuple[int, int]]] = defaultdict(list)
    tally = Tally()
    for rows in stretches:
        if unchanged_since is not None:
            refused += [row[0] for row in rows if row[3] > unchanged_since]
        for new, wanted in _grouped(rows, target, unchanged_since, tally).items():
            changed[new] += runs(wanted)
    modseq = 0
    if changed:
        modseq = next_modseq(tx, account)
        count(tx, account, mailbox, modseq, tally)
        for (bits, keywords), found in changed.items():
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
                    for first, last in found
                ],
            )
    kept = set(refused)
    result = [
        (uid, *new, modseq if new != (bits, keywords) else old)
        for rows in stretches
        for uid, bits, keywords, old in rows
        if uid not in kept
        for new in (target.of(bits, keywords),)
    ]
    return FlagsChanged(modseq, tuple(refused), result)


def _grouped(
    rows: list[tuple[int, int, str | None, int]],
    target: "_Targets",
    unchanged_since: int | None,
    tally: Tally,
) -> dict[_State, list[tuple[int, bool]]]:
    """For each new state the rows with whether they take it; moves the tally."""
    states: list[_State | None] = []
    for _, bits, keywords, modseq in rows:
        new = target.of(bits, keywords)
        if new == (bits, keywords) or (unchanged_since is not None and modseq > unchanged_since):
            states.append(None)
            continue
        states.append(new)
        tally.unseen += (not new[0] & Flag.SEEN) - (not bits & Flag.SEEN)
        tally.deleted += bool(new[0] & Flag.DELETED) - bool(bits & Flag.DELETED)
    return {
        state: [(row[0], found == state) for row, found in zip(rows, states, strict=True)]
        for state in set(states)
        if state is not None
    }


class _Targets:
    """What each state becomes; few distinct states come up again and again."""

    def __init__(self, how: FlagChange, flags: FlagSet) -> None:
        self._how = how
        self._bits = int(flags.bits)
        self._keywords = frozenset(flags.keywords)
        self._column = flags.column()
        self._known: dict[_State, _State] = {}

    def of(self, bits: int, keywords: str | None) -> _State:
        state = (bits, keywords)
        new = self._known.get(state)
        if new is None:
            new = self._known[state] = self._compute(bits, keywords)
        return new

    def _compute(self, bits: int, keywords: str | None) -> _State:
        if self._how is FlagChange.SET:
            return self._checked(self._bits, self._keywords)
        names = frozenset(keywords.split(" ")) if keywords else frozenset()
        if self._how is FlagChange.ADD:
            return self._checked(bits | self._bits, names | self._keywords)
        return self._checked(bits & ~self._bits, names - self._keywords)

    @staticmethod
    def _checked(bits: int, names: frozenset[str]) -> _State:
        if len(names) > MAX_KEYWORDS_PER_MESSAGE:
            raise Invalid(f"A message can have at most {MAX_KEYWORDS_PER_MESSAGE} keywords")
        return bits, " ".join(sorted(names)) or None
