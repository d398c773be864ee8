"""The scripts of users: sealed, of each user one at most active.

Whether a script can be compiled is looked at before (`pipeline/filtering/scripts`); here it is
text. Every change locks the account, so that its quota holds whatever happens at once.
"""

import unicodedata
from collections.abc import Iterable

from sqlalchemy import bindparam, func, select, update
from sqlalchemy import delete as sql_delete

from pillarbox.base.errors import Exists, Invalid, NotFound
from pillarbox.base.ids import AccountId
from pillarbox.domain import changes
from pillarbox.domain.owners.quota import lock, salt_of
from pillarbox.domain.sieve.model import (
    NAME_CHARACTERS,
    TOPIC,
    Script,
    ScriptActive,
    ScriptInfo,
    ScriptQuota,
    ScriptTooLarge,
    TooManyScripts,
)
from pillarbox.domain.sieve.tables import sieve_scripts
from pillarbox.storage.blobs.sealed import row_name
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Row, Tx

_s = sieve_scripts.c
_INFO = (_s.id, _s.name, _s.active, _s.size_bytes, _s.changed_ms, _s.version)
_MINE = _s.account_id == bindparam("account")
_NAMED = (_MINE, _s.name == bindparam("of_name"))
_LIST = Statement(select(*_INFO).where(_MINE).order_by(_s.name))
_FIND = Statement(select(*_INFO).where(*_NAMED))
_GET = Statement(select(*_INFO, _s.content).where(*_NAMED))
_ACTIVE = Statement(select(*_INFO, _s.content).where(_MINE, _s.active == 1))
_ACTIVE_INFO = Statement(select(*_INFO).where(_MINE, _s.active == 1))
_COUNT = Statement(select(func.count()).select_from(sieve_scripts).where(_MINE))
_INSERT = insert_row(sieve_scripts)
_THIS = _s.id == bindparam("script")
_REPLACE = Statement(
    update(sieve_scripts)
    .where(_THIS)
    .values(
        content=bindparam("sealed"),
        size_bytes=bindparam("size"),
        changed_ms=bindparam("now"),
        version=bindparam("modseq"),
    )
)
_DEACTIVATE = Statement(update(sieve_scripts).where(_MINE, _s.active == 1).values(active=None))
_ACTIVATE = Statement(update(sieve_scripts).where(_THIS).values(active=1))
_RENAME = Statement(update(sieve_scripts).where(_THIS).values(name=bindparam("new_name")))
_DELETE = Statement(sql_delete(sieve_scripts).where(_THIS))
_FORGET = Statement(sql_delete(sieve_scripts).where(_MINE))


def canonical_name(name: str) -> str:
    """A script's name as it is kept: NFC; `Invalid` for what can't be one (RFC 5804 §1.6)."""
    kept = unicodedata.normalize("NFC", name)
    if not kept:
        raise Invalid("A script needs a name")
    if len(kept) > NAME_CHARACTERS:
        raise Invalid(f"A script's name has {NAME_CHARACTERS} characters at most")
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in kept):
        raise Invalid("A script's name can't have control characters or line breaks")
    return kept


def list_of(tx: Tx, account: AccountId) -> list[ScriptInfo]:
    """An account's scripts, by name."""
    return [_info(row) for row in tx.all(_LIST, account=account)]


def get(tx: Tx, keys: KeyRing, account: AccountId, name: str) -> Script:
    """One script; `NotFound` if there is none of that name."""
    row = tx.one(_GET, account=account, of_name=_looked_up(name))
    if row is None:
        raise _missing(name)
    return _script(tx, keys, account, row)


def active(tx: Tx, keys: KeyRing, account: AccountId) -> Script | None:
    """The script that runs over an account's mail."""
    row = tx.one(_ACTIVE, account=account)
    return None if row is None else _script(tx, keys, account, row)


def active_info(tx: Tx, account: AccountId) -> ScriptInfo | None:
    """Which script runs over an account's mail, without opening it."""
    row = tx.one(_ACTIVE_INFO, account=account)
    return None if row is None else _info(row)


def named(tx: Tx, keys: KeyRing, account: AccountId, names: Iterable[str]) -> dict[str, Script]:
    """Those of the scripts named that there are, by the name asked for."""
    found = {}
    for name in dict.fromkeys(names):
        try:
            found[name] = get(tx, keys, account, name)
        except NotFound:
            continue
    return found


def existing(tx: Tx, account: AccountId, names: Iterable[str]) -> set[str]:
    """Those of the names asked for that scripts have, without opening any."""
    found = set()
    for name in dict.fromkeys(names):
        try:
            _require(tx, account, name)
        except NotFound:
            continue
        found.add(name)
    return found


