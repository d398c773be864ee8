"""ClamAV, SpamAssassin, rspamd and OpenDKIM as they are, asked by the checks."""

import base64
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit import scanners
from kit.checks import arrival
from kit.clock import FakeClock
from kit.mailauth import MESSAGE
from kit.scanners import EICAR, GTUBE, HOST, needs
from pillarbox.domain.judgement.model import Action, Finding
from pillarbox.formats.mailauth.keys import KeyAlgorithm, key_record, new_key
from pillarbox.formats.mailauth.message import read_message
from pillarbox.formats.mailauth.sign import Signer, sign
from pillarbox.net.daemon_address import DaemonAddress
from pillarbox.pipeline.inbound.checks.clamav import ClamavCheck
from pillarbox.pipeline.inbound.checks.milter import MilterCheck
from pillarbox.pipeline.inbound.checks.rspamd import RspamdCheck
from pillarbox.pipeline.inbound.checks.spamassassin import SpamAssassinCheck
from pillarbox.pipeline.scanning.clamd import Clamd, ClamdOptions
from pillarbox.pipeline.scanning.guard import Guard, GuardOptions
from pillarbox.pipeline.scanning.milter import Milter, MilterOptions
from pillarbox.pipeline.scanning.rspamd import Rspamd, RspamdOptions
from pillarbox.pipeline.scanning.spamassassin import SpamAssassin, SpamAssassinOptions

HOSTNAME = "mx.example.test"
HEADER = (
    "From: ann@sender.test\r\nTo: bob@example.test\r\nSubject: how are you\r\n"
    "Date: Thu, 01 Jan 2026 11:59:00 +0000\r\nMessage-ID: <one.two.three@sender.test>\r\n"
)
HARMLESS = (HEADER + "\r\nNothing to see here, but some words.\r\n").encode()
SPAM = (HEADER + f"\r\n{GTUBE}\r\n").encode()


def attached(name: str, content: bytes) -> bytes:
    """A message with an attachment."""
    lines = base64.encodebytes(content).decode().replace("\n", "\r\n")
    return (
        f'{HEADER}MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nlook at this\r\n--b\r\n"
        f'Content-Type: application/octet-stream; name="{name}"\r\n'
        "Content-Transfer-Encoding: base64\r\n"
        f'Content-Disposition: attachment; filename="{name}"\r\n\r\n{lines}--b--\r\n'
    ).encode()


