"""Tables of the delivery queue: one row per message, one per outside recipient."""

from sqlalchemy import Column, Index, Table

from pillarbox.storage.schema import Big, Blob, Int, Small, Unlimited, metadata, text

queue_messages = Table(
    "queue_messages",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("account_id", Big, nullable=True),  # who submitted it; none for notices of the server
    Column("reverse_path", text(320), nullable=False),  # "" is the null reverse-path
    Column("blob_id", Big, nullable=False),
    Column("wrapped_key", Blob, nullable=False),  # the blob's content key, sealed for the queue
    Column("size_bytes", Big, nullable=False),
    Column("smtputf8", Small, nullable=False),
    Column("eight_bit", Small, nullable=False),
    Column("dsn_ret", text(4), nullable=True),  # RFC 3461 §4.3: FULL or HDRS
    Column("dsn_envid", text(100), nullable=True),
    Column("created_ms", Big, nullable=False),
    Index(None, "blob_id"),
)

queue_recipients = Table(
    "queue_recipients",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("message_id", Big, nullable=False),
    Column("address", text(320), nullable=False),
    Column("domain", text(255), nullable=False),
    Column("status", Small, nullable=False),  # Status
    Column("attempts", Int, nullable=False),
    Column("next_attempt_ms", Big, nullable=False),
    Column("expires_ms", Big, nullable=False),
    Column("dsn_notify", text(32), nullable=True),
    Column("dsn_orcpt", text(500), nullable=True),
    Column("last_reply", Unlimited, nullable=True),
    Index(None, "message_id"),
    Index(None, "status", "next_attempt_ms"),
)
