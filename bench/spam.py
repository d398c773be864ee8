"""How well the learning filter tells spam from ham, and what that costs; no server.

Ten-fold: the mail is divided by lot into ten parts, and each part is judged by what was learnt of
the other nine. Printed are precision (how much of what is called spam is spam), recall (how much of
the spam is called so) and how much ham would be lost, at several thresholds; then how good the
filter is while it has learnt only little; then what learning and judging cost on a database.

    python bench/spam.py --corpus DIR     # folders in it with "spam" or "ham" in their names
    python bench/spam.py                  # generated mail

The public corpus of SpamAssassin (folders easy_ham, hard_ham, spam, ...) can be given so. Without a
corpus mail is generated (`spam_mail.py`), whose figures say that the filter works, and nothing of
how well it does with real mail.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import spam_mail

from pillarbox.base.clock import SystemClock
from pillarbox.base.ids import IdSource
from pillarbox.domain.spam import classify, store, upkeep
from pillarbox.domain.spam.classify import Learnt
from pillarbox.domain.spam.model import SERVER, Category
from pillarbox.pipeline.inbound.checks.content import read_content
from pillarbox.pipeline.inbound.checks.tokens import tokens_of
from pillarbox.pipeline.learning.training import learn_contents
from pillarbox.storage.db import Database
from pillarbox.storage.dialect.sqlite import SqliteDialect
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.migrate import ensure_schema

FOLDS = 10
THRESHOLDS = (0.5, 0.8, 0.95, 0.99, 0.999)
FEW = (5, 10, 20, 50, 200)
FEW_ROUNDS, FEW_JUDGED = 8, 300
ON_DATABASE = 400
AT_ONCE = 8


class Sample(NamedTuple):
    """The tokens of a message, and whether it is spam."""

    tokens: tuple[bytes, ...]
    spam: bool


class Measured(NamedTuple):
    """What came out at one threshold."""

    threshold: float
    precision: float
    recall: float
    ham_lost: float


Judged = list[tuple[float, bool]]
"""The probability of each message, and whether it is spam."""


def corpus(folder: Path) -> tuple[list[bytes], list[bytes]]:
    """Ham and spam in the folders of a corpus, by their names."""
    ham: list[bytes] = []
    spam: list[bytes] = []
    for one in sorted(folder.iterdir()):
        name = one.name.lower()
        if not one.is_dir() or not ("ham" in name or "spam" in name):
            continue
        target = ham if "ham" in name else spam
        for file in sorted(one.rglob("*")):
            if file.is_file() and file.name != "cmds":
                target.append(message(file.read_bytes()))
    return ham, spam


def message(data: bytes) -> bytes:
    """A file of a corpus as a message comes."""
    if data.startswith(b"From "):
        data = data.partition(b"\n")[2]
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def judge(learnt: Sequence[Sample], asked: Sequence[Sample]) -> Judged:
    """The opinion on some messages after learning others, in memory."""
    spam: Counter[bytes] = Counter()
    ham: Counter[bytes] = Counter()
    for one in learnt:
        (spam if one.spam else ham).update(one.tokens)
    spams = sum(one.spam for one in learnt)
    hams = len(learnt) - spams

    def known(token: bytes) -> Learnt | None:
        seen = (spam[token], ham[token])
        return Learnt(*seen, spams, hams) if any(seen) else None

    return [
        (classify.judge([known(token) for token in one.tokens], own=False).probability, one.spam)
        for one in asked
    ]


def ten_fold(samples: list[Sample]) -> Judged:
    """Every message, judged by what was learnt of nine tenths of the others."""
    random.Random(1).shuffle(samples)
    judged: Judged = []
    for fold in range(FOLDS):
        rest = [one for number, one in enumerate(samples) if number % FOLDS != fold]
        judged += judge(rest, samples[fold::FOLDS])
    return judged


def after_few(samples: list[Sample], few: int) -> Judged:
    """Some messages, judged after so many of each kind were learnt; several times."""
    judged: Judged = []
    for number in range(FEW_ROUNDS):
        dice = random.Random(number)
        order = dice.sample(samples, len(samples))
        spam = [one for one in order if one.spam]
        ham = [one for one in order if not one.spam]
        rest = dice.sample(spam[few:] + ham[few:], min(FEW_JUDGED, len(samples) - 2 * few))
        judged += judge(spam[:few] + ham[:few], rest)
    return judged


def measure(judged: Judged) -> list[Measured]:
    """Precision, recall and lost ham at each threshold."""
    spams = sum(spam for _, spam in judged)
    found = []
    for threshold in THRESHOLDS:
        right = sum(spam and probability >= threshold for probability, spam in judged)
        wrong = sum(not spam and probability >= threshold for probability, spam in judged)
        precision = right / (right + wrong) if right + wrong else 1.0
        lost = wrong / max(len(judged) - spams, 1)
        found.append(Measured(threshold, precision, right / max(spams, 1), lost))
    return found


def show(what: str, judged: Judged) -> None:
    print(f"{what}: {len(judged)} judged, {sum(spam for _, spam in judged)} of them spam")
    print("  spam from   precision   recall   ham lost")
    for one in measure(judged):
        print(
            f"  {one.threshold:<9}   {one.precision:9.2%}  {one.recall:7.2%}   {one.ham_lost:8.3%}"
        )


async def on_database(ham: list[bytes], spam: list[bytes], folder: Path) -> dict[str, float]:
    """Milliseconds of CPU to learn and to judge a message on SQLite, and rows of tokens."""
    dialect = SqliteDialect(folder / "mail.db", checkpoint=True)
    ensure_schema(dialect, folder / "lock")
    database = Database(
        dialect,
        clock=SystemClock(),
        ids=IdSource(),
        publish=lambda topic: None,
        lock_path=folder / "lock",
    )
    keys = KeyRing({1: bytes(32)})
    try:
        began = time.process_time()
        for category, some in ((Category.SPAM, spam), (Category.HAM, ham)):
            for start in range(0, len(some), AT_ONCE):
                await learn_contents(database, keys, some[start : start + AT_ONCE], category)
        learnt_s = time.process_time() - began
        tokens_s = judged_s = 0.0
        for data in ham + spam:
            content = read_content(data)
            began = time.process_time()
            tokens = tokens_of(content)
            tokens_s += time.process_time() - began
            began = time.process_time()
            known = await database.lookup(store.scopes, keys, ())
            await database.read(classify.opinions, known, (), tokens)
            judged_s += time.process_time() - began
        rows = await database.read(upkeep.tokens, SERVER)
    finally:
        await database.close()
    count = len(ham) + len(spam)
    return {
        "learn_ms": 1000 * learnt_s / count,
        "tokens_ms": 1000 * tokens_s / count,
        "judge_ms": 1000 * judged_s / count,
        "rows": rows,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, help="folders of ham and spam")
    parser.add_argument("--most", type=int, default=0, help="of each kind, by lot")
    options = parser.parse_args()
    if options.corpus is not None:
        ham, spam = corpus(options.corpus)
        print(f"Corpus: {options.corpus}, {len(ham)} ham, {len(spam)} spam")
        if not ham or not spam:
            raise SystemExit("There are no folders of ham and of spam in it")
    else:
        ham, spam = spam_mail.generated()
        print(f"Generated mail, which is no measure of real mail: {len(ham)} ham, {len(spam)} spam")
    if options.most:
        dice = random.Random(2)
        ham = dice.sample(ham, min(options.most, len(ham)))
        spam = dice.sample(spam, min(options.most, len(spam)))
    samples = [
        Sample(tokens_of(read_content(data), stored=True), is_spam)
        for some, is_spam in ((ham, False), (spam, True))
        for data in some
    ]
    print(f"{sum(len(one.tokens) for one in samples) / len(samples):.0f} tokens a message")
    show("Ten-fold", ten_fold(samples))
    for few in FEW:
        if few * 2 < min(len(ham), len(spam)):
            show(f"After {few} of each", after_few(samples, few))
    some = random.Random(3)
    chosen = [some.sample(one, min(ON_DATABASE, len(one))) for one in (ham, spam)]
    with tempfile.TemporaryDirectory() as folder:
        cost = asyncio.run(on_database(*chosen, Path(folder)))
    print(
        f"CPU on SQLite, a message: {cost['tokens_ms']:.2f} ms for its tokens,"
        f" {cost['judge_ms']:.2f} ms to judge, {cost['learn_ms']:.2f} ms to learn (with tokens,"
        f" {AT_ONCE} at once); {cost['rows']:.0f} rows after {sum(map(len, chosen))} messages"
    )


if __name__ == "__main__":
    main()
