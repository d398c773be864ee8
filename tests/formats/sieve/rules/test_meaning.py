"""The script of rules does what the rules say: compared with them on all kinds of messages."""

from base64 import b64encode
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit import rules as kinds
from kit.rules_oracle import Fate, Letter, fate
from kit.sieve import run_script
from pillarbox.formats.sieve.actions import (
    FileInto,
    Keep,
    Notify,
    Redirect,
    Reject,
)
from pillarbox.formats.sieve.actions import (
    Vacation as Reply,
)
from pillarbox.formats.sieve.compiling import compile_script
from pillarbox.formats.sieve.mailto import parse_mailto
from pillarbox.formats.sieve.questions import ListQuestion
from pillarbox.formats.sieve.rules import actions as act
from pillarbox.formats.sieve.rules import conditions as look
from pillarbox.formats.sieve.rules.model import (
    Combine,
    Day,
    Forwarding,
    Rule,
    RuleSet,
    Vacation,
)
from pillarbox.formats.sieve.rules.templates import TEMPLATES
from pillarbox.formats.sieve.rules.writing import CONTACTS, write
from pillarbox.formats.sieve.run import Outcome
from pillarbox.formats.sieve.surroundings import Surroundings

MANY = settings(
    max_examples=600, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
NOW = datetime(2024, 5, 6, 23, 8, 9, tzinfo=timezone(timedelta(hours=1)))
SUBJECTS = (
    *(
        "Hello",
        "hello world",
        "50% off*",
        "what? yes",
        'a "sale"',
        "C:\\temp",
        "${x}",
        "Ärger hier",
    ),
    *("[list] Hello", "Hello*", "ab", "a*b", "axb", "*/ stop;", "text:"),
)
VALUES = st.one_of(
    st.sampled_from(SUBJECTS),
    st.sampled_from(
        [
            "hello",
            "H",
            "*",
            "?",
            "\\",
            '"',
            "off*",
            "ÄRGER",
            "sale",
            "${",
            "one",
            "boss",
            "o.example",
        ]
    ),
    st.sampled_from(["boss@one.example", "one.example", "me+lists", "me", "lists", "example", "+"]),
)
PATTERNS = st.sampled_from(
    [
        "hel*",
        "*world",
        "a?b",
        "a\\*b",
        "*\\?*",
        "*\\\\*",
        "?????",
        "*a*",
        "boss@*",
        "*[list]*",
        "**",
    ]
)
REGEXES = st.sampled_from([r"^\[list\]", "h[a-z]+o", "[0-9]+%", r"\*$", "boss|me", r"a.b"])
PEOPLE = ("boss@one.example", "me+lists@example.org", "me@example.org", "bob@two.example")


@st.composite
def compared(draw: st.DrawFn, *, body: bool = False) -> dict[str, object]:
    # What the text of a body ends with is not for rules to say.
    matches = [look.Match.CONTAINS, look.Match.BEGINS] if body else list(look.Match)
    match = draw(st.sampled_from(matches))
    one = {look.Match.MATCHES: PATTERNS, look.Match.REGEX: REGEXES}.get(match, VALUES)
    values = tuple(draw(st.lists(one, min_size=1, max_size=2)))
    return {"match": match, "values": values, "negate": draw(st.booleans())}


CONDITIONS: st.SearchStrategy[look.Condition] = st.one_of(
    st.builds(
        lambda of, how: look.HeaderText(headers=of, **how),
        st.sampled_from([("Subject",), ("SUBJECT", "X-Tag"), ("X-None",)]),
        compared(),
    ),
    st.builds(
        lambda of, part, how: look.AddressText(headers=of, part=part, **how),
        st.sampled_from([("from",), ("to", "cc"), ("bcc",)]),
        st.sampled_from(list(look.Part)),
        compared(),
    ),
    st.builds(
        lambda of, part, how: look.EnvelopeText(of=of, part=part, **how),
        st.sampled_from(list(look.Envelope)),
        st.sampled_from(list(look.Part)),
        compared(),
    ),
    st.builds(lambda how: look.BodyText(**how), compared(body=True)),
    st.builds(
        look.HasHeader,
        headers=st.sampled_from([("subject",), ("X-Tag",), ("X-None", "Subject"), ("Cc", "to")]),
        negate=st.booleans(),
    ),
    st.builds(
        look.MessageSize,
        size_bytes=st.sampled_from([0, 200, 1 << 10, 4 << 10, 1 << 20]),
        over=st.booleans(),
        negate=st.booleans(),
    ),
    st.builds(look.HasAttachment, negate=st.booleans()),
    st.builds(look.SpamScore, at_least=st.integers(1, 10), negate=st.booleans()),
    st.builds(
        lambda part, relation, at, zone, negate: look.CurrentDate(
            part=part, relation=relation, values=(MOMENTS[part][at],), zone=zone, negate=negate
        ),
        st.sampled_from(list(look.Moment)),
        st.sampled_from(list(look.Relation)),
        st.integers(0, 2),
        st.sampled_from(["", "+0000", "+0200", "-0330"]),
        st.booleans(),
    ),
    st.builds(
        look.FromContacts,
        headers=st.sampled_from([("from",), ("to", "cc")]),
        negate=st.booleans(),
    ),
)
MOMENTS = {
    look.Moment.DATE: ["2024-05-06", "2024-05-07", "2023-12-31"],
    look.Moment.TIME: ["00:08:09", "22:08:09", "23:08:09"],
    look.Moment.WEEKDAY: ["1", "2", "0"],
    look.Moment.HOUR: ["22", "23", "00"],
    look.Moment.DAY: ["06", "07", "31"],
    look.Moment.MONTH: ["05", "12", "01"],
    look.Moment.YEAR: ["2024", "2023", "2025"],
}
RULES = st.builds(
    Rule,
    name=st.just("x"),
    conditions=st.lists(CONDITIONS, max_size=3).map(tuple),
    actions=kinds.ACTIONS,
    combine=st.sampled_from(list(Combine)),
    stop=st.booleans(),
    enabled=st.sampled_from([True, True, True, False]),
)
DAYS = st.none() | st.builds(
    Day.of, st.sampled_from(["2024-05-05", "2024-05-06", "2024-05-07"]), kinds.ZONES
)


def _vacation(first: Day | None, last: Day | None, contacts: bool, enabled: bool) -> Vacation:
    if first and last and last.date < first.date:
        first, last = last, first
    return Vacation(
        text="Away\n.\n${x}", first=first, last=last, contacts_only=contacts, enabled=enabled
    )


RULE_SETS = st.builds(
    RuleSet,
    rules=st.lists(RULES, max_size=4).map(tuple),
    vacation=st.none() | st.builds(_vacation, DAYS, DAYS, st.booleans(), st.booleans()),
    forwarding=st.none() | kinds.FORWARDINGS,
    vacation_at=st.integers(0, 4),
    forwarding_at=st.integers(0, 4),
)


def _encoded(text: str) -> str:
    return text if text.isascii() else f"=?utf-8?b?{b64encode(text.encode()).decode()}?="


@st.composite
def letters(draw: st.DrawFn) -> tuple[Letter, bytes]:
    """A message as the rules see it, and as it is."""
    people = st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=2).map(tuple)
    headers = [("Subject", draw(st.sampled_from(SUBJECTS)))]
    if draw(st.booleans()):
        headers.append(("X-Tag", draw(st.sampled_from(SUBJECTS))))
    fields = [("from", draw(people)[:1]), ("to", draw(people))]
    if draw(st.booleans()):
        fields.append(("cc", draw(people)))
    body, attachment = draw(st.sampled_from(SUBJECTS)), draw(st.booleans())
    filling = draw(st.sampled_from([0, 3000]))
    lines = [f"{name}: {_encoded(text)}" for name, text in headers]
    lines += [f"{name}: {', '.join(them)}" for name, them in fields]
    text = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    if attachment:
        lines.append('Content-Type: multipart/mixed; boundary="b"\r\n')
        lines.append(f"--b\r\n{text}{body}\r\n--b")
        lines.append(
            "Content-Disposition: attachment; filename=x\r\n\r\n" + "x" * filling + "\r\n--b--"
        )
    else:
        lines.append("X-Fill: " + "x" * filling)
        lines.append(text + body)
    content = ("\r\n".join(lines) + "\r\n").encode()
    letter = Letter(
        headers=tuple(headers),
        fields=tuple(fields),
        body=body,
        attachment=attachment,
        size_bytes=len(content),
        sender=draw(st.sampled_from(PEOPLE)),
        recipient=draw(st.sampled_from(PEOPLE)),
        spam=draw(st.integers(0, 10)),
        now=NOW,
        contacts=draw(st.frozensets(st.sampled_from(PEOPLE), max_size=2)),
    )
    return letter, content