def zipped(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("letter.txt", content)
    return packed.getvalue()


def guard(clock: FakeClock) -> Guard:
    return Guard("a daemon", GuardOptions(timeout_s=60), clock)


@pytest.fixture(scope="module")
def clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with scanners.clamd(tmp_path_factory.mktemp("clamd")) as path:
        yield path


@pytest.fixture(scope="module")
def spamd() -> Iterator[DaemonAddress]:
    with scanners.spamd() as port:
        yield DaemonAddress(host=HOST, port=port)


@pytest.fixture(scope="module")
def rspamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    with scanners.rspamd(tmp_path_factory.mktemp("rspamd")) as ports:
        yield ports


@needs("clamd")
@pytest.mark.parametrize(
    "content",
    [
        attached("test.com", EICAR.encode()),
        attached("test.zip", zipped(EICAR.encode())),
        attached("test.zip", zipped(zipped(EICAR.encode()))),
    ],
    ids=["plain", "zip", "zip in zip"],
)
async def test_clamd_finds_the_test_virus(clamd: Path, clock: FakeClock, content: bytes) -> None:
    scanner = Clamd(ClamdOptions(DaemonAddress(path=str(clamd))), guard(clock), clock)
    check = ClamavCheck(scanner, 60)
    (finding,) = await check.run(arrival(content))
    assert (finding.name, finding.action) == ("virus", Action.REFUSE)
    assert "Test.Eicar" in finding.detail
    assert "Test.Eicar" in finding.reply


@needs("clamd")
async def test_clamd_and_harmless_mail(clamd: Path, clock: FakeClock) -> None:
    options = ClamdOptions(DaemonAddress(path=str(clamd)), chunk_bytes=2048)
    check = ClamavCheck(Clamd(options, guard(clock), clock), 60)
    assert await check.run(arrival(HARMLESS)) == ()
    assert await check.run(arrival(attached("data", bytes(500_000)))) == ()
    over = HARMLESS.ljust(scanners.CLAMD_BYTES_MAX + 1, b"x")
    (finding,) = await check.run(arrival(over))
    assert (finding.name, finding.detail) == ("clamav_skipped", "larger than clamd takes")


@needs("spamd")
async def test_spamd(spamd: DaemonAddress, clock: FakeClock) -> None:
    one = SpamAssassin(SpamAssassinOptions(spamd), guard(clock), guard(clock))
    check = SpamAssassinCheck(one, HOSTNAME, clock)
    (finding,) = await check.run(arrival(HARMLESS))
    assert finding.name == "spamassassin_score"
    assert finding.points < 5
    assert "NO_RECEIVED" not in finding.detail  # it is shown the field that we are going to add
    (finding,) = await check.run(arrival(SPAM))
    assert (finding.name, finding.points) == ("spamassassin_spam", 10)
    assert "GTUBE" in finding.detail


@needs("spamd")
async def test_spamd_learns(spamd: DaemonAddress, clock: FakeClock) -> None:
    one = SpamAssassin(SpamAssassinOptions(spamd), guard(clock), guard(clock))
    for spam in (True, True, False):
        await one.learn(HARMLESS, spam)


@needs("rspamd")
async def test_rspamd(rspamd: tuple[int, int], clock: FakeClock) -> None:
    for port in rspamd:  # the worker and the controller
        address = DaemonAddress(host=HOST, port=port)
        options = RspamdOptions(address, password=scanners.PASSWORD)
        check = RspamdCheck(Rspamd(options, guard(clock), guard(clock)))
        (finding,) = await check.run(arrival(HARMLESS))
        assert finding.name in ("rspamd_score", "rspamd_defer")
        assert "FROM_EQ_ENVFROM" in finding.detail  # it was told the envelope
        (finding,) = await check.run(arrival(SPAM))
        assert (finding.name, finding.reply) == ("rspamd_reject", "Gtube pattern")
        assert finding.points > 5


@needs("rspamd")
async def test_rspamd_learns(rspamd: tuple[int, int], clock: FakeClock) -> None:
    address = DaemonAddress(host=HOST, port=rspamd[1])
    options = RspamdOptions(address, password=scanners.PASSWORD)
    one = Rspamd(options, guard(clock), guard(clock))
    for spam in (True, True, False):
        await one.learn(HARMLESS, spam)


@needs("opendkim")
@pytest.mark.parametrize(("changed", "result"), [(False, b"dkim=pass"), (True, b"dkim=fail")])
async def test_a_milter(tmp_path: Path, clock: FakeClock, changed: bool, result: bytes) -> None:
    signer = Signer("example.org", "sel", new_key(KeyAlgorithm.RSA, 2048))
    body = b"words in a line\r\n" * 10_000
    content = MESSAGE.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + body
    signature = sign(read_message(content), [signer], int(clock.now().timestamp()), lasts_s=None)
    content = signature + content + (b"and more\r\n" if changed else b"")
    key = key_record(signer.key.algorithm, signer.key.public())
    message = arrival(content)
    with scanners.opendkim(tmp_path, f"sel._domainkey.example.org {key}\n") as path:
        milter = Milter(MilterOptions(DaemonAddress(path=str(path))), guard(clock))
        findings: list[Finding] = list(await MilterCheck([milter], HOSTNAME).run(message))
    assert findings == []
    (field,) = message.results.added_fields
    assert field.startswith(b"Authentication-Results: mx.example.test;")
    assert result in field