def require_room(
    tx: Tx, account: AccountId, name: str, size_bytes: int, quota: ScriptQuota
) -> None:
    """Raise `ScriptTooLarge` or `TooManyScripts` where a script could not be put (HAVESPACE).

    Raises `Invalid` for a name that can't be.
    """
    key = canonical_name(name)
    _require_size(size_bytes, quota)
    if tx.one(_FIND, account=account, of_name=key) is None:
        _require_place(tx, account, quota)


def put(
    tx: Tx, keys: KeyRing, account: AccountId, name: str, content: bytes, quota: ScriptQuota
) -> ScriptInfo:
    """Keep a script, instead of the one of that name if there is one; active it stays so.

    Raises `ScriptTooLarge`, `TooManyScripts`, `Invalid` for a name that can't be, and `NotFound`
    for an unknown account.
    """
    key = canonical_name(name)
    _require_size(len(content), quota)
    lock(tx, account)
    old = tx.one(_FIND, account=account, of_name=key)
    if old is None:
        _require_place(tx, account, quota)
    number = tx.next_id() if old is None else old[0]
    sealed = keys.account(salt_of(tx, account)).seal(content, row_name(number))
    modseq = _noted(tx, account, number)
    if old is None:
        tx.run(
            _INSERT,
            id=number,
            account_id=account,
            name=key,
            active=None,
            content=sealed,
            size_bytes=len(content),
            changed_ms=tx.now_ms,
            version=modseq,
        )
    else:
        now = tx.now_ms
        tx.run(_REPLACE, script=number, sealed=sealed, size=len(content), now=now, modseq=modseq)
    is_active = old is not None and bool(old[2])
    return ScriptInfo(number, key, is_active, len(content), tx.now_ms, modseq)


def activate(tx: Tx, account: AccountId, name: str | None) -> None:
    """Have this script run, and no other; `None`: none. Raises `NotFound`."""
    lock(tx, account)
    now = active_info(tx, account)
    wanted = None if name is None else _require(tx, account, name)
    if wanted == now:
        return
    tx.run(_DEACTIVATE, account=account)
    if wanted is not None:
        tx.run(_ACTIVATE, script=wanted.id)
    _noted(tx, account, *(one.id for one in (now, wanted) if one is not None))


def rename(tx: Tx, account: AccountId, old: str, new: str) -> None:
    """Give a script another name; raises `NotFound`, `Exists` and `Invalid` (RFC 5804 §2.11.1)."""
    key = canonical_name(new)
    lock(tx, account)
    script = _require(tx, account, old)
    if tx.one(_FIND, account=account, of_name=key) is not None:
        raise Exists(f"There is a script {key} already")
    tx.run(_RENAME, script=script.id, new_name=key)
    _noted(tx, account, script.id)


def delete(tx: Tx, account: AccountId, name: str) -> None:
    """Remove a script; raises `NotFound`, and `ScriptActive` for the one that is active."""
    lock(tx, account)
    script = _require(tx, account, name)
    if script.active:
        raise ScriptActive(
            f"The script {script.name} is active; activate another one or none first"
        )
    tx.run(_DELETE, script=script.id)
    _noted(tx, account, script.id)


def forget(tx: Tx, account: AccountId) -> None:
    """Drop the scripts of an account that is about to go."""
    if tx.run(_FORGET, account=account):
        tx.emit(TOPIC)


def _noted(tx: Tx, account: AccountId, *scripts: int) -> int:
    modseq = changes.next_modseq(tx, account)
    changes.note_all(tx, account, modseq, changes.Kind.SCRIPT, scripts)
    tx.emit(TOPIC)
    return modseq


def _require(tx: Tx, account: AccountId, name: str) -> ScriptInfo:
    row = tx.one(_FIND, account=account, of_name=_looked_up(name))
    if row is None:
        raise _missing(name)
    return _info(row)


def _require_size(size_bytes: int, quota: ScriptQuota) -> None:
    if size_bytes > quota.script_bytes:
        raise ScriptTooLarge(f"A script has {quota.script_bytes} bytes at most")


def _require_place(tx: Tx, account: AccountId, quota: ScriptQuota) -> None:
    if tx.scalar(_COUNT, account=account) >= quota.scripts:
        raise TooManyScripts(f"There may be {quota.scripts} scripts at most; delete one first")


def _looked_up(name: str) -> str:
    """A name to look for: what can't be one is found nowhere, and no database is asked for it."""
    try:
        return canonical_name(name)
    except Invalid:
        raise _missing(name) from None


def _missing(name: str) -> NotFound:
    return NotFound(f"There is no script {name[:NAME_CHARACTERS]!r}")


def _info(row: Row) -> ScriptInfo:
    number, name, is_active, size_bytes, changed_ms, version = row[:6]
    return ScriptInfo(number, name, bool(is_active), size_bytes, changed_ms, version)


def _script(tx: Tx, keys: KeyRing, account: AccountId, row: Row) -> Script:
    sealer = keys.account(salt_of(tx, account))
    return Script(_info(row), sealer.open(bytes(row[6]), row_name(row[0])))
