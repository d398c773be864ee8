"""Leases of the work that one process does for all."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("expires_ms", _BIG, nullable=False),
        sa.Column("due_ms", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
