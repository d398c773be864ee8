"""Pigeonhole takes the scripts of rules too, and sievelib reads what both of them know."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from sievelib.parser import Parser

from interop.programs import needs, run
from kit.rules import RULE_SETS
from pillarbox.formats.sieve.rules.model import Rule, RuleSet, Vacation
from pillarbox.formats.sieve.rules.templates import template
from pillarbox.formats.sieve.rules.writing import write

# Pigeonhole has no lists, no such comparator, no ereject and no addresses beyond ASCII.
UNKNOWN = ("extlists", "i;unicode-casemap", "ereject", "grüße@")
EXTENSIONS = "+spamtest +special-use"
SOME = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    phases=[Phase.explicit, Phase.generate],
)


@needs("sievec")
@SOME
@given(rules=RULE_SETS)
def test_pigeonhole_compiles_what_rules_come_to(
    tmp_path_factory: pytest.TempPathFactory, rules: RuleSet
) -> None:
    script = write(rules)
    assume(not any(word in script for word in UNKNOWN))
    file = tmp_path_factory.getbasetemp() / "rules.sieve"
    file.write_bytes(script.encode())
    run("sievec", "-x", EXTENSIONS, str(file), str(file.with_suffix(".svbin")))


@needs("sievec")
def test_pigeonhole_compiles_what_many_people_want(tmp_path: Path) -> None:
    file = tmp_path / "rules.sieve"
    file.write_bytes(write(_plain()).encode())
    run("sievec", str(file), str(file.with_suffix(".svbin")))


def test_sievelib_reads_them() -> None:
    parser = Parser()
    assert parser.parse(write(_plain()).encode()), parser.error


def _plain() -> RuleSet:
    rules: tuple[Rule, ...] = (
        template("newsletters").filled({}),
        template("important").filled({"address": "boss@example.org"}),
        template("big").filled({}),
    )
    return RuleSet(rules=rules, vacation=Vacation(text="Away\n.\nAnn", subject="Away"))
