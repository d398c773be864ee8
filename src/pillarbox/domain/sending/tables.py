"""Tables of the limits on sending: counts, the recipients a user has written to, and alerts."""

from sqlalchemy import Column, Table

from pillarbox.storage.schema import Big, Int, Small, metadata, text

# One row per user, domain or server and per period; those without a limit have none.
sending_counts = Table(
    "sending_counts",
    metadata,
    Column("scope", Small, primary_key=True, autoincrement=False),  # Scope
    Column("owner_id", Big, primary_key=True, autoincrement=False),  # account or domain; 0: server
    Column("period", Small, primary_key=True, autoincrement=False),  # Period
    Column("messages", Int, nullable=False),
    Column("recipients", Int, nullable=False),
    Column("newcomers", Int, nullable=False),  # recipients elsewhere, for the first time
    Column("ends_ms", Big, nullable=False),  # when the period is over
    sqlite_with_rowid=False,
)

# Digests, no addresses: whom a user writes to is nobody's business.
known_recipients = Table(
    "known_recipients",
    metadata,
    Column("account_id", Big, primary_key=True, autoincrement=False),
    Column("digest", Big, primary_key=True, autoincrement=False),  # of the address, keyed
    Column("first_ms", Big, nullable=False),
    sqlite_with_rowid=False,
)

sending_alerts = Table(
    "sending_alerts",
    metadata,
    Column("account_id", Big, primary_key=True, autoincrement=False),
    Column("what", text(16), primary_key=True),  # which limit: Unit
    Column("first_ms", Big, nullable=False),  # when the limit was met first, this time
    Column("last_ms", Big, nullable=False),
    Column("refused", Int, nullable=False),  # messages refused since first_ms
    Column("told_ms", Big, nullable=False),  # when the postmaster was told
    sqlite_with_rowid=False,
)
