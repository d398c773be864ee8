"""Which days of which domains were reported to them: claimed, tried, settled.

One `ReportDays` for each kind of report; it knows the table that results are collected in and the
one that says what became of a day. Used by `transport/results` and `dmarc/results`.
"""

from collections.abc import Sequence
from enum import IntEnum

from sqlalchemy import Column, Table, and_, bindparam, delete, or_, select, update

from pillarbox.storage.schema import Big, Int, Small, metadata, text
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Tx

DAY_MS = 86_400_000
CLAIM_MS = 3_600_000
"""Whoever began a report and did not settle it for so long is taken for dead."""

_NOTE_MAX = 255


class ReportState(IntEnum):
    """What became of the report about a domain's day."""

    WAITING = 0
    SENT = 1
    UNWANTED = 2
    """Nobody there asks for reports."""
    GIVEN_UP = 3


def day_of(instant_ms: int) -> int:
    """The UTC day of an instant, counted from 1970-01-01."""
    return instant_ms // DAY_MS


def days_table(name: str) -> Table:
    """The table of what became of reports: a row for each day that somebody looked at."""
    return Table(
        name,
        metadata,
        Column("day", Int, primary_key=True, autoincrement=False),
        Column("domain", text(255), primary_key=True),
        Column("claimed_ms", Big, nullable=False),  # somebody is at it; until it is settled
        Column("state", Small, nullable=False),  # ReportState
        Column("tries", Int, nullable=False),
        Column("note", text(_NOTE_MAX), nullable=False),  # where it was sent, or why not
    )


class ReportDays:
    """The days of one kind of report.

    `collected` has the columns `day` and `domain`; `days` is a `days_table`.
    """

    def __init__(self, collected: Table, days: Table) -> None:
        r, d = collected.c, days.c
        this = (d.day == bindparam("on_day"), d.domain == bindparam("name"))
        self._open = Statement(
            select(r.day, r.domain)
            .distinct()
            .outerjoin(days, and_(d.day == r.day, d.domain == r.domain))
            .where(
                r.day < bindparam("today"),
                or_(
                    r.day > bindparam("last_day"),
                    and_(r.day == bindparam("last_day"), r.domain > bindparam("last_domain")),
                ),
                or_(d.day.is_(None), and_(d.state == 0, d.claimed_ms <= bindparam("stale"))),
            )
            .order_by(r.day, r.domain)
            .limit(bindparam("most"))
        )
        self._claim = Statement(
            update(days)
            .where(*this, d.state == 0, d.claimed_ms <= bindparam("stale"))
            .values(claimed_ms=bindparam("now"), tries=d.tries + 1)
        )
        self._find = Statement(select(d.tries).where(*this))
        self._begin = insert_row(days)
        self._settle = Statement(
            update(days).where(*this).values(state=bindparam("is_now"), note=bindparam("words"))
        )
        self._forget = Statement(delete(days).where(d.day < bindparam("before")))

    def waiting(self, tx: Tx, after: tuple[int, str], most: int) -> list[tuple[int, str]]:
        """Days and domains that are over and not reported, in order, from behind `after`."""
        day, domain = after
        rows = tx.all(
            self._open,
            today=day_of(tx.now_ms),
            last_day=day,
            last_domain=domain,
            stale=tx.now_ms - CLAIM_MS,
            most=most,
        )
        return [(day, domain) for day, domain in rows]

    def leave(self, tx: Tx, unwanted: Sequence[tuple[int, str]]) -> None:
        """Note that nobody wants to hear of these days and domains."""
        for day, domain in sorted(unwanted):
            if self.claim(tx, day, domain):
                self.settle(tx, day, domain, ReportState.UNWANTED)

    def claim(self, tx: Tx, day: int, domain: str) -> int:
        """Take it on to report a day; gives how often that was tried, 0 if another is at it."""
        stale = tx.now_ms - CLAIM_MS
        if tx.run(self._claim, on_day=day, name=domain, stale=stale, now=tx.now_ms):
            return int(tx.scalar(self._find, on_day=day, name=domain))
        if tx.one(self._find, on_day=day, name=domain) is not None:
            return 0
        tx.run(
            self._begin,
            day=day,
            domain=domain,
            claimed_ms=tx.now_ms,
            state=int(ReportState.WAITING),
            tries=1,
            note="",
        )
        return 1

    def settle(self, tx: Tx, day: int, domain: str, state: ReportState, note: str = "") -> None:
        """Note what became of a claimed report; `WAITING`: to be tried again in an hour."""
        tx.run(self._settle, on_day=day, name=domain, is_now=int(state), words=note[:_NOTE_MAX])

    def forget(self, tx: Tx, before: int) -> None:
        """Forget what became of the days before one."""
        tx.run(self._forget, before=before)
