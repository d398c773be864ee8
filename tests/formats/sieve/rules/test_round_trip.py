"""Whatever rules there are, they read back from their script as they were."""

import json

import msgspec
from hypothesis import HealthCheck, given, settings

from kit.rules import RULE_SETS
from pillarbox.formats.sieve.rules.model import RuleSet, from_json, to_json
from pillarbox.formats.sieve.rules.reading import read
from pillarbox.formats.sieve.rules.writing import write

MANY = settings(
    max_examples=400, deadline=None, suppress_health_check=list(HealthCheck), database=None
)


@MANY
@given(rules=RULE_SETS)
def test_a_script_reads_back_as_the_rules_it_was_made_of(rules: RuleSet) -> None:
    script = write(rules)
    assert read(script.encode()) == rules
    # Whatever program sends the script may have other line ends.
    assert read(script.replace("\r\n", "\n").encode()) == rules
    assert write(read(script.encode())) == script


@MANY
@given(rules=RULE_SETS)
def test_json_reads_back_as_the_rules_it_was_made_of(rules: RuleSet) -> None:
    assert from_json(json.loads(json.dumps(to_json(rules))), RuleSet) == rules
    assert msgspec.json.decode(msgspec.json.encode(rules), type=RuleSet) == rules


def test_no_rules_are_an_empty_script() -> None:
    assert write(RuleSet()) == ""
    assert read(b"") == RuleSet()
