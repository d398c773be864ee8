"""Reports of DMARC through the whole server: told to others, and taken in by another server."""

import asyncio
from contextlib import suppress
from pathlib import Path

import dkim
from sqlalchemy import update

from kit.app import AppUnderTest
from kit.nameserver import NameServer
from kit.sink import Sink, running
from pillarbox.domain.accounts.domains import require
from pillarbox.domain.dmarc import received, results
from pillarbox.domain.dmarc.model import DkimCheck, Evaluation, Kind, Published, SpfCheck
from pillarbox.domain.dmarc.tables import dmarc_policies, dmarc_results
from pillarbox.domain.policy import policies
from pillarbox.domain.report_days import ReportState
from pillarbox.domain.signing import keys as signing_keys
from pillarbox.domain.signing.make import KeyChoice, first_keys
from pillarbox.pipeline.inbound.dmarc_reports import DmarcReportInbox
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

    async with AppUnderTest(tmp_path / "other", {"DEFAULT_DOMAIN": "elsewhere.test"}) as other:
        database = other.services.database
        await database.write(_serve)
        assert await DmarcReportInbox(database).take("dmarc@elsewhere.test", taken.content)
        (found,) = await database.read(received.list_of)
        assert (found.domain, found.organization, found.contact) == (
            "elsewhere.test",
            "example.test",
            "ask@example.test",
        )
        assert (found.messages, found.aligned) == (3, 3)


def _serve(tx: Tx) -> None:
    from pillarbox.domain.accounts import domains

    if domains.get(tx, "elsewhere.test") is None:
        domains.create(tx, "elsewhere.test")
