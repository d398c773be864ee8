"""Waiting mail: destinations of recipients that were queued before there were any."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_DOMAINS = "SELECT DISTINCT domain FROM queue_recipients"
_RENAME = "UPDATE queue_recipients SET domain = :ascii WHERE domain = :given"
# Statuses 0 and 1: waiting, and being sent.
_ADD = """
INSERT INTO queue_destinations
    (domain, due_ms, owner, lease_ms, failures, successes, closed_until_ms)
SELECT domain, min(next_attempt_ms), '', 0, 0, 0, 0 FROM queue_recipients
    WHERE status IN (0, 1) GROUP BY domain
"""


def upgrade() -> None:
    connection = op.get_bind()
    for (domain,) in connection.execute(sa.text(_DOMAINS)).fetchall():
        if not domain.isascii():
            from pillarbox.formats.address import ascii_domain

            try:
                ascii_name = ascii_domain(domain)
            except ValueError:
                continue  # nothing by that name can be found; the sender will hear of it
            connection.execute(sa.text(_RENAME), {"ascii": ascii_name, "given": domain})
    connection.execute(sa.text(_ADD))
