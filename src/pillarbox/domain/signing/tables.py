"""The table of DKIM keys."""

from sqlalchemy import Column, ForeignKey, Table, UniqueConstraint

from pillarbox.storage.schema import Big, Blob, Small, metadata, text

dkim_keys = Table(
    "dkim_keys",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("domain_id", Big, ForeignKey("domains.id"), nullable=False),
    Column("selector", text(63), nullable=False),  # in lower case
    Column("algorithm", text(16), nullable=False),  # KeyAlgorithm
    Column("private_key", Blob, nullable=False),  # PKCS #8, sealed; empty once it is retired
    Column("public_key", Blob, nullable=False),  # as in p= of its record
    Column("state", Small, nullable=False),  # KeyState
    Column("created_ms", Big, nullable=False),
    Column("activated_ms", Big, nullable=True),
    Column("retired_ms", Big, nullable=True),  # when it stopped signing
    Column("published_ms", Big, nullable=True),  # since when the DNS has shown it
    Column("checked_ms", Big, nullable=True),  # when the DNS was asked last
    UniqueConstraint("domain_id", "selector"),
)
