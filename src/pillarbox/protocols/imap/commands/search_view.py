"""Searches the view answers alone: flags, keywords, UIDs, modseqs and what combines them.

Each part becomes a bit mask over the mailbox, a byte a message in one large integer, so that ten
thousand messages are combined in a few instructions.
"""

from collections.abc import Callable
from itertools import compress

from pillarbox.domain.mail import query as q
from pillarbox.domain.mail.placement import UidRanges
from pillarbox.protocols.imap.view import View


def matching(query: q.Query, view: View) -> list[int] | None:
    """The indexes of the messages the query holds for; `None` if the view can't tell."""
    count = len(view)
    mask = _mask(query, view, int.from_bytes(b"\1" * count, "big"), {})
    if mask is None:
        return None
    if view.gone:
        mask &= ~_uids([(uid, uid) for uid in sorted(view.gone)], view)
    return list(compress(range(count), mask.to_bytes(count, "big")))


def _mask(query: q.Query, view: View, every: int, known: dict[q.Query, int]) -> int | None:
    """The mask of a query; `known` has those of leaves that may be asked for many times."""
    match query:
        case q.Everything():
            return every
        case q.And(parts) | q.Or(parts):
            combined = every if isinstance(query, q.And) else 0
            for part in parts:
                mask = _mask(part, view, every, known)
                if mask is None:
                    return None
                combined = combined & mask if isinstance(query, q.And) else combined | mask
            return combined
        case q.Not(part):
            mask = _mask(part, view, every, known)
            return None if mask is None else every ^ mask
        case q.HasFlag() | q.HasKeyword() | q.ModseqFrom():
            if query not in known:
                known[query] = _leaf(query, view)
            return known[query]
        case q.InUids(ranges):
            return _uids(ranges, view)
        case _:
            return None


def _leaf(query: q.HasFlag | q.HasKeyword | q.ModseqFrom, view: View) -> int:
    match query:
        case q.HasFlag(flag):
            return _flags(view, lambda bits, _: bool(bits & flag))
        case q.HasKeyword(name):
            wanted = name.lower()
            return _flags(view, lambda _, words: wanted in (words or "").lower().split(" "))
        case q.ModseqFrom(modseq):
            return int.from_bytes(bytes([one >= modseq for one in view.modseqs]), "big")


def _flags(view: View, holds: Callable[[int, str | None], bool]) -> int:
    answers = [holds(*state) for state in view.sets.sets]
    return int.from_bytes(bytes(map(answers.__getitem__, view.flags)), "big")


def _uids(ranges: UidRanges, view: View) -> int:
    mask = bytearray(len(view))
    for start, end in view.spans_of_uids(ranges):
        mask[start:end] = b"\1" * (end - start)
    return int.from_bytes(mask, "big")
