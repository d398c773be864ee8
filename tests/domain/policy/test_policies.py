"""Policies of domains: what inherits, what is refused, what each word comes to."""

import pytest

from pillarbox.base.errors import Invalid, NotFound
from pillarbox.base.ids import AccountId
from pillarbox.domain.judgement.model import Action, Rules
from pillarbox.domain.policy import policies, weights
from pillarbox.domain.policy.columns import BY_NAME, COLUMNS
from pillarbox.domain.policy.logins import Bar, LoginPolicy
from pillarbox.domain.policy.model import DEFAULT, TOPIC, Policy, Rate, SigningPolicy, Wishes
from pillarbox.domain.policy.tables import domain_policies
from pillarbox.storage.db import Database

ANN = AccountId(7)
HERE = "example.org"


async def put(database: Database, domain: str, **wanted: str) -> Policy:
    await database.write(policies.set_values, domain, wanted)
    return await database.read(policies.of, HERE)


async def test_what_nobody_set_is_as_decided(database: Database) -> None:
    found = await database.read(policies.of, HERE)
    assert found.off == frozenset()
    assert found.rules.junk_score == 5
    assert found.rules.refuse_score is None
    assert found.rules.quarantine_score is None
    assert found.rules.actions == {
        "spf_fail": None,
        "spf_softfail": None,
        "dmarc_reject": Action.REFUSE,
        "dmarc_quarantine": Action.JUNK,
        "virus": Action.REFUSE,
        "clamav_failed": None,
    }
    assert (found.greylist_delay_min, found.greylist_expiry_days) == (5, 35)
    assert found.greylist_whitelist_after == 3
    assert not found.dmarc_report


async def test_an_empty_policy_is_what_checks_take_for_granted(database: Database) -> None:
    """So that a check that is tested with `Policy(domain)` meets what will be."""
    found = await database.read(policies.of, HERE)
    assert found == Policy(HERE, rules=Rules(actions=found.rules.actions))


async def test_a_domain_goes_before_the_default(database: Database) -> None:
    await put(database, DEFAULT, spf_enabled="off", greylist_delay_minutes="9")
    found = await put(database, HERE, greylist_delay_minutes="1")
    assert found.greylist_delay_min == 1
    assert not found.has("spf")
    assert (await database.read(policies.of, "other.example")).greylist_delay_min == 9


async def test_the_settings_go_behind_all(database: Database) -> None:
    settings = {"spam_junk_score": 10.0}
    found = await database.read(policies.of, HERE, settings)
    assert found.rules.junk_score == 10
    await put(database, DEFAULT, spam_junk_score="7.5")
    assert (await database.read(policies.of, HERE, settings)).rules.junk_score == 7.5


@pytest.mark.parametrize(
    ("name", "value", "finding", "action"),
    [
        ("spf_fail_action", "reject", "spf_fail", Action.REFUSE),
        ("spf_fail_action", "quarantine", "spf_fail", Action.QUARANTINE),
        ("spf_softfail_action", "reject", "spf_softfail", Action.REFUSE),
        ("dmarc_action", "quarantine", "dmarc_reject", Action.QUARANTINE),
        ("dmarc_action", "quarantine", "dmarc_quarantine", Action.JUNK),
        ("dmarc_action", "score", "dmarc_reject", None),
        ("dmarc_action", "score", "dmarc_quarantine", None),
        ("clamav_virus_action", "tag", "virus", None),
        ("clamav_virus_action", "quarantine", "virus", Action.QUARANTINE),
        ("clamav_fail_action", "reject", "clamav_failed", Action.DEFER),
        ("clamav_fail_action", "quarantine", "clamav_failed", Action.QUARANTINE),
    ],
)
async def test_words_become_actions(
    database: Database, name: str, value: str, finding: str, action: Action | None
) -> None:
    assert (await put(database, HERE, **{name: value})).rules.actions[finding] is action


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("spf_enabled", "spf"),
        ("dkim_verify_enabled", "dkim"),
        ("dmarc_enabled", "dmarc"),
        ("clamav_enabled", "clamav"),
        ("greylist_enabled", "greylist"),
        ("spam_learning_enabled", "bayes"),
        ("spam_enabled", "rspamd"),
    ],
)
async def test_switches_turn_checks_off(database: Database, name: str, check: str) -> None:
    found = await put(database, HERE, **{name: "0"})
    assert not found.has(check)
    assert check in found.rules.ignored


async def test_without_judging_no_score_counts(database: Database) -> None:
    wanted = {"spam_reject_enabled": "1", "spam_quarantine_score": "7"}
    found = await put(database, HERE, **wanted)
    assert (found.rules.quarantine_score, found.rules.refuse_score) == (7, 10)
    off = await put(database, HERE, spam_enabled="no")
    rules = off.rules
    assert (rules.junk_score, rules.quarantine_score, rules.refuse_score) == (None, None, None)
    assert not off.learning


