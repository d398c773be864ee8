"""Tables of greylisting. Keys are keyed digests: nobody reads in them who wrote to whom."""

from sqlalchemy import Column, Index, Table

from pillarbox.storage.schema import Big, Int, metadata

# One for each network, sender and recipient.
greylist = Table(
    "greylist",
    metadata,
    Column("key", Big, primary_key=True, autoincrement=False),
    Column("first_ms", Big, nullable=False),
    Column("last_ms", Big, nullable=False),  # to the day, once it has passed
    Column("expires_ms", Big, nullable=False),
    Column("passes", Int, nullable=False),  # 0: it has not come again yet
    Index(None, "expires_ms"),
)

# One for each network from which somebody came again.
greylist_networks = Table(
    "greylist_networks",
    metadata,
    Column("key", Big, primary_key=True, autoincrement=False),
    Column("passes", Int, nullable=False),  # triplets that came again
    Column("expires_ms", Big, nullable=False),
    Index(None, "expires_ms"),
)
