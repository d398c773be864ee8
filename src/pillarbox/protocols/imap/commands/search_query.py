"""From IMAP's search keys to the query tree that every search compiles to."""

from datetime import UTC, date, datetime, timedelta

from pillarbox.base.clock import to_ms
from pillarbox.base.ids import parse_public_id
from pillarbox.domain.mail import query as q
from pillarbox.protocols.imap.flagsets import RECENT, flag_bit
from pillarbox.protocols.imap.view import View
from pillarbox.wire.imap.parse import search_keys as k

_NOTHING = q.Not(q.Everything())
_ADDRESSES = frozenset({"from", "to", "cc", "bcc"})


def uses_modseq(key: k.SearchKey) -> bool:
    """Whether the search names a modseq, which makes the answer tell the highest found."""
    match key:
        case k.ModSeqKey():
            return True
        case k.AndKey(keys):
            return any(map(uses_modseq, keys))
        case k.OrKey(left, right):
            return uses_modseq(left) or uses_modseq(right)
        case k.NotKey(inner):
            return uses_modseq(inner)
        case _:
            return False


def count_keys(key: k.SearchKey) -> int:
    """How many keys there are in all, which tells how long judging a message takes."""
    match key:
        case k.AndKey(keys):
            return 1 + sum(map(count_keys, keys))
        case k.OrKey(left, right):
            return 1 + count_keys(left) + count_keys(right)
        case k.NotKey(inner):
            return 1 + count_keys(inner)
        case _:
            return 1


def compile_key(key: k.SearchKey, view: View, now_ms: int) -> q.Query:
    """The query a key asks; numbers are read as the client's. BAD for a number out of range."""
    match key:
        case k.AndKey(keys):
            return q.And(tuple(compile_key(one, view, now_ms) for one in keys))
        case k.OrKey(left, right):
            return q.Or((compile_key(left, view, now_ms), compile_key(right, view, now_ms)))
        case k.NotKey(inner):
            return q.Not(compile_key(inner, view, now_ms))
        case k.SequenceKey(sequence, uid):
            return q.InUids(view.uid_ranges(view.resolve(sequence, uid=uid)))
        case k.FlagKey(flag, present):
            query = _flag(flag, view)
            return query if present else q.Not(query)
        case k.DateKey(field, order, day):
            return _date(field, order, day)
        case k.WithinKey(interval_s, younger):
            then_ms = now_ms - interval_s * 1000
            return q.InternalBetween(then_ms, None) if younger else q.InternalBetween(None, then_ms)
        case _:
            return _fact(key)


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
        case k.EmailIdKey(object_id):
            email_id = parse_public_id("M", object_id)
            return _NOTHING if email_id is None else q.EmailIs(email_id)
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
