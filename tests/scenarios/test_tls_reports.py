"""Reports of TLS through the whole server: told to others, and taken in."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import dkim
from sqlalchemy import update

from kit.app import PASSWORD, AppUnderTest
from kit.authority import Authority
from kit.nameserver import NameServer
from kit.sink import ALL_KEYWORDS, Sink, running
from kit.wire import SmtpWire
from pillarbox.domain.accounts.domains import require
from pillarbox.domain.queue import inspect
from pillarbox.domain.queue.model import QueuedMessage
from pillarbox.domain.report_days import ReportState
from pillarbox.domain.signing import keys as signing_keys
from pillarbox.domain.signing.make import KeyChoice, first_keys
from pillarbox.domain.transport import reports, results
from pillarbox.domain.transport.tables import tls_results
from pillarbox.formats.reporting.cover import Cover
from pillarbox.formats.reporting.packed import pack
from pillarbox.formats.tls_report.mail import compose, extract
from pillarbox.formats.tls_report.report import PolicyResult, Report, encode
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

ALICE, ANN, TLS = "alice@example.test", "ann@elsewhere.test", "tls@elsewhere.test"
PATIENCE_S = 30.0


def _keep_keys(tx: Tx, ring: KeyRing) -> None:
    domain = require(tx, "example.test")
    signing_keys.add_first(tx, ring, domain.id, first_keys(KeyChoice.RSA2048, "mail"))


async def _until_tried(server: AppUnderTest) -> QueuedMessage:
    """Wait until the first message was tried and put off."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = await server.services.database.read(inspect.list_of)
            if found and found[0].recipients[0].last_reply:
                return found[0]
            await asyncio.sleep(0.02)


async def test_a_domain_with_broken_tls_is_told(tmp_path: Path) -> None:
    """Mail waits for a certificate that TLSA records vouch for; the report about it does not."""
    wrong, right = Authority("Wrong").issue("mx"), Authority("Right").issue("mx")
    zone = (
        "@ MX 10 mx\nmx A 127.0.0.1\n"
        f'_smtp._tls TXT "v=TLSRPTv1; rua=mailto:{TLS}"\n'
        f"_%d._tcp.mx TLSA 3 1 1 {sha256(right.spki).hexdigest()}\n"
    )
    sink = Sink(ALL_KEYWORDS, tls=wrong.server_context())
    async with NameServer(signed={"."}) as names, running(sink):
        names.add("elsewhere.test", zone % sink.port)
        settings = {
            "DNS_PRIMARY": "127.0.0.1",
            "DNS_PORT": str(names.port),
            "DNS_VALIDATING": "on",
            "OUTBOUND_INSIDE": "true",
            "OUTBOUND_PORT": str(sink.port),
            "DEFAULT_DOMAIN": "example.test",
        }
        async with AppUnderTest(tmp_path / "data", settings) as server:
            services = server.services
            await server.add_users("alice")
            await services.database.write(_keep_keys, services.keys)
            running_task = asyncio.create_task(services.sending.run())
            smtp = await SmtpWire.open(server.ports["submission"])
            async with smtp.wire:
                await smtp.login(ALICE, PASSWORD)
                content = f"From: {ALICE}\r\nX-Marker: one\r\n\r\nhi\r\n".encode()
                assert (await smtp.data(ALICE, (ANN,), content))[0] == 250
            put_off = await _until_tried(server)
            assert "TLSA" in (put_off.recipients[0].last_reply or "")
            assert sink.messages == 0

            await services.sending.policies.close()  # writes what was counted
            await services.database.write(_age)
            (job,) = (one for one in services.jobs._jobs if one.name == "tls reports")
            await job.run()
            await sink.wait_for(1)
            (taken,) = sink.taken
            assert (taken.sender, taken.recipients) == ("", (TLS,))
            (policy,) = extract(taken.content).policies
            assert (policy.kind, policy.domain, policy.failures) == ("tlsa", "mx.elsewhere.test", 1)
            assert policy.details[0].host == "mx.elsewhere.test"
            key = await services.database.read(_public_record)
            assert dkim.verify(taken.content, dnsfunc=lambda name, timeout=5: key)
            # Nothing of how that went is counted: else there would be reports for ever.
            await services.sending.policies.close()
            (summary,) = await services.database.read(results.summaries, 0)
            assert summary.state is ReportState.SENT
            running_task.cancel()
            with suppress(asyncio.CancelledError):
                await running_task


def _age(tx: Tx) -> None:
    """Move what was counted to a day that is over and due."""
    tx.change(update(tls_results).values(day=tls_results.c.day - 2))


def _public_record(tx: Tx) -> bytes:
    (key,) = signing_keys.of_domain(tx, require(tx, "example.test").id)
    return key.record.encode()


async def test_reports_about_us_are_kept(tmp_path: Path) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    policies = (PolicyResult("sts", "example.test", successes=10, failures=1),)
    report = Report("Else Inc.", "tls@else.test", "7@else.test", start, start, policies)
    cover = Cover("tls@else.test", (ALICE,), "example.test", "else.test", report.id, start)
    content = compose(cover, report, pack(encode(report)))
    async with AppUnderTest(tmp_path / "data") as server:
        await server.add_users("alice")
        for _ in range(2):
            smtp = await SmtpWire.open(server.ports["smtp"])
            async with smtp.wire:
                assert (await smtp.data("tls@else.test", (ALICE,), content))[0] == 250
        async with asyncio.timeout(PATIENCE_S):
            database = server.services.database
            while not (found := await database.read(reports.list_of)):  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.02)
        ((domain, organization, failures),) = (
            (one.domain, one.organization, one.failures) for one in found
        )
        assert (domain, organization, failures) == ("example.test", "Else Inc.", 1)
