"""From the values of columns to a policy: what each word of an admin means for the checks.

The findings named here are those of `pipeline/inbound/checks`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pillarbox.domain.judgement.model import Action, Rules
from pillarbox.domain.policy.columns import BY_NAME, Value
from pillarbox.domain.policy.model import Policy, Rate
from pillarbox.domain.policy.weights import Weight

_SWITCHES = (
    ("spf_enabled", ("spf",)),
    ("dkim_verify_enabled", ("dkim",)),
    ("dmarc_enabled", ("dmarc",)),
    ("clamav_enabled", ("clamav",)),
    ("greylist_enabled", ("greylist",)),
    ("spam_enabled", ("bayes", "spamassassin", "rspamd")),
    ("spam_learning_enabled", ("bayes",)),
)
_ACTIONS = MappingProxyType(
    {
        "reject": Action.REFUSE,
        "quarantine": Action.QUARANTINE,
        "tag": None,
        "accept": None,
    }
)
_DMARC = MappingProxyType(
    {
        "honour": (Action.REFUSE, Action.JUNK),
        "quarantine": (Action.QUARANTINE, Action.JUNK),
        "score": (None, None),
    }
)
"""For those whose domain wants them refused, and for those to be kept apart."""


def effective(domain: str, values: Mapping[str, Value], weights: Mapping[str, Weight]) -> Policy:
    """The policy of a domain; `values` are its own over those of `_default`."""
    every: dict[str, Any] = {name: one.default for name, one in BY_NAME.items()} | dict(values)
    off = frozenset(check for name, checks in _SWITCHES if not every[name] for check in checks)
    return Policy(
        domain,
        off,
        _rules(every, weights, off),
        by_score=bool(every["spam_enabled"]),
        dkim_signing=bool(every["dkim_signing_enabled"]),
        dkim_key="ed25519"
        if every["dkim_key_type"] == "ed25519"
        else f"rsa{every['dkim_key_size']}",
        spf_max_lookups=every["spf_max_lookups"],
        spf_answer_s=every["spf_dns_timeout"],
        dmarc_answer_s=every["dmarc_dns_timeout"],
        dmarc_report=bool(every["dmarc_report_enabled"]),
        dmarc_report_email=every["dmarc_report_email"],
        clamav_max_scan_bytes=every["clamav_max_scan_size"],
        learning=bool(every["spam_enabled"] and every["spam_learning_enabled"]),
        greylist_delay_min=every["greylist_delay_minutes"],
        greylist_expiry_days=every["greylist_expiry_days"],
        greylist_whitelist_after=every["greylist_whitelist_after"],
        rates=bool(every["ratelimit_enabled"]),
        per_ip=_rate(every, "ratelimit_smtp_per_ip"),
        per_domain=_rate(every, "ratelimit_smtp_per_domain"),
    )


def _rules(every: dict[str, Any], weights: Mapping[str, Weight], off: frozenset[str]) -> Rules:
    refused, apart = _DMARC[every["dmarc_action"]]
    unchecked = _ACTIONS[every["clamav_fail_action"]]
    actions = {
        "spf_fail": _ACTIONS[every["spf_fail_action"]],
        "spf_softfail": _ACTIONS[every["spf_softfail_action"]],
        "dmarc_reject": refused,
        "dmarc_quarantine": apart,
        "virus": _ACTIONS[every["clamav_virus_action"]],
        # Nothing is wrong with the mail, so it may come again.
        "clamav_failed": Action.DEFER if unchecked is Action.REFUSE else unchecked,
    }
    actions |= {name: one.action for name, one in weights.items() if one.replaces_action}
    points = {name: one.points for name, one in weights.items() if one.points is not None}
    by_score = bool(every["spam_enabled"])
    refuses = by_score and every["spam_reject_enabled"]
    return Rules(
        junk_score=(every["spam_junk_score"] or None) if by_score else None,
        quarantine_score=(every["spam_quarantine_score"] or None) if by_score else None,
        refuse_score=(every["spam_reject_score"] or None) if refuses else None,
        points=MappingProxyType(points),
        actions=MappingProxyType(actions),
        ignored=off,
    )


def _rate(every: dict[str, Any], name: str) -> Rate:
    return Rate(every[name], every[f"{name}_window"] * 60)