def run(rules: RuleSet, letter: Letter, content: bytes) -> Outcome:
    here = Surroundings(
        letter.now,
        letter.sender,
        letter.recipient,
        spam=letter.spam,
        spam_tested=letter.spam > 0,
    )
    answers = {ListQuestion(CONTACTS, one): one in letter.contacts for one in PEOPLE}
    return run_script(write(rules), content, here, answers)


def found(outcome: Outcome) -> Fate:
    """An outcome as the rules would say it."""
    made = Fate(failed=outcome.failure is not None)
    for action in outcome.actions:
        match action:
            case Keep():
                made.filed["INBOX"] = frozenset(action.flags)
            case FileInto():
                made.filed[action.mailbox] = frozenset(action.flags)
            case Redirect():
                made.forwarded.add(action.address)
            case Notify():
                made.notices.add((parse_mailto(action.method).to[0], action.message))
            case Reject():
                made.rejected = action.reason.replace("\r\n", "\n").strip("\n")
            case Reply():
                made.reply = action.reason.replace("\r\n", "\n").rstrip("\n")
    return made


@MANY
@given(rules=RULE_SETS, letter=letters())
def test_a_script_does_what_the_rules_say(rules: RuleSet, letter: tuple[Letter, bytes]) -> None:
    assert found(run(rules, *letter)) == fate(rules, letter[0])


