"""Feedback reports that come by mail are kept, and heeded where they are about mail of ours."""

import pytest

from kit.queue import put_without_blob, settlement, take_all
from pillarbox.base.ids import AccountId
from pillarbox.domain.accounts import domains
from pillarbox.domain.complaints import complaints
from pillarbox.domain.queue import suppression
from pillarbox.domain.queue.model import Outcome, Outgoing
from pillarbox.domain.queue.settle import settle
from pillarbox.pipeline.inbound.complaints import ComplaintInbox
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

KEYS = KeyRing({1: bytes(32)})
ANN, TO = "ann@there.test", "abuse@here.test"


def mail(padding: int = 0) -> bytes:
    return f"""\
From: <fbl@there.test>
Content-Type: multipart/report; report-type=feedback-report; boundary=b

--b

{"x" * padding}
--b
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Some/1.0
Version: 1
Original-Rcpt-To: <{ANN}>

--b
Content-Type: message/rfc822

Message-ID: <m1@here.test>
From: news@here.test
Subject: News

hello
--b--
""".replace("\n", "\r\n").encode()


def _sent(tx: Tx) -> None:
    domains.create(tx, "here.test")
    outgoing = Outgoing("news@here.test", (), account_id=AccountId(7), message_id="<m1@here.test>")
    put_without_blob(tx, ANN, "bob@else.test", outgoing=outgoing)
    for message in take_all(tx):
        settle(tx, settlement(message, Outcome.DELIVERED, tx.now_ms + 1000))


@pytest.mark.parametrize("padding", [0, 200_000])
async def test_a_complaint(database: Database, padding: int) -> None:
    await database.write(_sent)
    inbox = ComplaintInbox(database, KEYS)
    assert await inbox.take(TO, mail(padding), {"there.test"})
    assert not await inbox.take(TO, mail(padding), {"there.test"})
    (found,) = await database.read(complaints.list_of)
    assert (found.domain, found.recipient, found.suppressed) == ("here.test", ANN, True)
    assert found.report.original.subject == "News"
    (entry,) = await database.read(suppression.list_of)
    assert (entry.address, entry.reason) == (ANN, "complaint")


async def test_one_that_nobody_vouches_for(database: Database) -> None:
    await database.write(_sent)
    assert await ComplaintInbox(database, KEYS).take(TO, mail())
    assert await database.read(suppression.list_of) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"Subject: hello\r\n\r\nfeedback-report\r\n",
        b"Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\nx\r\n",
    ],
)
async def test_other_mail(database: Database, content: bytes) -> None:
    assert not await ComplaintInbox(database, KEYS).take(TO, content)
    assert await database.read(complaints.list_of) == []
