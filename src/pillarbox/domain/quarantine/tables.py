"""Tables of the quarantine: a row for each message and account, and who was told of which."""

from sqlalchemy import Column, Index, Table, UniqueConstraint

from pillarbox.storage.schema import Big, Blob, Int, Small, metadata

kept_messages = Table(
    "kept_messages",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("account_id", Big, nullable=False),  # 0: for addresses elsewhere
    Column("digest", Big, nullable=False),  # of what stays the same when it is sent again, keyed
    Column("reason", Small, nullable=False),  # Reason
    Column("blob_id", Big, nullable=False),  # 0: it was released
    Column("wrapped_key", Blob, nullable=False),  # the blob's content key, sealed
    Column("summary", Blob, nullable=False),  # sealed model.Kept
    Column("size_bytes", Big, nullable=False),
    Column("tries", Int, nullable=False),
    Column("created_ms", Big, nullable=False),
    Column("until_ms", Big, nullable=False),
    UniqueConstraint("account_id", "digest"),
    Index(None, "until_ms"),
    Index(None, "blob_id"),
)

quarantine_notices = Table(
    "quarantine_notices",
    metadata,
    Column("account_id", Big, primary_key=True, autoincrement=False),
    Column("told_ms", Big, nullable=False),  # when the last digest was written
    Column("dropped", Int, nullable=False),  # driven out by newer ones since then
)
