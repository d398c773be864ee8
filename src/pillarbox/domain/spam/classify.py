"""How likely a message is spam, by its tokens and what was learnt of them.

Each token's share of spam is drawn towards 0.5 the less often it was seen (Robinson); the most
telling ones are combined by Fisher's method, once for spam and once for ham, so that mail of which
nothing is known comes to 0.5. Pure; called by the check and by `pillarbox spam score`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import NamedTuple

from pillarbox.domain.spam import store
from pillarbox.domain.spam.model import SERVER, Scope
from pillarbox.formats.text.tokens import is_of_form
from pillarbox.storage.tx import Tx

# Chosen by trying on the SpamAssassin corpus (`bench/spam.py`).
STRENGTH = 0.3
"""So many messages the assumption weighs that a token says nothing."""
TELLING_LEAST = 0.35
"""Tokens nearer to 0.5 than this are not looked at."""
TELLING_MOST = 150
"""So many of the most telling are."""
INDEPENDENCE = 0.5
"""Tokens of one message hang together: this share of them counts as independent."""
ALIKE = 0.6
"""A message of whose tokens so many were learnt of one category alone resembles what was learnt.

Those that tell how it was made don't count, for a provider's mail has them in common, and a short
message has few others. Of the ham in SpamAssassin's public corpus, after learning up to 20 messages
of spam and nothing else, at most 0.03 % came out as alike; of other spam 0.4 to 11 %.
"""
TOKENS_LEAST = 30
"""Shorter messages resemble too many others."""
ALIKE_ALONE_MOST = 20
ALIKE_OTHERS_LEAST = 5
"""While only one category was learnt, every word counts for it: then so many messages at most."""


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
    server's alone. `weight` says how much it is worth, 0 without enough learnt. `like_spam` and
    `like_ham`: the message resembles one that the account taught. `telling` are (number of the
    token, its probability), the most telling first.
    """

    probability: float
    own: bool
    weight: float = 1.0
    like_spam: bool = False
    like_ham: bool = False
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
    if not probabilities:
        return 0.5
    count = max(1, round(len(probabilities) * INDEPENDENCE))
    share = count / len(probabilities)
    against_ham = -2 * share * math.fsum(math.log(1 - one) for one in probabilities)
    against_spam = -2 * share * math.fsum(math.log(one) for one in probabilities)
    return (1 + _chi_square(against_spam, count) - _chi_square(against_ham, count)) / 2


def judge(learnt: Sequence[Learnt | None], own: bool, weight: float = 1.0) -> Opinion:
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
    probability = combine([probability for _, probability in found])
    return Opinion(probability, own, weight, telling=tuple(found))


def opinions(
    tx: Tx, known: Mapping[int, Scope], account_ids: Sequence[int], tokens: Sequence[bytes]
) -> dict[int, Opinion]:
    """The opinion for each account that taught anything itself, and under 0 the server's.

    `known` are their scopes. An account's own knowledge of a token goes before the server's; one
    that taught too little to judge by has the server's opinion, and what its mail resembles.
    """
    server = known.get(SERVER)
    general: list[Learnt | None] = [None] * len(tokens)
    found: dict[int, Opinion] = {}
    own_words = [not is_of_form(token) for token in tokens]
    if server is not None and server.judges:
        general = _learnt(tx, server, tokens)
        found[SERVER] = judge(general, False, server.experience)
    for account_id in account_ids:
        scope = known.get(account_id)
        if scope is None or scope.id == SERVER or not scope.spam + scope.ham:
            continue
        own = _learnt(tx, scope, tokens)
        like_spam, like_ham = _alike(list(compress(own, own_words)), scope)
        if scope.judges:
            merged = [mine or other for mine, other in zip(own, general, strict=True)]
            opinion = judge(merged, True, scope.experience)
        else:
            opinion = found.get(SERVER, Opinion(0.5, False, 0.0))
        found[account_id] = replace(opinion, like_spam=like_spam, like_ham=like_ham)
    return found


def _alike(learnt: Sequence[Learnt | None], scope: Scope) -> tuple[bool, bool]:
    """Whether so many of the tokens that tell what a message says were only ever learnt as one."""
    spam = sum(one is not None and not one.ham for one in learnt)
    ham = sum(one is not None and not one.spam for one in learnt)
    wanted = ALIKE * max(len(learnt), TOKENS_LEAST)

    def holds(alike: int, its: int, others: int) -> bool:
        return alike >= wanted and (its <= ALIKE_ALONE_MOST or others >= ALIKE_OTHERS_LEAST)

    return holds(spam, scope.spam, scope.ham), holds(ham, scope.ham, scope.spam)


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
