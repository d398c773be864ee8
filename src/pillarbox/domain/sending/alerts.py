"""Users who met a limit on sending, for admins to see: some have a stolen password."""

from sqlalchemy import bindparam, select, update

from pillarbox.base.ids import AccountId
from pillarbox.domain.sending.model import Alert, Unit
from pillarbox.domain.sending.tables import sending_alerts
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Tx

TELL_EVERY_MS = 86_400_000

_c = sending_alerts.c
_COLUMNS = (_c.account_id, _c.what, _c.first_ms, _c.last_ms, _c.refused, _c.told_ms)
_THIS = (_c.account_id == bindparam("account"), _c.what == bindparam("of_what"))
_AGAIN = Statement(
    update(sending_alerts)
    .where(*_THIS)
    .values(last_ms=bindparam("at_ms"), refused=_c.refused + 1)
    .returning(_c.told_ms)
)
_ANEW = Statement(
    update(sending_alerts)
    .where(*_THIS)
    .values(first_ms=bindparam("at_ms"), told_ms=bindparam("at_ms"), refused=1)
)
_BEGIN = insert_row(sending_alerts)
_LIST = Statement(select(*_COLUMNS).order_by(_c.last_ms.desc()).limit(bindparam("most")))


def note(tx: Tx, account_id: AccountId, what: Unit) -> bool:
    """Note that a user met a limit; says whether somebody has to be told now, at most daily."""
    told_ms = tx.scalar(_AGAIN, account=account_id, of_what=what.value, at_ms=tx.now_ms)
    if told_ms is None:
        tx.run(
            _BEGIN,
            account_id=account_id,
            what=what.value,
            first_ms=tx.now_ms,
            last_ms=tx.now_ms,
            refused=1,
            told_ms=tx.now_ms,
        )
        return True
    if told_ms > tx.now_ms - TELL_EVERY_MS:
        return False
    tx.run(_ANEW, account=account_id, of_what=what.value, at_ms=tx.now_ms)
    return True


def list_of(tx: Tx, most: int = 1000) -> list[Alert]:
    """Those noted, the latest first."""
    return [Alert(AccountId(row[0]), Unit(row[1]), *row[2:]) for row in tx.all(_LIST, most=most)]
