"""imaptest, Dovecot's tester of IMAP servers: its scripts, and its stress mode with checkpoints.

How to build it is told in CONTRIBUTING.md. Its scripts are looked for in the folder that
`IMAPTEST_SCRIPTS` names. `IMAPTEST_SECS` is how long each stress run lasts (20 if not set).
"""

import imaplib
import mailbox
import os
import random
import re
import subprocess
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from interop.programs import ALICE, BOB, HOST, needs
from kit.live import LiveServer, live_server

pytestmark = needs("imaptest")

SCRIPTS = os.environ.get("IMAPTEST_SCRIPTS", "")
STRESS_S = int(os.environ.get("IMAPTEST_SECS", "20"))
CLIENTS = 10
MESSAGES = 300
NOT_OFFERED = ("search-context-update", "search-context-update2", "search-context-update3")
"""They need CONTEXT (RFC 5267), which this server does not announce: NOTIFY has taken its place."""
MISTAKEN = ("notify",)
"""It asks for MessageNew or MessageExpunge alone, which must be refused (RFC 5465 §5)."""

_WORDS = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa")
_COMPLAINT = re.compile(r"^(?:Error|Panic|Fatal|Warning): .*", re.MULTILINE)
_GROUPS = re.compile(r"^(\d+) test groups: (\d+) failed, (\d+) skipped", re.MULTILINE)


@pytest.fixture(scope="session")
def mbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The messages that stress mode appends."""
    path = tmp_path_factory.mktemp("imaptest") / "mbox"
    chance = random.Random(5)
    box = mailbox.mbox(path)
    for number in range(MESSAGES):
        message = EmailMessage()
        message["From"] = f"Sender {number} <sender{number}@example.test>"
        message["To"] = f"b{number % 7}@example.test"
        message["Subject"] = f"{chance.choice(_WORDS)} {number}"
        message["Date"] = f"Sat, {1 + number % 28} Nov 2026 10:{number % 60:02}:00 +0000"
        message["Message-ID"] = f"<{number}@example.test>"
        lines = range(chance.randint(3, 60))
        text = "\n".join(" ".join(chance.choices(_WORDS, k=10)) for _ in lines)
        message.set_content(text)
        if number % 5 == 0:
            message.add_alternative(f"<p>{text}</p>", subtype="html")
        box.add(message)
    box.close()
    return path


@pytest.fixture(scope="module", params=["sqlite-1", "sqlite-2", "postgresql-2"])
def stressed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    """A server of one or two workers on each database."""
    database, _, workers = request.param.partition("-")
    settings = {"WORKERS": workers, "TLS_MODE": "off", "CONNECTIONS_PER_IP": "1000"}
    if database == "postgresql":
        make: Callable[[], str] = request.getfixturevalue("new_postgres_dsn")
        settings |= {"DB_DRIVER": "postgresql", "DB_DSN": make()}
    with live_server(tmp_path_factory.mktemp(request.param), settings) as running:
        yield running
        assert "Traceback" not in running.log()


@pytest.mark.timeout(240)
@pytest.mark.skipif(not SCRIPTS, reason="needs IMAPTEST_SCRIPTS, the folder of imaptest's scripts")
def test_scripts(stressed: LiveServer) -> None:
    output = _imaptest(
        stressed, BOB, f"test={_without(NOT_OFFERED + MISTAKEN, stressed.folder)}", limit_s=120
    )
    summary = _GROUPS.search(output)
    assert summary, output[-2000:]
    assert summary[2] == "0", output[-6000:]
    assert int(summary[1]) > 60, summary[0]
    assert summary[3] == "0", "a script needs what is not announced: name it in NOT_OFFERED"


@pytest.mark.timeout(STRESS_S + 120)
def test_stress(stressed: LiveServer, mbox: Path) -> None:
    with imaplib.IMAP4(HOST, stressed.port("IMAP")) as client:
        client.login(ALICE, stressed.password)
        assert client.create("Stress")[0] == "OK"  # its \\Recent checks need an empty mailbox
    output = _imaptest(
        stressed,
        ALICE,
        f"mbox={mbox}",
        "box=Stress",
        f"clients={CLIENTS}",
        f"secs={STRESS_S}",
        "checkpoint=1",
        limit_s=STRESS_S + 60,
    )
    assert not _COMPLAINT.findall(output), "\n".join(_COMPLAINT.findall(output)[:20])
    assert "disconnected" not in output.lower(), output[-2000:]
    assert "Totals:" in output


def _without(names: tuple[str, ...], folder: Path) -> Path:
    """A folder with all scripts but those."""
    chosen = folder / "scripts"
    chosen.mkdir(exist_ok=True)
    for script in Path(SCRIPTS).iterdir():
        if script.name not in names and not (chosen / script.name).exists():
            (chosen / script.name).symlink_to(script)
    return chosen


def _imaptest(server: LiveServer, user: str, *arguments: str, limit_s: float) -> str:
    """What imaptest printed; a run that ends by a signal or hangs fails."""
    command = [
        "imaptest",
        f"host={HOST}",
        f"port={server.port('IMAP')}",
        f"user={user}",
        f"pass={server.password}",
        *arguments,
    ]
    done = subprocess.run(command, capture_output=True, timeout=limit_s)
    output = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode >= 0, output[-2000:]
    return output
