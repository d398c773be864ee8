"""What a script would do with the mail that a mailbox has: nothing is done.

Called by `pillarbox sieve rehearse` and by whatever lets users try their rules.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

from pillarbox.base.clock import from_ms
from pillarbox.base.errors import NotFound
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.mail import read
from pillarbox.domain.mail.content import ContentStore
from pillarbox.domain.mail.model import Mailbox
from pillarbox.domain.sharing import access
from pillarbox.domain.sharing.access import Right
from pillarbox.formats.mime.header import Headers
from pillarbox.formats.sieve.actions import Keep
from pillarbox.formats.sieve.message import Message
from pillarbox.formats.sieve.program import Program
from pillarbox.formats.sieve.run import Outcome
from pillarbox.formats.sieve.surroundings import Surroundings
from pillarbox.pipeline.filtering.executing import Executor
from pillarbox.pipeline.filtering.planning import read_headers
from pillarbox.pipeline.filtering.programs import Programs
from pillarbox.storage.db import Database

SLICE = 20
"""Messages read at once."""
SLICE_BYTES = 16 << 20
"""Of them together, or one message."""
_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One message and what the script would do with it."""

    uid: int
    at_ms: int
    sender: str
    subject: str
    outcome: Outcome

    @property
    def stays(self) -> bool:
        """Whether all the script does is to leave it as any new message is left."""
        return all(isinstance(one, Keep) and not one.flags for one in self.outcome.actions)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Runs scripts over mail that came before."""

    database: Database
    content: ContentStore
    programs: Programs
    executor: Executor
    delimiter: str = "+"

    async def run(
        self, actor: Actor, program: Program, mailbox: str, most: int
    ) -> AsyncIterator[Rehearsed]:
        """The newest messages of a mailbox, newest first; raises `NotFound`."""
        loaded = await self.programs.with_script(actor.account_id, program)
        if loaded is None:
            raise NotFound(f"There is no user or group {actor.address}")
        found = await self.database.read(access.require, actor, mailbox, Right.READ)
        box = found.mailbox
        rows = await self.database.read(read.rows, box.id, [(1, box.uidnext)])
        newest = [(row[0], row[4], row[5]) for row in rows[-most:]][::-1]
        for part in slices(newest):
            contents = await self._contents(box, [uid for uid, *_ in part])
            for uid, at_ms, _ in part:
                if uid not in contents:
                    continue  # expunged meanwhile
                content = contents[uid]
                headers = await read_headers(content)
                outcome = await self.executor.run(
                    loaded, Message(content), self._surroundings(headers, actor, at_ms)
                )
                yield Rehearsed(
                    uid,
                    at_ms,
                    (headers.text(b"from") or "")[:_SHOWN],
                    (headers.text(b"subject") or "")[:_SHOWN],
                    outcome,
                )

    async def _contents(self, box: Mailbox, uids: list[int]) -> dict[int, bytes]:
        ranges = sorted((uid, uid) for uid in uids)
        found = await self.database.read(
            read.contents, self.content, box.account_id, box.id, ranges, False
        )
        return {uid: content for uid, content, _ in found}

    def _surroundings(self, headers: Headers, actor: Actor, at_ms: int) -> Surroundings:
        """As it was when the message came, as far as the message tells."""
        path = (headers.first(b"return-path") or b"").strip().strip(b"<>")
        recipient = headers.first(b"delivered-to") or b""
        return Surroundings(
            from_ms(at_ms).astimezone(),
            path.decode("utf-8", "replace"),
            recipient.decode("utf-8", "replace").strip() or actor.address,
            delimiter=self.delimiter,
        )


def slices(messages: Sequence[tuple[int, int, int]]) -> Iterator[list[tuple[int, int, int]]]:
    """Messages (UID, date, size in bytes) in parts that may be in memory at once."""
    part: list[tuple[int, int, int]] = []
    held_bytes = 0
    for message in messages:
        if part and (len(part) == SLICE or held_bytes + message[2] > SLICE_BYTES):
            yield part
            part, held_bytes = [], 0
        part.append(message)
        held_bytes += message[2]
    if part:
        yield part
