"""Reports of DMARC through the whole server: told to others, and taken in by another server."""

import asyncio
from contextlib import suppress
from pathlib import Path

import dkim
from sqlalchemy import update

from kit.app import PASSWORD, AppUnderTest
from kit.nameserver import NameServer
from kit.sink import Sink, running
from kit.wire import SmtpWire
from pillarbox.domain.accounts import domains
from pillarbox.domain.accounts.domains import require
from pillarbox.domain.complaints import complaints
from pillarbox.domain.dmarc import received, results
from pillarbox.domain.dmarc.model import DkimCheck, Evaluation, Kind, Published, SpfCheck
from pillarbox.domain.dmarc.received import StoredReport
from pillarbox.domain.dmarc.tables import dmarc_policies, dmarc_results
from pillarbox.domain.policy import policies
from pillarbox.domain.queue import inspect
from pillarbox.domain.queue.model import Status
from pillarbox.domain.report_days import ReportState
from pillarbox.domain.signing import keys as signing_keys
from pillarbox.domain.signing.make import KeyChoice, first_keys
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

EVALUATION = Evaluation(
    Published(
        "elsewhere.test",
        (("v", "DMARC1"), ("p", "quarantine")),
        ("mailto:dmarc@reports.test!1m",),
    ),
    Kind(
        "192.0.2.1",
        "elsewhere.test",
        "elsewhere.test",
        "example.test",
        "pass",
        True,
        True,
        (),
        (DkimCheck("elsewhere.test", "mail", "pass"),),
        (SpfCheck("elsewhere.test", "mfrom", "pass"),),
    ),
)
ALICE, ANN = "alice@example.test", "ann@elsewhere.test"
PATIENCE_S = 30.0


def _prepare(tx: Tx, ring: KeyRing) -> None:
    domain = require(tx, "example.test")
    signing_keys.add_first(tx, ring, domain.id, first_keys(KeyChoice.RSA2048, "mail"))
    policies.set_values(tx, "example.test", {"dmarc_report_email": "ask@example.test"})
    for _ in range(3):
        results.count(tx, EVALUATION)
    # To a day that is over and due.
    tx.change(update(dmarc_policies).values(day=dmarc_policies.c.day - 2))
    tx.change(update(dmarc_results).values(day=dmarc_results.c.day - 2))


def _public_record(tx: Tx) -> bytes:
    (key,) = signing_keys.of_domain(tx, require(tx, "example.test").id)
    return key.record.encode()


async def test_a_domain_is_told(tmp_path: Path) -> None:
    sink = Sink()
    zone = '@ MX 10 mx\nmx A 127.0.0.1\nelsewhere.test._report._dmarc TXT "v=DMARC1"\n'
    async with NameServer() as names, running(sink):
        names.add("reports.test", zone)
        settings = {
            "DNS_PRIMARY": "127.0.0.1",
            "DNS_PORT": str(names.port),
            "OUTBOUND_INSIDE": "true",
            "OUTBOUND_PORT": str(sink.port),
            "DEFAULT_DOMAIN": "example.test",
        }
        async with AppUnderTest(tmp_path / "data", settings) as server:
            services = server.services
            database = services.database
            await server.add_users("alice")
            await database.write(_prepare, services.keys)
            sending = asyncio.create_task(services.sending.run())
            (job,) = (one for one in services.jobs._jobs if one.name == "dmarc reports")
            await job.run()
            await asyncio.wait_for(sink.wait_for(1), PATIENCE_S)
            (taken,) = sink.taken
            assert (taken.sender, taken.recipients) == ("", ("dmarc@reports.test",))
            assert b"\r\nFrom: <postmaster@example.test>\r\n" in taken.content
            key = await database.read(_public_record)
            assert dkim.verify(taken.content, dnsfunc=lambda name, timeout=5: key)
            (summary,) = await database.read(results.summaries, 0)
            assert (summary.state, summary.messages) == (ReportState.SENT, 3)
            sending.cancel()
            with suppress(asyncio.CancelledError):
                await sending

    async with AppUnderTest(tmp_path / "other") as other:
        await other.add_users("alice")
        found = await _taken_in(other, taken.content)
        assert (found.domain, found.organization, found.contact) == (
            "elsewhere.test",
            "example.test",
            "ask@example.test",
        )
        assert (found.messages, found.aligned) == (3, 3)


