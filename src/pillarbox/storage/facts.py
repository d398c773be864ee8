"""Facts about the whole server that belong to its database: which keys it was written under.

The facts are looked at before the database is opened for work, by the server and by every command,
so that a lost or exchanged `ENCRYPTION_KEY` is noticed before anything is sealed under another.
Called by `app/database`.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Column, Table, bindparam, insert, select

from pillarbox.base.errors import Failure, Invalid
from pillarbox.base.ids import IdSource
from pillarbox.storage.dialect.base import Connection, Dialect
from pillarbox.storage.schema import metadata, text
from pillarbox.storage.statement import Statement
from pillarbox.storage.turnstile import Turnstile
from pillarbox.storage.tx import Tx

server_facts = Table(
    "server_facts",
    metadata,
    Column("name", text(100), primary_key=True),
    Column("value", text(255), nullable=False),
)

_ALL = Statement(select(server_facts.c.name, server_facts.c.value))
_ADD = Statement(insert(server_facts).values(name=bindparam("fact"), value=bindparam("is_")))
_KEY = "key "
_TRIES = 3
_NONE: dict[str, object] = {}


def fingerprint(master: bytes) -> str:
    """What tells one master key from another and nothing else about it."""
    key = hmac.digest(master, b"pillarbox fingerprint", "sha256")
    return hmac.digest(key, b"pillarbox", "sha256")[:16].hex()


def require_keys(dialect: Dialect, lock_path: Path | None, masters: Mapping[int, bytes]) -> None:
    """Make sure that the master keys, by version, are those the database is written under.

    Versions that are new to the database are noted in it. `lock_path` is the lock of an embedded
    database. Raises `Invalid` where a key is missing or another, and changes nothing then.
    """
    mine = {f"{_KEY}{version}": fingerprint(master) for version, master in masters.items()}
    with closing(dialect.connect(write=True)) as connection:
        for tries_left in reversed(range(_TRIES)):
            try:
                if _missing(_tx(connection, dialect), mine):
                    _note(connection, dialect, lock_path, mine)
            except Failure:
                raise
            except Exception as error:
                if tries_left and dialect.retryable(error):
                    continue  # another process noted them at the same moment
                failure = dialect.failure(error)
                if failure is None:
                    raise
                raise failure from error
            return


def _note(
    connection: Connection, dialect: Dialect, lock_path: Path | None, mine: Mapping[str, str]
) -> None:
    with _turn(lock_path):
        cursor = connection.cursor()
        cursor.execute(dialect.begin_write, _NONE)
        try:
            tx = _tx(connection, dialect)
            for name in _missing(tx, mine):
                tx.run(_ADD, fact=name, is_=mine[name])
        except BaseException:
            cursor.execute("ROLLBACK", _NONE)
            raise
        cursor.execute("COMMIT", _NONE)


@contextmanager
def _turn(lock_path: Path | None) -> Iterator[None]:
    if lock_path is None:
        yield
        return
    with closing(Turnstile(lock_path)) as turnstile, turnstile:
        yield


def _tx(connection: Connection, dialect: Dialect) -> Tx:
    return Tx(connection.cursor(), dialect.compiler, IdSource(), 0)


def _missing(tx: Tx, mine: Mapping[str, str]) -> list[str]:
    """What the database does not know yet; `Invalid` if it knows what we don't have."""
    noted = {name: value for name, value in tx.all(_ALL) if name.startswith(_KEY)}
    wrong = [
        f"version {name.removeprefix(_KEY)} is {'another' if name in mine else 'missing'}"
        for name in sorted(noted)
        if mine.get(name) != noted[name]
    ]
    if wrong:
        raise Invalid(
            "The database was written under a key that ENCRYPTION_KEY does not hold: "
            f"{', '.join(wrong)}. Its mail can't be read without that key. Put it back, from your "
            "copy or the settings of that time (pillarbox.conf or PILLARBOX_ENCRYPTION_KEY); "
            "`pillarbox config show` says where the one in use comes from. To start without the "
            "old mail, choose an empty database. Nothing was changed."
        )
    return [name for name in mine if name not in noted]
