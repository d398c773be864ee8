"""Tables of the delivery queue.

One row per message, one per recipient, one per destination (a recipient domain) that has recipients
waiting, one per attempt, and the addresses nothing is sent to.
"""

from sqlalchemy import Column, Index, Table, UniqueConstraint

from pillarbox.storage.schema import Big, Blob, Int, Small, Unlimited, metadata, text

queue_messages = Table(
    "queue_messages",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("account_id", Big, nullable=True),  # who submitted it; none for notices of the server
    Column("reverse_path", text(320), nullable=False),  # "" is the null reverse-path
    Column("blob_id", Big, nullable=False),  # 0: everybody was served, the content is gone
    Column("wrapped_key", Blob, nullable=False),  # the blob's content key, sealed for the queue
    Column("size_bytes", Big, nullable=False),
    Column("smtputf8", Small, nullable=False),
    Column("eight_bit", Small, nullable=False),
    Column("binary_body", Small, nullable=False, server_default="0"),  # RFC 3030 §3
    Column("require_tls", Small, nullable=False, server_default="0"),  # RFC 8689 §2
    Column("tls_optional", Small, nullable=False, server_default="0"),  # RFC 8689 §5
    Column("dsn_ret", text(4), nullable=True),  # RFC 3461 §4.3: FULL or HDRS
    Column("dsn_envid", text(100), nullable=True),
    Column("message_id_digest", Big, nullable=True),  # of the Message-ID field, keyed
    Column("route", text(100), nullable=True),  # chosen by hand: the name of a route
    Column("created_ms", Big, nullable=False),
    Index(None, "blob_id"),
    Index(None, "message_id_digest"),
    Index(None, "dsn_envid"),
    Index(None, "account_id"),
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
    Column("delay_told_ms", Big, nullable=True),  # when the sender was told that it takes longer
    Column("notify_delay_ms", Big, nullable=True),  # RFC 2852 §4: tell of the delay at this instant
    Column("finished_ms", Big, nullable=True),  # when it came to its end, whichever
    Index(None, "message_id"),
    Index(None, "domain", "status", "next_attempt_ms"),
    Index(None, "status", "message_id"),
    Index(None, "status", "finished_ms"),
)

queue_destinations = Table(
    "queue_destinations",
    metadata,
    Column("domain", text(255), primary_key=True),
    Column("due_ms", Big, nullable=False),  # when somebody has to look at it
    Column("owner", text(64), nullable=False),  # the process that sends to it; empty: nobody
    Column("lease_ms", Big, nullable=False),  # until when it is the owner's
    Column("failures", Int, nullable=False),  # of its hosts, in a row
    Column("successes", Int, nullable=False),  # in a row, while it is on trial
    Column("closed_until_ms", Big, nullable=False),  # nothing is tried before; 0: it is well
    Index(None, "due_ms"),
    Index(None, "owner"),
)

delivery_log = Table(
    "delivery_log",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("message_id", Big, nullable=False),
    Column("recipient_id", Big, nullable=False),
    Column("account_id", Big, nullable=True),
    Column("reverse_path", text(320), nullable=False),
    Column("address", text(320), nullable=False),
    Column("domain", text(255), nullable=False),
    Column("at_ms", Big, nullable=False),
    Column("duration_ms", Big, nullable=False),
    Column("outcome", Small, nullable=False),  # Outcome
    Column("stage", text(16), nullable=False),  # Stage
    Column("code", Int, nullable=True),
    Column("enhanced", text(16), nullable=True),
    Column("reply", Unlimited, nullable=False),
    Column("host", text(255), nullable=True),
    Column("ip", text(45), nullable=True),
    Column("port", Int, nullable=True),
    Column("tls", text(200), nullable=True),  # version, cipher and what vouched for it
    Column("route", text(100), nullable=True),
    Index(None, "message_id"),
    Index(None, "at_ms"),
    Index(None, "domain", "at_ms"),
    Index(None, "account_id", "at_ms"),
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("domain_id", Big, nullable=False),  # whose senders it is for; 0: everybody
    Column("address", text(320), nullable=False),  # in lower case
    Column("reason", text(255), nullable=False),
    Column("created_ms", Big, nullable=False),
    Column("expires_ms", Big, nullable=True),
    UniqueConstraint("domain_id", "address"),
    Index(None, "address"),
)