async def _taken_in(server: AppUnderTest, content: bytes) -> StoredReport:
    """What is kept of a report that somebody sends to a server twice."""
    database = server.services.database
    await database.write(domains.create, "elsewhere.test")
    for _ in range(2):
        smtp = await SmtpWire.open(server.ports["smtp"])
        async with smtp.wire:
            assert (await smtp.data("", (ALICE,), content))[0] == 250
    async with asyncio.timeout(PATIENCE_S):
        while not (found := await database.read(received.list_of)):  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.02)
    (one,) = found
    return one


def _complaint(message_id: bytes) -> bytes:
    return (
        b"From: <fbl@elsewhere.test>\r\nContent-Type: multipart/report;"
        b" report-type=feedback-report; boundary=b\r\n\r\n--b\r\n\r\nspam\r\n--b\r\n"
        b"Content-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n"
        b"Original-Rcpt-To: <ann@elsewhere.test>\r\n\r\n--b\r\n"
        b"Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: %s\r\n\r\n--b--\r\n" % message_id
    )


async def test_who_complains_gets_nothing_more(tmp_path: Path) -> None:
    sink = Sink()
    async with NameServer() as names, running(sink):
        names.add("elsewhere.test", "@ MX 10 mx\nmx A 127.0.0.1\n")
        settings = {
            "DNS_PRIMARY": "127.0.0.1",
            "DNS_PORT": str(names.port),
            "OUTBOUND_INSIDE": "true",
            "OUTBOUND_PORT": str(sink.port),
        }
        async with AppUnderTest(tmp_path / "data", settings) as server:
            await server.add_users("alice")
            sending = asyncio.create_task(server.services.sending.run())
            await _submit(server)
            await asyncio.wait_for(sink.wait_for(1), PATIENCE_S)
            database = server.services.database
            async with asyncio.timeout(PATIENCE_S):
                while (await database.read(inspect.counts)).get(Status.DELIVERED) != 1:  # noqa: ASYNC110 - no event
                    await asyncio.sleep(0.02)
            smtp = await SmtpWire.open(server.ports["smtp"])
            async with smtp.wire:
                complaint = _complaint(b"<1@example.test>")
                assert (await smtp.data("fbl@elsewhere.test", (ALICE,), complaint))[0] == 250
            async with asyncio.timeout(PATIENCE_S):
                while not (found := await database.read(complaints.list_of)):  # noqa: ASYNC110 - no event
                    await asyncio.sleep(0.02)
            (one,) = found
            assert (one.sender, one.recipient, one.suppressed) == (ALICE, ANN, True)
            assert "(complaint)" in await _refused(server)
            sending.cancel()
            with suppress(asyncio.CancelledError):
                await sending


async def _submit(server: AppUnderTest) -> None:
    content = f"From: {ALICE}\r\nMessage-ID: <1@example.test>\r\n\r\nnews\r\n".encode()
    smtp = await SmtpWire.open(server.ports["submission"])
    async with smtp.wire:
        await smtp.login(ALICE, PASSWORD)
        assert (await smtp.data(ALICE, (ANN,), content))[0] == 250


async def _refused(server: AppUnderTest) -> str:
    smtp = await SmtpWire.open(server.ports["submission"])
    async with smtp.wire:
        await smtp.login(ALICE, PASSWORD)
        await smtp.say(f"MAIL FROM:<{ALICE}>", 250)
        return await smtp.say(f"RCPT TO:<{ANN}>", 550)
