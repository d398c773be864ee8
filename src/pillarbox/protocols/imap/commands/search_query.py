"""From IMAP's search keys to the query tree that every search compiles to."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType

from pillarbox.base.clock import to_ms
from pillarbox.base.ids import parse_public_id
from pillarbox.domain.mail import query as q
from pillarbox.domain.mail.flag_names import flag_bit
from pillarbox.domain.mail.placement import UidRanges
from pillarbox.protocols.imap.flagsets import RECENT
from pillarbox.protocols.imap.view import View
from pillarbox.wire.imap.parse import search_keys as k
from pillarbox.wire.imap.sets import SequenceSet

_NOTHING = q.Not(q.Everything())
_ADDRESSES = frozenset({"from", "to", "cc", "bcc"})


Places = Mapping[tuple[str, int], Sequence[int]]
"""The UIDs of emails (`M`) and threads (`T`), by letter and id."""

_LETTERS: MappingProxyType[type[k.SearchKey], str] = MappingProxyType(
    {k.EmailIdKey: "M", k.ThreadIdKey: "T"}
)


def uses_modseq(key: k.SearchKey) -> bool:
    """Whether the search names a modseq, which makes the answer tell the highest found."""
    return any(isinstance(one, k.ModSeqKey) for one in k.each_key(key))


def uses_numbers(key: k.SearchKey) -> bool:
    """Whether the search names messages by number."""
    return any(
        isinstance(one, k.SequenceKey) and not one.uid and not one.sequence.saved
        for one in k.each_key(key)
    )


def object_ids(key: k.SearchKey) -> list[tuple[str, int]]:
    """The emails and threads the search names, as in `Places`; ids that can't be are left out."""
    found: dict[tuple[str, int], None] = {}
    for one in k.each_key(key):
        if isinstance(one, (k.EmailIdKey, k.ThreadIdKey)):
            letter = _LETTERS[type(one)]
            value = parse_public_id(letter, one.object_id)
            if value is not None and value < 1 << 63:
                found[letter, value] = None
    return list(found)


def count_keys(key: k.SearchKey) -> int:
    """How many keys there are in all, which tells how long judging a message takes."""
    return sum(1 for _ in k.each_key(key))


def count_ranges(key: k.SearchKey, view: View) -> int:
    """How many ranges of messages the keys name in all; a saved result is taken as many."""
    sets = [one.sequence for one in k.each_key(key) if isinstance(one, k.SequenceKey)]
    return sum(len(view.saved) if one.saved else len(one.ranges) for one in sets)


def compile_key(key: k.SearchKey, view: View, now_ms: int, places: Places) -> q.Query:
    """The query a key asks; numbers are read as the client's, those of no message mean none."""

    def compiled(one: k.SearchKey) -> q.Query:
        return compile_key(one, view, now_ms, places)

    match key:
        case k.AndKey(keys):
            return q.And(tuple(map(compiled, keys)))
        case k.OrKey(left, right):
            return q.Or((compiled(left), compiled(right)))
        case k.NotKey(inner):
            return q.Not(compiled(inner))
        case k.FuzzyKey(inner):
            return q.Fuzzy(compiled(inner))
        case k.SequenceKey(sequence, uid):
            return q.InUids(_ranges(view, sequence, uid=uid))
        case k.FlagKey(flag, present):
            query = _flag(flag, view)
            return query if present else q.Not(query)
        case k.WithinKey(interval_s, younger):
            then_ms = now_ms - interval_s * 1000
            return q.InternalBetween(then_ms, None) if younger else q.InternalBetween(None, then_ms)
        case k.EmailIdKey(object_id) | k.ThreadIdKey(object_id):
            letter = _LETTERS[type(key)]
            uids = places.get((letter, parse_public_id(letter, object_id) or 0), ())
            return q.InUids([(uid, uid) for uid in uids])
        case _:
            return _fact(key)


def _ranges(view: View, sequence: SequenceSet, *, uid: bool) -> UidRanges:
    """Numbers past the last message are no fault in a search (RFC 7377 §2)."""
    if uid or sequence.saved:
        return view.uid_ranges(view.resolve(sequence, uid=uid))
    return view.uid_ranges(view.spans_of_numbers(sequence.resolve(len(view))))


def _fact(key: k.SearchKey) -> q.Query:
    match key:
        case k.AllKey() | k.SaveDateSupportedKey():
            return q.Everything()
        case k.HeaderKey(field, text, envelope):
            return _header(field, text, envelope)
        case k.BodyKey(text):
            return q.Body(text)
        case k.TextKey(text):
            return q.Text(text)
        case k.LargerKey(size_bytes):
            return q.SizeOver(size_bytes)
        case k.SmallerKey(size_bytes):
            return q.SizeUnder(size_bytes)
        case k.ModSeqKey(modseq):
            return q.ModseqFrom(modseq)
        case k.DateKey(field, order, day):
            return _date(field, order, day)
        case _:
            return _NOTHING


def _header(field: str, text: str, envelope: bool) -> q.Query:
    name = field.lower()
    if envelope and name in _ADDRESSES:
        return q.Address(name, text)
    if envelope and name == "subject":
        return q.Subject(text)
    return q.Header(field, text)


def _flag(flag: str, view: View) -> q.Query:
    if flag == "\\Recent":
        recent = {number for number, (bits, _) in enumerate(view.sets.sets) if bits & RECENT}
        indexes = [index for index, number in enumerate(view.flags) if number in recent]
        return q.InUids(view.uid_ranges(view.spans_of_indexes(indexes)))
    bit = flag_bit(flag)
    return q.HasKeyword(flag) if bit is None else q.HasFlag(bit)


def _date(field: k.DateField, order: k.DateOrder, day: date) -> q.Query:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    start_ms = to_ms(start)
    end_ms = start_ms + timedelta(days=1) // timedelta(milliseconds=1)
    bounds: tuple[int | None, int | None] = {
        k.DateOrder.BEFORE: (None, start_ms),
        k.DateOrder.ON: (start_ms, end_ms),
        k.DateOrder.SINCE: (start_ms, None),
    }[order]
    match field:
        case k.DateField.INTERNAL:
            return q.InternalBetween(*bounds)
        case k.DateField.SENT:
            return q.SentBetween(*bounds)
        case k.DateField.SAVED:
            return q.SavedBetween(*bounds)
