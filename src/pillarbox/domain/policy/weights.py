"""Other points and actions of findings, as admins want them."""

import math
import re
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, select

from pillarbox.base.errors import Invalid, NotFound
from pillarbox.domain.judgement.model import Action
from pillarbox.domain.policy.model import DEFAULT, TOPIC
from pillarbox.domain.policy.tables import finding_weights
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Tx

POINTS_MOST = 100.0
MOST = 1000
NO_ACTION = "none"

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_w = finding_weights.c
_OF = Statement(
    select(_w.domain, _w.name, _w.points, _w.action)
    .where(_w.domain.in_((DEFAULT, bindparam("of_domain"))))
    .order_by(_w.domain, _w.name)
)
_COUNT = Statement(select(func.count()).select_from(finding_weights))
_INSERT = insert_row(finding_weights)
_DELETE = Statement(
    delete(finding_weights).where(
        _w.domain == bindparam("of_domain"), _w.name == bindparam("finding")
    )
)
_DELETE_ALL = Statement(delete(finding_weights).where(_w.domain == bindparam("of_domain")))


@dataclass(frozen=True, slots=True)
class Weight:
    """What replaces a finding's points and action; `None` points replace nothing.

    With `replaces_action` an action `None` takes the finding's action away.
    """

    points: float | None = None
    action: Action | None = None
    replaces_action: bool = False


def list_of(tx: Tx, domain: str = DEFAULT) -> dict[str, dict[str, Weight]]:
    """The weights of `_default` and of a domain, each by the finding's name."""
    found: dict[str, dict[str, Weight]] = {DEFAULT: {}, domain: {}}
    for owner, name, points, action in tx.all(_OF, of_domain=domain):
        named = None if action in (None, NO_ACTION) else Action(action)
        found[owner][name] = Weight(points, named, action is not None)
    return found


def effective_of(tx: Tx, domain: str) -> dict[str, Weight]:
    """The weights that hold for a domain: each of its own replaces the one of `_default`."""
    found = list_of(tx, domain)
    return found[DEFAULT] | found[domain]


def set_weight(
    tx: Tx, domain: str, name: str, points: float | None, action: str | None = None
) -> None:
    """Give a finding other points, another action (`none` takes it away), or both.

    Raises `Invalid`. That the domain is served is the caller's to know.
    """
    if not _NAME.fullmatch(name):
        raise Invalid(f"{name[:80]!r} can't be the name of a finding")
    if points is None and action is None:
        raise Invalid("Say the points, the action, or both")
    if points is not None and not (math.isfinite(points) and abs(points) <= POINTS_MOST):
        raise Invalid(f"Points are a number from -{POINTS_MOST:g} to {POINTS_MOST:g}")
    if action is not None and action not in (*Action, NO_ACTION):
        raise Invalid(f"An action is one of {', '.join((*Action, NO_ACTION))}")
    tx.run(_DELETE, of_domain=domain, finding=name)
    if tx.scalar(_COUNT) >= MOST:
        raise Invalid(f"There can be no more than {MOST} weights")
    tx.run(_INSERT, domain=domain, name=name, points=points, action=action)
    tx.emit(TOPIC)


def unset(tx: Tx, domain: str, name: str) -> None:
    """Let a finding have its own points and action again; `NotFound` if it has."""
    if not tx.run(_DELETE, of_domain=domain, finding=name):
        raise NotFound(f"{name} has no weight of its own for {domain}")
    tx.emit(TOPIC)


def remove_all(tx: Tx, domain: str) -> None:
    """Forget a domain that is no longer served."""
    tx.run(_DELETE_ALL, of_domain=domain)
