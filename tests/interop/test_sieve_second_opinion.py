"""What Pigeonhole's sieve-test makes of scripts and messages, and what we do.

Scripts come from seeds; what the two take differently is not among them, and the reason stands in
`sieve_samples`.
"""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from interop.programs import needs
from interop.sieve_samples import MESSAGES, Samples
from kit.sieve import NOW, run_programs
from pillarbox.formats.sieve.actions import Action, Discard, FileInto, Keep, Redirect
from pillarbox.formats.sieve.compiling import compile_script
from pillarbox.formats.sieve.limits import RunLimits
from pillarbox.formats.sieve.surroundings import Surroundings

SENDER, RECIPIENT = "bounce+tag@lists.example.org", "bob+news@example.com"
SEEDS = range(24)
UID = 5000  # which need not exist
LIMITS = RunLimits(redirects=8)
CONF = """\
mail_location = maildir:{folder}/Maildir
mail_home = {folder}
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 1
ssl = no
plugin {{
  sieve_max_redirects = 8
}}
"""
ACTION = re.compile(r"^ \* (.*?)\s*$((?:\n {8}\+ .*)*)", re.MULTILINE)
FLAGS = re.compile(r"\+ add IMAP flags:(.*)")
Told = frozenset[tuple[str, ...]]


def told_by(output: str) -> Told:
    """The actions in what sieve-test prints."""
    found = set()
    for action in ACTION.finditer(output):
        text, more = action.groups()
        flags = FLAGS.search(more)
        words = sorted(flags.group(1).lower().split()) if flags else []
        if text.startswith("store message in folder: "):
            found.add(("store", text.removeprefix("store message in folder: "), *words))
        elif text.startswith("redirect message to: "):
            address = text.removeprefix("redirect message to: ").strip("<>").lower()
            found.add(("redirect", address))
        else:
            found.add((text,))
    # We leave out a discard beside others, which does nothing.
    return frozenset(found - {("discard",)} or found)


def ours(action: Action) -> tuple[str, ...]:
    match action:
        case Keep():
            return ("store", "INBOX", *sorted(map(str.lower, action.flags)))
        case FileInto():
            return ("store", action.mailbox, *sorted(map(str.lower, action.flags)))
        case Redirect():
            return ("redirect", action.address.lower())
        case Discard():
            return ("discard",)
        case _:
            return (type(action).__name__,)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Messages, and a configuration; sieve-test does not work for root, nor in root's folders."""
    is_root = os.getuid() == 0
    uid, gid = (UID, UID) if is_root else (os.getuid(), os.getgid())
    with tempfile.TemporaryDirectory(prefix="sieve-test-", ignore_cleanup_errors=True) as name:
        made = Path(name)
        (made / "conf").write_text(CONF.format(folder=made, uid=uid, gid=gid))
        for number, message in enumerate(MESSAGES):
            (made / f"m{number}").write_bytes(message)
        if is_root:
            os.chown(made, uid, gid)
        yield made


def asked(folder: Path, script: Path, message: int) -> Told:
    done = subprocess.run(
        [
            *("sieve-test", "-c", str(folder / "conf"), "-f", SENDER, "-r", RECIPIENT),
            *(str(script), str(folder / f"m{message}")),
        ],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return told_by(done.stdout)


def samples(kind: str, seed: int) -> str:
    made = Samples(seed)
    if kind == "tests":
        return made.of_tests(20)
    return made.of_matches(12) if kind == "matches" else made.of_actions()


@needs("sieve-test")
@pytest.mark.parametrize("kind", ["tests", "matches", "actions"])
def test_we_agree(folder: Path, kind: str) -> None:
    here = Surroundings(NOW, SENDER, RECIPIENT)
    differing = []
    pairs = [(seed, number) for seed in SEEDS for number in range(len(MESSAGES))]
    scripts = {seed: samples(kind, seed) for seed in SEEDS}
    for seed, text in scripts.items():
        (folder / f"{kind}{seed}.sieve").write_text(text, "utf-8")
    with ThreadPoolExecutor(2) as pool:
        opinions = pool.map(
            lambda pair: asked(folder, folder / f"{kind}{pair[0]}.sieve", pair[1]), pairs
        )
        for (seed, number), theirs in zip(pairs, opinions, strict=True):
            program = compile_script(scripts[seed].encode())
            outcome = run_programs([program], MESSAGES[number], here, limits=LIMITS)
            assert outcome.failure is None, (seed, number, outcome.failure)
            mine = frozenset(map(ours, outcome.actions))
            if mine != theirs:
                differing.append((seed, number, sorted(mine - theirs), sorted(theirs - mine)))
    assert differing == []
