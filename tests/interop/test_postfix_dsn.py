"""Reports: those we write when Postfix refuses, and those it writes about mail of ours."""

import email
import email.policy
import json
from email.message import EmailMessage
from typing import Any

from flufl.bounce import scan_message

from kit.far import NAME, Far, needs_postfix
from kit.sender import ALICE, Sender, letter
from pillarbox.domain.queue.model import Outcome, Status

pytestmark = needs_postfix


class Report:
    """A report as Python's `email` reads it: words, fields of each block, and what is returned."""

    def __init__(self, content: bytes) -> None:
        self.message: EmailMessage = email.message_from_bytes(content, policy=email.policy.default)
        assert not self.message.defects
        assert self.message.get_content_type() == "multipart/report"
        assert self.message["From"].addresses[0].username.upper() == "MAILER-DAEMON"
        words, status, *returned = self.message.iter_parts()
        self.words = words.get_content()
        blocks: Any = status.get_payload()
        self.general, *self.recipients = ({**block} for block in blocks)
        (part,) = returned
        self.returned_type = part.get_content_type()
        self.returned = part.as_string()
        self.failed = {address.decode() for address in scan_message(self.message)}
        """Whose delivery failed for good, as flufl.bounce understands it."""


async def test_one_recipient_of_several_is_refused(sender: Sender, far: Far) -> None:
    content = letter("to three", "A secret.")
    await sender.send("ann@tls.test", "nobody@tls.test", "ben@tls.test", content=content)
    await sender.stands("nobody@tls.test", Status.FAILED)
    for recipient in ("ann@tls.test", "ben@tls.test"):
        await far.message(recipient)
        await sender.stands(recipient, Status.DELIVERED)
    report = Report(await sender.mail())
    assert report.failed == {"nobody@tls.test"}
    (one,) = report.recipients
    assert one["Final-Recipient"] == "rfc822; nobody@tls.test"
    assert (one["Action"], one["Status"]) == ("failed", "5.1.1")
    assert one["Remote-MTA"] == "dns; mx.tls.test"
    assert one["Diagnostic-Code"].startswith("smtp; 550 5.1.1 <nobody@tls.test>")
    assert report.general["Reporting-MTA"] == "dns; mx.example.test"
    assert "nobody@tls.test" in report.words
    assert "to three" in report.words
    assert report.message["Auto-Submitted"] == "auto-replied"
    assert "Subject: to three" in report.returned
    assert "A secret." not in report.returned  # the header is enough, unless the sender asks


async def test_the_whole_message_comes_back_on_request(sender: Sender) -> None:
    content = letter("come back", "All of it.")
    await sender.send(
        "nobody@tls.test",
        content=content,
        mail="RET=FULL ENVID=my-own-id",
        rcpt="ORCPT=rfc822;nobody+2Bhere@tls.test",
    )
    report = Report(await sender.mail())
    assert report.returned_type == "message/rfc822"
    assert "All of it." in report.returned
    assert report.general["Original-Envelope-Id"] == "my-own-id"
    (one,) = report.recipients
    assert one["Original-Recipient"].replace(" ", "") == "rfc822;nobody+here@tls.test"


async def test_no_report_where_none_is_wanted(sender: Sender) -> None:
    await sender.send("nobody@tls.test", rcpt="NOTIFY=NEVER")
    await sender.stands("nobody@tls.test", Status.FAILED)
    await sender.send("nobody@plain.test")
    report = Report(await sender.mail())
    assert report.failed == {"nobody@plain.test"}


async def test_no_such_domain(sender: Sender) -> None:
    await sender.send("ann@nowhere.test")
    report = Report(await sender.mail())
    assert report.failed == {"ann@nowhere.test"}
    assert report.recipients[0]["Status"] == "5.1.2"


async def test_success_where_the_next_host_writes_no_reports(sender: Sender, far: Far) -> None:
    await sender.send("ann@nodsn.test", mail="ENVID=asked", rcpt="NOTIFY=SUCCESS")
    await far.message("ann@nodsn.test")
    report = Report(await sender.mail())
    (one,) = report.recipients
    assert (one["Action"], one["Status"]) == ("relayed", "2.0.0")
    assert one["Final-Recipient"] == "rfc822; ann@nodsn.test"
    assert report.general["Original-Envelope-Id"] == "asked"
    assert report.failed == set()


async def test_success_is_reported_by_the_next_host_if_it_can(sender: Sender, far: Far) -> None:
    await sender.send(
        "ann@tls.test",
        mail="ENVID=asked RET=HDRS",
        rcpt="NOTIFY=SUCCESS ORCPT=rfc822;first@tls.test",
    )
    await far.message("ann@tls.test")
    report = Report(await sender.mail())
    assert report.general["Reporting-MTA"] == f"dns; {NAME}"
    assert report.general["Original-Envelope-Id"] == "asked"
    (one,) = report.recipients
    assert one["Action"] == "delivered"
    assert one["Original-Recipient"].replace(" ", "") == "rfc822;first@tls.test"
    assert (await sender.recipient("ann@tls.test")).status is Status.DELIVERED


async def test_postfix_finds_out_later(sender: Sender, far: Far) -> None:
    """It took the mail and could not deliver it; its report comes in by our port 25."""
    await sender.send("ann@late.test", "nobody@late.test", content=letter("late"))
    await sender.stands("nobody@late.test", Status.BOUNCED)
    await far.message("ann@late.test")
    assert (await sender.recipient("ann@late.test")).status is Status.DELIVERED
    report = Report(await sender.mail())
    assert report.general["Reporting-MTA"] == f"dns; {NAME}"
    assert report.failed == {"nobody@late.test"}
    line = await sender.line(Outcome.BOUNCED)
    assert (line.address, line.enhanced) == ("nobody@late.test", "5.1.1")
    shown = json.loads(await sender.command("queue", "log", "--to", "nobody@late.test", "--json"))
    assert [one["outcome"] for one in shown] == ["bounced", "delivered"]
    assert "unknown user" in await sender.command("queue", "log", "--outcome", "bounced")


async def test_a_report_nobody_asked_for_changes_nothing(sender: Sender, far: Far) -> None:
    """It is mail as any other, and what it says of our mail is not believed."""
    await sender.send("ann@tls.test")
    await sender.delivered()
    forged = letter("forged", sender=f"mailer-daemon@{NAME}").replace(
        b"\r\n\r\nWords.\r\n",
        b"\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report;"
        b' report-type=delivery-status; boundary="x"\r\n\r\n--x\r\n\r\nGone.\r\n--x\r\n'
        b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; a\r\n"
        b"Original-Envelope-Id: guessed\r\n\r\nFinal-Recipient: rfc822; ann@tls.test\r\n"
        b"Action: failed\r\nStatus: 5.0.0\r\n\r\n--x--\r\n",
    )
    await sender.take("", ALICE, content=forged)
    assert b"Gone." in await sender.mail()
    assert (await sender.recipient("ann@tls.test")).status is Status.DELIVERED