@MANY
@given(condition=CONDITIONS, letter=letters())
def test_each_condition(condition: look.Condition, letter: tuple[Letter, bytes]) -> None:
    rules = RuleSet(rules=(Rule(name="x", conditions=(condition,), actions=(act.Discard(),)),))
    assert found(run(rules, *letter)) == fate(rules, letter[0])


@MANY
@given(rules=kinds.RULE_SETS)
def test_every_rule_set_can_be_compiled(rules: RuleSet) -> None:
    compile_script(write(rules).encode())


@pytest.mark.parametrize("text", ["**", "a*b", "what?", "C:\\", "${x}", '"', "*/", "Ä*"])
def test_wildcards_in_what_users_write_are_text(text: str) -> None:
    begins = look.HeaderText(headers=("Subject",), match=look.Match.BEGINS, values=(text,))
    rules = RuleSet(rules=(Rule(name="x", conditions=(begins,), actions=(act.Discard(),)),))
    for subject, there in ((f"{text} more", True), ("x more", False), (f"y{text}", False)):
        content = f"Subject: {_encoded(subject)}\r\n\r\nx\r\n".encode()
        kept = [isinstance(one, Keep) for one in run_script(write(rules), content).actions]
        assert (not any(kept)) is there, subject


def test_templates() -> None:
    blanks = {
        "address": "boss@one.example",
        "sender": "boss@one.example",
        "domain": "one.example",
        "mailbox": "Some/Where",
        "list": "list.one.example",
        "detail": "lists",
        "text": "pillarbox",
    }
    filled = [
        template.filled({blank: blanks[blank] for blank in template.blanks if blank in blanks})
        for template in TEMPLATES
    ]
    rules = RuleSet(rules=tuple(filled))
    compile_script(write(rules).encode())
    assert len({template.name for template in TEMPLATES}) == len(TEMPLATES)


