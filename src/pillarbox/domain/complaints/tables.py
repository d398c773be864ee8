"""The table of complaints."""

from sqlalchemy import Column, Index, Table

from pillarbox.storage.schema import Big, Int, Small, Unlimited, metadata, text

complaints = Table(
    "complaints",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("digest", text(32), nullable=False),  # of what it says; the same comes again
    Column("received_ms", Big, nullable=False),
    Column("feedback_type", text(40), nullable=False),
    Column("reporter", text(255), nullable=False),  # who says so: a host or a program
    Column("sender", text(320), nullable=False),  # of the mail complained of; empty: unknown
    Column("recipient", text(320), nullable=False),  # who complains; empty: unknown
    Column("source_ip", text(45), nullable=False),
    Column("incidents", Int, nullable=False),
    Column("queue_id", Big, nullable=True),  # the message of ours; none: it is not known
    Column("domain_id", Big, nullable=True),  # whose sender's; none: it matches nothing of ours
    Column("suppressed", Small, nullable=False),  # nothing more is sent to the recipient for it
    Column("report", Unlimited, nullable=False),  # JSON of its fields
    Index(None, "digest"),
    Index(None, "domain_id", "received_ms"),
    Index(None, "received_ms"),
)
