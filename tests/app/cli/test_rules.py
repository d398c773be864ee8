"""`pillarbox rules`, `pillarbox vacation` and `pillarbox forward`."""

import json
from pathlib import Path

import pytest

from kit.cli import Cli

ANN = "ann@example.org"


@pytest.fixture(autouse=True)
def user(cli: Cli) -> None:
    cli.printed("domain", "add", "example.org")
    cli.printed("user", "add", ANN, "--password", "correct horse")


def names(cli: Cli) -> list[object]:
    return [rule["name"] for rule in cli("rules", "list", ANN, "--json").rows]


def add(cli: Cli, name: str, *options: str) -> None:
    cli.printed("rules", "add", ANN, name, *(options or ("--subject", name, "--into", name)))


def test_a_life(cli: Cli) -> None:
    assert names(cli) == []
    assert "Rule 1" in cli.printed(
        *("rules", "add", "Ann@Example.org", "Boss", "--from", "boss@", "--mark", "starred"),
        *("--mark", "read", "--copy-into", "Boss"),
    )
    add(cli, "Big", "--larger", "5M", "--into", "Big", "--stop")
    add(cli, "First", "--to", "list@", "--list", "one", "--any", "--delete", "--at", "1")
    assert names(cli) == ["First", "Boss", "Big"]
    told = cli.printed("rules", "list", ANN)
    assert "from contains 'boss@'" in told
    assert "mark \\Flagged, \\Seen, copy into Boss" in told
    assert "larger than 5242880 bytes" in told
    assert "to or cc contains 'list@' or List-Id contains 'one'" in told
    cli.printed("rules", "move", ANN, "1", "3")
    assert names(cli) == ["Boss", "Big", "First"]
    cli.printed("rules", "disable", ANN, "2")
    rows = cli("rules", "list", ANN, "--json").rows
    assert [rule.get("enabled", True) for rule in rows] == [True, False, True]
    cli.printed("rules", "enable", ANN, "2")
    cli.printed("rules", "remove", ANN, "1")
    assert names(cli) == ["Big", "First"]
    script = cli.printed("sieve", "show", ANN, "rules")
    assert "# rule:[Big]" in script


def test_a_rule_from_json_is_the_one_that_was_printed(cli: Cli, tmp_path: Path) -> None:
    add(cli, "Wild", "--body", '50% "off*"', "--reject", "No.\n.", "--stop")
    (printed,) = cli("rules", "list", ANN, "--json").rows
    file = tmp_path / "rule.json"
    file.write_text(json.dumps(printed), "utf-8")
    cli.printed("rules", "add", ANN, "--file", str(file))
    assert cli("rules", "list", ANN, "--json").rows == [printed, printed]


def test_templates(cli: Cli) -> None:
    rows = cli("rules", "templates", "--json").rows
    assert "newsletters" in [row["template"] for row in rows]
    cli.printed("rules", "add", ANN, "--template", "newsletters")
    cli.printed(
        *("rules", "add", ANN, "Chief", "--template", "important", "--fill"),
        "address=boss@example.org",
    )
    assert names(cli) == ["Newsletters", "Chief"]
    assert "address=" in cli.printed("rules", "add", ANN, "--template", "important", code=1)
    assert "newsletters" in cli.printed("rules", "add", ANN, "--template", "x", code=1)


def test_vacation(cli: Cli) -> None:
    assert "no vacation" in cli.printed("vacation", "show", ANN)
    assert "give its text" in cli.printed("vacation", "set", ANN, "--days", "3", code=1)
    told = cli.printed(
        *(
            "vacation",
            "set",
            ANN,
            "I am away.\n.\nAnn",
            "--subject",
            "Away",
            "--from",
            "2026-07-01",
        ),
        *(
            "--until",
            "2026-12-24",
            "--zone",
            "Europe/Berlin",
            "--contacts",
            "--address",
            "a@b.example",
        ),
    )
    assert "from 2026-07-01 (+0200) until 2026-12-24 (+0100)" in told
    found = json.loads(cli.printed("vacation", "show", ANN, "--json"))
    assert found == {
        "text": "I am away.\n.\nAnn",
        "subject": "Away",
        "first": {"date": "2026-07-01", "zone": "+0200"},
        "last": {"date": "2026-12-24", "zone": "+0100"},
        "contacts_only": True,
        "addresses": ["a@b.example"],
    }
    cli.printed("vacation", "off", ANN)
    assert "switched off" in cli.printed("vacation", "show", ANN)
    cli.printed("vacation", "set", ANN, "--always", "--everybody", "--days", "3")
    told = cli.printed("vacation", "show", ANN)
    assert "given always" in told
    assert "everybody, once in 3 days" in told
    assert "Subject: Away" in told
    cli.printed("vacation", "off", ANN, "--forget")
    assert cli.printed("vacation", "show", ANN, "--json").strip() == "null"
    assert cli.printed("vacation", "off", ANN, code=1)


