"""Credentials: what a login is checked against. Hashes only; checking is the pipeline's."""

from dataclasses import dataclass

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy import delete as sql_delete

from pillarbox.base.ids import AccountId
from pillarbox.domain.accounts.model import Actor, CredentialKind, Role
from pillarbox.domain.accounts.tables import credentials, domains, tokens, users
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Tx

LOGIN_NOTED_EVERY_MS = 3_600_000

_CANDIDATES = Statement(
    select(
        users.c.account_id,
        users.c.address,
        users.c.domain_id,
        users.c.role,
        users.c.enabled,
        domains.c.enabled,
        users.c.last_login_ms,
        credentials.c.id,
        credentials.c.kind,
        credentials.c.secret,
        credentials.c.scram,
    )
    .select_from(
        users.join(domains, domains.c.id == users.c.domain_id).outerjoin(
            credentials, credentials.c.account_id == users.c.account_id
        )
    )
    .where(users.c.address == bindparam("login"))
    .order_by(credentials.c.id)
)
_STANDING = Statement(
    select(users.c.role)
    .select_from(
        credentials.join(users, users.c.account_id == credentials.c.account_id).join(
            domains, domains.c.id == users.c.domain_id
        )
    )
    .where(
        credentials.c.id == bindparam("credential"),
        users.c.account_id == bindparam("account"),
        users.c.enabled == 1,
        domains.c.enabled == 1,
    )
)
_TOKEN_STANDING = Statement(
    select(users.c.role)
    .select_from(
        tokens.join(users, users.c.account_id == tokens.c.account_id).join(
            domains, domains.c.id == users.c.domain_id
        )
    )
    .where(
        tokens.c.id == bindparam("token"),
        users.c.account_id == bindparam("account"),
        or_(tokens.c.expires_ms.is_(None), tokens.c.expires_ms > bindparam("now_ms")),
        users.c.enabled == 1,
        domains.c.enabled == 1,
    )
)
_INSERT = insert_row(credentials)
_REPLACE = Statement(
    update(credentials)
    .where(credentials.c.id == bindparam("credential_id"), credentials.c.secret == bindparam("old"))
    .values(secret=bindparam("new"), scram=bindparam("new_scram"))
)
_DELETE_ALL = Statement(
    sql_delete(credentials).where(credentials.c.account_id == bindparam("account"))
)
_DELETE_KIND = Statement(
    sql_delete(credentials).where(
        credentials.c.account_id == bindparam("account"), credentials.c.kind == bindparam("of_kind")
    )
)
_NOTE_LOGIN = Statement(
    update(users)
    .where(
        users.c.account_id == bindparam("account"),
        or_(users.c.last_login_ms.is_(None), users.c.last_login_ms <= bindparam("before_ms")),
    )
    .values(last_login_ms=bindparam("login_ms"))
)


@dataclass(frozen=True, slots=True)
class Credential:
    """One stored secret of an account: a password hash, and the verifier that belongs to it.

    `scram` is sealed (`pipeline/verifiers`), `None` until the password is first known in clear.
    """

    id: int
    kind: CredentialKind
    secret: str
    scram: bytes | None = None


@dataclass(frozen=True, slots=True)
class Candidates:
    """Who a login names, whether they may log in, and what may prove that it is they."""

    actor: Actor
    enabled: bool
    last_login_ms: int | None
    credentials: tuple[Credential, ...]


def candidates(tx: Tx, login: str) -> Candidates | None:
    """What a login (an address key) is checked against; `None` if there is no such user."""
    rows = tx.all(_CANDIDATES, login=login)
    if not rows:
        return None
    account_id, address, domain_id, role, enabled, domain_enabled, last_login_ms = rows[0][:7]
    return Candidates(
        Actor(account_id, address, domain_id, Role(role)),
        bool(enabled and domain_enabled),
        last_login_ms,
        tuple(
            Credential(row[7], CredentialKind(row[8]), row[9], row[10])
            for row in rows
            if row[7] is not None
        ),
    )


def stands(tx: Tx, actor: Actor) -> bool:
    """Whether a login still holds: its credential exists, user and domain are enabled.

    A changed password is a new credential; a stronger hash of the same one is not. A token counts
    until it is revoked or expires.
    """
    if actor.by_token:
        token, now_ms = actor.credential_id, tx.now_ms
        row = tx.one(_TOKEN_STANDING, token=token, account=actor.account_id, now_ms=now_ms)
    else:
        row = tx.one(_STANDING, credential=actor.credential_id, account=actor.account_id)
    return row is not None and row[0] == actor.role


def add(
    tx: Tx,
    account_id: AccountId,
    kind: CredentialKind,
    label: str,
    secret: str,
    scram: bytes | None = None,
) -> int:
    """Add a credential; gives its id. `scram` is the sealed verifier of the same password."""
    credential_id = tx.next_id()
    tx.run(
        _INSERT,
        id=credential_id,
        account_id=account_id,
        kind=int(kind),
        label=label,
        secret=secret,
        created_ms=tx.now_ms,
        scram=scram,
    )
    return credential_id


def replace_secret(
    tx: Tx, credential_id: int, old: str, new: str, scram: bytes | None = None
) -> bool:
    """Store a stronger hash of the same password, unless it was changed meanwhile."""
    return tx.run(_REPLACE, credential_id=credential_id, old=old, new=new, new_scram=scram) == 1


def delete_kind(tx: Tx, account_id: AccountId, kind: CredentialKind) -> None:
    """Remove the account's credentials of one kind."""
    tx.run(_DELETE_KIND, account=account_id, of_kind=int(kind))


def delete_all(tx: Tx, account_id: AccountId) -> None:
    """Remove every credential of an account."""
    tx.run(_DELETE_ALL, account=account_id)


def note_login(tx: Tx, account_id: AccountId) -> None:
    """Remember that the user logged in, at most once an hour."""
    tx.run(
        _NOTE_LOGIN,
        account=account_id,
        before_ms=tx.now_ms - LOGIN_NOTED_EVERY_MS,
        login_ms=tx.now_ms,
    )
