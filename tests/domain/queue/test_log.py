"""Searching the delivery log."""

import pytest

from kit.queue import put, settlement, take_all
from pillarbox.base.ids import AccountId
from pillarbox.domain.queue import log, settle
from pillarbox.domain.queue.log import LogFilter
from pillarbox.domain.queue.model import Outcome, Outgoing
from pillarbox.storage.blobs.store import BlobStore
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx


def _fill(tx: Tx, blobs: BlobStore) -> None:
    sender = Outgoing("ann@here.test", (), account_id=AccountId(5))
    for number in range(6):
        put(tx, blobs, f"r{number}@{'cd'[number % 2]}.test", outgoing=sender)
    put(tx, blobs, "last@e.test", outgoing=Outgoing("", ()))
    for number, message in enumerate(sorted(take_all(tx), key=lambda one: one.id)):
        outcome = Outcome.FAILED if number == 3 else Outcome.DELIVERED
        settle.settle(tx, settlement(message, outcome, began_ms=100 + number // 2))


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (LogFilter(), "lr5r4r3r2r1r0"),
        (LogFilter(domain="c.test"), "r4r2r0"),
        (LogFilter(recipient="r3@d.test"), "r3"),
        (LogFilter(account_id=AccountId(5), outcome=Outcome.FAILED), "r3"),
        (LogFilter(account_id=AccountId(6)), ""),
        (LogFilter(sender=""), "l"),
        (LogFilter(since_ms=101, until_ms=103), "r5r4r3r2"),
    ],
)
async def test_lines_are_found_page_by_page(
    database: Database, blobs: BlobStore, filters: LogFilter, expected: str
) -> None:
    await database.write(_fill, blobs)
    found: list[str] = []
    after = None
    while page := await database.read(log.search, filters, after, 2):
        found += [line.address for line in page]
        after = page[-1]
    short = [one.partition("@")[0].replace("last", "l") for one in found]
    assert "".join(short) == expected


async def test_a_line_has_its_number(database: Database, blobs: BlobStore) -> None:
    await database.write(_fill, blobs)
    (line,) = await database.read(log.search, LogFilter(recipient="r3@d.test"))
    assert await database.read(log.search, LogFilter(message_id=line.message_id)) == [line]
    assert await database.read(log.of_message, line.message_id) == [line]
    assert await database.read(log.has, line)
