"""Bearer tokens that pillarbox issues: 256 random bits, of which only a hash is stored.

What programs log in with by OAUTHBEARER and XOAUTH2 (RFC 6750), each for some purposes, until it
is revoked or expires. A changed password does not end them.
"""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import bindparam, func, insert, or_, select, update
from sqlalchemy import delete as sql_delete

from pillarbox.base.errors import Invalid, NotFound, TooLarge
from pillarbox.base.ids import AccountId
from pillarbox.domain.accounts.model import TOPIC, Actor, Role, Scope, Token
from pillarbox.domain.accounts.tables import domains, tokens, users
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Row, Tx

PREFIX = "pbt_"
"""What every token begins with, so that people and scanners know one where it should not be."""
MAX_TOKENS = 100
MAX_LABEL_CHARACTERS = 255
KEPT_AFTER_EXPIRY_MS = 30 * 86_400_000
USE_NOTED_EVERY_MS = 3_600_000

_COLUMNS = (
    tokens.c.id,
    tokens.c.account_id,
    tokens.c.label,
    tokens.c.scopes,
    tokens.c.created_ms,
    tokens.c.expires_ms,
    tokens.c.last_used_ms,
)
_INSERT = Statement(
    insert(tokens).values(
        id=bindparam("id"),
        account_id=bindparam("account_id"),
        digest=bindparam("digest"),
        label=bindparam("label"),
        scopes=bindparam("scopes"),
        created_ms=bindparam("created_ms"),
        expires_ms=bindparam("expires_ms"),
    )
)
_OF_ACCOUNT = Statement(
    select(*_COLUMNS).where(tokens.c.account_id == bindparam("account")).order_by(tokens.c.id)
)
_COUNT = Statement(
    select(func.count()).select_from(tokens).where(tokens.c.account_id == bindparam("account"))
)
_BY_DIGEST = Statement(
    select(
        *_COLUMNS,
        users.c.address,
        users.c.domain_id,
        users.c.role,
        users.c.enabled,
        domains.c.enabled,
        users.c.last_login_ms,
    )
    .select_from(
        tokens.join(users, users.c.account_id == tokens.c.account_id).join(
            domains, domains.c.id == users.c.domain_id
        )
    )
    .where(tokens.c.digest == bindparam("digest"))
)
_DELETE = Statement(
    sql_delete(tokens).where(
        tokens.c.id == bindparam("token"), tokens.c.account_id == bindparam("account")
    )
)
_DELETE_ALL = Statement(sql_delete(tokens).where(tokens.c.account_id == bindparam("account")))
_DELETE_OLD = Statement(
    sql_delete(tokens).where(
        tokens.c.account_id == bindparam("account"), tokens.c.expires_ms < bindparam("before_ms")
    )
)
_NOTE_USE = Statement(
    update(tokens)
    .where(
        tokens.c.id == bindparam("token"),
        or_(tokens.c.last_used_ms.is_(None), tokens.c.last_used_ms <= bindparam("before_ms")),
    )
    .values(last_used_ms=bindparam("used_ms"))
)


@dataclass(frozen=True, slots=True)
class TokenHolder:
    """A token that was shown, whose it is, and whether they may log in with it now."""

    token: Token
    actor: Actor
    enabled: bool
    expired: bool
    last_login_ms: int | None


def mint(
    tx: Tx,
    account_id: AccountId,
    label: str,
    scopes: Iterable[Scope],
    lifetime_ms: int | None = None,
) -> tuple[Token, str]:
    """Issue a token; gives it with its text, which can't be had again.

    Without `lifetime_ms` it is good until it is revoked. Raises `Invalid` without a scope, and
    `TooLarge` where the account has 100 tokens. Those that expired a month ago are removed.
    """
    wanted = frozenset(scopes)
    if not wanted:
        raise Invalid("A token needs a scope")
    if len(label) > MAX_LABEL_CHARACTERS or not label.isprintable():
        raise Invalid(f"A label has at most {MAX_LABEL_CHARACTERS} printable characters")
    if lifetime_ms is not None and lifetime_ms <= 0:
        raise Invalid("A token's time must lie ahead")
    tx.run(_DELETE_OLD, account=account_id, before_ms=tx.now_ms - KEPT_AFTER_EXPIRY_MS)
    count = tx.one(_COUNT, account=account_id)
    if count is not None and count[0] >= MAX_TOKENS:
        raise TooLarge(f"A user can have {MAX_TOKENS} tokens; revoke one")
    text = PREFIX + secrets.token_urlsafe(32)
    expires_ms = None if lifetime_ms is None else tx.now_ms + lifetime_ms
    token_id = tx.next_id()
    tx.run(
        _INSERT,
        id=token_id,
        account_id=account_id,
        digest=digest(text),
        label=label,
        scopes=" ".join(sorted(wanted)),
        created_ms=tx.now_ms,
        expires_ms=expires_ms,
    )
    return Token(token_id, account_id, label, wanted, tx.now_ms, expires_ms, None), text


def digest(text: str) -> str:
    """What is stored of a token. No salt or slow hash is needed: nobody can guess 256 bits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def holder(tx: Tx, token_digest: str) -> TokenHolder | None:
    """Whose token this is, by its `digest`."""
    row = tx.one(_BY_DIGEST, digest=token_digest)
    if row is None:
        return None
    token = _token(row)
    address, domain_id, role, enabled, domain_enabled, last_login_ms = row[7:]
    return TokenHolder(
        token,
        Actor(token.account_id, address, domain_id, Role(role), token.id, by_token=True),
        bool(enabled and domain_enabled),
        token.expires_ms is not None and token.expires_ms <= tx.now_ms,
        last_login_ms,
    )


def list_of(tx: Tx, account_id: AccountId) -> list[Token]:
    """The account's tokens, oldest first, expired ones among them."""
    return [_token(row) for row in tx.all(_OF_ACCOUNT, account=account_id)]


def revoke(tx: Tx, account_id: AccountId, token_id: int) -> None:
    """End a token and the sessions that it opened; `NotFound` if the account has none such."""
    if not tx.run(_DELETE, token=token_id, account=account_id):
        raise NotFound(f"There is no token {token_id}")
    tx.emit(TOPIC)


def delete_all(tx: Tx, account_id: AccountId) -> int:
    """End all tokens of an account; gives how many there were."""
    count = tx.run(_DELETE_ALL, account=account_id)
    tx.emit(TOPIC)
    return count


def note_use(tx: Tx, token_id: int) -> None:
    """Remember that the token was used, at most once an hour."""
    before_ms = tx.now_ms - USE_NOTED_EVERY_MS
    tx.run(_NOTE_USE, token=token_id, before_ms=before_ms, used_ms=tx.now_ms)


def _token(row: Row) -> Token:
    scopes = frozenset(Scope(word) for word in row[3].split())
    return Token(row[0], AccountId(row[1]), row[2], scopes, row[4], row[5], row[6])
