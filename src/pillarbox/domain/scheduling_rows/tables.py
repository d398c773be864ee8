"""Tables of scheduling: messages that wait to be delivered, sealed, and counts against loops."""

from sqlalchemy import Column, Index, Table

from pillarbox.storage.schema import Big, Blob, Int, Small, metadata

scheduling_messages = Table(
    "scheduling_messages",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    # The sender's; of what arrived by mail the recipient's.
    Column("account_id", Big, nullable=False),
    Column("content_id", Big, nullable=False),
    # Of the UID, keyed, for what is noted once for a meeting; 0 for all else.
    Column("once", Big, nullable=False),
    Column("why", Small, nullable=False),  # Why
    Column("attempts", Int, nullable=False),
    Column("due_ms", Big, nullable=False),
    Column("created_ms", Big, nullable=False),
    Column("head", Blob, nullable=False),  # sealed: method, UID, addresses, status
    Index(None, "account_id", "id"),
    Index(None, "account_id", "once"),
    Index(None, "due_ms"),
    Index(None, "content_id"),
)

# One for all messages of a change that are alike.
scheduling_contents = Table(
    "scheduling_contents",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("data", Blob, nullable=False),  # sealed: the calendar object
)

# What the server sent by itself, so that two servers can't go on answering each other.
scheduling_counts = Table(
    "scheduling_counts",
    metadata,
    Column("account_id", Big, primary_key=True, autoincrement=False),
    Column("digest", Big, primary_key=True, autoincrement=False),  # of the address, keyed
    Column("count", Int, nullable=False),
    Column("ends_ms", Big, nullable=False),
    Index(None, "ends_ms"),
    sqlite_with_rowid=False,
)
