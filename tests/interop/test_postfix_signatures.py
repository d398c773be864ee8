"""Signatures and seals after a way through Postfix: good to dkimpy and to OpenDKIM beside it."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dkim
import dns.flags
import dns.message
import dns.query
import pytest

from interop.programs import HOST, needs
from interop.sites import Sites
from kit.daemons import START_S, start, wait_for_port
from kit.far import Far, needs_postfix
from kit.nameserver import NameServer
from kit.sender import ALICE, EIGHT_BITS, Sender, letter
from pillarbox.domain.accounts import aliases
from pillarbox.domain.accounts.domains import require
from pillarbox.domain.accounts.model import TOPIC
from pillarbox.domain.queue.model import Outcome, Status
from pillarbox.domain.signing import keys
from pillarbox.domain.signing.make import KeyChoice, first_keys
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

pytestmark = needs_postfix

OPENDKIM = shutil.which("opendkim", path="/usr/sbin:/usr/local/sbin:/usr/bin") or "opendkim"
SUE = "sue@plain.test"
BODIES = {
    "words": "Words.",
    "blank": " \r\na\t b \r\n\r\n\r\n",
    "dots": ".\r\n..\r\nFrom me\r\n.",
    "eight bits": "Schöne  Grüße",
    "much": "many words in this line\r\n" * 20_000,
    "nothing": "",
}


def _make_keys(tx: Tx, ring: KeyRing) -> None:
    domain = require(tx, "example.test")
    keys.add_first(tx, ring, domain.id, first_keys(KeyChoice.BOTH, "mail"))


def _published(tx: Tx) -> dict[str, str]:
    found = keys.of_domain(tx, require(tx, "example.test").id)
    return {key.record_name("example.test"): key.record for key in found}


@pytest.fixture
async def signing(sender: Sender, names: NameServer) -> Sender:
    """The server with two keys, whose records are published."""
    services = sender.app.services
    await services.database.write(_make_keys, services.keys)
    services.bus.publish(TOPIC)
    lines = []
    for name, record in (await services.database.read(_published)).items():
        pieces = [f'"{record[at : at + 255]}"' for at in range(0, len(record), 255)]
        lines.append(f"{name}. TXT {' '.join(pieces)}")
    names.add("example.test", "\n".join(lines))
    return sender


@pytest.fixture
def records(names: NameServer) -> Callable[..., bytes]:
    """Asks the name server for TXT, as dkimpy wants it done."""

    def look_up(name: bytes, timeout: float = 5) -> bytes:
        query = dns.message.make_query(name.decode(), "TXT")
        found = dns.query.udp_with_fallback(query, "127.0.0.1", timeout, names.port)[0]
        return b"".join(b"".join(one.strings) for rrset in found.answer for one in rrset)

    return look_up


async def verified(content: bytes, records: Callable[..., bytes]) -> list[bool]:
    """What dkimpy says of each signature, the uppermost first."""

    def verifies(message: dkim.DKIM, at: int) -> bool:
        try:
            return bool(message.verify(at, dnsfunc=records))
        except dkim.ValidationError:
            return False

    def check() -> list[bool]:
        count = len(re.findall(rb"^DKIM-Signature:", content, re.MULTILINE))
        message = dkim.DKIM(content)
        return [verifies(message, at) for at in range(count)]

    return await asyncio.to_thread(check)


@pytest.mark.parametrize("name", BODIES)
async def test_dkimpy(signing: Sender, far: Far, records: Callable[..., bytes], name: str) -> None:
    recipient = f"{name.replace(' ', '-')}@tls.test"
    content = letter("a subject\r\n that is  folded", BODIES[name])
    await signing.send(recipient, content=content, mail="BODY=8BITMIME")
    taken = await far.message(recipient)
    assert taken.content.endswith(content)
    assert await verified(taken.content, records) == [True, True]
    kinds = re.findall(rb"^DKIM-Signature: v=1; a=([a-z0-9-]+);", taken.content, re.MULTILINE)
    assert sorted(kinds) == [b"ed25519-sha256", b"rsa-sha256"]
    changed = taken.content.replace(b"Subject: a", b"Subject: b")
    assert await verified(changed, records) == [False, False]


async def test_records_as_they_are_printed(
    signing: Sender, far: Far, names: NameServer, records: Callable[..., bytes]
) -> None:
    names.add("example.test", await signing.command("dkim", "show", "example.test", "--zone"))
    await signing.send("printed@tls.test")
    taken = await far.message("printed@tls.test")
    assert await verified(taken.content, records) == [True, True]


async def test_what_was_converted_is_signed_anew(
    signing: Sender, far: Far, records: Callable[..., bytes]
) -> None:
    content = letter("eight", "Grüße", fields=EIGHT_BITS)
    await signing.send("ann@simple.test", content=content, mail="BODY=8BITMIME")
    taken = await far.message("ann@simple.test")
    assert taken.content.endswith(b"Gr=C3=BC=C3=9Fe\r\n")
    # Those it had before are worth nothing any more, and stay all the same (RFC 6376 §4.2).
    assert (await verified(taken.content, records))[:2] == [True, True]


@contextmanager
def opendkim(folder: Path, port: int, records: dict[str, str]) -> Iterator[None]:
    """OpenDKIM as a milter that checks, with these records instead of the DNS."""
    (folder / "records").write_text("".join(f"{name} {text}\n" for name, text in records.items()))
    (folder / "conf").write_text(
        f"Mode v\nSyslog no\nSocket inet:{port}@127.0.0.1\nAuthservID checked.test\n"
        f"TestDNSData file:{folder}/records\nAlwaysAddARHeader yes\nUMask 077\n"
    )
    process = start(OPENDKIM, "-f", "-x", str(folder / "conf"))
    try:
        wait_for_port(process, HOST, port)
        yield
    finally:
        process.kill()  # it takes seconds to end by itself, and keeps nothing
        process.wait(START_S)


@needs(OPENDKIM)
async def test_opendkim_beside_postfix(
    signing: Sender, far: Far, sites: Sites, tmp_path: Path
) -> None:
    shown = await signing.app.services.database.read(_published)
    with opendkim(tmp_path, sites.milter_port, shown):
        await signing.send("ann@milter.test", content=letter("checked", "Grüße\r\n\r\n"))
        taken = await far.message("ann@milter.test")
    results = re.search(r"^Authentication-Results: .*\n(?:[\t ].*\n)*", taken.trace, re.MULTILINE)
    assert results is not None, taken.trace
    assert results[0].count("dkim=pass") == 2
    assert "header.d=example.test" in results[0]
    assert "fail" not in results[0]


@pytest.fixture
async def forwarding(signing: Sender) -> AsyncIterator[Sender]:
    """The server with aliases that lead outside."""
    services = signing.app.services
    for name, target in (
        ("away", "ann@tls.test"),
        ("late", "nobody@late.test"),
        ("gone", "nobody@tls.test"),
    ):
        await services.database.write(aliases.create, f"{name}@example.test", [target])
    services.bus.publish(TOPIC)
    return signing


async def test_a_forward_is_sealed_and_has_a_reverse_path_of_ours(
    forwarding: Sender, far: Far, records: Callable[..., bytes]
) -> None:
    content = letter("forwarded", "Word  for word.", SUE)
    await forwarding.take(SUE, "away@example.test", content=content)
    taken = await far.message("ann@tls.test")
    assert re.fullmatch(r"SRS0=[^=]+=[^=]+=plain\.test=sue@example\.test", taken.sender)
    assert taken.content.endswith(content)

    def sealed(message: bytes) -> tuple[bytes, str]:
        validity, _, why = dkim.arc_verify(message, dnsfunc=records)
        return validity, why

    assert await asyncio.to_thread(sealed, taken.content) == (b"pass", "success")
    changed = taken.content.replace(b"Word  for", b"Word not")
    assert (await asyncio.to_thread(sealed, changed))[0] == b"fail"


async def test_a_report_on_a_forward_finds_its_sender(forwarding: Sender, far: Far) -> None:
    """Postfix took it, and its report to the SRS address goes to who wrote the message."""
    await forwarding.take(SUE, "late@example.test", content=letter("to late", sender=SUE))
    report = await far.message(SUE)
    assert report.sender == ""
    assert b"Reporting-MTA: dns; mx.far.test\r\n" in report.content
    assert b"Subject: to late\r\n" in report.content
    assert await forwarding.inbox(ALICE) == []


async def test_a_forward_that_is_refused_at_once(forwarding: Sender, far: Far) -> None:
    await forwarding.take(SUE, "gone@example.test", content=letter("to gone", sender=SUE))
    line = await forwarding.line(Outcome.FAILED)
    assert (line.code, line.enhanced) == (550, "5.1.1")
    report = await far.message(SUE)
    assert report.sender == ""
    assert b"Reporting-MTA: dns; mx.example.test\r\n" in report.content
    await forwarding.stands(SUE, Status.DELIVERED)


async def test_reverse_paths_can_not_be_made_up(forwarding: Sender) -> None:
    """Else anybody could send reports to anybody by us."""
    with pytest.raises(AssertionError, match="550"):
        await forwarding.take("", "SRS0=AAAA=AA=plain.test=sue@example.test")
