"""Rules, vacation and forwarding: the active script, changed by whoever gets there first."""

import asyncio
from datetime import date

import pytest

from pillarbox.base.errors import Conflict, Invalid
from pillarbox.domain.accounts import domains, users
from pillarbox.domain.accounts.model import Actor, Role
from pillarbox.domain.sieve.model import ScriptQuota, ScriptTooLarge, TooManyScripts
from pillarbox.formats.sieve.rules.actions import File, Keep, Reject
from pillarbox.formats.sieve.rules.arguments import NotSimple
from pillarbox.formats.sieve.rules.conditions import HeaderText, Match, MessageSize
from pillarbox.formats.sieve.rules.model import Day, Forwarding, Rule, RuleSet, Vacation
from pillarbox.formats.sieve.rules.writing import write
from pillarbox.pipeline.filtering.rules import Rules, day_in
from pillarbox.pipeline.filtering.scripts import InvalidScript, Scripts
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

KEYS = KeyRing({1: b"k" * 32})
BIG = Rule(
    name="Big", conditions=(MessageSize(size_bytes=1 << 20),), actions=(File(mailbox="Big"),)
)
LISTS = Rule(
    name="Lists",
    conditions=(HeaderText(headers=("List-Id",), values=("one",)),),
    actions=(File(mailbox="Lists"),),
    stop=True,
)
PEST = Rule(
    name="Pest",
    conditions=(HeaderText(headers=("Subject",), values=("win",)),),
    actions=(Reject(text="No."),),
)
AWAY = Vacation(text="I am away.")
ELSEWHERE = Forwarding(addresses=("ann@example.net",))
BY_HAND = b'require "variables";\r\nset "a" "b";\r\n'


def add(tx: Tx, address: str) -> Actor:
    user = users.create(tx, address, "x", "Name", Role.USER, 0)
    return Actor(user.account_id, user.address, user.domain_id, user.role)


@pytest.fixture
async def ann(database: Database) -> Actor:
    await database.write(domains.create, "example.org")
    return await database.write(add, "ann@example.org")


@pytest.fixture
def scripts(database: Database) -> Scripts:
    return Scripts(database, KEYS, ScriptQuota(3, 4000))


@pytest.fixture
def rules(scripts: Scripts) -> Rules:
    return Rules(scripts)


async def test_rules_are_the_active_script(rules: Rules, scripts: Scripts, ann: Actor) -> None:
    nothing = await rules.get(ann)
    assert (nothing.rules, nothing.script, nothing.version) == (RuleSet(), "", 0)
    wanted = RuleSet(rules=(LISTS, BIG))
    saved = await rules.put(ann, wanted, 0)
    assert (saved.info.name, saved.info.active) == ("rules", True)
    kept = await rules.get(ann)
    assert (kept.rules, kept.script, kept.version) == (wanted, "rules", saved.info.version)
    assert (await scripts.get(ann, "rules")).content == write(wanted).encode()
    await rules.put(ann, RuleSet(), kept.version)
    assert (await rules.get(ann)).rules == RuleSet()
    assert len(await scripts.list(ann)) == 1


async def test_rules_stay_under_the_name_of_the_script(
    rules: Rules, scripts: Scripts, ann: Actor
) -> None:
    await scripts.put(ann, "roundcube", b"if size :over 1 { keep; }", activate=True)
    await scripts.put(ann, "rules", b"discard;")
    await rules.change(ann, lambda found: found.with_rule(BIG))
    kept = await rules.get(ann)
    assert kept.script == "roundcube"
    assert [rule.name for rule in kept.rules.rules] == ["Rule 1", "Big"]
    assert (await scripts.get(ann, "rules")).content == b"discard;"


async def test_who_comes_later_has_to_look_again(
    rules: Rules, scripts: Scripts, ann: Actor
) -> None:
    await rules.put(ann, RuleSet(rules=(BIG,)))
    kept = await rules.get(ann)
    await rules.put(ann, RuleSet(rules=(LISTS,)), kept.version)
    with pytest.raises(Conflict, match="look at them again"):
        await rules.put(ann, RuleSet(), kept.version)
    with pytest.raises(Conflict):
        await rules.put(ann, RuleSet(), 0)
    await scripts.activate(ann, None)
    with pytest.raises(Conflict):
        await rules.put(ann, RuleSet(), kept.version)
    with pytest.raises(Conflict, match="changed meanwhile"):
        await scripts.put(ann, "x", b"keep;", active_version=kept.version)
    assert [one.name for one in await scripts.list(ann)] == ["rules"]


