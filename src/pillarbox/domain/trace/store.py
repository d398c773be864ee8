"""Keeping traces and finding them again, by whatever somebody knows of the message.

A trace is made ready (`prepare`) before the transaction that stores the message, which keeps it
(`keep`). Called by `pipeline/inbound`; found by all who show them.
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import bindparam, delete, select

from pillarbox.base.ids import parse_public_id, public_id
from pillarbox.domain.judgement.model import Verdict
from pillarbox.domain.trace.model import Trace
from pillarbox.domain.trace.tables import trace_keys, traces
from pillarbox.storage.blobs.sealed import row_name
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Tx

PURPOSE = "trace"
FOUND_MAX = 50
KEYS_MAX = 220
"""A message has so many keys at most: a sender or two, its recipients, and what names it."""
QUEUED_MAX = 20
SWEEP_MAX = 200
VERDICTS = (None, *Verdict)
"""By their number in the table; `None` where nothing was judged."""

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Trace)
_BODY_MAX = 16 << 20

_t, _k = traces.c, trace_keys.c
_INSERT = insert_row(traces)
_INSERT_KEY = insert_row(trace_keys)
_BY_ID = Statement(select(_t.id, _t.body).where(_t.id == bindparam("trace_id")))
_BY_KEY = Statement(
    select(_t.id, _t.body)
    .join(trace_keys, _k.trace_id == _t.id)
    .where(_k.digest == bindparam("digest"))
    .order_by(_t.id.desc())
    .limit(bindparam("most"))
)
_LATEST = Statement(
    select(_t.id, _t.body).order_by(_t.at_ms.desc(), _t.id.desc()).limit(bindparam("most"))
)
_OLD = Statement(
    select(_t.id).where(_t.at_ms < bindparam("before")).order_by(_t.at_ms).limit(SWEEP_MAX)
)
_DELETE = Statement(delete(traces).where(_t.id == bindparam("trace_id")))
_DELETE_KEYS = Statement(delete(trace_keys).where(_k.trace_id == bindparam("trace_id")))


@dataclass(frozen=True, slots=True)
class PreparedTrace:
    """A trace ready to be kept."""

    id: int
    at_ms: int
    verdict: int
    body: bytes
    digests: tuple[int, ...]


def prepare(keys: KeyRing, trace: Trace) -> PreparedTrace:
    """Seal a trace, and digest what it is found by; `ValueError` for one with another's id."""
    number = parse_public_id("", trace.id)
    if number is None:
        raise ValueError(f"no id of a trace: {trace.id}")
    packed = zlib.compress(_ENCODER.encode(trace), 1)
    digester = keys.digester(PURPOSE, b"")
    names = dict.fromkeys(_names(trace))
    return PreparedTrace(
        number,
        trace.at_ms,
        _worst(trace),
        keys.system(PURPOSE).seal(packed, row_name(number)),
        tuple({digester.digests(name)[0]: None for name in list(names)[:KEYS_MAX]}),
    )


def keep(tx: Tx, keys: KeyRing, prepared: PreparedTrace, queue_ids: Sequence[int] = ()) -> None:
    """Keep a trace; it is found by the ids of what was queued of the message, too."""
    number = prepared.id
    digester = keys.digester(PURPOSE, b"")
    queued = [digester.digests(name_of(public_id("", one)))[0] for one in queue_ids[:QUEUED_MAX]]
    tx.run(_INSERT, id=number, at_ms=prepared.at_ms, verdict=prepared.verdict, body=prepared.body)
    digests = {*prepared.digests, *queued}
    tx.run_many(_INSERT_KEY, [{"digest": one, "trace_id": number} for one in digests])


def get(tx: Tx, keys: KeyRing, trace_id: str) -> Trace | None:
    """The trace of that id."""
    number = parse_public_id("", trace_id)
    row = None if number is None else tx.one(_BY_ID, trace_id=number)
    return None if row is None else _opened(keys, row[0], row[1])


def find(tx: Tx, keys: KeyRing, what: str, most: int = FOUND_MAX) -> list[Trace]:
    """The traces of an address, a Message-ID, an IP address or a trace's id, the newest first."""
    by_id = get(tx, keys, what)
    if by_id is not None:
        return [by_id]
    found = {
        row[0]: row[1]
        for digest in keys.digester(PURPOSE, b"").digests(name_of(what))
        for row in tx.all(_BY_KEY, digest=digest, most=most)
    }
    return [_opened(keys, number, found[number]) for number in sorted(found, reverse=True)[:most]]


def latest(tx: Tx, keys: KeyRing, most: int = FOUND_MAX) -> list[Trace]:
    """The newest traces."""
    return [_opened(keys, row[0], row[1]) for row in tx.all(_LATEST, most=most)]


def sweep(tx: Tx, before_ms: int) -> int:
    """Forget traces from before an instant, `SWEEP_MAX` at most; gives how many."""
    numbers = [row[0] for row in tx.all(_OLD, before=before_ms)]
    for number in numbers:
        tx.run(_DELETE_KEYS, trace_id=number)
        tx.run(_DELETE, trace_id=number)
    return len(numbers)


def name_of(what: str) -> bytes:
    """How something that traces are found by is spelled for its digest."""
    return what.strip().strip("<>").casefold().encode("utf-8", "surrogatepass")


def _names(trace: Trace) -> Iterator[bytes]:
    for one in (trace.message_id, trace.reverse_path, trace.sender, trace.client.ip):
        if one:
            yield name_of(one)
    for recipient in trace.recipients:
        yield name_of(recipient.path)
    for recipient in trace.recipients:
        if recipient.address:
            yield name_of(recipient.address)


def _worst(trace: Trace) -> int:
    found = [VERDICTS.index(one.decision.verdict) for one in trace.recipients if one.decision]
    return max(found, default=0)


def _opened(keys: KeyRing, number: int, body: bytes) -> Trace:
    packed = keys.system(PURPOSE).open(body, row_name(number))
    return _DECODER.decode(zlib.decompressobj().decompress(packed, _BODY_MAX))
