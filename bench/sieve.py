"""What a filter script costs: CPU to compile it, and to run it over a message; no server.

    python bench/sieve.py --messages 300 --rounds 5

The script has 200 rules, of which next to none holds, so that all are tried for each message; mail
is generated (`corpus.py`). Both sides get the same script and the same messages. Of pillarbox the
CPU time of this process is taken: `compile` is from text to program, `run` a message that nothing
is known of yet with the program at hand, parsing included. Where Pigeonhole is installed it stands
beside, its CPU time as the kernel counts it (RUSAGE_CHILDREN), with its compiled script on disk:
`compile` is a process of `sievec` for each script, `run` one of `sieve-filter` over a mailbox with
all messages, which is what is compared; it has their header fields in its index. `each` is one of
`sieve-test` for each message, which reads the compiled script anew every time. What a script costs
that only keeps is taken off on both sides. Milliseconds, the median of the rounds.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "src")]

import corpus  # noqa: E402

from pillarbox.formats.sieve.compiling import compile_script  # noqa: E402
from pillarbox.formats.sieve.message import Message  # noqa: E402
from pillarbox.formats.sieve.program import Program  # noqa: E402
from pillarbox.formats.sieve.running import run_scripts  # noqa: E402
from pillarbox.formats.sieve.surroundings import Surroundings  # noqa: E402

RULES = 200
MOST_MS = 1.0
"""What compiling the script once and running it may cost for a message that it is cached for."""
EMPTY = b"keep;\r\n"
COMPILED_AT_ONCE = 10
PIGEONHOLE = ("sievec", "sieve-test", "sieve-filter")
UID = 5000  # which need not exist
CONFIG = """\
mail_location = maildir:{0}/mail
mail_home = {0}
mail_uid = {1}
mail_gid = {2}
first_valid_uid = 1
ssl = no
"""

_TESTS = (
    'header :contains "subject" "{word}"',
    'header :contains ["from", "to", "cc"] "{word}@{word}"',
    'address :is :domain "from" "{word}.example"',
    'header :is "list-id" "<{word}.example>"',
    'address :contains :localpart ["to", "cc"] "{word}"',
    'header :matches "subject" "*{word}*{other}*"',
    'header :contains "x-mailer" "{word}"',
    'address :is ["from", "sender"] "{word}@{other}.example"',
)


def script(rules: int = RULES) -> bytes:
    """A script of so many rules; its words occur in no message."""
    dice = random.Random(5)
    lines = ['require "fileinto";']
    for number in range(rules):
        word, other = (f"zq{dice.randrange(10**6):06}x" for _ in range(2))
        test = _TESTS[number % len(_TESTS)].format(word=word, other=other)
        lines.append(f'if {test} {{ fileinto "Rule{number}"; stop; }}')
    return "\r\n".join([*lines, ""]).encode()


def spent_ms(work: Callable[[], object], count: int) -> float:
    """CPU of this process for one of `count`."""
    begun_s = time.process_time()
    work()
    return (time.process_time() - begun_s) * 1000 / count


def quietly(command: Sequence[str]) -> object:
    return subprocess.run(command, check=True, capture_output=True)


def children_ms(
    commands: Sequence[Sequence[str]], call: Callable[[Sequence[str]], object] = quietly
) -> float:
    """CPU of one of these commands, which must succeed."""

    def used_s() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    begun_s = used_s()
    for command in commands:
        call(command)
    return (used_s() - begun_s) * 1000 / len(commands)


class Ours:
    """Pillarbox's cost of each kind."""

    kinds = ("compile", "run")

    def __init__(self, contents: Sequence[bytes]) -> None:
        self._contents = contents
        self._surroundings = Surroundings(
            datetime.now(UTC), f"a@{corpus.DOMAIN}", "bench@example.test"
        )

    def compile(self, text: bytes) -> float:
        def work() -> None:
            for _ in range(COMPILED_AT_ONCE):
                compile_script(text)

        return spent_ms(work, COMPILED_AT_ONCE)

    def run(self, text: bytes) -> float:
        program = compile_script(text)

        def work() -> None:
            for content in self._contents:
                self._once(program, content)

        return spent_ms(work, len(self._contents))

    def _once(self, program: Program, content: bytes) -> None:
        outcome = run_scripts([program], Message(content), self._surroundings, {}, {})
        if outcome.failure is not None or len(outcome.actions) != 1:
            raise RuntimeError(f"the script did not keep a message: {outcome}")


