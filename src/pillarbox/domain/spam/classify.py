"""How likely a message is spam, by its tokens and what was learnt of them.

Each token's share of spam is drawn towards 0.5 the less often it was seen (Robinson); the most
telling ones are combined by Fisher's method, once for spam and once for ham, so that mail of which
nothing is known comes to 0.5. Pure; called by the check and by `pillarbox spam score`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pillarbox.domain.spam import store
from pillarbox.domain.spam.model import SERVER, Scope
from pillarbox.storage.tx import Tx

STRENGTH = 0.3
"""So many messages the assumption weighs that a token says nothing."""
TELLING_LEAST = 0.1
"""Tokens nearer to 0.5 than this are not looked at."""
TELLING_MOST = 150
"""So many of the most telling are."""


class Learnt(NamedTuple):
    """How often a token was learnt in a scope, and how many messages that scope learnt."""

    spam: int
    ham: int
    all_spam: int
    all_ham: int


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the tokens of a message come to: 0 ham, 1 spam.

    `own`: by what the account taught, with the server's knowledge of other tokens; else by the
    server's alone. `telling` are (number of the token, its probability), the most telling first.
    """

    probability: float
    own: bool
    telling: tuple[tuple[int, float], ...] = ()


def token_probability(learnt: Learnt) -> float:
    """How likely a message is spam that has this token and nothing else."""
    seen = learnt.spam + learnt.ham
    if not seen:
        return 0.5
    spam, ham = learnt.spam / max(learnt.all_spam, 1), learnt.ham / max(learnt.all_ham, 1)
    share = min(max(spam / (spam + ham), 0.0001), 0.9999)
    return (STRENGTH * 0.5 + seen * share) / (STRENGTH + seen)


def combine(probabilities: Sequence[float]) -> float:
    """One probability from several (Fisher's method, both ways)."""
    count = len(probabilities)
    if not count:
        return 0.5
    spam = _chi_square(-2 * math.fsum(math.log(1 - one) for one in probabilities), count)
    ham = _chi_square(-2 * math.fsum(math.log(one) for one in probabilities), count)
    return (1 + ham - spam) / 2


def judge(learnt: Sequence[Learnt | None], own: bool) -> Opinion:
    """The opinion on a message whose tokens were learnt so."""
    found = []
    for number, one in enumerate(learnt):
        if one is None:
            continue
        probability = token_probability(one)
        if abs(probability - 0.5) >= TELLING_LEAST:
            found.append((number, probability))
    found.sort(key=lambda one: -abs(one[1] - 0.5))
    del found[TELLING_MOST:]
    return Opinion(combine([probability for _, probability in found]), own, tuple(found))


def opinions(
    tx: Tx, known: dict[int, Scope], account_ids: Sequence[int], tokens: Sequence[bytes]
) -> dict[int, Opinion]:
    """The opinion for each account that taught enough itself, and under 0 the server's.

    `known` are their scopes. Those that learnt too little have none. An account's own knowledge of
    a token goes before the server's.
    """
    server = known.get(SERVER)
    general: list[Learnt | None] = [None] * len(tokens)
    found: dict[int, Opinion] = {}
    if server is not None and server.judges:
        general = _learnt(tx, server, tokens)
        found[SERVER] = judge(general, own=False)
    for account_id in account_ids:
        scope = known.get(account_id)
        if scope is None or not scope.judges:
            continue
        own = _learnt(tx, scope, tokens)
        merged = [mine or other for mine, other in zip(own, general, strict=True)]
        found[account_id] = judge(merged, own=True)
    return found


def _learnt(tx: Tx, scope: Scope, tokens: Sequence[bytes]) -> list[Learnt | None]:
    asked = store.digests(scope, tokens)
    counted = store.counts(tx, scope.id, asked)
    found: list[Learnt | None] = []
    for digest in asked:
        row = counted.get(digest)
        known = row is not None and row != (0, 0)
        found.append(Learnt(*row, scope.spam, scope.ham) if known and row is not None else None)
    return found


def _chi_square(value: float, pairs: int) -> float:
    """How likely chi-square with 2 x `pairs` degrees of freedom is at least `value`."""
    half = value / 2
    term = total = math.exp(-half)
    for number in range(1, pairs):
        term *= half / number
        total += term
    return min(total, 1.0)
