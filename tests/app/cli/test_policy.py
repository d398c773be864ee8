"""`pillarbox policy`: columns, weights, and what users want."""

import pytest

from kit.cli import Cli
from pillarbox.app.cli.policy import known_kinds
from pillarbox.domain.policy.effective import effective


@pytest.fixture(autouse=True)
def domain(cli: Cli) -> None:
    cli.printed("domain", "add", "example.org")


def values(cli: Cli, *domain: str) -> dict[object, tuple[object, object]]:
    rows = cli("policy", "show", *domain, "--json").rows
    return {row["name"]: (row["value"], row["set_by"]) for row in rows}


def test_set_show_unset(cli: Cli) -> None:
    assert values(cli)["spf_fail_action"] == ("tag", None)
    assert values(cli)["spam_junk_score"] == (5, "SPAM_THRESHOLD")
    cli.printed("policy", "set", "_default", "spf_fail_action=quarantine")
    printed = cli.printed(
        "policy", "set", "Example.org", "spam-junk-score=7.5", "greylist_enabled=off"
    )
    assert printed == "example.org: spam_junk_score = 7.5\nexample.org: greylist_enabled = 0\n"
    found = values(cli, "example.org")
    assert found["spf_fail_action"] == ("quarantine", "_default")
    assert found["spam_junk_score"] == (7.5, "example.org")
    assert values(cli)["spam_junk_score"] == (5, "SPAM_THRESHOLD")
    cli.printed("policy", "unset", "example.org", "spam_junk_score")
    assert values(cli, "example.org")["spam_junk_score"] == (5, "SPAM_THRESHOLD")
    assert values(cli, "example.org")["greylist_enabled"] == (0, "example.org")
    cli.printed("policy", "unset", "example.org", "--all")
    assert values(cli, "example.org")["greylist_enabled"] == (1, None)


def test_the_list_says_what_is_not_used(cli: Cli) -> None:
    rows = {row["name"]: row["what"] for row in cli("policy", "show", "--json").rows}
    unused = {name for name, what in rows.items() if str(what).startswith("Not used")}
    assert unused == {
        *("spf_dns_server", "dmarc_dns_server", "auth_totp_enforced"),
        *("greylist_cleanup_interval", "ratelimit_cleanup_interval", "auth_cleanup_interval"),
    }
    assert values(cli)["auth_brute_force_block_minutes"] == (1440, "BRUTE_BAN_HOURS")
    assert "can't be set" in cli.printed("policy", "set", "_default", "spf_dns_server=x", code=1)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("set", "example.org", "spf_enabled"), 2),
        (("set", "example.org"), 2),
        (("set", "example.org", "spf_enabled=perhaps"), 1),
        (("set", "example.org", "nothing=1"), 1),
        (("set", "elsewhere.example", "spf_enabled=1"), 1),
        (("show", "elsewhere.example"), 1),
        (("unset", "example.org"), 2),
        (("unset", "example.org", "spf_enabled", "--all"), 2),
        (("weights", "set", "example.org", "no_date"), 1),
        (("weights", "set", "example.org", "no_date", "--points", "many"), 2),
        (("weights", "unset", "example.org", "no_date"), 1),
        (("user", "nobody@example.org"), 1),
    ],
)
def test_refusals(cli: Cli, arguments: tuple[str, ...], code: int) -> None:
    assert cli.printed("policy", *arguments, code=code)


def test_weights(cli: Cli) -> None:
    call = ("policy", "weights")
    cli.printed(*call, "set", "_default", "no_date", "--points", "-0.5")
    cli.printed(*call, "set", "example.org", "dmarc_reject", "--action", "none")
    rows = cli(*call, "list", "example.org", "--json").rows
    assert rows == [
        {"domain": "_default", "finding": "no_date", "points": -0.5, "action": None},
        {"domain": "example.org", "finding": "dmarc_reject", "points": None, "action": "none"},
    ]
    cli.printed(*call, "unset", "_default", "no_date")
    assert len(cli(*call, "list", "example.org", "--json").rows) == 1


def test_what_can_be_found(cli: Cli) -> None:
    rows = {row["finding"]: row for row in cli("policy", "weights", "findings", "--json").rows}
    assert rows["spf_fail"]["points"] == 4
    assert rows["sender_blocked"]["action"] == "junk"
    unknown = cli("policy", "weights", "set", "_default", "spf_fial", "--points", "1")
    assert unknown.code == 0
    assert "No check here finds spf_fial" in unknown.err
    assert not cli("policy", "weights", "set", "_default", "dnsbl_x.example", "--points", "1").err


@pytest.mark.parametrize("finding", ["spf_fail", "spf_softfail", "dmarc_reject", "virus"])
def test_the_columns_speak_of_what_there_is(finding: str) -> None:
    """The names by which policies steer are those that the checks use."""
    rules = effective("example.org", {}, {}).rules
    assert finding in rules.actions
    assert set(rules.actions) <= set(known_kinds())


def test_what_users_want(cli: Cli) -> None:
    cli.printed("user", "add", "ann@example.org", "--password", "correct horse")
    call = ("policy", "user", "Ann@example.org")
    (row,) = cli(*call, "--junk-score", "3", "--refuse-score", "0", "--json").rows
    assert row == {"junk_score": 3, "quarantine_score": None, "refuse_score": 0}
    (row,) = cli(*call, "--junk-score", "default", "--json").rows
    assert row == {"junk_score": None, "quarantine_score": None, "refuse_score": 0}
    assert cli(*call, "--json").rows == [row]
    for wrong in ("-1", "nan", "1e9", "much"):
        cli.printed(*call, "--junk-score", wrong, code=2)


def test_a_domain_that_comes_back_begins_anew(cli: Cli) -> None:
    cli.printed("policy", "set", "example.org", "spf_enabled=0")
    cli.printed("sender", "block", "x.example", "--domain", "example.org")
    cli.printed("domain", "remove", "example.org", "--yes")
    cli.printed("domain", "add", "example.org")
    assert values(cli, "example.org")["spf_enabled"] == (1, None)
    assert cli("sender", "list", "--domain", "example.org", "--json").rows == []


def test_new_keys_are_as_the_policy_says(cli: Cli) -> None:
    cli.printed("policy", "set", "example.org", "dkim_key_type=ed25519")
    cli.printed("dkim", "generate", "example.org", "--selector", "fresh")
    rows = cli("dkim", "show", "example.org", "--json").rows
    kinds = {row["selector"]: row["algorithm"] for row in rows}
    assert kinds["fresh"] == "ed25519"
