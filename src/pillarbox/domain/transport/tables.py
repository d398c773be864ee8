"""Tables of what is known of TLS with other servers: policies, hosts, results, reports received.

Nothing here is about anybody's mail: domains, hosts, addresses of servers and numbers.
"""

from sqlalchemy import Column, Index, Table, UniqueConstraint

from pillarbox.domain.report_days import days_table
from pillarbox.storage.schema import Big, Int, Unlimited, metadata, text

# MTA-STS policies of other domains, so that all processes have them and a restart forgets nothing.
mta_sts_policies = Table(
    "mta_sts_policies",
    metadata,
    Column("domain", text(255), primary_key=True),
    Column("record_id", text(32), nullable=False),  # RFC 8461 §3.1, of the policy
    Column("policy", Unlimited, nullable=False),  # as it was fetched; empty: none yet
    Column("fetched_ms", Big, nullable=False),
    Column("expires_ms", Big, nullable=False),
    Column("used_ms", Big, nullable=False),  # when mail last went there, to the day
    Column("refresh_ms", Big, nullable=False),  # when to fetch it anew
    # The last fetch, if it failed: which record it was for, when, and a result of RFC 8460 §4.3.
    Column("failed_id", text(32), nullable=False),
    Column("failed_ms", Big, nullable=False),
    Column("failure", text(40), nullable=False),
    Column("failure_text", text(255), nullable=False),
    Index(None, "refresh_ms"),
)

# Hosts that offered TLS.
tls_hosts = Table(
    "tls_hosts",
    metadata,
    Column("host", text(255), primary_key=True),
    Column("seen_ms", Big, nullable=False),  # when it last did, to the day
    Index(None, "seen_ms"),
)

# Sessions with the hosts of a domain on one day (RFC 8460 §4), those alike in one row.
tls_results = Table(
    "tls_results",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("day", Int, nullable=False),  # since 1970-01-01, UTC
    Column("domain", text(255), nullable=False),  # of the recipients
    Column("digest", text(32), nullable=False),  # of what tells the row from others
    Column("policy_type", text(20), nullable=False),
    Column("policy_domain", text(255), nullable=False),
    Column("policy", Unlimited, nullable=False),  # its lines or records
    Column("policy_mx", Unlimited, nullable=False),  # its patterns of hosts, a line each
    Column("result", text(40), nullable=False),  # a type of RFC 8460 §4.3; empty: it went well
    Column("host", text(255), nullable=False),
    Column("receiving_ip", text(45), nullable=False),
    Column("sending_ip", text(45), nullable=False),
    Column("reason", text(255), nullable=False),
    Column("sessions", Big, nullable=False),
    UniqueConstraint("day", "domain", "digest"),
)

# What became of the report about a domain's day; no row: nobody has looked at it yet.
tls_report_days = days_table("tls_report_days")

# Reports about domains of ours.
tls_reports = Table(
    "tls_reports",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("domain_id", Big, nullable=False),
    Column("digest", text(32), nullable=False),  # of organization and report-id
    Column("organization", text(255), nullable=False),
    Column("report_id", text(255), nullable=False),
    Column("contact", text(255), nullable=False),
    Column("start_ms", Big, nullable=False),
    Column("end_ms", Big, nullable=False),
    Column("received_ms", Big, nullable=False),
    Column("successes", Big, nullable=False),
    Column("failures", Big, nullable=False),
    Column("report", Unlimited, nullable=False),  # JSON, RFC 8460 §4; what concerns the domain
    UniqueConstraint("domain_id", "digest"),
    Index(None, "domain_id", "start_ms"),
    Index(None, "received_ms"),
)
