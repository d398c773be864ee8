"""Scanners of other makers, as processes of a test: clamd, spamd, rspamd and OpenDKIM as a milter.

Each on loopback or a socket in the test's folder, with nothing but what is in that folder: ClamAV
with two signatures of our own, the spam filters without network.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kit.daemons import PATH, START_S, start, wait_for_port

HOST = "127.0.0.1"
EICAR = "X5O!P%@AP[4" + r"\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-ANTIVIRUS-" + "TEST-FILE!$H+H*"
"""The test virus of all scanners (eicar.org), in two pieces so that this file is left alone."""
GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-" + "ANTI-UBE-TEST-EMAIL*C.34X"
"""The test spam of all filters."""
PASSWORD = "correct-horse"
CLAMD_BYTES_MAX = 1 << 20
_END_S = 10.0


def needs(program: str) -> pytest.MarkDecorator:
    """Skips tests where a daemon is not installed."""
    missing = shutil.which(program, path=PATH) is None
    return pytest.mark.skipif(missing, reason=f"needs {program}")


def free_port() -> int:
    """A port nobody has now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def clamd(folder: Path) -> Iterator[Path]:
    """ClamAV's daemon; gives its socket."""
    database, path = folder / "signatures", folder / "clamd.ctl"
    database.mkdir()
    pattern = EICAR.encode().hex()
    (database / "test.ndb").write_text(f"Test.Eicar:0:*:{pattern}\n")
    config = folder / "clamd.conf"
    config.write_text(
        f"LocalSocket {path}\nDatabaseDirectory {database}\nForeground yes\nMaxThreads 4\n"
        f"StreamMaxLength {CLAMD_BYTES_MAX}\nTemporaryDirectory {folder}\nUser {_user()}\n"
    )
    log = folder / "clamd.log"
    with _running("clamd", "-c", str(config), log=log) as process:
        _wait(process, lambda: _speaks(path, b"zPING\0", b"PONG"), log)
        yield path


@contextmanager
def spamd() -> Iterator[int]:
    """SpamAssassin's daemon; gives its port.

    Under root it becomes nobody, who can't come into the folders of tests.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        site = folder / "site"
        site.mkdir()
        for one in (folder, site):
            one.chmod(0o777)
        (site / "local.cf").write_text(f"bayes_path {folder}/bayes\nskip_rbl_checks 1\n")
        plugins = ("Check", "Bayes", "HeaderEval", "BodyEval", "MIMEEval")
        lines = (f"loadplugin Mail::SpamAssassin::Plugin::{one}\n" for one in plugins)
        (site / "init.pre").write_text("".join(lines))
        port, log = free_port(), folder / "spamd.log"
        command = (
            *("spamd", f"--listen={HOST}:{port}", "--local", "--max-children=1", "--allow-tell"),
            *("--nouser-config", f"--siteconfigpath={site}", f"--helper-home-dir={folder}"),
        )
        with _running(*command, log=log) as process:
            wait_for_port(process, HOST, port, log=log)
            yield port


@contextmanager
def rspamd(folder: Path) -> Iterator[tuple[int, int]]:
    """rspamd; gives the ports of its worker and its controller."""
    worker, controller = free_port(), free_port()
    config, log = folder / "rspamd.conf", folder / "rspamd.log"
    config.write_text(
        f"""
        options {{
            filters = ""; disable_hyperscan = true; pidfile = "{folder}/rspamd.pid";
            dns {{ nameserver = "{HOST}:9"; timeout = 0.1s; retransmits = 1; }}
        }}
        lua = "$RULESDIR/rspamd.lua";
        actions {{ reject = 15; add_header = 6; greylist = 4; }}
        classifier "bayes" {{
            tokenizer {{ name = "osb"; }}
            backend = "sqlite3"; min_learns = 1; min_tokens = 1;
            statfile {{ symbol = "BAYES_HAM"; path = "{folder}/ham.sqlite"; spam = false; }}
            statfile {{ symbol = "BAYES_SPAM"; path = "{folder}/spam.sqlite"; spam = true; }}
        }}
        logging {{ type = "console"; level = "warning"; }}
        worker "normal" {{ bind_socket = "{HOST}:{worker}"; count = 1; }}
        worker "controller" {{
            bind_socket = "{HOST}:{controller}"; count = 1; password = "{PASSWORD}";
            enable_password = "{PASSWORD}"; secure_ip = "192.0.2.1";
        }}
        """
    )
    folders = [f"--var={name}={folder}" for name in ("DBDIR", "RUNDIR", "LOGDIR")]
    who = ("-u", _user(), "-g", _user("-g")) if os.geteuid() == 0 else ()
    command = ("rspamd", "-f", *(("-i",) if who else ()), *who, "-c", str(config), *folders)
    with _running(*command, log=log) as process:
        wait_for_port(process, HOST, worker, log=log)
        wait_for_port(process, HOST, controller, log=log)
        yield worker, controller


@contextmanager
def opendkim(folder: Path, records: str) -> Iterator[Path]:
    """OpenDKIM as a milter that verifies by these records; gives its socket."""
    path, config = folder / "opendkim.sock", folder / "opendkim.conf"
    (folder / "records").write_text(records)
    config.write_text(
        f"Mode v\nSyslog no\nSocket local:{path}\nTestDNSData file:{folder}/records\n"
        f"AuthservID mx.example.test\nKeepAuthResults yes\nAlwaysAddARHeader yes\n"
        f"Background no\nUserID {_user()}\n"
    )
    log = folder / "opendkim.log"
    with _running("opendkim", "-f", "-x", str(config), log=log) as process:
        _wait(process, path.exists, log)
        yield path
        process.kill()  # asked to end it would take five seconds; it has no children


def _user(kind: str = "-u") -> str:
    return subprocess.run(["id", "-n", kind], capture_output=True, text=True).stdout.strip()


def _speaks(path: Path, says: bytes, hears: bytes) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(START_S)
            client.connect(str(path))
            client.sendall(says)
            return client.recv(len(hears)) == hears
    except OSError:
        return False


def _wait(process: subprocess.Popen[bytes], ready: Callable[[], bool], log: Path) -> None:
    until_s = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < until_s:
        if ready():
            return
        time.sleep(0.02)
    raise AssertionError(f"{process.args!r} is not ready\n{log.read_text(errors='replace')}")


@contextmanager
def _running(*command: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = start(*command, log=log)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
