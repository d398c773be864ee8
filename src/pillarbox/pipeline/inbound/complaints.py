"""Complaints about mail from here that others send as feedback reports (ARF, RFC 5965).

Called after a message was delivered; the message itself stays where it was delivered to. Calls
`formats/arf` and `domain/complaints`.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass

from pillarbox.base.ids import public_id
from pillarbox.base.log import logger
from pillarbox.domain.complaints import complaints
from pillarbox.domain.mail.content import PREPARE_INLINE_BYTES
from pillarbox.formats.arf import Feedback, is_feedback, parse_feedback
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

_log = logger("inbound")


@dataclass(frozen=True, slots=True)
class ComplaintInbox:
    """Files complaints; a frozen value, so that many deliveries share it."""

    database: Database
    keys: KeyRing

    async def take(self, recipient: str, content: bytes, vouched: Collection[str] = ()) -> bool:
        """Keep a complaint, if a message for `recipient` is one; gives whether it was new.

        If it is about a delivery of ours for certain, nothing more is sent to whoever complains by
        senders of that domain. `vouched` are the domains for which the message passed DKIM or SPF.
        Only the database's failures are raised.
        """
        if not is_feedback(content):
            return False
        if len(content) <= PREPARE_INLINE_BYTES:
            feedback = parse_feedback(content)
        else:
            feedback = await asyncio.to_thread(parse_feedback, content)
        if feedback is None:
            return False
        return await self.database.write(_file, self.keys, feedback, tuple(vouched))


def _file(tx: Tx, keys: KeyRing, feedback: Feedback, vouched: tuple[str, ...]) -> bool:
    found = complaints.match(tx, keys, feedback, vouched)
    new = complaints.file(tx, feedback, found)
    if new and found is not None:
        about = public_id("", found.queue_id)
        _log.info("a complaint", about=about, kind=feedback.kind, certain=found.certain)
    return new
