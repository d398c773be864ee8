"""Postfix reports on mail it took: what it writes is understood, with the names it was given."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiosmtplib
import pytest

from kit.daemons import START_S
from kit.far import NAME, Far, needs_postfix
from kit.sink import Say, Sink, running
from pillarbox.formats.dsn.model import Action, StatusReport
from pillarbox.formats.dsn.parse import parse_report

pytestmark = needs_postfix

SENDER = "reported@example.test"  # whom no other test writes to


@dataclass
class Home:
    """Where Postfix brings mail for example.test, reports among it; refuses `gone` and `bøb`."""

    far: Far
    sink: Sink

    async def reported(self, recipient: str, *, mail: str, rcpt: str) -> StatusReport:
        """Send Postfix a message and wait for the report."""
        ip, port = self.far.ip("plain"), self.far.port
        client = aiosmtplib.SMTP(hostname=ip, port=port, start_tls=False)
        async with client:
            await client.ehlo()
            await client.mail(SENDER, options=mail.split())
            await client.rcpt(recipient, options=rcpt.split(), encoding="utf-8")
            await client.data(
                f"From: {SENDER}\r\nMessage-ID: <m1@example.test>\r\n\r\nhi\r\n".encode()
            )
        async with asyncio.timeout(START_S):
            while True:
                for taken in self.sink.taken:
                    if taken.recipients == (SENDER,):
                        assert taken.sender == ""
                        found = parse_report(taken.content)
                        assert found is not None, taken.content.decode()
                        return found
                await self.sink.wait_for(len(self.sink.taken) + 1)


@pytest.fixture
async def home(far: Far) -> AsyncIterator[Home]:
    sink = Sink(keywords=("PIPELINING", "8BITMIME", "SMTPUTF8"))
    for name in ("gone", "bøb"):
        sink.on("RCPT", Say("550 5.1.1 there is no such user"), of=f"<{name}@")
    async with running(sink, port=far.home_port):
        yield Home(far, sink)


async def test_failure_names_the_envelope_the_message_and_the_recipient(home: Home) -> None:
    found = await home.reported(
        "gone@example.test",
        mail="ENVID=pb.0a+2B1 RET=HDRS",
        rcpt="ORCPT=rfc822;robert@example.test",
    )
    assert (found.reporter, found.envid, found.message_id) == (
        NAME,
        "pb.0a+1",
        "<m1@example.test>",
    )
    (one,) = found.recipients
    assert (one.action, one.status) == (Action.FAILED, "5.1.1")
    assert (one.final, one.original) == ("gone@example.test", "robert@example.test")
    assert "there is no such user" in one.diagnostic


async def test_whole_message_in_the_report(home: Home) -> None:
    found = await home.reported("gone@example.test", mail="RET=FULL", rcpt="NOTIFY=FAILURE")
    assert (found.envid, found.message_id) == (None, "<m1@example.test>")


async def test_addresses_beyond_ascii(home: Home) -> None:
    found = await home.reported(
        "bøb@example.test", mail="SMTPUTF8 BODY=8BITMIME ENVID=pb.1", rcpt="NOTIFY=FAILURE"
    )
    (one,) = found.recipients
    assert (one.final, one.action) == ("bøb@example.test", Action.FAILED)
    assert (found.envid, found.message_id) == ("pb.1", "<m1@example.test>")


async def test_success_further_on(home: Home) -> None:
    found = await home.reported("ben@example.test", mail="ENVID=pb.2", rcpt="NOTIFY=SUCCESS")
    (one,) = found.recipients
    assert (one.final, one.action) == ("ben@example.test", Action.RELAYED)
    assert found.envid == "pb.2"
