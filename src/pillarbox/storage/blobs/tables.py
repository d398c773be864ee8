"""Tables of the blob store."""

from sqlalchemy import Column, Index, Table

from pillarbox.storage.schema import Big, Blob, metadata, text

blobs = Table(
    "blobs",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("size_bytes", Big, nullable=False),
    Column("stored_bytes", Big, nullable=False),
    Column("store", text(8), nullable=False),  # db | fs
    Column("created_ms", Big, nullable=False),
    Index(None, "created_ms"),
)

blob_data = Table(
    "blob_data",
    metadata,
    Column("blob_id", Big, primary_key=True, autoincrement=False),
    Column("data", Blob, nullable=False),
)