async def test_settings_changed_at_once_are_all_kept(rules: Rules, ann: Actor) -> None:
    await rules.put(ann, RuleSet(rules=(PEST, BIG)))
    await asyncio.gather(rules.vacation_put(ann, AWAY), rules.forwarding_put(ann, ELSEWHERE))
    kept = (await rules.get(ann)).rules
    # What is refused is neither answered nor forwarded.
    assert kept == RuleSet(
        rules=(PEST, BIG),
        vacation=AWAY,
        vacation_at=1,
        forwarding=ELSEWHERE,
        forwarding_at=1,
    )
    assert await rules.vacation_get(ann) == AWAY
    assert await rules.forwarding_get(ann) == ELSEWHERE
    await rules.forwarding_put(ann, None)
    await rules.vacation_put(ann, Vacation(text="Gone.", enabled=False))
    kept = (await rules.get(ann)).rules
    assert kept.rules == (PEST, BIG)
    assert (kept.forwarding, kept.vacation) == (None, Vacation(text="Gone.", enabled=False))


async def test_a_script_by_hand_stays_as_it_is(rules: Rules, scripts: Scripts, ann: Actor) -> None:
    await scripts.put(ann, "rules", BY_HAND, activate=True)
    for attempt in (
        rules.get(ann),
        rules.put(ann, RuleSet(rules=(BIG,))),
        rules.vacation_put(ann, AWAY),
        rules.forwarding_get(ann),
    ):
        with pytest.raises(NotSimple, match="line 2: 'set'"):
            await attempt
    saved = await rules.put(ann, RuleSet(rules=(BIG,)), replace=True)
    assert (saved.info.name, saved.info.active) == ("rules 2", True)
    assert (await scripts.get(ann, "rules")).content == BY_HAND
    assert (await rules.get(ann)).rules == RuleSet(rules=(BIG,))
    # What was replaced by rules is changed in its place from then on.
    await rules.put(ann, RuleSet(), replace=True)
    assert len(await scripts.list(ann)) == 2


async def test_many_rules(database: Database, ann: Actor) -> None:
    rules = Rules(Scripts(database, KEYS, ScriptQuota()))
    many = RuleSet(
        rules=tuple(
            Rule(name=f"{n}", conditions=BIG.conditions, actions=(Keep(),)) for n in range(200)
        )
    )
    await rules.put(ann, many)
    assert (await rules.get(ann)).rules == many


async def test_quotas(rules: Rules, scripts: Scripts, ann: Actor) -> None:
    large = RuleSet(vacation=Vacation(text="x" * 5000))
    with pytest.raises(ScriptTooLarge):
        await rules.put(ann, large)
    for name in ("a", "b", "c"):
        await scripts.put(ann, name, BY_HAND, activate=True)
    with pytest.raises(TooManyScripts):
        await rules.put(ann, RuleSet(), replace=True)


async def test_what_the_site_withholds(database: Database, ann: Actor) -> None:
    rules = Rules(Scripts(database, KEYS, ScriptQuota(), {"reject"}))
    with pytest.raises(InvalidScript, match="reject"):
        await rules.put(ann, RuleSet(rules=(PEST,)))
    assert (await rules.get(ann)).rules == RuleSet()


@pytest.mark.parametrize(
    ("zone", "offset"),
    [
        ("Europe/Berlin", "+0200"),
        ("America/St_Johns", "-0230"),
        ("UTC", "+0000"),
        ("-0330", "-0330"),
        ("", ""),
    ],
)
def test_days_of_time_zones(zone: str, offset: str) -> None:
    assert day_in(zone, date(2026, 7, 1)) == Day(date(2026, 7, 1), offset)


@pytest.mark.parametrize(
    "zone", ["Europe", "Nowhere", "../../etc/passwd", "/etc/passwd", "+1", "x\0"]
)
def test_zones_that_are_none(zone: str) -> None:
    with pytest.raises(Invalid, match="time zone"):
        day_in(zone, date(2026, 7, 1))


async def test_a_pattern_that_is_none_is_told_with_its_rule(rules: Rules, ann: Actor) -> None:
    bad = HeaderText(headers=("Subject",), match=Match.REGEX, values=("(x",))
    with pytest.raises(Invalid, match="Rule Odd: "):
        await rules.put(
            ann, RuleSet(rules=(BIG, Rule(name="Odd", conditions=(bad,), actions=(Keep(),)), LISTS))
        )
    assert (await rules.get(ann)).rules == RuleSet()


async def test_nobody_sees_the_rules_of_others(
    rules: Rules, database: Database, ann: Actor
) -> None:
    bob = await database.write(add, "bob@example.org")
    await rules.put(ann, RuleSet(rules=(BIG,)))
    assert (await rules.get(bob)).rules == RuleSet()
