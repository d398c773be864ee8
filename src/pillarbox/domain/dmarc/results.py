"""What is found out about other domains' mail, by day, to be told to them (RFC 9990).

Counted in the transaction that accepts or refuses a message; read and settled by
`pipeline/jobs/dmarc_reports`.
"""

import re
from dataclasses import dataclass, replace
from functools import cache

import msgspec
from sqlalchemy import and_, bindparam, delete, func, or_, select, update

from pillarbox.domain.dmarc.model import Evaluation, Kind, Published
from pillarbox.domain.dmarc.tables import dmarc_policies, dmarc_report_days, dmarc_results
from pillarbox.domain.report_days import ReportDays, ReportState, day_of
from pillarbox.storage.statement import Statement, insert_new
from pillarbox.storage.tx import Row, Tx

ROWS_MAX = 2000
"""Kinds of messages of one domain and day; what comes on top is only counted."""

DETAILED_MAX = 1000
"""From so many on, new ones are told with less detail, so that they fall together."""

DOMAINS_MAX = 20_000
"""Domains of one day; anybody can make up as many as they like."""

DAYS = ReportDays(dmarc_policies, dmarc_report_days)
"""What was reported."""

_NAME = re.compile(r"[a-z0-9_-][a-z0-9._-]{0,252}")
_LIST_MAX = 20

_p, _r, _d = dmarc_policies.c, dmarc_results.c, dmarc_report_days.c
_DAY = (_r.day == bindparam("on_day"), _r.domain == bindparam("name"))
_KEY = (*_DAY, _r.digest == bindparam("mark"))
_POLICY = (_p.day == bindparam("on_day"), _p.domain == bindparam("name"))
_ADD = Statement(update(dmarc_results).where(*_KEY).values(messages=_r.messages + 1))
_NEW = {
    "id": bindparam("number"),
    "day": bindparam("on_day"),
    "domain": bindparam("name"),
    "digest": bindparam("mark"),
    "kind": bindparam("what"),
    "report": bindparam("of_report"),
    "messages": 0,
}
_COUNT = Statement(select(func.count()).select_from(dmarc_results).where(*_DAY))
_NEW_POLICY = {
    "day": bindparam("on_day"),
    "domain": bindparam("name"),
    "published": bindparam("record"),
    "rua": bindparam("uris"),
    "omitted": 0,
}
_SET_POLICY = Statement(
    update(dmarc_policies)
    .where(*_POLICY)
    .values(published=bindparam("record"), rua=bindparam("uris"))
)
_OMIT = Statement(update(dmarc_policies).where(*_POLICY).values(omitted=_p.omitted + 1))
_CROWDED = Statement(
    select(_p.domain).where(_p.day == bindparam("on_day")).limit(1).offset(DOMAINS_MAX - 1)
)
_GET_POLICY = Statement(select(_p.published, _p.rua, _p.omitted).where(*_POLICY))
_OF_DAY = Statement(select(_r.kind, _r.messages).where(*_DAY).order_by(_r.digest))
_OTHER_MAIL = Statement(select(_r.id).where(*_DAY, _r.report == 0).limit(1))
_SENT = Statement(
    select(_p.day, _p.domain, func.sum(_r.messages), _p.omitted, _d.state, _d.tries, _d.note)
    .outerjoin(dmarc_results, and_(_r.day == _p.day, _r.domain == _p.domain))
    .outerjoin(dmarc_report_days, and_(_d.day == _p.day, _d.domain == _p.domain))
    .where(
        _p.day >= bindparam("since"),
        or_(bindparam("name") == "", _p.domain == bindparam("name")),
    )
    .group_by(_p.day, _p.domain, _p.omitted, _d.state, _d.tries, _d.note)
    .order_by(_p.day.desc(), _p.domain)
    .limit(bindparam("most"))
)
_FORGET = Statement(
    delete(dmarc_results).where(
        _r.id.in_(select(_r.id).where(_r.day < bindparam("before")).limit(bindparam("most")))
    )
)
_FORGET_POLICIES = Statement(delete(dmarc_policies).where(_p.day < bindparam("before")))


@dataclass(frozen=True, slots=True)
class Collected:
    """A domain's day: its record, messages by kind, and how many more there were."""

    published: Published
    counts: tuple[tuple[Kind, int], ...]
    omitted: int = 0


@dataclass(frozen=True, slots=True)
class DaySummary:
    """What is told to a domain of one day, and what became of that."""

    day: int
    domain: str
    messages: int
    state: ReportState
    tries: int
    note: str


