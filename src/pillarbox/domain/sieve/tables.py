"""Tables of Sieve. Users' scripts are sealed; what runs remember are keyed digests."""

from sqlalchemy import Column, Index, Table, UniqueConstraint

from pillarbox.storage.schema import Big, Blob, Int, Small, metadata, text

sieve_scripts = Table(
    "sieve_scripts",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("account_id", Big, nullable=False),
    Column("name", text(128), nullable=False),  # NFC
    # 1 or NULL: NULLs are never alike, so that one of an account's scripts at most is active.
    Column("active", Small, nullable=True),
    Column("content", Blob, nullable=False),  # sealed
    Column("size_bytes", Big, nullable=False),  # of the plain text
    Column("changed_ms", Big, nullable=False),
    Column("version", Big, nullable=False),  # the account's modseq when the text was put
    UniqueConstraint("account_id", "name"),
    UniqueConstraint("account_id", "active"),
)

# Of the whole server, and of domains.
site_scripts = Table(
    "site_scripts",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("domain", text(255), nullable=False),  # A-labels; empty: the server
    Column("name", text(128), nullable=False),
    Column("phase", text(16), nullable=False),  # Phase
    Column("content", Blob, nullable=False),
    Column("position", Int, nullable=False),
    Column("enabled", Small, nullable=False),
    Column("changed_ms", Big, nullable=False),
    Column("version", Big, nullable=False),
    UniqueConstraint("domain", "name"),
)

# Vacation replies that were sent, and messages that `duplicate` has seen.
sieve_memory = Table(
    "sieve_memory",
    metadata,
    Column("account_id", Big, primary_key=True, autoincrement=False),
    Column("key", Big, primary_key=True, autoincrement=False),
    Column("expires_ms", Big, nullable=False),
    Index(None, "expires_ms"),
    sqlite_with_rowid=False,
)

# When the owner of a script was told last that it fails.
sieve_failures = Table(
    "sieve_failures",
    metadata,
    Column("account_id", Big, primary_key=True, autoincrement=False),
    Column("told_ms", Big, nullable=False),
)
