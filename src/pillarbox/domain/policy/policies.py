"""The rows of policies: read, set, inherited.

Called by the command line and by `pipeline/inbound/policies`, which keeps them in memory. Domains
are spelled as in the directory; that one is served is the caller's to know.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import bindparam, delete, select, update

from pillarbox.base.errors import Invalid
from pillarbox.base.ids import AccountId
from pillarbox.domain.policy import columns, weights
from pillarbox.domain.policy.columns import COLUMNS, Value
from pillarbox.domain.policy.effective import effective
from pillarbox.domain.policy.logins import Bar, LoginPolicy
from pillarbox.domain.policy.model import (
    DEFAULT,
    NO_WISHES,
    TOPIC,
    Policy,
    Rate,
    SigningPolicy,
    Wishes,
)
from pillarbox.domain.policy.tables import domain_policies, spam_settings
from pillarbox.storage.statement import Statement, insert_new, insert_row
from pillarbox.storage.tx import Tx

_p = domain_policies.c
_VALUES = Statement(
    select(*(_p[one.name] for one in COLUMNS)).where(_p.domain == bindparam("of_domain"))
)


def _some(*names: str) -> Statement:
    """Selects columns of a domain and of `_default`."""
    both = _p.domain.in_((DEFAULT, bindparam("of_domain")))
    return Statement(select(_p.domain, *(_p[name] for name in names)).where(both))


_SIGNING_COLUMNS = ("dkim_signing_enabled", "dkim_headers_to_sign")
_SIGNING = _some(*_SIGNING_COLUMNS)
_SENDING_COLUMNS = (
    "ratelimit_enabled",
    "ratelimit_smtp_per_user",
    "ratelimit_smtp_per_user_window",
)
_SENDING = _some(*_SENDING_COLUMNS)
_LOGIN_COLUMNS = (
    *("ratelimit_enabled", "ratelimit_auth_per_ip", "ratelimit_auth_per_ip_window"),
    *("ratelimit_imap_per_user", "ratelimit_imap_per_user_window"),
    *("auth_brute_force_enabled", "auth_brute_force_threshold"),
    *("auth_brute_force_window_minutes", "auth_brute_force_block_minutes"),
    "auth_ip_blacklist_enabled",
)
_LOGIN = _some(*_LOGIN_COLUMNS)
_DIRECTORY_COLUMNS = ("directory_enabled",)
_DIRECTORY = _some(*_DIRECTORY_COLUMNS)
_NAMED = Statement(select(_p.domain).order_by(_p.domain))
_DELETE = Statement(delete(domain_policies).where(_p.domain == bindparam("of_domain")))
_s = spam_settings.c
_WISHES = Statement(
    select(_s.junk_score, _s.quarantine_score, _s.refuse_score).where(
        _s.account_id == bindparam("account")
    )
)
_DEFAULTS = MappingProxyType({one.name: one.default for one in COLUMNS})
_INSERT_WISHES = insert_row(spam_settings)
_DELETE_WISHES = Statement(delete(spam_settings).where(_s.account_id == bindparam("account")))


def values(tx: Tx, domain: str) -> dict[str, Value]:
    """What was set for a domain, or for `_default`, and nothing inherited."""
    row = tx.one(_VALUES, of_domain=domain)
    if row is None:
        return {}
    return {one.name: value for one, value in zip(COLUMNS, row, strict=True) if value is not None}


def named(tx: Tx) -> list[str]:
    """The domains for which anything was set."""
    return [name for (name,) in tx.all(_NAMED) if name != DEFAULT]


def of(tx: Tx, domain: str, defaults: Mapping[str, Value] | None = None) -> Policy:
    """The policy that holds for a domain; `defaults` are those of the settings."""
    held = {**(defaults or {}), **values(tx, DEFAULT), **values(tx, domain)}
    return effective(domain, held, weights.effective_of(tx, domain))


def signing(tx: Tx, domain: str) -> SigningPolicy:
    """How mail of a domain is to be signed."""
    own, general = _read(tx, _SIGNING, _SIGNING_COLUMNS, domain)
    every = {**_DEFAULTS, **general, **own}
    fields = tuple(str(every["dkim_headers_to_sign"]).split())
    return SigningPolicy(bool(every["dkim_signing_enabled"]), fields)


def sending(tx: Tx, domain: str) -> Rate:
    """How many messages each user of a domain may send, beside what the settings allow."""
    own, general = _read(tx, _SENDING, _SENDING_COLUMNS, domain)
    return _rate({**_DEFAULTS, **general, **own}, "ratelimit_smtp_per_user")


def directory(tx: Tx, domain: str) -> bool:
    """Whether a domain shows its users, groups and resources to each other."""
    own, general = _read(tx, _DIRECTORY, _DIRECTORY_COLUMNS, domain)
    return bool({**_DEFAULTS, **general, **own}["directory_enabled"])


def logins(tx: Tx, domain: str) -> LoginPolicy:
    """What holds for logins at a domain, which need not be served here."""
    own, general = _read(tx, _LOGIN, _LOGIN_COLUMNS, domain)
    every = {**_DEFAULTS, **general, **own}
    return LoginPolicy(
        server=_bar(general),
        domain=_bar(own),
        bans=bool(every["auth_ip_blacklist_enabled"]),
        per_ip=_rate({**_DEFAULTS, **general}, "ratelimit_auth_per_ip"),
        imap_per_user=_rate(every, "ratelimit_imap_per_user"),
    )


def set_values(tx: Tx, domain: str, wanted: Mapping[str, str]) -> dict[str, Value]:
    """Set some columns, as they were typed; gives their values. `Invalid` for what can't be."""
    found = {(one := columns.require(name)).name: one.read(text) for name, text in wanted.items()}
    for name in found:
        if domain != DEFAULT and columns.require(name).server_wide:
            raise Invalid(f"{name} is one for all domains: set it for {DEFAULT}")
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


def _read(
    tx: Tx, statement: Statement, names: tuple[str, ...], domain: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What was set of these columns for a domain, and for `_default`."""
    found: dict[str, dict[str, Any]] = {}
    for of_domain, *row in tx.all(statement, of_domain=domain):
        pairs = zip(names, row, strict=True)
        found[of_domain] = {name: value for name, value in pairs if value is not None}
    general = found.get(DEFAULT, {})
    return ({} if domain == DEFAULT else found.get(domain, {})), general


def _rate(every: Mapping[str, Any], name: str) -> Rate:
    most = every[name] if every["ratelimit_enabled"] else 0
    return Rate(most, every[f"{name}_window"] * 60)


def _bar(held: Mapping[str, Any]) -> Bar:
    return Bar(
        None if (enabled := held.get("auth_brute_force_enabled")) is None else bool(enabled),
        held.get("auth_brute_force_threshold"),
        held.get("auth_brute_force_window_minutes"),
        held.get("auth_brute_force_block_minutes"),
    )
