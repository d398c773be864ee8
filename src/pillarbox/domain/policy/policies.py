"""The rows of policies: read, set, inherited.

Called by the command line and by `pipeline/inbound/policies`, which keeps them in memory. Domains
are spelled as in the directory; that one is served is the caller's to know.
"""

from collections.abc import Mapping

from sqlalchemy import bindparam, delete, select, update

from pillarbox.base.ids import AccountId
from pillarbox.domain.policy import columns, weights
from pillarbox.domain.policy.columns import COLUMNS, Value
from pillarbox.domain.policy.effective import effective
from pillarbox.domain.policy.model import DEFAULT, NO_WISHES, TOPIC, Policy, Wishes
from pillarbox.domain.policy.tables import domain_policies, spam_settings
from pillarbox.storage.statement import Statement, insert_new, insert_row
from pillarbox.storage.tx import Tx

_p = domain_policies.c
_VALUES = Statement(
    select(*(_p[one.name] for one in COLUMNS)).where(_p.domain == bindparam("of_domain"))
)
_SIGNING = Statement(
    select(_p.domain, _p.dkim_signing_enabled).where(
        _p.domain.in_((DEFAULT, bindparam("of_domain")))
    )
)
_DELETE = Statement(delete(domain_policies).where(_p.domain == bindparam("of_domain")))
_s = spam_settings.c
_WISHES = Statement(
    select(_s.junk_score, _s.quarantine_score, _s.refuse_score).where(
        _s.account_id == bindparam("account")
    )
)
_INSERT_WISHES = insert_row(spam_settings)
_DELETE_WISHES = Statement(delete(spam_settings).where(_s.account_id == bindparam("account")))


def values(tx: Tx, domain: str) -> dict[str, Value]:
    """What was set for a domain, or for `_default`, and nothing inherited."""
    row = tx.one(_VALUES, of_domain=domain)
    if row is None:
        return {}
    return {one.name: value for one, value in zip(COLUMNS, row, strict=True) if value is not None}


def of(tx: Tx, domain: str, defaults: Mapping[str, Value] | None = None) -> Policy:
    """The policy that holds for a domain; `defaults` are those of the settings."""
    held = {**(defaults or {}), **values(tx, DEFAULT), **values(tx, domain)}
    return effective(domain, held, weights.effective_of(tx, domain))


def signs(tx: Tx, domain: str) -> bool:
    """Whether mail of a domain is to be signed."""
    found: dict[str, int | None] = dict(tx.all(_SIGNING, of_domain=domain))
    own, general = found.get(domain), found.get(DEFAULT)
    wanted = own if own is not None else general
    return wanted is None or bool(wanted)


def set_values(tx: Tx, domain: str, wanted: Mapping[str, str]) -> dict[str, Value]:
    """Set some columns, as they were typed; gives their values. `Invalid` for what can't be."""
    found = {(one := columns.require(name)).name: one.read(text) for name, text in wanted.items()}
    if found:
        _make_row(tx, domain)
        tx.change(update(domain_policies).where(_p.domain == domain).values(found))
        tx.emit(TOPIC)
    return found


def unset(tx: Tx, domain: str, names: tuple[str, ...]) -> None:
    """Let columns inherit again; all of them if none is named. `Invalid` for a name of none."""
    found = [columns.require(name).name for name in names]
    if found:
        nothing = dict.fromkeys(found)
        tx.change(update(domain_policies).where(_p.domain == domain).values(nothing))
    else:
        tx.run(_DELETE, of_domain=domain)
    tx.emit(TOPIC)


def remove(tx: Tx, domain: str) -> None:
    """Forget a domain that is no longer served."""
    tx.run(_DELETE, of_domain=domain)
    weights.remove_all(tx, domain)
    tx.emit(TOPIC)


def wishes(tx: Tx, account_id: AccountId) -> Wishes:
    """What a user wants for mail to them."""
    row = tx.one(_WISHES, account=account_id)
    return NO_WISHES if row is None else Wishes(*row)


def set_wishes(tx: Tx, account_id: AccountId, wanted: Wishes) -> None:
    """Note what a user wants, instead of what was noted; scores within bounds are the caller's."""
    tx.run(_DELETE_WISHES, account=account_id)
    if wanted != NO_WISHES:
        tx.run(
            _INSERT_WISHES,
            account_id=account_id,
            junk_score=wanted.junk_score,
            quarantine_score=wanted.quarantine_score,
            refuse_score=wanted.refuse_score,
        )
    tx.emit(TOPIC)


def _make_row(tx: Tx, domain: str) -> None:
    tx.change(insert_new(tx.dialect, domain_policies, {"domain": domain}).core)