async def test_rates(database: Database) -> None:
    found = await put(database, HERE, ratelimit_smtp_per_ip="7", ratelimit_smtp_per_ip_window="2")
    assert found.per_ip == Rate(7, 120)
    assert found.per_domain == Rate(1000, 3600)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("spf_enabled", "maybe"),
        ("spf_fail_action", "drop"),
        ("spam_junk_score", "nan"),
        ("spam_junk_score", "-1"),
        ("spam_junk_score", "1e9"),
        ("greylist_delay_minutes", "9" * 400),
        ("clamav_max_scan_size", "2T"),
        ("dmarc_report_email", "nobody"),
        ("dmarc_report_email", "a b@example.org"),
        ("greylist_delay_minutes", "x" * 2000),
        ("no_such_thing", "1"),
        ("dkim_key_size", "1024"),
        ("dkim_key_size", "3000"),
        ("dkim_headers_to_sign", "From Bcc"),
        ("dkim_headers_to_sign", "From Return-Path"),
        ("dkim_headers_to_sign", "ARC-Seal"),
        ("dkim_headers_to_sign", "From;To"),
        ("dkim_headers_to_sign", "Fr\u00f6m"),
        ("dkim_headers_to_sign", "x" * 71),
        ("dkim_headers_to_sign", " ".join(f"x{n}" for n in range(51))),
        ("spf_max_lookups", "21"),
        ("spf_max_lookups", "0"),
        ("spf_dns_timeout", "6"),
        ("auth_brute_force_threshold", "0"),
    ],
)
async def test_what_can_not_be(database: Database, name: str, value: str) -> None:
    with pytest.raises(Invalid):
        await put(database, HERE, **{name: value})
    assert await database.read(policies.values, HERE) == {}


@pytest.mark.parametrize("name", [one.name for one in COLUMNS if one.unread])
async def test_what_does_nothing_is_refused(database: Database, name: str) -> None:
    with pytest.raises(Invalid, match="can't be set"):
        await put(database, HERE, **{name: str(BY_NAME[name].default)})


async def test_every_column_of_the_table_is_described() -> None:
    assert [one.name for one in domain_policies.c][1:] == [one.name for one in COLUMNS]


async def test_unset_inherits_again(database: Database, published: list[str]) -> None:
    await put(database, HERE, spf_enabled="0", dmarc_enabled="0")
    await database.write(policies.unset, HERE, ("spf-enabled",))
    assert await database.read(policies.values, HERE) == {"dmarc_enabled": 0}
    await database.write(policies.unset, HERE, ())
    assert await database.read(policies.values, HERE) == {}
    assert TOPIC in published


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [
        ({}, "rsa2048"),
        ({"dkim_key_size": "4096"}, "rsa4096"),
        ({"dkim_key_size": "4096", "dkim_key_type": "ed25519"}, "ed25519"),
    ],
)
async def test_kinds_of_keys(database: Database, wanted: dict[str, str], kind: str) -> None:
    assert (await put(database, HERE, **wanted)).dkim_key == kind


async def test_signing(database: Database) -> None:
    assert await database.read(policies.signing, HERE) == SigningPolicy()
    await put(database, DEFAULT, dkim_signing_enabled="0", dkim_headers_to_sign='["From","To"]')
    assert await database.read(policies.signing, HERE) == SigningPolicy(False, ("from", "to"))
    await put(database, HERE, dkim_signing_enabled="1", dkim_headers_to_sign="Subject:X-Note")
    found = await database.read(policies.signing, HERE)
    assert found == SigningPolicy(True, ("subject", "x-note"))
    await put(database, HERE, dkim_headers_to_sign="[]")
    assert await database.read(policies.signing, HERE) == SigningPolicy()


async def test_sending(database: Database) -> None:
    assert (await database.read(policies.sending, HERE)).most == 0
    await put(database, DEFAULT, ratelimit_smtp_per_user="9", ratelimit_smtp_per_user_window="2")
    await put(database, HERE, ratelimit_smtp_per_user="3")
    assert await database.read(policies.sending, HERE) == Rate(3, 120)
    assert await database.read(policies.sending, "other.example") == Rate(9, 120)
    await put(database, HERE, ratelimit_enabled="0")
    assert (await database.read(policies.sending, HERE)).most == 0


async def test_directory(database: Database) -> None:
    assert await database.read(policies.directory, HERE)
    await put(database, DEFAULT, directory_enabled="0")
    assert not await database.read(policies.directory, HERE)
    await put(database, HERE, directory_enabled="1")
    assert await database.read(policies.directory, HERE)
    assert not await database.read(policies.directory, "other.example")


