"""Tables of DMARC reports: results to be told, days told, reports received.

Domains, addresses of servers and numbers; no addresses of people, nothing of their mail.
"""

from sqlalchemy import Column, Index, Table, UniqueConstraint

from pillarbox.domain.report_days import days_table
from pillarbox.storage.schema import Big, Int, Small, Unlimited, metadata, text

# The record of a domain that asks for reports, as it was last seen on a day with mail of it.
dmarc_policies = Table(
    "dmarc_policies",
    metadata,
    Column("day", Int, primary_key=True, autoincrement=False),  # since 1970-01-01, UTC
    Column("domain", text(255), primary_key=True),  # where the record was found
    Column("published", Unlimited, nullable=False),  # JSON: its tags
    Column("rua", Unlimited, nullable=False),  # URIs, a line each
    Column("omitted", Big, nullable=False),  # messages that are in no row of dmarc_results
)

# Messages of one day from such a domain, those alike in one row (RFC 9990).
dmarc_results = Table(
    "dmarc_results",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("day", Int, nullable=False),
    Column("domain", text(255), nullable=False),
    Column("digest", text(32), nullable=False),  # of what tells the row from others
    Column("kind", Unlimited, nullable=False),  # JSON of model.Kind
    Column("report", Small, nullable=False),  # these messages are reports themselves
    Column("messages", Big, nullable=False),
    UniqueConstraint("day", "domain", "digest"),
)

# What became of the report about a domain's day; no row: nobody has looked at it yet.
dmarc_report_days = days_table("dmarc_report_days")

# Reports about domains of ours.
dmarc_reports = Table(
    "dmarc_reports",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("domain_id", Big, nullable=False),
    Column("digest", text(32), nullable=False),  # of voucher, organization and report-id
    Column("organization", text(255), nullable=False),
    Column("contact", text(255), nullable=False),
    Column("voucher", text(255), nullable=False),  # domain by DKIM or SPF; empty: none
    Column("report_id", text(255), nullable=False),
    Column("start_ms", Big, nullable=False),
    Column("end_ms", Big, nullable=False),
    Column("received_ms", Big, nullable=False),
    Column("head", Unlimited, nullable=False),  # JSON: the report without its records
    Column("messages", Big, nullable=False),
    Column("aligned", Big, nullable=False),  # messages that passed
    Column("dkim_pass", Big, nullable=False),  # aligned by DKIM
    Column("spf_pass", Big, nullable=False),  # aligned by SPF
    UniqueConstraint("domain_id", "digest"),
    Index(None, "domain_id", "end_ms"),
    Index(None, "received_ms"),
)

dmarc_records = Table(
    "dmarc_records",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("report_id", Big, nullable=False),  # dmarc_reports.id
    Column("source_ip", text(45), nullable=False),  # empty: the rest of a long report, in one
    Column("messages", Big, nullable=False),
    Column("disposition", text(20), nullable=False),
    Column("dkim", Small, nullable=False),  # passed and aligned
    Column("spf", Small, nullable=False),
    Column("header_from", text(255), nullable=False),
    Column("detail", Unlimited, nullable=False),  # JSON: identifiers, reasons, results
    Index(None, "report_id"),
)