class Theirs:
    """Pigeonhole's."""

    kinds = ("compile", "run", "each")

    def __init__(self, contents: Sequence[bytes], folder: Path) -> None:
        self._folder = folder
        self._config = folder / "dovecot.conf"
        # sieve-test does not work for root.
        self._owner = (UID, UID) if os.getuid() == 0 else (os.getuid(), os.getgid())
        self._config.write_text(CONFIG.format(folder, *self._owner))
        os.chown(folder, *self._owner)
        mailbox = folder / "mail"
        for kind in ("cur", "new", "tmp"):
            (mailbox / kind).mkdir(parents=True)
        self._mail = []
        for number, content in enumerate(contents):
            path = mailbox / "cur" / f"{number}.bench:2,S"
            path.write_bytes(content)
            self._mail.append(str(path))
        for path in (mailbox, *mailbox.rglob("*")):
            os.chown(path, *self._owner)
        self._scripts = 0

    def compile(self, text: bytes) -> float:
        return children_ms(
            [
                ("sievec", "-c", str(self._config), path, f"{path}.svbin")
                for path in (str(self._kept(text)) for _ in range(COMPILED_AT_ONCE))
            ]
        )

    def run(self, text: bytes) -> float:
        """By a process for all messages, which it leaves where they are."""
        path = self._ready(text)
        command = ("sieve-filter", "-c", str(self._config), "-e", "-W", path, "INBOX", "keep")
        said = self._by_owner(command).stderr
        if said.count("left message in mailbox 'INBOX'") != len(self._mail):
            raise RuntimeError(f"sieve-filter did not keep all messages: {said}")
        return self._cost(path, [command], by_owner=True) / len(self._mail)

    def each(self, text: bytes) -> float:
        """By a process for each message."""
        path = self._ready(text)
        commands = [("sieve-test", "-c", str(self._config), path, mail) for mail in self._mail]
        said = subprocess.run(commands[0], check=True, capture_output=True, text=True).stdout
        if "store message in folder: INBOX" not in said:
            raise RuntimeError(f"sieve-test did not keep a message: {said}")
        return self._cost(path, commands)

    def _ready(self, text: bytes) -> str:
        """A script with its compiled form beside it."""
        path = str(self._kept(text))
        compiled = path.removesuffix(".sieve") + ".svbin"
        subprocess.run(
            ("sievec", "-c", str(self._config), path, compiled), check=True, capture_output=True
        )
        # Younger than the script, and readable: or it would be compiled anew.
        now = time.time()
        os.utime(path, (now - 60, now - 60))
        os.chown(compiled, *self._owner)
        return path

    def _cost(
        self, path: str, commands: Sequence[Sequence[str]], *, by_owner: bool = False
    ) -> float:
        compiled = Path(path.removesuffix(".sieve") + ".svbin")
        before = compiled.stat().st_mtime_ns
        cost = children_ms(commands, self._by_owner if by_owner else quietly)
        if compiled.stat().st_mtime_ns != before:
            raise RuntimeError("the script was compiled anew")
        return cost

    def _by_owner(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run it as who owns the mailbox; sieve-filter takes the user it runs as."""
        user, group = self._owner if os.getuid() == 0 else (None, None)
        return subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
            user=user,
            group=group,
            env={"PATH": os.environ["PATH"], "HOME": str(self._folder), "USER": "bench"},
        )

    def _kept(self, text: bytes) -> Path:
        self._scripts += 1
        path = self._folder / f"{self._scripts}.sieve"
        path.write_bytes(text)
        return path


def measure(side: Ours | Theirs, rounds: int) -> dict[str, tuple[float, float, float]]:
    """By kind: with the script, with one that only keeps, and the difference."""
    text = script()
    found = {}
    for kind in side.kinds:
        cost: Callable[[bytes], float] = getattr(side, kind)
        pairs = [(cost(text), cost(EMPTY)) for _ in range(rounds + 1)][1:]
        whole, bare = (statistics.median(column) for column in zip(*pairs, strict=True))
        found[kind] = whole, bare, statistics.median(one - other for one, other in pairs)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    contents = [corpus.message(number) for number in range(options.messages)]
    ours = measure(Ours(contents), options.rounds)
    rows = {f"pillarbox {kind}": found for kind, found in ours.items()}
    if all(map(shutil.which, PIGEONHOLE)):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            theirs = measure(Theirs(contents, Path(folder)), options.rounds)
        rows |= {f"pigeonhole {kind}": found for kind, found in theirs.items()}
    print(f"{RULES} rules, {options.messages} messages of 2 kB; ms of CPU\n")
    print(f"{'':20} {'whole':>8} {'empty':>8} {'script':>8}")
    for name, (whole, bare, difference) in rows.items():
        print(f"{name:20} {whole:8.3f} {bare:8.3f} {difference:8.3f}")
    for kind, found in ours.items():
        peer = rows.get(f"pigeonhole {kind}")
        if peer is not None:
            print(f"{kind}: pillarbox takes {found[2] / peer[2]:.2f} times what pigeonhole takes")
    if ours["run"][0] > MOST_MS:
        sys.exit(f"a run takes more than {MOST_MS} ms")


if __name__ == "__main__":
    main()