async def test_logins(database: Database) -> None:
    found = await database.read(policies.logins, HERE)
    assert found == LoginPolicy(Bar(), Bar(), False, Rate(0, 900), Rate(0, 3600))
    assert not found.domain.is_own
    await put(database, DEFAULT, auth_brute_force_threshold="9", ratelimit_auth_per_ip="50")
    await put(
        database, HERE,
        auth_brute_force_block_minutes="60", auth_ip_blacklist_enabled="1",
        ratelimit_imap_per_user="7", ratelimit_enabled="1",
    )  # fmt: skip
    found = await database.read(policies.logins, HERE)
    assert (found.server, found.domain) == (Bar(tries=9), Bar(block_min=60))
    assert found.domain.is_own
    assert found.bans
    assert (found.per_ip, found.imap_per_user) == (Rate(50, 900), Rate(7, 3600))
    elsewhere = await database.read(policies.logins, "unknown.example")
    assert elsewhere == LoginPolicy(Bar(tries=9), Bar(), False, Rate(50, 900), Rate(0, 3600))
    await put(database, HERE, auth_brute_force_enabled="0", ratelimit_enabled="0")
    found = await database.read(policies.logins, HERE)
    assert not found.domain.is_own
    assert found.server == Bar(tries=9)
    assert (found.per_ip.most, found.imap_per_user.most) == (50, 0)
    await put(database, HERE, auth_brute_force_enabled="1")
    await database.write(policies.unset, HERE, ("auth_brute_force_block_minutes",))
    assert (await database.read(policies.logins, HERE)).domain.is_own


@pytest.mark.parametrize("name", [one.name for one in COLUMNS if one.server_wide])
async def test_what_is_for_all_domains_is_set_for_all(database: Database, name: str) -> None:
    with pytest.raises(Invalid, match="set it for _default"):
        await put(database, HERE, **{name: "3"})
    assert await database.read(policies.values, HERE) == {}
    await put(database, DEFAULT, **{name: "3"})
    assert await database.read(policies.values, DEFAULT) == {name: 3}


async def test_name_servers(database: Database) -> None:
    await put(
        database, DEFAULT, spf_max_lookups="20", spf_dns_timeout="2", dmarc_dns_timeout="3"
    )  # fmt: skip
    found = await database.read(policies.of, DEFAULT)
    assert (found.spf_max_lookups, found.spf_answer_s, found.dmarc_answer_s) == (20, 2, 3)


async def test_weights_replace_points_and_actions(database: Database) -> None:
    await database.write(weights.set_weight, DEFAULT, "no_date", 3.0)
    await database.write(weights.set_weight, DEFAULT, "listed", None, "refuse")
    await database.write(weights.set_weight, HERE, "no_date", 0.5)
    await database.write(weights.set_weight, HERE, "dmarc_reject", 1.0, "none")
    rules = (await database.read(policies.of, HERE)).rules
    assert rules.points == {"no_date": 0.5, "dmarc_reject": 1.0}
    assert rules.actions["listed"] is Action.REFUSE
    assert rules.actions["dmarc_reject"] is None
    await database.write(weights.unset, HERE, "no_date")
    assert (await database.read(policies.of, HERE)).rules.points["no_date"] == 3.0
    with pytest.raises(NotFound):
        await database.write(weights.unset, HERE, "no_date")


@pytest.mark.parametrize(
    ("name", "points", "action"),
    [
        ("No Date", 1.0, None),
        ("x", None, None),
        ("x", float("inf"), None),
        ("x", 101.0, None),
        ("x", 1.0, "drop"),
    ],
)
async def test_weights_that_can_not_be(
    database: Database, name: str, points: float | None, action: str | None
) -> None:
    with pytest.raises(Invalid):
        await database.write(weights.set_weight, HERE, name, points, action)


async def test_wishes_go_over_the_rules(database: Database) -> None:
    rules = (await put(database, HERE, spam_quarantine_score="8")).rules
    await database.write(policies.set_wishes, ANN, Wishes(junk_score=3.0, quarantine_score=0.0))
    wanted = (await database.read(policies.wishes, ANN)).over(rules)
    assert (wanted.junk_score, wanted.quarantine_score, wanted.refuse_score) == (3, None, None)
    assert wanted.actions == rules.actions
    await database.write(policies.set_wishes, ANN, Wishes())
    assert (await database.read(policies.wishes, ANN)).over(rules) is rules


async def test_a_removed_domain_leaves_nothing(database: Database) -> None:
    await put(database, HERE, spf_enabled="0")
    await database.write(weights.set_weight, HERE, "no_date", 3.0)
    await database.write(policies.remove, HERE)
    assert (await database.read(policies.of, HERE)).has("spf")
    assert (await database.read(policies.of, HERE)).rules.points == {}
