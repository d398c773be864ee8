"""Table of the lists of senders. Entries are sealed: they tell who writes to whom."""

from sqlalchemy import Column, Index, Table

from pillarbox.storage.schema import Big, Blob, Small, metadata

sender_entries = Table(
    "sender_entries",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("scope", Small, nullable=False),  # Scope
    Column("owner_id", Big, nullable=False),  # of the domain or the account; 0: the server
    Column("entry", Blob, nullable=False),  # sealed: pattern, action, even_unauthenticated
    Column("created_ms", Big, nullable=False),
    Index(None, "scope", "owner_id"),
)
