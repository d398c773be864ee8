"""Table of managed attachments (RFC 8607)."""

from sqlalchemy import Column, Index, Table

from pillarbox.storage.schema import Big, Blob, metadata, text

# The content is in `item_contents` under the same id.
attachments = Table(
    "attachments",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("account_id", Big, nullable=False),  # of the owner of the calendar
    Column("digest", text(64), nullable=False, unique=True),  # SHA-256 of the token in its address
    Column("size_bytes", Big, nullable=False),
    Column("created_ms", Big, nullable=False),
    Column("head", Blob, nullable=False),  # sealed: token, UID of the event, name, type, key
    Index(None, "account_id"),
)
