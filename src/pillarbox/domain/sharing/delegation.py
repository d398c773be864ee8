"""Who may send in the name of another user or a group: the right to post (RFC 4314 §2.1).

The list of an owner's INBOX speaks for the owner's addresses; members of a group have the right by
the list that groups begin with.
"""

from pillarbox.base.ids import AccountId
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.mail import mailboxes
from pillarbox.domain.sharing import access
from pillarbox.domain.sharing.access import Right
from pillarbox.storage.tx import Tx


def may_post_for(tx: Tx, actor: Actor, owners: tuple[AccountId, ...]) -> bool:
    """Whether the actor has the right to post on the INBOX of one of the owners."""
    for owner in owners:
        inbox = mailboxes.by_name(tx, owner, mailboxes.INBOX)
        if inbox is not None and Right.POST in access.rights_on(tx, actor, owner, inbox.id):
            return True
    return False
