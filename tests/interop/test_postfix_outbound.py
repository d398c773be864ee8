"""Mail to Postfix through the whole server: TLS or none, odd addresses, byte for byte."""

import asyncio

import pytest

from interop.sites import Sites
from kit.far import Far, needs_postfix
from kit.nameserver import NameServer
from kit.sender import ALICE, BOB, EIGHT_BITS, Sender, letter
from kit.sink import ALL_KEYWORDS, Sink, running
from pillarbox.domain.queue.model import Outcome, Status

pytestmark = needs_postfix


async def test_in_clear_where_there_is_no_tls(sender: Sender, far: Far) -> None:
    await sender.send("ann@plain.test")
    line = await sender.delivered()
    assert (line.way.host, line.way.ip, line.way.tls) == ("mx.plain.test", far.ip("plain"), "none")
    taken = await far.message("ann@plain.test")
    assert taken.sender == ALICE
    assert "with ESMTP id" in taken.trace
    assert "TLS" not in taken.trace


async def test_any_certificate_is_better_than_none(sender: Sender, far: Far) -> None:
    await sender.send("ann@tls.test")
    line = await sender.delivered()
    assert line.way.tls == "TLSv1.3 TLS_AES_256_GCM_SHA384"  # and nothing that vouched for it
    taken = await far.message("ann@tls.test")
    assert "(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384" in taken.trace
    assert "with ESMTPS id" in taken.trace


@pytest.mark.parametrize("host", ["mixed", "ancient"])
async def test_broken_tls_is_no_reason_not_to_deliver(sender: Sender, far: Far, host: str) -> None:
    recipient = f"ann@{host}.test"
    await sender.send(recipient)
    line = await sender.delivered()
    assert line.way.tls is not None
    assert line.way.tls.startswith("none (")
    assert len(line.way.tls) > len("none ()")
    taken = await far.message(recipient)
    assert "with ESMTP id" in taken.trace
    assert line.way.tls in await sender.command("queue", "log", "--to", recipient)


async def test_a_host_that_offered_tls_is_expected_to(
    sender: Sender, far: Far, names: NameServer
) -> None:
    """Three attempts fail before mail goes in clear to whoever answers in its place."""
    names.add("once.test", far.zone("tls"))
    await sender.send("first@once.test")
    await sender.delivered()
    names.add("once.test", far.zone("plain"))
    await sender.restart()
    await sender.send("second@once.test")
    line = await sender.deferred("second@once.test")
    assert (line.stage, line.enhanced) == ("tls", "4.7.4")
    assert line.reply == "mx.once.test does not offer TLS, which it did before"
    taken = await far.message("second@once.test")
    assert "with ESMTP id" in taken.trace
    line = await sender.line(Outcome.DELIVERED, "second@once.test")
    assert line.way.tls == "none (offered before, and no more)"
    lines = [one for one in await sender.log() if one.address == "second@once.test"]
    lines.sort(key=lambda one: one.at_ms)
    assert [one.outcome for one in lines] == [Outcome.DEFERRED] * 3 + [Outcome.DELIVERED]


async def test_a_message_that_requires_tls(
    sender: Sender, far: Far, names: NameServer, sites: Sites
) -> None:
    """Postfix can't promise to go on with TLS; who can gets the message."""
    await sender.send("secret@good.test", mail="REQUIRETLS")
    line = await sender.line(Outcome.FAILED)
    assert line.enhanced == "5.7.30"
    report = await sender.mail()
    assert b"Status: 5.7.30\r\n" in report
    assert far.kept("secret@good.test") == []

    names.add("able.test", f"@ MX 10 mx\nmx A {far.network}.200\n")
    shown = sites.authority.issue("mx.able.test").server_context()
    sink = Sink(ALL_KEYWORDS, tls=shown)
    async with running(sink, f"{far.network}.200", far.port):
        await sender.send("secret@able.test", mail="REQUIRETLS")
        await sink.wait_for(1)
        line = await sender.delivered("secret@able.test")
    assert "REQUIRETLS" in sink.taken[0].params
    assert sink.taken[0].tls == "TLSv1.3"
    assert line.way.tls is not None
    assert line.way.tls.endswith(" pkix")


async def test_addresses_beyond_ascii(sender: Sender, far: Far) -> None:
    content = letter("Grüße", "Schöne Grüße")
    for recipient in ("bøb@tls.test", "bøb@noutf8.test"):
        await sender.send(recipient, content=content, mail="SMTPUTF8 BODY=8BITMIME")
    taken = await far.message("bøb@tls.test")
    assert taken.content.endswith(b"\r\n\r\n" + "Schöne Grüße\r\n".encode())
    assert "Subject: Grüße\r\n".encode() in taken.content
    assert "with UTF8SMTPS id" in taken.trace
    line = await sender.line(Outcome.FAILED)
    assert (line.address, line.enhanced) == ("bøb@noutf8.test", "5.6.7")
    report = await sender.mail()
    assert b"Status: 5.6.7\r\n" in report
    assert rb"Final-Recipient: utf-8; b\x{F8}b@noutf8.test" in report
    assert far.kept("bøb@noutf8.test") == []


