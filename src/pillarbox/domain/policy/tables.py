"""Tables of what is decided per domain and per user; NULL inherits."""

from types import MappingProxyType
from typing import Any

from sqlalchemy import Column, Double, Table

from pillarbox.domain.policy.columns import COLUMNS, Storage
from pillarbox.storage.schema import Big, Int, metadata, text

_TYPES: MappingProxyType[Storage, Any] = MappingProxyType(
    {Storage.WHOLE: Int, Storage.REAL: Double(), Storage.TEXT: text(1000)},
)

# One row for a domain that has wishes of its own, and `_default` for all others.
domain_policies = Table(
    "domain_policies",
    metadata,
    Column("domain", text(255), primary_key=True),
    *(Column(one.name, _TYPES[one.kind.storage], nullable=True) for one in COLUMNS),
)

finding_weights = Table(
    "finding_weights",
    metadata,
    Column("domain", text(255), primary_key=True),
    Column("name", text(64), primary_key=True),
    Column("points", Double(), nullable=True),
    Column("action", text(16), nullable=True),  # Action, or `none`, which takes one away
    sqlite_with_rowid=False,
)

# What users want for their own mail.
spam_settings = Table(
    "spam_settings",
    metadata,
    Column("account_id", Big, primary_key=True, autoincrement=False),
    Column("junk_score", Double(), nullable=True),
    Column("quarantine_score", Double(), nullable=True),
    Column("refuse_score", Double(), nullable=True),
)
