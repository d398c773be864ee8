"""Whether the mail in the database was sealed with the keys at hand: asked when a worker starts.

With another key the server would seal new mail beside old mail that nobody can read, and the fault
would show only much later. Called by `app/worker`.
"""

from sqlalchemy import select

from pillarbox.base.errors import Invalid, Unavailable
from pillarbox.domain.mail.tables import emails
from pillarbox.domain.owners.tables import accounts
from pillarbox.storage.blobs.sealed import row_name
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

_SEALED = (
    select(emails.c.id, emails.c.wrapped_key, accounts.c.salt)
    .join_from(emails, accounts, accounts.c.id == emails.c.account_id)
    .limit(1)
)
_OLDEST = Statement(_SEALED.order_by(emails.c.id))
_NEWEST = Statement(_SEALED.order_by(emails.c.id.desc()))


def require_keys(tx: Tx, keys: KeyRing) -> None:
    """Open what the oldest and the newest email are sealed with; `Invalid` if that can't be."""
    for statement in (_OLDEST, _NEWEST):
        row = tx.one(statement)
        if row is None:
            return
        email_id, wrapped_key, salt = row
        try:
            keys.account(bytes(salt)).open(bytes(wrapped_key), b"k" + row_name(email_id))
        except Unavailable as error:
            raise Invalid(
                "The mail in the database was sealed with another ENCRYPTION_KEY, or with a version"
                " of it that is missing. Bring the key back from your copy of the configuration.",
                error.cause,
            ) from error
