"""The table of routes: which mail goes another way than to its domain's mail exchangers."""

from sqlalchemy import Column, Table

from pillarbox.storage.schema import Big, Blob, Int, Small, Unlimited, metadata, text

routes = Table(
    "routes",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("name", text(100), nullable=False, unique=True),
    Column("recipient_domain", text(255), nullable=True),  # one that begins with a dot: all below
    Column("sender_domain", text(255), nullable=True),
    Column("account_id", Big, nullable=True),
    Column("fallback", Small, nullable=False),  # only where direct delivery is refused
    Column("host", text(255), nullable=True),  # none: the domain's own mail exchangers
    Column("port", Int, nullable=False),
    Column("protocol", Small, nullable=False),  # Protocol
    Column("tls", Small, nullable=False),  # RouteTls
    Column("exchangers", Small, nullable=False),  # whether the host's mail exchangers are meant
    Column("sources", Unlimited, nullable=False),  # addresses to send from, a space between them
    Column("helo", text(255), nullable=False),
    Column("secrets", Blob, nullable=True),  # login and proxy, sealed
    Column("enabled", Small, nullable=False),
    Column("created_ms", Big, nullable=False),
)
