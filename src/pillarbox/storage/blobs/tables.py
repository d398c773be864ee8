"""Table of the blob store."""

from sqlalchemy import Column, Table

from pillarbox.storage.schema import Big, Blob, metadata, text

blobs = Table(
    "blobs",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("size_bytes", Big, nullable=False),
    Column("stored_bytes", Big, nullable=False),
    Column("store", text(8), nullable=False),  # db | fs
    Column("created_ms", Big, nullable=False),
    Column("data", Blob, nullable=True),  # the sealed bytes, where they lie in the database
)
