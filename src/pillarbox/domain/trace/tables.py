"""Tables of traces. The body is sealed; what a trace is found by stands there as keyed digests."""

from sqlalchemy import Column, Index, Table

from pillarbox.storage.schema import Big, Blob, Small, metadata

traces = Table(
    "traces",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("at_ms", Big, nullable=False),
    Column("verdict", Small, nullable=False),  # the worst of its recipients, `store.VERDICTS`
    Column("body", Blob, nullable=False),  # sealed, packed msgpack of model.Trace
    Index(None, "at_ms"),
)

trace_keys = Table(
    "trace_keys",
    metadata,
    Column("digest", Big, primary_key=True, autoincrement=False),
    Column("trace_id", Big, primary_key=True, autoincrement=False),
    Index(None, "trace_id"),
    sqlite_with_rowid=False,
)