def test_vacation_and_forwarding_do_not_hinder_a_refusal_above_them() -> None:
    pest = Rule(
        name="Pest",
        conditions=(look.HeaderText(headers=("Subject",), values=("Frop",)),),
        actions=(act.Reject(text="No.\n."),),
    )
    rules = (
        RuleSet()
        .with_vacation(Vacation(text="Away"))
        .with_forwarding(Forwarding(addresses=("a@example.net",)))
        .with_rule(pest, 1)
    )
    assert rules.doubts() == []
    assert found(run_script_of(rules)) == Fate(rejected="No.\n.")
    below = rules.with_rule(Rule(name="Filed", actions=(act.Keep(),)), 1).moved(1, 2)
    assert found(run_script_of(below)) == Fate(rejected="No.\n.")


UNWANTED = (
    Rule(name="Unwanted", actions=(act.Discard(),), stop=True),
    Rule(name="Unwanted", actions=(act.Delete(),), stop=True),
)


@pytest.mark.parametrize("unwanted", UNWANTED)
def test_what_nobody_wants_is_neither_answered_nor_forwarded(unwanted: Rule) -> None:
    """Whichever was there first."""
    away, onward = Vacation(text="Away"), Forwarding(addresses=("a@example.net",))
    before = RuleSet().with_vacation(away).with_forwarding(onward).with_rule(unwanted, 1)
    after = RuleSet().with_rule(unwanted).with_vacation(away).with_forwarding(onward)
    for rules in (before, after):
        assert rules.doubts() == []
        fallen = found(run_script_of(rules))
        assert (fallen.reply, fallen.forwarded) == (None, set())


@pytest.mark.parametrize("unwanted", UNWANTED)
def test_below_replies_it_is_doubted(unwanted: Rule) -> None:
    filed = Rule(name="Filed", actions=(act.File(mailbox="x", copy=True),))
    rules = RuleSet().with_rule(filed).with_vacation(Vacation(text="Away")).with_rule(unwanted)
    (doubt,) = rules.doubts()
    assert "Rule 2 (Unwanted) throws away what Vacation has answered" in doubt
    assert rules.moved(2, 1).doubts() == []
    assert found(run_script_of(rules.moved(2, 1))).reply is None


def test_what_is_kept_in_spite_of_forwarding_is_doubted() -> None:
    onward = Forwarding(addresses=("a@example.net",), keep_copy=False)
    filed = Rule(name="Filed", actions=(act.File(mailbox="x"),), stop=True)
    rules = RuleSet(rules=(filed,)).with_forwarding(onward)
    assert found(run_script_of(rules)).filed == {"x": frozenset()}
    (doubt,) = rules.doubts()
    assert "Forwarding keeps nothing here, but rule 1 (Filed) does" in doubt
    keeping = Forwarding(addresses=onward.addresses)
    assert RuleSet(rules=(filed,)).with_forwarding(keeping).doubts() == []


def test_to_discard_and_go_on_is_doubted() -> None:
    drop = Rule(name="Drop", actions=(act.Discard(),))
    later = Rule(name="Later", actions=(act.File(mailbox="x"),))
    assert RuleSet(rules=(drop,)).doubts() == []
    (doubt,) = RuleSet(rules=(drop, later)).doubts()
    assert "Rule 1 (Drop) discards, but" in doubt
    assert found(run_script_of(RuleSet(rules=(drop, later)))).filed == {"x": frozenset()}
    (doubt,) = RuleSet(rules=(drop,)).with_vacation(Vacation(text="Away")).doubts()
    assert "Rule 1 (Drop) discards, but" in doubt


def run_script_of(rules: RuleSet) -> Outcome:
    return run_script(write(rules))
