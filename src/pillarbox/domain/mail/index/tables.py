"""Tables of the search index. What they hold of mail is sealed; ids and sizes are not.

A segment covers some emails of an account and never changes; it has one section for each field
of mail that has words in it.
"""

from sqlalchemy import Column, Index, Table

from pillarbox.storage.schema import Big, Blob, Int, Small, metadata

index_segments = Table(
    "index_segments",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("account_id", Big, nullable=False),
    Column("emails", Int, nullable=False),  # how many it covers
    Column("fields", Int, nullable=False),  # a bit for each field it has a section of
    Column("size_bytes", Big, nullable=False),  # of its sections
    Column("members", Blob, nullable=False),  # sealed: the ids of its emails
    Index(None, "account_id"),
)

index_sections = Table(
    "index_sections",
    metadata,
    Column("segment_id", Big, primary_key=True, autoincrement=False),
    Column("field", Small, primary_key=True, autoincrement=False),  # index.fields.Field
    Column("vocabulary", Blob, nullable=False),  # sealed
    Column("postings", Blob, nullable=False),  # sealed
)

# How far each mailbox is indexed: everything up to and with this UID.
index_marks = Table(
    "index_marks",
    metadata,
    Column("mailbox_id", Big, primary_key=True, autoincrement=False),
    Column("uid", Big, nullable=False),
)

# The text inside the attachments of an email; a row without text where there is none.
attachment_texts = Table(
    "attachment_texts",
    metadata,
    Column("email_id", Big, primary_key=True, autoincrement=False),
    Column("text", Blob, nullable=False),  # sealed
)
