"""Made-up mail for `spam.py` where no corpus is at hand: the same on every run.

Both kinds are made of phrases: half of them from a stock that all share, most of the others from
the kind's own, some from the other kind's; one message in twenty has the phrases of the other kind
altogether. It is unlike real mail in both ways: its kinds share far more, and one in twenty is in
the wrong place; but nobody writes it to get past a filter, and nothing in it changes over time.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

COUNT = 1500
PHRASES = 60
ODD_ONE_IN = 20

_SYLLABLES = "ba be bi do du fa fe gi go ha ke ki la le lo ma me mi na no pa pe ra re ri so"


def _words(dice: random.Random, count: int) -> list[str]:
    return ["".join(dice.choices(_SYLLABLES.split(), k=dice.randint(2, 4))) for _ in range(count)]


def _phrases(dice: random.Random, count: int) -> list[str]:
    words = _words(dice, count)
    return [" ".join(dice.choices(words, k=dice.randint(2, 6))) for _ in range(count)]


class _Kind:
    """One kind of mail: its phrases, its senders, and the hosts it comes over and links to."""

    def __init__(self, seed: int, shared: Sequence[str], senders: int) -> None:
        dice = random.Random(seed)
        self.shared = shared
        self.own = _phrases(dice, 600)
        self.hosts = [f"{word}.test" for word in _words(dice, senders)]

    def message(self, dice: random.Random, other: _Kind, number: int) -> bytes:
        """One message, some of whose phrases are the other kind's."""
        like = other if dice.randrange(ODD_ONE_IN) == 0 else self
        foreign = self if like is other else other
        pools = dice.choices((like.shared, like.own, foreign.own), (50, 38, 12), k=PHRASES)
        text = [pool[int(len(pool) * dice.random() ** 3)] for pool in pools]  # some far oftener
        host = dice.choice(self.hosts)
        subject = " ".join(text[:2])
        body = " ".join(text)
        link = f"https://{dice.choice(like.hosts)}/{number}"
        html = dice.random() < 0.5
        if html:
            body = f'<html><body><p>{body}</p><a href="{link}">{text[7]}</a></body></html>'
        else:
            body = f"{body}\n{link}"
        return (
            (
                f"Received: from mx.{host} (mx.{host} [192.0.2.{dice.randrange(1, 250)}])\n"
                f"\tby mx.example.test with ESMTP id {number}; Thu, 01 Jan 2026 12:00:00 +0000\n"
                f"From: {text[3]} <sender{number % 9}@{host}>\n"
                f"To: bob@example.test\nSubject: {subject}\n"
                f"Message-ID: <{number}@{host}>\nMIME-Version: 1.0\n"
                f"Content-Type: text/{'html' if html else 'plain'}; charset=utf-8\n\n{body}\n"
            )
            .replace("\n", "\r\n")
            .encode()
        )


def generated(count: int = COUNT) -> tuple[list[bytes], list[bytes]]:
    """So many messages of ham, and of spam."""
    shared = _phrases(random.Random(11), 800)
    ham, spam = _Kind(12, shared, 150), _Kind(13, shared, 500)
    dice = random.Random(14)
    return (
        [ham.message(dice, spam, number) for number in range(count)],
        [spam.message(dice, ham, number) for number in range(count, 2 * count)],
    )
