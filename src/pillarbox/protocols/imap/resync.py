"""What a client that was away has missed: expunged UIDs and changed flags (RFC 7162 §3.2.5).

No I/O. Where the store no longer knows what was expunged since the client's modseq, every UID that
is not there counts as expunged (RFC 7162 §3.2.6). Used by SELECT and UID FETCH.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence

from pillarbox.protocols.imap.errors import BadCommand
from pillarbox.protocols.imap.view import View
from pillarbox.wire.imap.sets import Range, SequenceSet

RANGES_PER_LINE = 1_000


def vanished(
    view: View, gone: Sequence[int] | None, known: Iterable[Range], above: int = 0
) -> list[Range]:
    """The UIDs to report as expunged, of those in ascending ranges and higher than `above`.

    `gone` are UIDs expunged since the client's modseq, ascending; `None` where that is not known.
    UIDs the view still has are left out: those are told of in the usual way.
    """
    clipped = [
        (max(low, above + 1), min(high, view.uidnext - 1))
        for low, high in known
        if high > above and low < view.uidnext
    ]
    if gone is None:
        return [missing for pair in clipped for missing in _missing(view.uids, pair)]
    found: list[Range] = []
    for low, high in clipped:
        for uid in gone[bisect_left(gone, low) : bisect_right(gone, high)]:
            if view.index_of(uid) >= 0:
                continue
            if found and found[-1][1] == uid - 1:
                found[-1] = (found[-1][0], uid)
            else:
                found.append((uid, uid))
    return found


def _missing(uids: Sequence[int], pair: Range) -> Iterator[Range]:
    """The stretches of a range in which there are no messages."""
    low, high = pair
    for index in range(bisect_left(uids, low), bisect_right(uids, high)):
        if low < uids[index]:
            yield low, uids[index] - 1
        low = uids[index] + 1
    if low <= high:
        yield low, high


def highest_match(view: View, numbers: SequenceSet, uids: SequenceSet) -> int:
    """The highest UID that has the number the client knows it by, or 0 (RFC 7162 §3.2.5.2).

    The client knows of everything expunged up to there. `check_matches` must have gone before.
    """
    highest = 0
    for number, uid, length in _pairs(numbers, uids):
        end = min(number + length, len(view) + 1)
        if number >= end:
            break
        # UIDs run ahead of numbers ever more: the last place where they do as the client says.
        ahead = uid - number
        place = bisect_right(range(number, end), ahead, key=lambda at: view.uids[at - 1] - at)
        last = number + place - 1
        if last >= number and view.uids[last - 1] - last == ahead:
            highest = view.uids[last - 1]
    return highest


def check_matches(numbers: SequenceSet, uids: SequenceSet) -> None:
    """BAD where numbers and UIDs don't ascend or don't pair up."""
    for ranges in (numbers.ranges, uids.ranges):
        ends = [end for pair in ranges for end in pair]
        if any(pair[0] > pair[1] for pair in ranges) or any(
            end >= start for end, start in zip(ends[1::2], ends[2::2], strict=False)
        ):
            raise BadCommand("Numbers and UIDs must ascend")
    if _size(numbers.ranges) != _size(uids.ranges):
        raise BadCommand("There must be as many numbers as UIDs")


def _pairs(numbers: SequenceSet, uids: SequenceSet) -> Iterator[tuple[int, int, int]]:
    """Stretches in which number and UID grow together: (first number, first UID, length)."""
    left, right = numbers.ranges, uids.ranges
    at = [0, 0]
    used = [0, 0]
    while at[0] < len(left):
        (number, number_end), (uid, uid_end) = left[at[0]], right[at[1]]
        number, uid = number + used[0], uid + used[1]
        length = min(number_end - number, uid_end - uid) + 1
        yield number, uid, length
        for side, last in enumerate((number_end - number + 1, uid_end - uid + 1)):
            used[side] += length
            if length == last:
                at[side] += 1
                used[side] = 0


def _size(ranges: Iterable[Range]) -> int:
    return sum(high - low + 1 for low, high in ranges)
