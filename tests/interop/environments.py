"""Libraries that others wrote, fetched from package indexes into environments of their own.

They lie in `.venv-interop`, are pinned with their hashes, and are made anew where that changes.
"""

import fcntl
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

_HOME = Path(__file__).resolve().parents[2] / ".venv-interop"
_FETCH_S = 240
_NO_INDEX = re.compile(
    r"No matching distribution|Could not find a version|NewConnectionError|Failed to establish"
    r"|ConnectTimeout|ReadTimeout|ProxyError|SSLError"
    r"|npm error code (E(NOTFOUND|AI_AGAIN|CONN\w+|NETUNREACH|TIMEDOUT|40[34]|50\d)|ERR_SOCKET\w*)"
)


def python_environment(pins: Path) -> Path:
    """An environment with what `requirements.txt` in a folder names; gives where it is.

    The sdist that `source.txt` names is unpacked into its folder `source`. Skips the test where
    no package index can be reached.
    """

    def make(folder: Path) -> None:
        _run(sys.executable, "-m", "venv", "--without-pip", str(folder))
        pip = (sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"))
        polite = ("--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout", "20")
        hashed = (*polite, "--require-hashes", "-r")
        _run(*pip, "install", *hashed, str(pins / "requirements.txt"))
        source = folder / "source"
        sdist = ("--no-deps", "--no-binary", ":all:", "--no-build-isolation", "-d", str(source))
        _run(*pip, "download", *sdist, *hashed, str(pins / "source.txt"))
        for archive in source.glob("*.tar.gz"):
            with tarfile.open(archive) as opened:
                opened.extractall(source, filter="data")

    return _made(pins, ("requirements.txt", "source.txt"), make)


def node_environment(pins: Path) -> Path:
    """An environment with what `package-lock.json` in a folder names; gives where it is.

    Skips the test where no package registry can be reached.
    """

    def make(folder: Path) -> None:
        folder.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copy(pins / name, folder)
        polite = ("--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1")
        _run("npm", "ci", *polite, "--prefix", str(folder))

    return _made(pins, ("package.json", "package-lock.json"), make)


def _made(pins: Path, names: tuple[str, ...], make: Callable[[Path], None]) -> Path:
    """The environment that these pins ask for, made if there is none; one process makes it."""
    digest = sha256(sys.version.encode())
    for name in names:
        digest.update((pins / name).read_bytes())
    folder = _HOME / f"{pins.name}-{digest.hexdigest()[:12]}"
    ready = folder / ".ready"
    _HOME.mkdir(exist_ok=True)
    with (_HOME / f"{pins.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            for old in _HOME.glob(f"{pins.name}-*"):
                shutil.rmtree(old)
            make(folder)
            ready.touch()
    return folder


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, timeout=_FETCH_S)
    output = (done.stdout + done.stderr).decode(errors="replace")
    if done.returncode and _NO_INDEX.search(output):
        pytest.skip("needs a package index")
    assert done.returncode == 0, output
