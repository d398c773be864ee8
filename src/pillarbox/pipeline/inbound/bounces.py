"""Reports that come back for mail we sent: matched to the message and recorded.

They change no more than the standing of recipients that were delivered, since anybody can write
one. Called by `receive` after delivery; calls `formats/dsn/parse` and `domain/queue`.
"""

from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing


class Bounces:
    """Recognises reports about messages of ours."""

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self._database = database
        self._keys = keys

    async def take(self, content: bytes, recipient: str, reverse_path: str) -> bool:
        """Record what a message reports, if it does; says whether it was about one of ours.

        `recipient` is the envelope's, who must have sent the message reported on.
        """
        return False
