"""The tokens of a scope: their digests, how often each was learnt, and learning more.

A scope has a random key, sealed like other keys of its account or of the server, under which its
tokens are digested: digests of two accounts can't be compared, those of an account that is gone
mean nothing to anybody, and a new master key changes none of them.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from hashlib import blake2b

from sqlalchemy import bindparam, case, delete, select, update

from pillarbox.base.ids import AccountId
from pillarbox.domain.owners.tables import accounts
from pillarbox.domain.spam.model import SERVER, Scope
from pillarbox.domain.spam.tables import spam_learnt, spam_results, spam_scopes, spam_tokens
from pillarbox.domain.spam.tables import training_tasks as tasks
from pillarbox.storage.keys import KEY_BYTES, KeyRing, Sealer
from pillarbox.storage.schema import Int
from pillarbox.storage.statement import Statement, insert_row, upsert
from pillarbox.storage.tx import Tx

_SEALER = "spam"
_AT_ONCE = 256
_SCOPES_AT_ONCE = 16
_DAY_MS = 86_400_000

_s, _t = spam_scopes.c, spam_tokens.c
_SCOPES = Statement(
    select(
        _s.scope,
        _s.token_key,
        _s.spam,
        _s.ham,
        _s.shared_spam,
        _s.shared_ham,
        accounts.c.salt,
    )
    .select_from(spam_scopes.outerjoin(accounts, accounts.c.id == _s.scope))
    .where(_s.scope.in_([bindparam(f"scope{number}") for number in range(_SCOPES_AT_ONCE)]))
)
_SALT = Statement(select(accounts.c.salt).where(accounts.c.id == bindparam("account")))
_ADD_SCOPE = insert_row(spam_scopes)
_COUNTS = Statement(
    select(_t.digest, _t.spam, _t.ham).where(
        _t.scope == bindparam("of_scope"),
        _t.digest.in_([bindparam(f"digest{number}") for number in range(_AT_ONCE)]),
    )
)
_TOTALS = Statement(
    update(spam_scopes)
    .where(_s.scope == bindparam("of_scope"))
    .values(
        {
            column.name: case((moved > 0, moved), else_=0)
            for column in (_s.spam, _s.ham, _s.shared_spam, _s.shared_ham)
            for moved in (column + bindparam("add_" + column.name, type_=Int),)
        }
    )
)
_OF_SCOPE = tuple(
    Statement(delete(table).where(column == bindparam("of_scope")))
    for table, column in (
        (spam_tokens, _t.scope),
        (spam_learnt, spam_learnt.c.scope),
        (spam_scopes, _s.scope),
        (tasks, tasks.c.account_id),
        (spam_results, spam_results.c.account_id),
    )
)
_UNSHARE = (
    Statement(
        update(spam_learnt)
        .where(spam_learnt.c.scope != SERVER, spam_learnt.c.shared == 1)
        .values(shared=0)
    ),
    Statement(update(spam_scopes).values(shared_spam=0, shared_ham=0)),
)

Deltas = Mapping[int, tuple[int, int]]
"""By digest: by how much the counts of spam and ham move."""


def scopes(tx: Tx, keys: KeyRing, account_ids: Iterable[int]) -> dict[int, Scope]:
    """The scopes of the server and of these accounts; one that learnt nothing yet is missing."""
    wanted = [SERVER, *dict.fromkeys(account_ids)]
    found: dict[int, Scope] = {}
    for start in range(0, len(wanted), _SCOPES_AT_ONCE):
        some = wanted[start : start + _SCOPES_AT_ONCE]
        some += [SERVER] * (_SCOPES_AT_ONCE - len(some))
        rows = tx.all(_SCOPES, **{f"scope{number}": one for number, one in enumerate(some)})
        for scope, sealed, spam, ham, shared_spam, shared_ham, salt in rows:
            if scope not in found and (scope == SERVER or salt is not None):
                key = _sealer(keys, salt).open(sealed, _row(scope))
                found[scope] = Scope(scope, key, spam, ham, shared_spam, shared_ham)
    return found


def ensure(tx: Tx, keys: KeyRing, account_ids: Iterable[int]) -> dict[int, Scope]:
    """The same, and those that are missing are made; accounts that don't exist stay missing."""
    wanted = sorted({SERVER, *account_ids})
    found = scopes(tx, keys, wanted)
    for scope in wanted:
        if scope in found:
            continue
        salt = None if scope == SERVER else tx.scalar(_SALT, account=scope)
        if scope != SERVER and salt is None:
            continue
        key = os.urandom(KEY_BYTES)
        sealed = _sealer(keys, salt).seal(key, _row(scope))
        tx.run(
            _ADD_SCOPE, scope=scope, token_key=sealed, spam=0, ham=0, shared_spam=0, shared_ham=0
        )
        found[scope] = Scope(scope, key)
    return found


