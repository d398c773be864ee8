"""Tables of the mail store: mailboxes, placements of messages in them, and their content.

`messages` rows are placements: they lie together by mailbox and UID, so a mailbox is read in one
sweep. `emails` rows are content, shared by the copies of a message within an account.
"""

from sqlalchemy import Column, Index, Table, UniqueConstraint

from pillarbox.storage.schema import Big, Blob, Int, Small, Unlimited, metadata, text

mailboxes = Table(
    "mailboxes",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("account_id", Big, nullable=False),
    Column("name", text(1000), nullable=False),  # the whole path, levels divided by "/"
    Column("special_use", text(32), nullable=True),  # RFC 6154, such as \Sent
    Column("uidvalidity", Big, nullable=False),
    Column("uidnext", Big, nullable=False),
    Column("modseq", Big, nullable=False),  # highest of its messages, living or expunged
    Column("created_modseq", Big, nullable=False),
    Column("changed_modseq", Big, nullable=False),  # of its own name and properties
    Column("total", Big, nullable=False),
    Column("unseen", Big, nullable=False),
    Column("deleted", Big, nullable=False),
    Column("size_bytes", Big, nullable=False),
    Column("recent_uid", Big, nullable=False),  # UIDs from here on are \Recent (RFC 3501 §2.3.2)
    # Tombstones up to this modseq may have been dropped.
    Column("forgotten_modseq", Big, nullable=False, server_default="0"),
    UniqueConstraint("account_id", "name"),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("account_id", Big, primary_key=True, autoincrement=False),
    Column("name", text(1000), primary_key=True),
    sqlite_with_rowid=False,
)

messages = Table(
    "messages",
    metadata,
    Column("mailbox_id", Big, primary_key=True, autoincrement=False),
    Column("uid", Big, primary_key=True, autoincrement=False),
    Column("email_id", Big, nullable=False),
    Column("flags", Int, nullable=False),  # bits of Flag
    Column("keywords", Unlimited, nullable=True),  # sorted, divided by spaces
    Column("modseq", Big, nullable=False),
    Column("created_modseq", Big, nullable=False),
    Column("internal_ms", Big, nullable=False),
    Column("saved_ms", Big, nullable=False),
    Column("size_bytes", Big, nullable=False),
    Index(None, "mailbox_id", "modseq"),
    Index(None, "email_id"),
    sqlite_with_rowid=False,
)

# Tombstones, in the order in which they are asked for.
expunged = Table(
    "expunged",
    metadata,
    Column("mailbox_id", Big, primary_key=True, autoincrement=False),
    Column("modseq", Big, primary_key=True, autoincrement=False),
    Column("uid", Big, primary_key=True, autoincrement=False),
    Column("email_id", Big, nullable=False),
    Column("gone_ms", Big, nullable=False, server_default="0"),
    sqlite_with_rowid=False,
)

# The keywords that messages of a mailbox have, or once had.
mailbox_keywords = Table(
    "mailbox_keywords",
    metadata,
    Column("mailbox_id", Big, primary_key=True, autoincrement=False),
    Column("folded", text(100), primary_key=True),  # in lower case
    Column("name", text(100), nullable=False),
    sqlite_with_rowid=False,
)

emails = Table(
    "emails",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("account_id", Big, nullable=False),
    Column("blob_id", Big, nullable=False),
    Column("wrapped_key", Blob, nullable=False),  # the blob's content key, sealed
    Column("summary", Blob, nullable=False),  # sealed formats.mime.summary.Summary
    Column("parts", Blob, nullable=False),  # sealed part index (formats.mime.part)
    Column("size_bytes", Big, nullable=False),
    Column("sent_ms", Big, nullable=True),
    Column("received_ms", Big, nullable=False),
    Column("has_attachment", Small, nullable=False),
    # How far the zone of the Date field is ahead of UTC.
    Column("sent_offset_min", Small, nullable=False, server_default="0"),
    Column("thread_id", Big, nullable=False, server_default="0"),  # 0: its own id
    Index(None, "blob_id"),
    Index(None, "thread_id"),
)

# Which thread the next email joins that has one of these message ids or refers to one. The ids
# stand as keyed digests: who reads the table learns nothing of who wrote to whom.
thread_ids = Table(
    "thread_ids",
    metadata,
    Column("account_id", Big, primary_key=True, autoincrement=False),
    Column("id_digest", Big, primary_key=True, autoincrement=False),
    Column("thread_id", Big, nullable=False),
    Index(None, "thread_id"),
    sqlite_with_rowid=False,
)

# Emails that lost their last placement; swept once the undelete window is over.
unplaced = Table(
    "unplaced",
    metadata,
    Column("since_ms", Big, primary_key=True, autoincrement=False),
    Column("email_id", Big, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

# Emails whose lines don't all end with CRLF: POP3 sends more octets than are stored.
uneven = Table(
    "uneven",
    metadata,
    Column("email_id", Big, primary_key=True, autoincrement=False),
    Column("line_end_bytes", Big, nullable=False),
    sqlite_with_rowid=False,
)

# Owners have no row: they may do everything.
acl = Table(
    "acl",
    metadata,
    Column("mailbox_id", Big, primary_key=True, autoincrement=False),
    Column("kind", Small, primary_key=True, autoincrement=False),  # acl_entries.Kind
    # The account of a user or group; for "anyone" the domain of the mailbox's owner.
    Column("identifier_id", Big, primary_key=True, autoincrement=False),
    Column("negative", Small, primary_key=True, autoincrement=False),
    Column("rights", Int, nullable=False),  # bits of sharing.rights.Right
    Index(None, "kind", "identifier_id"),
    sqlite_with_rowid=False,
)
