"""Search sharing and signing in."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('mailbox_keywords',
    sa.Column('mailbox_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('folded', sa.String(length=100), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.PrimaryKeyConstraint('mailbox_id', 'folded', name=op.f('pk_mailbox_keywords')),
    sqlite_with_rowid=False
    )
    op.create_table('thread_ids',
    sa.Column('account_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('id_digest', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('thread_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.PrimaryKeyConstraint('account_id', 'id_digest', name=op.f('pk_thread_ids')),
    sqlite_with_rowid=False
    )
    op.create_index(op.f('ix_thread_ids_thread_id'), 'thread_ids', ['thread_id'], unique=False)
    op.create_table('uneven',
    sa.Column('email_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('line_end_bytes', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.PrimaryKeyConstraint('email_id', name=op.f('pk_uneven')),
    sqlite_with_rowid=False
    )
    op.add_column('accounts', sa.Column('forgotten_modseq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), server_default='0', nullable=False))
    op.add_column('changes', sa.Column('noted_ms', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), server_default='0', nullable=False))
    op.add_column('emails', sa.Column('sent_offset_min', sa.SmallInteger(), server_default='0', nullable=False))
    op.add_column('emails', sa.Column('thread_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), server_default='0', nullable=False))
    op.create_index(op.f('ix_emails_thread_id'), 'emails', ['thread_id'], unique=False)
    op.add_column('expunged', sa.Column('gone_ms', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), server_default='0', nullable=False))
    op.add_column('mailboxes', sa.Column('forgotten_modseq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), server_default='0', nullable=False))
