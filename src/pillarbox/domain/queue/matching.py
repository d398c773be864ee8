"""Finding a message we sent by what a report about it names (RFC 3464): ENVID or Message-ID.

Message ids are kept as keyed digests only.
"""

from sqlalchemy import bindparam, select

from pillarbox.base.ids import QueueId
from pillarbox.domain.queue.log import clean
from pillarbox.domain.queue.tables import queue_messages
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

FOUND_MAX = 20
"""Messages that one name may stand for; more have it only where somebody means harm."""

_PURPOSE = "queue message ids"
_ENVID_MAX = 100

_m = queue_messages.c
_BY_ENVID = Statement(
    select(_m.id).where(_m.dsn_envid == bindparam("envid")).order_by(_m.id.desc()).limit(FOUND_MAX)
)
_BY_DIGEST = Statement(
    select(_m.id)
    .where(_m.message_id_digest == bindparam("digest"))
    .order_by(_m.id.desc())
    .limit(FOUND_MAX)
)


def digests(keys: KeyRing, message_id: str) -> tuple[int, ...]:
    """What a Message-ID may be stored as; the first is what is stored now."""
    bare = message_id.strip().strip("<>").encode("utf-8", "surrogatepass")
    return keys.digester(_PURPOSE, b"").digests(bare)


def digest(keys: KeyRing, message_id: str | None) -> int | None:
    """What a Message-ID is stored as."""
    return None if not message_id else digests(keys, message_id)[0]


def find_by_envid(tx: Tx, envid: str) -> list[QueueId]:
    """The messages that were sent with this ENVID (RFC 3461 §4.4), the newest first."""
    if clean(envid, _ENVID_MAX) != envid:
        return []
    return [QueueId(row[0]) for row in tx.all(_BY_ENVID, envid=envid)]


def find_by_message_id(tx: Tx, keys: KeyRing, message_id: str) -> list[QueueId]:
    """The messages whose header has this Message-ID, brackets or not, the newest first."""
    found = [
        QueueId(row[0])
        for one in digests(keys, message_id)
        for row in tx.all(_BY_DIGEST, digest=one)
    ]
    return sorted(found, reverse=True)[:FOUND_MAX]
