"""Table of the calendars that follow one elsewhere."""

from sqlalchemy import Column, Index, Table

from pillarbox.storage.schema import Big, Blob, Int, Small, metadata

feeds = Table(
    "feeds",
    metadata,
    Column("collection_id", Big, primary_key=True, autoincrement=False),
    Column("account_id", Big, nullable=False),
    Column("every_s", Int, nullable=False),
    Column("due_ms", Big, nullable=False),
    Column("failures", Small, nullable=False),  # since it was fetched last
    # Sealed: address, what the server said of its version, and what went wrong.
    Column("state", Blob, nullable=False),
    Index(None, "due_ms"),
)
