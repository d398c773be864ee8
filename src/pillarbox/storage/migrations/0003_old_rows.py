"""Old rows: counted mailboxes, and the keywords that mailboxes have in use."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_COUNT = """
UPDATE accounts SET mailbox_count =
    (SELECT count(*) FROM mailboxes WHERE mailboxes.account_id = accounts.id)
"""
_KEYWORDS = "SELECT DISTINCT mailbox_id, keywords FROM messages WHERE keywords IS NOT NULL"
_ADD = """
INSERT INTO mailbox_keywords (mailbox_id, folded, name) VALUES (:mailbox_id, :folded, :name)
"""


def upgrade() -> None:
    connection = op.get_bind()
    connection.execute(sa.text(_COUNT))
    names: dict[tuple[int, str], str] = {}
    for mailbox_id, keywords in connection.execute(sa.text(_KEYWORDS)):
        for name in keywords.split(" "):
            names.setdefault((mailbox_id, name.lower()), name)
    rows = [
        {"mailbox_id": mailbox_id, "folded": folded, "name": name}
        for (mailbox_id, folded), name in sorted(names.items())
    ]
    if rows:
        connection.execute(sa.text(_ADD), rows)
