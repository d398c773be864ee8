"""The table of barred networks."""

from sqlalchemy import Column, Index, Table

from pillarbox.storage.schema import Big, Small, metadata, text

bans = Table(
    "bans",
    metadata,
    Column("network", text(49), primary_key=True),  # 192.0.2.0/24, 2001:db8::/64
    Column("why", text(200), nullable=False),
    Column("automatic", Small, nullable=False),
    Column("created_ms", Big, nullable=False),
    Column("expires_ms", Big, nullable=True),  # NULL: until it is released
    Index(None, "expires_ms"),
)
