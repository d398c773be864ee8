"""Inbound trust."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bans",
        sa.Column("network", sa.String(length=49), nullable=False),
        sa.Column("why", sa.String(length=200), nullable=False),
        sa.Column("automatic", sa.SmallInteger(), nullable=False),
        sa.Column(
            "created_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "expires_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.PrimaryKeyConstraint("network", name=op.f("pk_bans")),
    )
    op.create_index(op.f("ix_bans_expires_ms"), "bans", ["expires_ms"], unique=False)
    op.create_table(
        "complaints",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.Column(
            "received_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("feedback_type", sa.String(length=40), nullable=False),
        sa.Column("reporter", sa.String(length=255), nullable=False),
        sa.Column("sender", sa.String(length=320), nullable=False),
        sa.Column("recipient", sa.String(length=320), nullable=False),
        sa.Column("source_ip", sa.String(length=45), nullable=False),
        sa.Column("incidents", sa.Integer(), nullable=False),
        sa.Column("queue_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("domain_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("suppressed", sa.SmallInteger(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaints")),
    )
    op.create_index(op.f("ix_complaints_digest"), "complaints", ["digest"], unique=False)
    op.create_index(
        op.f("ix_complaints_domain_id_received_ms"),
        "complaints",
        ["domain_id", "received_ms"],
        unique=False,
    )
    op.create_index(op.f("ix_complaints_received_ms"), "complaints", ["received_ms"], unique=False)
    op.create_table(
        "dmarc_policies",
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("published", sa.Text(), nullable=False),
        sa.Column("rua", sa.Text(), nullable=False),
        sa.Column("omitted", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("day", "domain", name=op.f("pk_dmarc_policies")),
    )
    op.create_table(
        "dmarc_records",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "report_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("source_ip", sa.String(length=45), nullable=False),
        sa.Column("messages", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("disposition", sa.String(length=20), nullable=False),
        sa.Column("dkim", sa.SmallInteger(), nullable=False),
        sa.Column("spf", sa.SmallInteger(), nullable=False),
        sa.Column("header_from", sa.String(length=255), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dmarc_records")),
    )
    op.create_index(
        op.f("ix_dmarc_records_report_id"), "dmarc_records", ["report_id"], unique=False
    )
    op.create_table(
        "dmarc_report_days",
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column(
            "claimed_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("day", "domain", name=op.f("pk_dmarc_report_days")),
    )
    op.create_table(
        "dmarc_reports",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "domain_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.Column("organization", sa.String(length=255), nullable=False),
        sa.Column("contact", sa.String(length=255), nullable=False),
        sa.Column("voucher", sa.String(length=255), nullable=False),
        sa.Column("report_id", sa.String(length=255), nullable=False),
        sa.Column("start_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("end_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "received_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("head", sa.Text(), nullable=False),
        sa.Column("messages", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("aligned", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "dkim_pass", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("spf_pass", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dmarc_reports")),
        sa.UniqueConstraint("domain_id", "digest", name=op.f("uq_dmarc_reports_domain_id_digest")),
    )
    op.create_index(
        op.f("ix_dmarc_reports_domain_id_end_ms"),
        "dmarc_reports",
        ["domain_id", "end_ms"],
        unique=False,
    )
    op.create_index(
        op.f("ix_dmarc_reports_received_ms"), "dmarc_reports", ["received_ms"], unique=False
    )
    op.create_table(
        "dmarc_results",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("report", sa.SmallInteger(), nullable=False),
        sa.Column("messages", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dmarc_results")),
        sa.UniqueConstraint(
            "day", "domain", "digest", name=op.f("uq_dmarc_results_day_domain_digest")
        ),
    )
    op.create_table(
        "domain_policies",
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("dkim_signing_enabled", sa.Integer(), nullable=True),
        sa.Column("dkim_verify_enabled", sa.Integer(), nullable=True),
        sa.Column("dkim_key_size", sa.Integer(), nullable=True),
        sa.Column("dkim_key_type", sa.String(length=1000), nullable=True),
        sa.Column("dkim_headers_to_sign", sa.String(length=1000), nullable=True),
        sa.Column("spf_enabled", sa.Integer(), nullable=True),
        sa.Column("spf_dns_server", sa.String(length=1000), nullable=True),
        sa.Column("spf_dns_timeout", sa.Integer(), nullable=True),
        sa.Column("spf_max_lookups", sa.Integer(), nullable=True),
        sa.Column("spf_fail_action", sa.String(length=1000), nullable=True),
        sa.Column("spf_softfail_action", sa.String(length=1000), nullable=True),
        sa.Column("dmarc_enabled", sa.Integer(), nullable=True),
        sa.Column("dmarc_dns_server", sa.String(length=1000), nullable=True),
        sa.Column("dmarc_dns_timeout", sa.Integer(), nullable=True),
        sa.Column("dmarc_action", sa.String(length=1000), nullable=True),
        sa.Column("dmarc_report_enabled", sa.Integer(), nullable=True),
        sa.Column("dmarc_report_email", sa.String(length=1000), nullable=True),
        sa.Column("clamav_enabled", sa.Integer(), nullable=True),
        sa.Column("clamav_max_scan_size", sa.Integer(), nullable=True),
        sa.Column("clamav_virus_action", sa.String(length=1000), nullable=True),
        sa.Column("clamav_fail_action", sa.String(length=1000), nullable=True),
        sa.Column("spam_enabled", sa.Integer(), nullable=True),
        sa.Column("spam_junk_score", sa.Double(), nullable=True),
        sa.Column("spam_reject_enabled", sa.Integer(), nullable=True),
        sa.Column("spam_reject_score", sa.Double(), nullable=True),
        sa.Column("spam_quarantine_score", sa.Double(), nullable=True),
        sa.Column("spam_learning_enabled", sa.Integer(), nullable=True),
        sa.Column("greylist_enabled", sa.Integer(), nullable=True),
        sa.Column("greylist_delay_minutes", sa.Integer(), nullable=True),
        sa.Column("greylist_expiry_days", sa.Integer(), nullable=True),
        sa.Column("greylist_cleanup_interval", sa.Integer(), nullable=True),
        sa.Column("greylist_whitelist_after", sa.Integer(), nullable=True),
        sa.Column("ratelimit_enabled", sa.Integer(), nullable=True),
        sa.Column("ratelimit_smtp_per_ip", sa.Integer(), nullable=True),
        sa.Column("ratelimit_smtp_per_ip_window", sa.Integer(), nullable=True),
        sa.Column("ratelimit_smtp_per_domain", sa.Integer(), nullable=True),
        sa.Column("ratelimit_smtp_per_domain_window", sa.Integer(), nullable=True),
        sa.Column("ratelimit_smtp_per_user", sa.Integer(), nullable=True),
        sa.Column("ratelimit_smtp_per_user_window", sa.Integer(), nullable=True),
        sa.Column("ratelimit_auth_per_ip", sa.Integer(), nullable=True),
        sa.Column("ratelimit_auth_per_ip_window", sa.Integer(), nullable=True),
        sa.Column("ratelimit_imap_per_user", sa.Integer(), nullable=True),
        sa.Column("ratelimit_imap_per_user_window", sa.Integer(), nullable=True),
        sa.Column("ratelimit_cleanup_interval", sa.Integer(), nullable=True),
        sa.Column("auth_totp_enforced", sa.Integer(), nullable=True),
        sa.Column("auth_brute_force_enabled", sa.Integer(), nullable=True),
        sa.Column("auth_brute_force_threshold", sa.Integer(), nullable=True),
        sa.Column("auth_brute_force_window_minutes", sa.Integer(), nullable=True),
        sa.Column("auth_brute_force_block_minutes", sa.Integer(), nullable=True),
        sa.Column("auth_ip_blacklist_enabled", sa.Integer(), nullable=True),
        sa.Column("auth_cleanup_interval", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_domain_policies")),
    )
    op.create_table(
        "finding_weights",
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("points", sa.Double(), nullable=True),
        sa.Column("action", sa.String(length=16), nullable=True),
        sa.PrimaryKeyConstraint("domain", "name", name=op.f("pk_finding_weights")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "greylist",
        sa.Column(
            "key",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("first_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("last_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "expires_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("passes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_greylist")),
    )
    op.create_index(op.f("ix_greylist_expires_ms"), "greylist", ["expires_ms"], unique=False)
    op.create_table(
        "greylist_networks",
        sa.Column(
            "key",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("passes", sa.Integer(), nullable=False),
        sa.Column(
            "expires_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_greylist_networks")),
    )
    op.create_index(
        op.f("ix_greylist_networks_expires_ms"), "greylist_networks", ["expires_ms"], unique=False
    )
    op.create_table(
        "kept_messages",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("digest", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reason", sa.SmallInteger(), nullable=False),
        sa.Column("blob_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("summary", sa.LargeBinary(), nullable=False),
        sa.Column(
            "size_bytes", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column(
            "created_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("until_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_messages")),
        sa.UniqueConstraint(
            "account_id", "digest", name=op.f("uq_kept_messages_account_id_digest")
        ),
    )
    op.create_index(op.f("ix_kept_messages_blob_id"), "kept_messages", ["blob_id"], unique=False)
    op.create_index(op.f("ix_kept_messages_until_ms"), "kept_messages", ["until_ms"], unique=False)
    op.create_table(
        "quarantine_notices",
        sa.Column(
            "account_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("told_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("dropped", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_quarantine_notices")),
    )
    op.create_table(
        "reputations",
        sa.Column(
            "digest",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "scope",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("kind", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("good", sa.Integer(), nullable=False),
        sa.Column("bad", sa.Integer(), nullable=False),
        sa.Column("period", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("digest", "scope", "kind", name=op.f("pk_reputations")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_reputations_period"), "reputations", ["period"], unique=False)
    op.create_index(op.f("ix_reputations_scope"), "reputations", ["scope"], unique=False)
    op.create_table(
        "sender_entries",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("scope", sa.SmallInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.Column(
            "created_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sender_entries")),
    )
    op.create_index(
        op.f("ix_sender_entries_scope_owner_id"),
        "sender_entries",
        ["scope", "owner_id"],
        unique=False,
    )
    op.create_table(
        "spam_learnt",
        sa.Column(
            "scope",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "item",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("category", sa.SmallInteger(), nullable=False),
        sa.Column("implied", sa.SmallInteger(), nullable=False),
        sa.Column("shared", sa.SmallInteger(), nullable=False),
        sa.Column("mistake", sa.SmallInteger(), nullable=False),
        sa.Column(
            "learnt_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.PrimaryKeyConstraint("scope", "item", name=op.f("pk_spam_learnt")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "spam_results",
        sa.Column(
            "account_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("month", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("junked", sa.Integer(), nullable=False),
        sa.Column("kept", sa.Integer(), nullable=False),
        sa.Column("false_alarms", sa.Integer(), nullable=False),
        sa.Column("missed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "month", name=op.f("pk_spam_results")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "spam_scopes",
        sa.Column(
            "scope",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("token_key", sa.LargeBinary(), nullable=False),
        sa.Column("spam", sa.Integer(), nullable=False),
        sa.Column("ham", sa.Integer(), nullable=False),
        sa.Column("shared_spam", sa.Integer(), nullable=False),
        sa.Column("shared_ham", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_spam_scopes")),
    )
    op.create_table(
        "spam_settings",
        sa.Column(
            "account_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("junk_score", sa.Double(), nullable=True),
        sa.Column("quarantine_score", sa.Double(), nullable=True),
        sa.Column("refuse_score", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_spam_settings")),
    )
    op.create_table(
        "spam_tokens",
        sa.Column(
            "scope",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "digest",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("spam", sa.Integer(), nullable=False),
        sa.Column("ham", sa.Integer(), nullable=False),
        sa.Column("learnt_day", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "digest", name=op.f("pk_spam_tokens")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "trace_keys",
        sa.Column(
            "digest",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "trace_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("digest", "trace_id", name=op.f("pk_trace_keys")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_trace_keys_trace_id"), "trace_keys", ["trace_id"], unique=False)
    op.create_table(
        "traces",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("verdict", sa.SmallInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_traces")),
    )
    op.create_index(op.f("ix_traces_at_ms"), "traces", ["at_ms"], unique=False)
    op.create_table(
        "training_tasks",
        sa.Column(
            "account_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "email_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("category", sa.SmallInteger(), nullable=False),
        sa.Column("implied", sa.SmallInteger(), nullable=False),
        sa.Column("sorted", sa.SmallInteger(), nullable=False),
        sa.Column("noted_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "email_id", name=op.f("pk_training_tasks")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_training_tasks_noted_ms"), "training_tasks", ["noted_ms"], unique=False
    )