def test_the_text_of_a_vacation_from_a_file(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "text"
    file.write_text("Grüße,\n\nAnn\n", "utf-8")
    cli.printed("vacation", "set", ANN, "--file", str(file))
    assert json.loads(cli.printed("vacation", "show", ANN, "--json")) == {"text": "Grüße,\n\nAnn"}


def test_forwarding(cli: Cli) -> None:
    assert "not forwarded" in cli.printed("forward", "show", ANN)
    add(cli, "Big")
    told = cli.printed("forward", "set", ANN, "ann@example.net", "b@example.net", "--no-keep")
    assert "does not stay" in told
    assert told.endswith(cli.printed("forward", "show", ANN))
    assert names(cli) == ["Big"]
    cli.printed("forward", "set", ANN, "ann@example.net")
    assert json.loads(cli.printed("forward", "show", ANN, "--json")) == {
        "addresses": ["ann@example.net"]
    }
    cli.printed("forward", "off", ANN)
    assert cli.printed("forward", "off", ANN, code=1)
    assert names(cli) == ["Big"]


def test_what_rejects_below_forwarding_is_doubted(cli: Cli) -> None:
    add(cli, "Big")
    cli.printed("forward", "set", ANN, "ann@example.net")
    outcome = cli("rules", "add", ANN, "Pest", "--subject", "win", "--reject", "No.")
    assert outcome.code == 0
    assert "Warning: Rule 2 (Pest) rejects what Forwarding" in outcome.err


def test_what_is_discarded_meets_no_later_rule(cli: Cli) -> None:
    add(cli, "Pest", "--from", "pest@", "--discard")
    (rule,) = cli("rules", "list", ANN, "--json").rows
    assert (rule["actions"], rule["stop"]) == ([{"do": "discard"}], True)


def test_a_script_by_hand(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "script"
    file.write_text('require "variables";\nset "a" "b";\n', "utf-8")
    cli.printed("sieve", "put", ANN, "mine", str(file), "--activate")
    for command in (
        ("rules", "list", ANN),
        ("rules", "add", ANN, "x", "--subject", "x", "--delete"),
        ("vacation", "set", ANN, "x"),
        ("forward", "show", ANN),
    ):
        assert "line 2: 'set'" in cli.printed(*command, code=1)
    cli.printed("rules", "add", ANN, "x", "--subject", "x", "--delete", "--replace")
    assert names(cli) == ["x"]
    rows = cli("sieve", "list", ANN, "--json").rows
    assert [(row["name"], row["active"]) for row in rows] == [("mine", False), ("rules", True)]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("rules", "list", "nobody@example.org"), 1),
        (("rules", "add", ANN), 2),
        (("rules", "add", ANN, "x"), 2),
        (("rules", "add", ANN, "--subject", "x"), 2),
        (("rules", "add", ANN, "x", "--subject", "x"), 1),
        (("rules", "add", ANN, "x", "--delete", "--template", "big"), 2),
        (("rules", "add", ANN, "x", "--delete", "--fill", "a=b"), 2),
        (("rules", "add", ANN, "--template", "big", "--fill", "a"), 2),
        (("rules", "add", ANN, "x", "--delete", "--at", "2"), 1),
        (("rules", "add", ANN, "x", "--forward", "nobody"), 1),
        (("rules", "add", ANN, "x", "--mark", "a b"), 1),
        (("rules", "remove", ANN, "1"), 1),
        (("rules", "move", ANN, "1", "2"), 1),
        (("rules", "enable", ANN, "0"), 1),
        (("vacation", "set", ANN, "x", "--from", "tomorrow"), 2),
        (("vacation", "set", ANN, "x", "--from", "2026-02-02", "--always"), 2),
        (("vacation", "set", ANN, "x", "--from", "2026-02-02", "--until", "2026-01-01"), 1),
        (("vacation", "set", ANN, "x", "--from", "2026-02-02", "--zone", "Nowhere"), 1),
        (("vacation", "set", ANN, "x", "--days", "0"), 1),
        (("forward", "set", ANN), 2),
        (("forward", "set", ANN, "nobody"), 1),
        (("forward", "set", ANN, *(f"{n}@example.net" for n in range(6))), 1),
    ],
)
def test_refusals(cli: Cli, arguments: tuple[str, ...], code: int) -> None:
    assert cli.printed(*arguments, code=code)


@pytest.mark.parametrize(
    "text", ["{", "[" * 100_000, "[]", '{"name": "x"}', '{"name": "x", "actions": [{"do": "y"}]}']
)
def test_files_that_are_no_rule(cli: Cli, tmp_path: Path, text: str) -> None:
    file = tmp_path / "rule.json"
    file.write_text(text, "utf-8")
    assert cli.printed("rules", "add", ANN, "--file", str(file), code=1)
