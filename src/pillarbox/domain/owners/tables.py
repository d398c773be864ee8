"""What owns mail, calendars and contacts: an account, whoever may log in to it."""

from sqlalchemy import Column, Table

from pillarbox.storage.schema import Big, Blob, metadata

# What owns mail. A user has one; groups and resources will have one without a login.
accounts = Table(
    "accounts",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("salt", Blob, nullable=False),  # key derivation; losing it shreds the account's mail
    Column("modseq", Big, nullable=False),
    Column("uidvalidity", Big, nullable=False, server_default="0"),  # the last one given out
    Column("quota_bytes", Big, nullable=False),  # 0: no limit
    Column("used_bytes", Big, nullable=False),
    Column("used_messages", Big, nullable=False),
    Column("created_ms", Big, nullable=False),
    Column("mailbox_count", Big, nullable=False, server_default="0"),
    # Notes of the change log up to this modseq may have been dropped.
    Column("forgotten_modseq", Big, nullable=False, server_default="0"),
)