def count(tx: Tx, evaluation: Evaluation) -> None:
    """Count one message of a domain; nothing where it asks for no reports by mail.

    Call it last in a transaction: the row is shared by all who get such mail.
    """
    published = evaluation.published
    if not any(uri[:7].lower() == "mailto:" for uri in published.rua):
        return
    name, day, kind = published.domain, day_of(tx.now_ms), _bounded(evaluation.kind)
    if not _NAME.fullmatch(name):
        return
    digest = kind.digest(published.tags)
    if tx.run(_ADD, on_day=day, name=name, mark=digest):
        return
    if not _note(tx, day, published):
        return
    rows = int(tx.scalar(_COUNT, on_day=day, name=name))
    if rows >= DETAILED_MAX:
        kind = kind.general
        digest = kind.digest(published.tags)
        if tx.run(_ADD, on_day=day, name=name, mark=digest):
            return
    if rows >= ROWS_MAX:
        tx.run(_OMIT, on_day=day, name=name)
        return
    tx.run(
        _insert(tx.dialect),
        number=tx.next_id(),
        on_day=day,
        name=name,
        mark=digest,
        what=msgspec.json.encode(kind).decode(),
        of_report=int(kind.report),
    )
    tx.run(_ADD, on_day=day, name=name, mark=digest)


def asked(tx: Tx, day: int, domain: str) -> Published | None:
    """The record of a domain that is to have a report of a day.

    `None` if there was no mail of it but aggregate reports: about those alone nobody is told, or
    two servers would send each other reports for ever.
    """
    row = tx.one(_GET_POLICY, on_day=day, name=domain)
    if row is None or tx.one(_OTHER_MAIL, on_day=day, name=domain) is None:
        return None
    return _published(domain, row)


def of_day(tx: Tx, day: int, domain: str) -> Collected | None:
    """What is to be reported to a domain."""
    row = tx.one(_GET_POLICY, on_day=day, name=domain)
    if row is None:
        return None
    counts = tuple(
        (msgspec.json.decode(kind, type=Kind), messages)
        for kind, messages in tx.all(_OF_DAY, on_day=day, name=domain)
    )
    return Collected(_published(domain, row), counts, row[2])


def summaries(tx: Tx, since: int, domain: str = "", most: int = 1000) -> list[DaySummary]:
    """What was told to whom, the newest day first; of one domain if it is given."""
    return [
        DaySummary(
            day,
            name,
            int(messages or 0) + omitted,
            ReportState(state or 0),
            tries or 0,
            note or "",
        )
        for day, name, messages, omitted, state, tries, note in tx.all(
            _SENT, since=since, name=domain, most=most
        )
    ]


def sweep(tx: Tx, before: int, most: int) -> bool:
    """Forget a few of the results of days before; gives whether there may be more."""
    if tx.run(_FORGET, before=before, most=most) == most:
        return True
    tx.run(_FORGET_POLICIES, before=before)
    DAYS.forget(tx, before)
    return False


_Record = tuple[tuple[tuple[str, str], ...], str]


def _published(domain: str, row: Row) -> Published:
    tags, organizational = msgspec.json.decode(row[0], type=_Record)
    return Published(domain, tags, tuple(row[1].split("\n")), organizational)


def _note(tx: Tx, day: int, published: Published) -> bool:
    """Keep a domain's record as it is now; `False` if there are too many domains."""
    record = msgspec.json.encode((published.tags, published.organizational)).decode()
    uris = "\n".join(published.rua[:_LIST_MAX])
    name = published.domain
    if tx.run(_SET_POLICY, on_day=day, name=name, record=record, uris=uris):
        return True
    if tx.one(_CROWDED, on_day=day) is not None:
        return False
    tx.run(_insert_policy(tx.dialect), on_day=day, name=name, record=record, uris=uris)
    return True


@cache
def _insert(dialect: str) -> Statement:
    return insert_new(dialect, dmarc_results, _NEW)


@cache
def _insert_policy(dialect: str) -> Statement:
    return insert_new(dialect, dmarc_policies, _NEW_POLICY)


def _bounded(kind: Kind) -> Kind:
    """The same with lists of some length only: what stands in them is others' word."""
    if max(map(len, (kind.overrides, kind.dkim_checks, kind.spf_checks))) <= _LIST_MAX:
        return kind
    # Those that pass go first (RFC 9990).
    checks = sorted(kind.dkim_checks, key=lambda check: check.result != "pass")
    return replace(
        kind,
        overrides=kind.overrides[:_LIST_MAX],
        dkim_checks=tuple(checks[:_LIST_MAX]),
        spf_checks=kind.spf_checks[:_LIST_MAX],
    )
