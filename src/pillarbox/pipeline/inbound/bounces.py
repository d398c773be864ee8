"""Reports that come back for mail we sent: matched to the message and recorded.

A report names the message by the ENVID it was sent with, or returns its header with the
Message-ID. Anybody who knows one of them can write one, so all it does is to mark recipients that
counted as delivered; nothing is suppressed for it. Called by `receive` after delivery; calls
`formats/dsn/parse` and `domain/queue`.
"""

import asyncio
from dataclasses import dataclass

from pillarbox.base.ids import QueueId, public_id
from pillarbox.base.log import logger
from pillarbox.domain.mail.content import PREPARE_INLINE_BYTES
from pillarbox.domain.queue import inspect, matching
from pillarbox.domain.queue.model import QueuedMessage, Status, Way
from pillarbox.domain.queue.settle import bounced
from pillarbox.formats.dsn.model import Action, ReportedRecipient, StatusReport
from pillarbox.formats.dsn.parse import parse_report
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

RECORDED_MAX = 100
"""Recipients one report is believed of."""

_log = logger("bounces")


@dataclass(frozen=True, slots=True)
class _Failure:
    """A recipient of a message of ours that a report says was not reached."""

    message_id: QueueId
    address: str
    said: ReportedRecipient


class Bounces:
    """Recognises reports about messages of ours."""

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self._database = database
        self._keys = keys

    async def take(self, content: bytes, recipient: str, reverse_path: str) -> bool:
        """Record what a message reports, if it does; says whether it was about one of ours.

        `recipient` is the envelope's: only whoever sent a message hears what became of it. The
        message itself goes where it is addressed to, whatever comes of this.
        """
        if reverse_path:
            return False
        if len(content) <= PREPARE_INLINE_BYTES:
            report = parse_report(content)
        else:
            report = await asyncio.to_thread(parse_report, content)
        if report is None or (report.envid is None and report.message_id is None):
            return False
        found = await self._database.read(_match, self._keys, report, recipient)
        if found is None:
            return False
        if found:
            noted = await self._database.write(_record, found, report.reporter)
            _log.info("report taken", about=public_id("", found[0].message_id), noted=noted)
        return True


def _match(tx: Tx, keys: KeyRing, report: StatusReport, sender: str) -> tuple[_Failure, ...] | None:
    """The failures among what is reported, `None` where the message is none of the sender's."""
    ids: list[QueueId] = []
    if report.envid is not None:
        ids.extend(matching.find_by_envid(tx, report.envid))
    if report.message_id is not None:
        ids.extend(matching.find_by_message_id(tx, keys, report.message_id))
    failures: dict[tuple[QueueId, str], _Failure] = {}
    known = False
    for message_id in dict.fromkeys(ids):
        message = inspect.get(tx, message_id)
        if message is None or message.reverse_path.lower() != sender.lower():
            continue
        known = True
        for failure in _failures(message, report):
            failures.setdefault((message_id, failure.address), failure)
    return tuple(failures.values())[:RECORDED_MAX] if known else None


def _failures(message: QueuedMessage, report: StatusReport) -> list[_Failure]:
    """Who of a message's recipients failed.

    An address that changed on the way is that of the only recipient, if there is only one.
    """
    served = {
        r.address.lower(): r.address for r in message.recipients if r.status is Status.DELIVERED
    }
    alone = next(iter(served.values())) if len(message.recipients) == len(served) == 1 else None
    found = []
    for said in report.recipients[: 2 * RECORDED_MAX]:
        if said.action is not Action.FAILED:
            continue
        names = (name.lower() for name in (said.original, said.final) if name)
        address = next((served[name] for name in names if name in served), alone)
        if address is not None:
            found.append(_Failure(message.id, address, said))
    return found


def _record(tx: Tx, failures: tuple[_Failure, ...], reporter: str | None) -> int:
    """Note the failures; gives how many were news."""
    noted = 0
    for failure in failures:
        said = failure.said
        noted += bounced(
            tx,
            failure.message_id,
            failure.address,
            said.diagnostic or f"Reported as failed ({said.status})",
            enhanced=said.status,
            way=Way(host=(said.remote or reporter or "")[:255] or None),
        )
    return noted
