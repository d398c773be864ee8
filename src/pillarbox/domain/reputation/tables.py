"""The table of reputations."""

from sqlalchemy import Column, Index, Table

from pillarbox.storage.schema import Big, Int, Small, metadata

# Digests, no addresses: who writes to whom is nobody's business.
reputations = Table(
    "reputations",
    metadata,
    Column("digest", Big, primary_key=True, autoincrement=False),  # keyed
    Column("scope", Big, primary_key=True, autoincrement=False),  # an account; 0: the server
    Column("kind", Small, primary_key=True, autoincrement=False),  # Kind
    Column("good", Int, nullable=False),  # thousandths of a message, halved every period
    Column("bad", Int, nullable=False),
    Column("period", Int, nullable=False),  # the period in which they were halved last
    Index(None, "period"),
    Index(None, "scope"),
    sqlite_with_rowid=False,
)
