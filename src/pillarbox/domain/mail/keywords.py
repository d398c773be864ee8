"""The keywords of each mailbox: what FLAGS tells without a look at the messages, and their limit.

Names are unlimited in kind; a mailbox has at most `MAX_KEYWORDS_PER_MAILBOX` of them, compared in
any case (RFC 9051 §2.3.2). Names no message has any more go once the limit is reached.
"""

from collections.abc import Iterable

from sqlalchemy import bindparam, delete, func, select

from pillarbox.base.errors import TooLarge
from pillarbox.base.ids import MailboxId
from pillarbox.domain.mail.tables import mailbox_keywords, messages
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Tx

MAX_KEYWORDS_PER_MAILBOX = 1_000

_OF_MAILBOX = mailbox_keywords.c.mailbox_id == bindparam("mailbox")
_KNOWN = Statement(
    select(mailbox_keywords.c.folded).where(
        _OF_MAILBOX, mailbox_keywords.c.folded == bindparam("folded")
    )
)
_COUNT = Statement(select(func.count()).select_from(mailbox_keywords).where(_OF_MAILBOX))
_NAMES = Statement(
    select(mailbox_keywords.c.name).where(_OF_MAILBOX).order_by(mailbox_keywords.c.folded)
)
_ADD = insert_row(mailbox_keywords)
_IN_USE = Statement(
    select(messages.c.keywords)
    .where(messages.c.mailbox_id == bindparam("mailbox"), messages.c.keywords.is_not(None))
    .distinct()
)
_FORGET = Statement(delete(mailbox_keywords).where(_OF_MAILBOX))


def names(tx: Tx, mailbox: MailboxId) -> list[str]:
    """The keywords of a mailbox, in the spelling they first came in."""
    return [row[0] for row in tx.all(_NAMES, mailbox=mailbox)]


def admit(tx: Tx, mailbox: MailboxId, wanted: Iterable[str]) -> None:
    """Note keywords that messages of a mailbox are about to get; `TooLarge` over the limit.

    The account must be locked by the transaction.
    """
    folded = {name.lower(): name for name in wanted}
    new = [key for key in folded if tx.one(_KNOWN, mailbox=mailbox, folded=key) is None]
    if not new:
        return
    if tx.scalar(_COUNT, mailbox=mailbox) + len(new) > MAX_KEYWORDS_PER_MAILBOX:
        in_use = _in_use(tx, mailbox)
        if len(in_use.keys() | folded.keys()) > MAX_KEYWORDS_PER_MAILBOX:
            raise TooLarge(f"A mailbox has at most {MAX_KEYWORDS_PER_MAILBOX} different keywords")
        forget(tx, mailbox)
        folded |= in_use
        new = list(folded)
    tx.run_many(_ADD, [{"mailbox_id": mailbox, "folded": key, "name": folded[key]} for key in new])


def forget(tx: Tx, mailbox: MailboxId) -> None:
    """Drop what is noted of a mailbox."""
    tx.run(_FORGET, mailbox=mailbox)


def _in_use(tx: Tx, mailbox: MailboxId) -> dict[str, str]:
    found: dict[str, str] = {}
    for (stored,) in tx.all(_IN_USE, mailbox=mailbox):
        for name in stored.split(" "):
            found.setdefault(name.lower(), name)
    return found