async def test_a_header_beyond_ascii_goes_where_only_ascii_can(sender: Sender, far: Far) -> None:
    """Only the address can't be put otherwise; the content can, and loses nothing."""
    content = letter("Grüße", "Schöne Grüße").replace(b"\r\n\r\n", b"\r\nMIME-Version: 1.0\r\n\r\n")
    await sender.send("ann@noutf8.test", content=content, mail="SMTPUTF8 BODY=8BITMIME")
    await sender.delivered()
    taken = await far.message("ann@noutf8.test")
    head, _, _ = taken.content.partition(b"\r\n\r\n")
    assert head.isascii()
    assert b"Subject: =?utf-8?" in head


async def test_a_message_id_beyond_ascii_can_not_be_put_otherwise(sender: Sender, far: Far) -> None:
    content = letter().replace(b"Message-ID: <", "Message-ID: <ø".encode())
    await sender.send("ann@noutf8.test", content=content, mail="SMTPUTF8 BODY=8BITMIME")
    line = await sender.line(Outcome.FAILED)
    assert line.enhanced == "5.6.7"


BODIES = {
    "dots": ".\r\n..\r\n. \r\nend",
    "spaces": "  two  spaces \t\r\n\r\n\r\n \r\nend\r\n\r\n",
    "eight bits": "Grüße, 日本語\r\nend",
    "long lines": "x" * 998 + "\r\n" + "y" * 990,
    "from": "From here on\r\n>From there\r\n",
    "much": "0123456789abcdef\r\n" * 60_000,
}


@pytest.mark.parametrize("name", BODIES)
async def test_content_arrives_byte_for_byte(sender: Sender, far: Far, name: str) -> None:
    recipient = f"{name.replace(' ', '-')}@tls.test"
    content = letter("bytes", BODIES[name])
    await sender.send(recipient, content=content, mail="BODY=8BITMIME")
    await sender.delivered(recipient)
    taken = await far.message(recipient)
    assert taken.content.startswith((b"DKIM-Signature: ", b"Received: "))
    assert taken.content.endswith(content)


async def test_eight_bits_are_converted_for_a_host_that_takes_seven(
    sender: Sender, far: Far
) -> None:
    content = letter("eight", "Grüße", fields=EIGHT_BITS)
    await sender.send("ann@simple.test", content=content, mail="BODY=8BITMIME")
    await sender.delivered()
    taken = await far.message("ann@simple.test")
    assert taken.content.endswith(b"\r\n\r\nGr=C3=BC=C3=9Fe\r\n")


async def test_held_mail_comes_after_its_hold(sender: Sender, far: Far) -> None:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await sender.send("later@tls.test", mail="HOLDFOR=2")
    assert far.kept("later@tls.test") == []
    await far.message("later@tls.test")
    assert loop.time() - begun >= 2.0
    line = await sender.delivered()
    message = await sender.recipient("later@tls.test")
    assert message.attempts == 1
    assert line.outcome is Outcome.DELIVERED


async def test_suppressed_addresses_get_nothing(sender: Sender, far: Far) -> None:
    await sender.send("held@tls.test", mail="HOLDFOR=2")
    for address in ("held@tls.test", "other@tls.test"):
        await sender.command("suppression", "add", address, "--reason", "asked us to stop")
    code, text = await sender.say("other@tls.test")
    assert code == 550, text
    line = await sender.line(Outcome.SUPPRESSED)
    assert line.address == "held@tls.test"
    assert "asked us to stop" in line.reply
    assert b"held@tls.test" in await sender.mail()
    assert far.kept("held@tls.test") == far.kept("other@tls.test") == []
    await sender.command("suppression", "remove", "other@tls.test")
    await sender.send("other@tls.test")
    await far.message("other@tls.test")


@pytest.mark.parametrize("extra_settings", [{"SENDING_USER_MESSAGES_HOUR": "2"}])
async def test_beyond_the_limit_nothing_is_accepted(sender: Sender, far: Far) -> None:
    for _ in range(2):
        await sender.send("limited@plain.test")
    code, text = await sender.say("limited@plain.test")
    assert (code, text[:6]) == (450, "4.7.1 "), text
    await far.arrived("limited@plain.test", 2)


async def test_several_domains_and_recipients_in_one_message(sender: Sender, far: Far) -> None:
    recipients = ("a1@plain.test", "a2@plain.test", "b1@tls.test", BOB)
    await sender.send(*recipients, content=letter("to many"))
    for recipient in recipients[:3]:
        await far.message(recipient)
        await sender.stands(recipient, Status.DELIVERED)
    assert len(await sender.inbox(BOB)) == 1
    lines = [line for line in await sender.log() if line.address.endswith("@plain.test")]
    assert len(lines) == 2
    assert lines[0].way == lines[1].way