def digests(scope: Scope, tokens: Sequence[bytes]) -> list[int]:
    """The 63-bit digests of tokens in a scope, in order; about a microsecond each."""
    begun = blake2b(digest_size=8, key=scope.key)
    found = []
    for token in tokens:
        one = begun.copy()
        one.update(token)
        found.append(int.from_bytes(one.digest(), "big") >> 1)
    return found


def item_of(scope: Scope, content: bytes) -> int:
    """What stands for a message that is no email of an account, such as one from a file."""
    digest = blake2b(content, digest_size=8, key=scope.key, person=b"message").digest()
    return int.from_bytes(digest, "big") >> 1


def counts(tx: Tx, scope: int, asked: Sequence[int]) -> dict[int, tuple[int, int]]:
    """How many messages of spam and of ham had each token; those never learnt are missing."""
    found: dict[int, tuple[int, int]] = {}
    for start in range(0, len(asked), _AT_ONCE):
        some = asked[start : start + _AT_ONCE]
        params = {f"digest{number}": one for number, one in enumerate(some)}
        for number in range(len(some), _AT_ONCE):
            params[f"digest{number}"] = -1
        for digest, spam, ham in tx.all(_COUNTS, of_scope=scope, **params):
            found[digest] = (spam, ham)
    return found


def add(tx: Tx, scope: int, deltas: Deltas) -> None:
    """Move the counts of tokens; none falls below 0. In the order of digests, for every writer."""
    day = tx.now_ms // _DAY_MS
    tx.run_many(
        _add(tx.dialect),
        [
            {"of_scope": scope, "of_digest": digest, "add_spam": spam, "add_ham": ham, "day": day}
            for digest, (spam, ham) in sorted(deltas.items())
            if spam or ham
        ],
    )


def add_messages(
    tx: Tx, scope: int, spam: int, ham: int, shared_spam: int = 0, shared_ham: int = 0
) -> None:
    """Move a scope's counts of learnt messages."""
    tx.run(
        _TOTALS,
        of_scope=scope,
        add_spam=spam,
        add_ham=ham,
        add_shared_spam=shared_spam,
        add_shared_ham=shared_ham,
    )


def forget(tx: Tx, account_id: AccountId) -> None:
    """Drop everything that an account taught itself; what it taught the server stays there."""
    for statement in _OF_SCOPE:
        tx.run(statement, of_scope=account_id)


def forget_server(tx: Tx) -> None:
    """Drop what the server was taught; what accounts taught themselves stays.

    They may teach it as much again, and take back none of what it does not know any more.
    """
    for statement in _OF_SCOPE[:3]:
        tx.run(statement, of_scope=SERVER)
    for statement in _UNSHARE:
        tx.run(statement)


@cache
def _add(dialect: str) -> Statement:
    moves = {name: bindparam("add_" + name, type_=Int) for name in ("spam", "ham")}
    values = {
        "scope": bindparam("of_scope"),
        "digest": bindparam("of_digest"),
        "learnt_day": bindparam("day"),
        # A first count below 0 can't be: what is taken back and was pruned counts for nothing.
        **{name: case((move > 0, move), else_=0) for name, move in moves.items()},
    }
    moved = {name: _t[name] + move for name, move in moves.items()}
    changed = {name: case((value > 0, value), else_=0) for name, value in moved.items()}
    return upsert(
        dialect, spam_tokens, values, lambda new: {**changed, "learnt_day": new.learnt_day}
    )


def _sealer(keys: KeyRing, salt: bytes | None) -> Sealer:
    return keys.system(_SEALER) if salt is None else keys.account(bytes(salt))


def _row(scope: int) -> bytes:
    return b"spam" + scope.to_bytes(8, "big")
