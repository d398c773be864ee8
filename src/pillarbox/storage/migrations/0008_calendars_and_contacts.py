"""Calendars and contacts."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attachments",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column(
            "size_bytes", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "created_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachments")),
        sa.UniqueConstraint("digest", name=op.f("uq_attachments_digest")),
    )
    op.create_index(op.f("ix_attachments_account_id"), "attachments", ["account_id"], unique=False)
    op.create_table(
        "collection_items",
        sa.Column(
            "collection_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "href_digest", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "uid_digest", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("component", sa.SmallInteger(), nullable=False),
        sa.Column("modseq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "created_modseq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("first_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("last_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "size_bytes", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "content_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "schedule_tag", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column(
            "created_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "changed_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("collection_id", "id", name=op.f("pk_collection_items")),
        sa.UniqueConstraint(
            "href_digest",
            "collection_id",
            name=op.f("uq_collection_items_href_digest_collection_id"),
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_collection_items_collection_id_last_ms_first_ms"),
        "collection_items",
        ["collection_id", "last_ms", "first_ms"],
        unique=False,
    )
    op.create_index(
        op.f("ix_collection_items_collection_id_modseq"),
        "collection_items",
        ["collection_id", "modseq"],
        unique=False,
    )
    op.create_index(
        op.f("ix_collection_items_uid_digest"), "collection_items", ["uid_digest"], unique=False
    )
    op.create_table(
        "collection_mounts",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "collection_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("accepted", sa.SmallInteger(), nullable=False),
        sa.Column(
            "answered_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("is_noted", sa.SmallInteger(), nullable=False),
        sa.Column("properties", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collection_mounts")),
        sa.UniqueConstraint(
            "account_id",
            "collection_id",
            name=op.f("uq_collection_mounts_account_id_collection_id"),
        ),
    )
    op.create_index(
        op.f("ix_collection_mounts_collection_id"),
        "collection_mounts",
        ["collection_id"],
        unique=False,
    )
    op.create_table(
        "collection_shares",
        sa.Column(
            "collection_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "holder_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("rights", sa.Integer(), nullable=False),
        sa.Column(
            "created_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.PrimaryKeyConstraint("collection_id", "holder_id", name=op.f("pk_collection_shares")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_collection_shares_holder_id"), "collection_shares", ["holder_id"], unique=False
    )
    op.create_table(
        "collections",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("components", sa.Integer(), nullable=False),
        sa.Column("source", sa.SmallInteger(), nullable=False),
        sa.Column("is_default", sa.SmallInteger(), nullable=True),
        sa.Column("properties", sa.LargeBinary(), nullable=True),
        sa.Column("modseq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("total", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "size_bytes", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "forgotten_modseq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "created_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collections")),
        sa.UniqueConstraint(
            "account_id",
            "kind",
            "is_default",
            name=op.f("uq_collections_account_id_kind_is_default"),
        ),
        sa.UniqueConstraint(
            "account_id", "kind", "name", name=op.f("uq_collections_account_id_kind_name")
        ),
    )
    op.create_table(
        "contact_addresses",
        sa.Column(
            "digest",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "collection_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "item_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.PrimaryKeyConstraint(
            "digest", "collection_id", "item_id", name=op.f("pk_contact_addresses")
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_contact_addresses_collection_id_item_id"),
        "contact_addresses",
        ["collection_id", "item_id"],
        unique=False,
    )
    op.create_table(
        "feeds",
        sa.Column(
            "collection_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("every_s", sa.Integer(), nullable=False),
        sa.Column("due_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("failures", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("collection_id", name=op.f("pk_feeds")),
    )
    op.create_index(op.f("ix_feeds_due_ms"), "feeds", ["due_ms"], unique=False)
    op.create_table(
        "item_contents",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item_contents")),
    )
    op.create_table(
        "item_tombstones",
        sa.Column(
            "collection_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "modseq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "item_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "created_modseq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "href_digest", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("href", sa.LargeBinary(), nullable=False),
        sa.Column("gone_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint(
            "collection_id", "modseq", "item_id", name=op.f("pk_item_tombstones")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "public_links",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "collection_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column(
            "created_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_public_links")),
        sa.UniqueConstraint("digest", name=op.f("uq_public_links_digest")),
    )
    op.create_index(
        op.f("ix_public_links_collection_id"), "public_links", ["collection_id"], unique=False
    )
    op.create_table(
        "scheduling_contents",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scheduling_contents")),
    )
    op.create_table(
        "scheduling_counts",
        sa.Column(
            "account_id",
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
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("ends_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "digest", name=op.f("pk_scheduling_counts")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_scheduling_counts_ends_ms"), "scheduling_counts", ["ends_ms"], unique=False
    )
    op.create_table(
        "scheduling_messages",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "content_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("once", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("why", sa.SmallInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "created_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scheduling_messages")),
    )
    op.create_index(
        op.f("ix_scheduling_messages_account_id_id"),
        "scheduling_messages",
        ["account_id", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_scheduling_messages_account_id_once"),
        "scheduling_messages",
        ["account_id", "once"],
        unique=False,
    )
    op.create_index(
        op.f("ix_scheduling_messages_content_id"),
        "scheduling_messages",
        ["content_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_scheduling_messages_due_ms"), "scheduling_messages", ["due_ms"], unique=False
    )
    op.create_table(
        "resources",
        sa.Column(
            "account_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "domain_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("auto_accept", sa.SmallInteger(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column(
            "created_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_resources_account_id")
        ),
        sa.ForeignKeyConstraint(["domain_id"], ["domains.id"], name=op.f("fk_resources_domain_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_resources")),
        sa.UniqueConstraint("address", name=op.f("uq_resources_address")),
    )
    op.create_index(op.f("ix_resources_domain_id"), "resources", ["domain_id"], unique=False)
    op.add_column("domain_policies", sa.Column("directory_enabled", sa.Integer(), nullable=True))
