"""`pillarbox dev` and `serve --demo`: a server with accounts, and how to try it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from kit.live import LISTENERS, free_ports
from kit.wire import ImapWire, SmtpWire

_SOURCE = Path(__file__).resolve().parents[2] / "src"
_PORT = re.compile(r"(\w+) (\d+)(?=[,) ])")
_ACCOUNT = re.compile(r"^  (\S+@example\.test)  (.+)$", re.M)


class Trial:
    """A running trial and what it printed."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path, end: str) -> None:
        self.process = process
        for _ in range(1500):
            self.text = output.read_text()
            if end in self.text:
                break
            time.sleep(0.02)
        else:
            raise TimeoutError(self.text)
        first = self.text.splitlines()[0]
        self.ports = {name: int(number) for name, number in _PORT.findall(first)}
        self.accounts = dict(_ACCOUNT.findall(self.text))


@contextmanager
def running(
    folder: Path, end: str, *arguments: str, settings: Mapping[str, str] | None = None
) -> Iterator[Trial]:
    """`pillarbox` with these arguments, once it has printed `end`."""
    folder.mkdir(exist_ok=True)
    output = folder / "output"
    kept = {key: value for key, value in os.environ.items() if "PILLARBOX" not in key}
    kept |= {"PYTHONPATH": str(_SOURCE), "TMPDIR": str(folder)}
    kept |= {f"PILLARBOX_{key}": value for key, value in (settings or {}).items()}
    with output.open("wb") as out, (folder / "errors").open("ab") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "pillarbox", *arguments], env=kept, stdout=out, stderr=errors
        )
    try:
        yield Trial(process, output, end)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, (folder / "errors").read_text()


async def read_subjects(port: int, address: str, password: str) -> str:
    imap = await ImapWire.open(port, address, password, select="INBOX")
    found = await imap.ok("FETCH 1:* BODY[HEADER.FIELDS (SUBJECT)]")
    await imap.wire.close()
    return str(found)


async def test_dev_traps_mail_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "dev"
    with running(folder, "All data goes", "dev") as trial:
        assert list(trial.accounts) == [
            "alice@example.test",
            "bob@example.test",
            "trap@example.test",
        ]
        smtp = await SmtpWire.open(trial.ports["submission"])
        await smtp.login("alice@example.test", trial.accounts["alice@example.test"])
        code, text = await smtp.data(
            "alice@example.test", ("x@example.org",), b"Subject: caught\r\n\r\n\r\n"
        )
        assert code == 250, text
        await smtp.wire.close()
        password = trial.accounts["trap@example.test"]
        subjects = await read_subjects(trial.ports["imap"], "trap@example.test", password)
        assert "Welcome to pillarbox" in subjects
        assert "caught" in subjects
        assert list(folder.glob("pillarbox-dev-*"))
    assert not list(folder.glob("pillarbox-dev-*"))


def listening_on(port: int) -> tuple[str, ...]:
    """The addresses, as the kernel writes them, at which something listens on a port."""
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            fields = line.split()
            address, number = fields[1].split(":")
            if int(number, 16) == port and fields[3] == "0A":
                found.add(address)
    return tuple(sorted(found))


async def test_demo_makes_accounts_once(tmp_path: Path) -> None:
    numbers = free_ports(len(LISTENERS))
    settings = {f"{name}_PORT": str(port) for name, port in zip(LISTENERS, numbers, strict=True)}
    settings |= {"TLS_MODE": "off"}
    data = str(tmp_path / "data")
    call = ("--data", data, "serve", "--demo")
    with running(tmp_path / "first", "Try it:", *call, settings=settings) as trial:
        address, password = next(iter(trial.accounts.items()))
        assert len(trial.accounts) == 2
        assert trial.text.count("curl ") >= 2
        assert {listening_on(port) for port in trial.ports.values()} == {("0100007F",)}
        subjects = await read_subjects(trial.ports["imap"], address, password)
        assert "Welcome to pillarbox" in subjects
    with running(tmp_path / "second", "Try it:", *call, settings=settings) as again:
        assert set(again.accounts) == set(trial.accounts)
        assert password not in again.text
        subjects = await read_subjects(again.ports["imap"], address, password)
        assert subjects.count("Welcome to pillarbox") == 1
