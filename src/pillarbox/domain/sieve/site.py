"""The scripts of the site: of the server and of domains, run around those of users.

They are no secret and kept in clear. Whose they are is named by domain, empty for the server;
whether it is served here is the caller's to know. Called by the command line and by
`pipeline/filtering`.
"""

from collections.abc import Iterable

from sqlalchemy import bindparam, func, or_, select, update
from sqlalchemy import delete as sql_delete

from pillarbox.base.errors import Invalid, NotFound, TooLarge
from pillarbox.domain.sieve.model import TOPIC, GlobalScript, Phase
from pillarbox.domain.sieve.scripts import canonical_name
from pillarbox.domain.sieve.tables import site_scripts
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Row, Tx

SCRIPTS_MOST = 100
"""Of one domain, or of the server."""

_s = site_scripts.c
_COLUMNS = (
    _s.id,
    _s.domain,
    _s.phase,
    _s.name,
    _s.content,
    _s.position,
    _s.enabled,
    _s.changed_ms,
    _s.version,
)
_OF = _s.domain == bindparam("of_domain")
_NAMED = (_OF, _s.name == bindparam("of_name"))
_ALL = Statement(select(*_COLUMNS).order_by(_s.domain, _s.phase, _s.position, _s.id))
_LIST = Statement(select(*_COLUMNS).where(_OF).order_by(_s.phase, _s.position, _s.id))
_FIND = Statement(select(*_COLUMNS).where(*_NAMED))
_RUNNING = Statement(
    select(*_COLUMNS)
    .where(or_(_s.domain == "", _OF), _s.enabled == 1, _s.phase != Phase.INCLUDE)
    .order_by(_s.position, _s.id)
)
_INCLUDABLE = Statement(
    select(*_COLUMNS).where(
        or_(_s.domain == "", _OF),
        _s.name == bindparam("of_name"),
        _s.enabled == 1,
        _s.phase == Phase.INCLUDE,
    )
)
_COUNT = Statement(select(func.count()).select_from(site_scripts).where(_OF))
_LAST = Statement(select(func.max(_s.position)).where(_OF, _s.phase == bindparam("of_phase")))
_INSERT = insert_row(site_scripts)
_THIS = _s.id == bindparam("script")
_REPLACE = Statement(
    update(site_scripts)
    .where(_THIS)
    .values(
        phase=bindparam("new_phase"),
        content=bindparam("text"),
        position=bindparam("place"),
        changed_ms=bindparam("now"),
        version=bindparam("new_version"),
    )
)
_ENABLE = Statement(update(site_scripts).where(_THIS).values(enabled=bindparam("is_enabled")))
_DELETE = Statement(sql_delete(site_scripts).where(_THIS))
_FORGET = Statement(sql_delete(site_scripts).where(_OF))


def list_of(tx: Tx, domain: str | None = None) -> list[GlobalScript]:
    """The scripts of a domain or of the server (empty), or all of them, by phase and position."""
    rows = tx.all(_ALL) if domain is None else tx.all(_LIST, of_domain=domain)
    return [_script(row) for row in rows]


def get(tx: Tx, domain: str, name: str) -> GlobalScript:
    """One script; `NotFound` if there is none of that name."""
    row = tx.one(_FIND, of_domain=domain, of_name=canonical_name(name))
    if row is None:
        whose = f"of {domain}" if domain else "of the server"
        raise NotFound(f"There is no script {name!r} {whose}")
    return _script(row)


def put(
    tx: Tx, domain: str, phase: Phase, name: str, content: bytes, position: int | None = None
) -> GlobalScript:
    """Keep a script, instead of the one of that name; a new one runs, as the last of its phase.

    Raises `Invalid` for a name that can't be, `TooLarge` where there are too many.
    """
    key = canonical_name(name)
    row = tx.one(_FIND, of_domain=domain, of_name=key)
    old = None if row is None else _script(row)
    if position is None:
        stays = old is not None and old.phase is phase
        position = old.position if old is not None and stays else _behind(tx, domain, phase)
    if not 0 <= position < 1 << 31:
        raise Invalid("The position of a script is a number from 0 up")
    version, now = tx.next_id(), tx.now_ms
    number = version if old is None else old.id
    if old is None:
        if tx.scalar(_COUNT, of_domain=domain) >= SCRIPTS_MOST:
            raise TooLarge(f"There may be {SCRIPTS_MOST} scripts at most")
        tx.run(
            _INSERT,
            id=number,
            domain=domain,
            name=key,
            phase=phase,
            content=content,
            position=position,
            enabled=1,
            changed_ms=now,
            version=version,
        )
    else:
        tx.run(
            _REPLACE,
            script=number,
            new_phase=phase,
            text=content,
            place=position,
            now=now,
            new_version=version,
        )
    tx.emit(TOPIC)
    enabled = old is None or old.enabled
    return GlobalScript(number, domain, phase, key, content, position, enabled, now, version)


def enable(tx: Tx, domain: str, name: str, enabled: bool = True) -> None:
    """Have a script run, or not; raises `NotFound`."""
    script = get(tx, domain, name)
    tx.run(_ENABLE, script=script.id, is_enabled=int(enabled))
    tx.emit(TOPIC)


def delete(tx: Tx, domain: str, name: str) -> None:
    """Remove a script; raises `NotFound`."""
    tx.run(_DELETE, script=get(tx, domain, name).id)
    tx.emit(TOPIC)


def for_domain(tx: Tx, domain: str) -> list[GlobalScript]:
    """What runs over mail to addresses of a domain, in order.

    The server's before, the domain's before; then, around the user's own, the domain's after and
    the server's after.
    """
    found = [_script(row) for row in tx.all(_RUNNING, of_domain=domain)]
    return sorted(found, key=_turn)


def includable(tx: Tx, domain: str, names: Iterable[str]) -> dict[str, GlobalScript]:
    """Those of the scripts named that may be included, by the name asked for.

    A domain's goes before the server's of that name (RFC 6609 §3.2).
    """
    found = {}
    for name in dict.fromkeys(names):
        try:
            key = canonical_name(name)
        except Invalid:
            continue
        rows = tx.all(_INCLUDABLE, of_domain=domain, of_name=key)
        if rows:
            found[name] = max(map(_script, rows), key=lambda one: bool(one.domain))
    return found


def forget(tx: Tx, domain: str) -> None:
    """Drop the scripts of a domain that is about to go."""
    if tx.run(_FORGET, of_domain=domain):
        tx.emit(TOPIC)


def _turn(script: GlobalScript) -> int:
    """Sorting keeps the order of those of one turn."""
    if script.phase is Phase.BEFORE:
        return 1 if script.domain else 0
    return 2 if script.domain else 3


def _behind(tx: Tx, domain: str, phase: Phase) -> int:
    last = tx.scalar(_LAST, of_domain=domain, of_phase=phase)
    return 10 if last is None else last + 10


def _script(row: Row) -> GlobalScript:
    number, domain, phase, name, content, position, enabled, changed_ms, version = row
    return GlobalScript(
        number,
        domain,
        Phase(phase),
        name,
        bytes(content),
        position,
        bool(enabled),
        changed_ms,
        version,
    )
