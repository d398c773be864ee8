"""Tables of sharing: who may do what with a mailbox, and groups with their members."""

from sqlalchemy import Column, ForeignKey, Index, Table

from pillarbox.storage.schema import Big, Int, Small, metadata, text

# Owners have no row: they may do everything.
acl = Table(
    "acl",
    metadata,
    Column("mailbox_id", Big, primary_key=True, autoincrement=False),
    Column("kind", Small, primary_key=True, autoincrement=False),  # entries.Kind
    # The account of a user or group; for "anyone" the domain of the mailbox's owner.
    Column("identifier_id", Big, primary_key=True, autoincrement=False),
    Column("negative", Small, primary_key=True, autoincrement=False),
    Column("rights", Int, nullable=False),  # bits of rights.Right
    Index(None, "kind", "identifier_id"),
    sqlite_with_rowid=False,
)

user_groups = Table(
    "user_groups",
    metadata,
    Column("account_id", Big, ForeignKey("accounts.id"), primary_key=True, autoincrement=False),
    Column("domain_id", Big, ForeignKey("domains.id"), nullable=False),
    Column("address", text(320), nullable=False, unique=True),  # normalized
    Column("created_ms", Big, nullable=False),
    Index(None, "domain_id"),
)

group_members = Table(
    "group_members",
    metadata,
    Column("group_id", Big, primary_key=True, autoincrement=False),  # the group's account
    Column("account_id", Big, primary_key=True, autoincrement=False),
    Index(None, "account_id"),
    sqlite_with_rowid=False,
)
