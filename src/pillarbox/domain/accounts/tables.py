"""Tables of the directory: domains, who may log in, and which addresses lead where."""

from sqlalchemy import Column, ForeignKey, Index, Table

from pillarbox.storage.schema import Big, Blob, Int, Small, metadata, text

domains = Table(
    "domains",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("name", text(255), nullable=False, unique=True),  # A-labels, lower case
    Column("enabled", Small, nullable=False, default=1),
    Column("catch_all", text(320), nullable=True),  # an address, local or outside
    Column("relay", Small, nullable=False, server_default="0"),  # taken for another server
    Column("created_ms", Big, nullable=False),
)

users = Table(
    "users",
    metadata,
    Column("account_id", Big, ForeignKey("accounts.id"), primary_key=True, autoincrement=False),
    Column("domain_id", Big, ForeignKey("domains.id"), nullable=False),
    Column("address", text(320), nullable=False, unique=True),  # the login; normalized
    Column("display_name", text(255), nullable=False),
    Column("role", Small, nullable=False),  # Role
    Column("enabled", Small, nullable=False),
    Column("last_login_ms", Big, nullable=True),
    Index(None, "domain_id"),
)

credentials = Table(
    "credentials",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("account_id", Big, ForeignKey("accounts.id"), nullable=False),
    Column("kind", Small, nullable=False),  # CredentialKind
    Column("label", text(255), nullable=False),
    Column("secret", text(1024), nullable=False),  # a password hash, never a password
    Column("created_ms", Big, nullable=False),
    Column("scram", Blob, nullable=True),  # the verifier of the same password, sealed
    Index(None, "account_id"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("account_id", Big, ForeignKey("accounts.id"), nullable=False),
    Column("digest", text(64), nullable=False, unique=True),  # SHA-256, never the token
    Column("label", text(255), nullable=False),
    Column("scopes", text(255), nullable=False),  # words, a space between them
    Column("created_ms", Big, nullable=False),
    Column("expires_ms", Big, nullable=True),
    Column("last_used_ms", Big, nullable=True),
    Index(None, "account_id"),
)

aliases = Table(
    "aliases",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("domain_id", Big, ForeignKey("domains.id"), nullable=False),
    Column("address", text(320), nullable=False, unique=True),  # normalized
    Column("enabled", Small, nullable=False),
    Column("created_ms", Big, nullable=False),
    Index(None, "domain_id"),
)

alias_targets = Table(
    "alias_targets",
    metadata,
    Column("alias_id", Big, ForeignKey("aliases.id"), primary_key=True, autoincrement=False),
    Column("position", Int, primary_key=True, autoincrement=False),
    Column("target", text(320), nullable=False),  # an address, local or outside
    Index(None, "target"),
)

# Users who share an address and the mailboxes of its account.
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

# Rooms and things that can be booked: they own an account, and nobody logs in to it.
resources = Table(
    "resources",
    metadata,
    Column("account_id", Big, ForeignKey("accounts.id"), primary_key=True, autoincrement=False),
    Column("domain_id", Big, ForeignKey("domains.id"), nullable=False),
    Column("address", text(320), nullable=False, unique=True),  # normalized
    Column("name", text(255), nullable=False),
    Column("kind", Small, nullable=False),  # ResourceKind
    Column("auto_accept", Small, nullable=False),  # AutoAccept
    Column("capacity", Int, nullable=False),  # 0: not said
    Column("created_ms", Big, nullable=False),
    Index(None, "domain_id"),
)
