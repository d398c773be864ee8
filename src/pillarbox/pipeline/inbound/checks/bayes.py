"""What users here taught of spam, applied to a message (`domain/spam`).

Each account that taught anything has an opinion of its own; the others share the server's. Points
grow with the probability and with how much was learnt. The server's word alone never makes mail
junk; that of the user who taught enough does where it is as good as certain, and so does a message
that resembles one the user called spam, from the first one on.
"""

import asyncio
from collections.abc import Sequence

from pillarbox.base.ids import AccountId
from pillarbox.domain.judgement.model import Finding, Kind, Stage
from pillarbox.domain.spam import classify, store
from pillarbox.domain.spam.classify import Opinion
from pillarbox.domain.spam.model import SERVER
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.check import Check
from pillarbox.pipeline.inbound.checks.tokens import QUICK_BYTES, tokens_of
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

DEADLINE_S = 5.0
ACCOUNTS_MOST = 20
"""So many of a message's accounts are asked for their own opinion."""

_TEXT = "looks like {} by what was learnt here"
BAYES_00 = Kind("bayes_00", -3.0, _TEXT.format("wanted mail"))
BAYES_05 = Kind("bayes_05", -1.5, _TEXT.format("wanted mail"))
BAYES_20 = Kind("bayes_20", -0.5, _TEXT.format("wanted mail"))
BAYES_60 = Kind("bayes_60", 0.8, _TEXT.format("spam"))
BAYES_80 = Kind("bayes_80", 2.0, _TEXT.format("spam"))
BAYES_95 = Kind("bayes_95", 3.0, _TEXT.format("spam"))
BAYES_99 = Kind("bayes_99", 4.0, _TEXT.format("spam"))
BAYES_999 = Kind("bayes_999", 4.5, _TEXT.format("spam"))
LIKE_SPAM = Kind("like_learnt_spam", 5.0, "resembles what its recipient called spam")
LIKE_HAM = Kind("like_learnt_ham", -2.0, "resembles what its recipient kept")

OWN_MORE = 0.5
"""What the user's own teaching adds to findings of spam: with 0.999 that is Junk, with 0.99 any
other sign makes it so."""

_SPAM = ((0.999, BAYES_999), (0.99, BAYES_99), (0.95, BAYES_95), (0.80, BAYES_80), (0.60, BAYES_60))
_HAM = ((0.01, BAYES_00), (0.05, BAYES_05), (0.20, BAYES_20))


class BayesCheck(Check):
    """Judges content by what was learnt; `Stage.DATA`, since it needs no other check's result."""

    name = "bayes"
    stage = Stage.DATA
    asks_nobody = True
    deadline_s = DEADLINE_S
    kinds = (*(kind for _, kind in (*_HAM, *_SPAM)), LIKE_SPAM, LIKE_HAM)

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self._database = database
        self._keys = keys

    async def run(self, arrival: Arrival) -> Sequence[Finding]:
        """Tokenize, and look all tokens up; nothing while nobody taught anything."""
        content = arrival.content
        if content is None:
            return ()
        accounts = arrival.accounts
        if not await self._database.lookup(_knows, self._keys, accounts):
            return ()
        if len(content.data) <= QUICK_BYTES:
            tokens = tokens_of(content)
        else:
            tokens = await asyncio.to_thread(tokens_of, content)
        return await self._database.read(_findings, self._keys, accounts, tokens)


def _knows(tx: Tx, keys: KeyRing, accounts: tuple[AccountId, ...]) -> bool:
    """Whether anything was learnt that can be of use."""
    known = store.scopes(tx, keys, accounts[:ACCOUNTS_MOST])
    return any(one.judges if one.id == SERVER else one.spam + one.ham > 0 for one in known.values())


def _findings(
    tx: Tx, keys: KeyRing, accounts: tuple[AccountId, ...], tokens: tuple[bytes, ...]
) -> list[Finding]:
    known = store.scopes(tx, keys, accounts[:ACCOUNTS_MOST])
    opinions = classify.opinions(tx, known, accounts[:ACCOUNTS_MOST], tokens)
    server = opinions.pop(SERVER, None)
    if not opinions:
        return _of_opinion(server, None) if server is not None else []
    found: list[Finding] = []
    for account_id in accounts:
        opinion = opinions.get(account_id, server)
        if opinion is not None:
            found += _of_opinion(opinion, account_id)
    return found


def _of_opinion(opinion: Opinion, account_id: AccountId | None) -> list[Finding]:
    found: list[Finding] = []
    kind = kind_of(opinion.probability) if opinion.weight else None
    if kind is not None:
        by = "by what its recipient sorted" if opinion.own else "by what users here sorted"
        more = OWN_MORE if opinion.own and kind.points >= BAYES_99.points else 0.0
        found.append(
            kind.found(
                f"{opinion.probability:.1%} spam, {by}",
                points=round((kind.points + more) * opinion.weight, 2),
                account_id=account_id,
            )
        )
    if opinion.like_spam:
        found.append(LIKE_SPAM.found(account_id=account_id))
    elif opinion.like_ham:
        found.append(LIKE_HAM.found(account_id=account_id))
    return found


def kind_of(probability: float) -> Kind | None:
    """What a probability is called; nothing between 0.2 and 0.6."""
    for least, kind in _SPAM:
        if probability >= least:
            return kind
    for most, kind in _HAM:
        if probability <= most:
            return kind
    return None
