"""Scripts that others wrote, and what in scripts is more than rules."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pillarbox.base.errors import Invalid
from pillarbox.formats.sieve.errors import ScriptError
from pillarbox.formats.sieve.rules.actions import (
    Action,
    Delete,
    Discard,
    File,
    FlagChange,
    Forward,
    Keep,
    Mark,
    Notify,
    Reject,
)
from pillarbox.formats.sieve.rules.arguments import NotSimple
from pillarbox.formats.sieve.rules.conditions import (
    AddressText,
    BodyText,
    Condition,
    CurrentDate,
    Envelope,
    EnvelopeText,
    FromContacts,
    HasAttachment,
    HasHeader,
    HeaderText,
    Match,
    MessageSize,
    Moment,
    Part,
    Relation,
    SpamScore,
)
from pillarbox.formats.sieve.rules.model import Combine, Day, Forwarding, Rule, RuleSet, Vacation
from pillarbox.formats.sieve.rules.reading import read
from pillarbox.formats.sieve.rules.writing import write

ROUNDCUBE = """require ["copy","fileinto","imap4flags","vacation"];
# rule:[Lists]
if anyof (header :contains "list-id" "one.example", header :matches "list-id" "*two.example*")
{
\taddflag "\\\\Seen";
\tfileinto "Lists/One";
\tstop;
}
# rule:[Switched off]
if false # allof (header :is "subject" "x", not size :over 10K)
{
\tfileinto :copy "Big";
}
# rule:[Away]
if false # true
{
\tvacation :days 3 :subject "Away" "I am away.";
}
# rule:[All else]
if true
{
\tkeep;
}
"""
PLAIN = """require ["fileinto","vacation"];
# Filters of the company
if allof (address :domain "from" "example.org") {
    fileinto "Company";
    stop;
} elsif header :contains ["to", "cc"] "me@" {
    keep;
    stop;
} else {
    fileinto "Rest";
}
"""
SETTINGS = """require ["vacation"];

vacation :days 7 :addresses ["a@example.org", "b@example.org"] text:
Hello,

..I am away.
.
;
redirect "c@example.org";
redirect "d@example.org";
keep;
"""


def only(script: str) -> Rule:
    """The one rule of a script."""
    (rule,) = read(script.encode()).rules
    return rule


def condition(test: str) -> Condition:
    (found,) = only(f"if {test} {{ keep; }}").conditions
    return found


def action(command: str) -> Action:
    (found,) = only(f"# rule:[x]\nif size :over 1 {{ {command} }}").actions
    return found


def test_rules_as_webmail_writes_them() -> None:
    found = read(ROUNDCUBE.encode())
    assert found.rules == (
        Rule(
            name="Lists",
            combine=Combine.ANY,
            conditions=(
                HeaderText(headers=("list-id",), values=("one.example",)),
                HeaderText(headers=("list-id",), match=Match.MATCHES, values=("*two.example*",)),
            ),
            actions=(Mark(flags=("\\Seen",)), File(mailbox="Lists/One", create=False)),
            stop=True,
        ),
        Rule(
            name="Switched off",
            conditions=(
                HeaderText(headers=("subject",), match=Match.IS, values=("x",)),
                MessageSize(size_bytes=10240, negate=True),
            ),
            actions=(File(mailbox="Big", create=False, copy=True),),
            enabled=False,
        ),
        Rule(name="All else", actions=(Keep(),)),
    )
    assert found.vacation == Vacation(
        text="I am away.", subject="Away", days=3, enabled=False, note="Away"
    )
    assert found.vacation_at == 2
    assert read(write(found).encode()) == found


def test_a_chain_is_rules_that_stop() -> None:
    found = read(PLAIN.encode())
    assert [(rule.name, rule.stop, len(rule.conditions)) for rule in found.rules] == [
        ("Filters of the company", True, 1),
        ("Rule 2", True, 1),
        ("Rule 3", False, 0),
    ]


def test_a_chain_at_the_end_stops_even_where_it_does_not_say_so() -> None:
    first, second = read(b"if size :over 1 { keep; } else { discard; }").rules
    assert (first.stop, second.stop) == (True, False)


@pytest.mark.parametrize("rest", ["keep;", "if size :under 5 { discard; }"])
def test_a_chain_that_goes_on_is_more_than_rules(rest: str) -> None:
    with pytest.raises(NotSimple, match="does not stop"):
        read(f"if size :over 1 {{ keep; }}\nelsif size :over 2 {{ discard; }}\n{rest}".encode())


def test_settings_without_a_rule() -> None:
    found = read(SETTINGS.encode())
    assert found == RuleSet(
        vacation=Vacation(
            text="Hello,\n\n.I am away.", addresses=("a@example.org", "b@example.org")
        ),
        forwarding=Forwarding(addresses=("c@example.org", "d@example.org")),
    )
    assert read(write(found).encode()) == found


@pytest.mark.parametrize(
    ("script", "keeps"),
    [
        ('redirect "a@example.org";', False),
        ('redirect "a@example.org"; keep;', True),
        ('require "copy"; redirect :copy "a@example.org";', True),
        ('# rule:[Forwarding]\nif true { redirect "a@example.org"; }', False),
    ],
)
def test_forwarding(script: str, keeps: bool) -> None:
    found = read(script.encode())
    assert found.forwarding == Forwarding(addresses=("a@example.org",), keep_copy=keeps)
    assert not found.rules


@pytest.mark.parametrize(
    "script",
    [
        # The keep puts into the inbox what was filed before.
        'require "fileinto"; if size :over 1 { fileinto "x"; } redirect "a@example.org"; keep;',
        'redirect "a@example.org"; keep; if size :over 1 { discard; }',
        '# rule:[My forward]\nif true { redirect "a@example.org"; }',
        'redirect "a@example.org"; stop;',
        'require "copy"; redirect "a@example.org"; redirect :copy "b@example.org";',
    ],
)
def test_what_is_like_forwarding_but_is_not(script: str) -> None:
    found = read(script.encode())
    assert found.forwarding is None
    assert any(isinstance(one, Forward) for rule in found.rules for one in rule.actions)


def test_comments_are_kept() -> None:
    found = read(
        b"# top\n/* of\n it */\nrequire [] ;".replace(b"[] ", b'"fileinto"')
        + b'\n# first\n# rule:[A]\n# why\nif true { # inner\n fileinto "x"; # outer\n}\n# last\n'
    )
    assert found.note == "top\nof\nit\nlast"
    assert found.rules[0].note == "first\nwhy\ninner\nouter"
    assert read(write(found).encode()) == found


def test_the_heading_of_a_script_that_requires_nothing() -> None:
    found = read(b"# made by me\n\n# rule:[A]\nif true { keep; }")
    assert (found.note, found.rules[0].note) == ("made by me", "")


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('header "Subject" "x"', HeaderText(headers=("Subject",), match=Match.IS, values=("x",))),
        ('header :matches "s" "a*"', HeaderText(headers=("s",), match=Match.BEGINS, values=("a",))),
        (
            'header :matches "s" ["*a\\\\*", "*b"]',
            HeaderText(headers=("s",), match=Match.ENDS, values=("a*", "b")),
        ),
        (
            'header :matches "s" ["a*", "*b"]',
            HeaderText(headers=("s",), match=Match.MATCHES, values=("a*", "*b")),
        ),
        (
            'header :comparator "i;ascii-casemap" :regex ["a", "b"] "c+"',
            HeaderText(headers=("a", "b"), match=Match.REGEX, values=("c+",)),
        ),
        (
            'not address :detail :is ["To", "CC"] "x"',
            AddressText(
                headers=("to", "cc"), part=Part.DETAIL, match=Match.IS, values=("x",), negate=True
            ),
        ),
        (
            'envelope :domain :contains "From" "x"',
            EnvelopeText(of=Envelope.FROM, part=Part.DOMAIN, values=("x",)),
        ),
        ('body :contains "x"', BodyText(values=("x",))),
        ('body :text :contains "x"', BodyText(values=("x",))),
        ('not not exists "a"', HasHeader(headers=("a",))),
        ("size :under 2M", MessageSize(size_bytes=2 << 20, over=False)),
        (
            'header :mime :anychild :type :is "content-disposition" "Attachment"',
            HasAttachment(),
        ),
        (
            'spamtest :comparator "i;ascii-numeric" :value "ge" "5"',
            SpamScore(at_least=5),
        ),
        (
            'currentdate :zone "+0100" :value "ge" "date" "2026-01-01"',
            CurrentDate(relation=Relation.FROM, values=("2026-01-01",), zone="+0100"),
        ),
        (
            'currentdate :value "lt" "hour" "09"',
            CurrentDate(part=Moment.HOUR, relation=Relation.FROM, values=("09",), negate=True),
        ),
        (
            'currentdate :is "weekday" ["0", "6"]',
            CurrentDate(part=Moment.WEEKDAY, values=("0", "6")),
        ),
        ('address :list "from" ":addrbook:default"', FromContacts()),
    ],
)
def test_conditions(test: str, expected: Condition) -> None:
    assert condition(test) == expected


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ('fileinto "x";', File(mailbox="x", create=False)),
        ('fileinto :create :copy "x";', File(mailbox="x", copy=True)),
        ('fileinto :specialuse "\\\\Trash" :create "Trash";', Delete()),
        (
            'setflag ["\\\\seen key", "$a"];',
            Mark(flags=("\\Seen", "key", "$a"), change=FlagChange.SET),
        ),
        ('redirect "a@example.org";', Forward(address="a@example.org", keep_copy=False)),
        ("discard;", Discard()),
        ("keep;", Keep()),
        ('reject "no";', Reject(text="no")),
        ("ereject text:\nno\n.\n;", Reject(text="no", early=True)),
        (
            'notify :message "x" "mailto:a%2Bb@example.org";',
            Notify(address="a+b@example.org", message="x"),
        ),
    ],
)
def test_actions(command: str, expected: Action) -> None:
    assert action(command) == expected


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("if size :over 1 { if size :over 2 { keep; } }", "'if' in a rule"),
        ("if allof (size :over 1, anyof (size :over 2, size :over 3)) { keep; }", "mixed"),
        ("if anyof (size :over 1, true) { keep; }", "mixed"),
        ("if anyof (false, size :over 1) { keep; }", "'false'"),
        ("if size :over 1 { stop; keep; }", "after 'stop'"),
        ("if size :over 1 { }", "does nothing"),
        ('if size :over 1 { fileinto "x"; addflag "\\\\Seen"; }', "too late"),
        ('if size :over 1 { reject "x"; keep; }', "nothing else"),
        ('if header :comparator "i;octet" "a" "b" { keep; }', "i;octet"),
        ('if header :count "ge" "a" "1" { keep; }', ":count"),
        ('if header :mime "a" "b" { keep; }', ":mime"),
        ('if header :index 1 "a" "b" { keep; }', ":index"),
        ('if header :is "a" "" { keep; }\nif header "a:" "b" { keep; }', "line 2.*header field"),
        ('if header :contains "a" "" { keep; }', "empty"),
        ('if body :raw :contains "x" { keep; }', ":raw"),
        ('if address "subject" "x" { keep; }', "with addresses"),
        ('if envelope ["from", "to"] "x" { keep; }', "either"),
        ('if currentdate :is "julian" "1" { keep; }', "part of the time"),
        ('if currentdate :is "date" "tomorrow" { keep; }', "not a date"),
        ('if spamtest :value "lt" :comparator "i;ascii-numeric" "3" { keep; }', "otherwise"),
        ('if address :list "from" "tag:x" { keep; }', "list"),
        ('if virustest "1" { keep; }', "virustest"),
        ('if size :over 1 { fileinto :flags "\\\\Seen" "x"; }', ":flags"),
        ('if size :over 1 { fileinto :specialuse "\\\\Junk" "x"; }', "special use"),
        ('if size :over 1 { redirect "nobody"; }', "not an address"),
        ('if size :over 1 { notify "mailto:a@example.org?subject=x"; }', "more than"),
        ('require "notify"; if size :over 1 { notify "mailto:a@example.org"; }', "notify"),
        ('if size :over 1 { set "a" "b"; }', "'set'"),
        ('require "variables";\nif header "a" "${b}" { keep; }', "line 2.*variables"),
        ('vacation :mime "x";', ":mime"),
        ('vacation :seconds 5 "x";', ":seconds"),
        ('vacation "x"; vacation "y";', "more than one"),
        ('if size :over 1 { vacation "x"; }', "depends on more"),
        ('if true { vacation "x"; stop; }', "something else"),
        (
            'if anyof (currentdate :is "date" "2026-01-01", size :over 1) { vacation "x"; }',
            "any",
        ),
        ('if currentdate :value "ge" "date" "2026-02-01" { vacation "x"; } else { keep; }', "else"),
        ('include "other";', "'include'"),
        ("keep; else { discard; }", "nothing to go on"),
        ("# rule:[a]\n# rule:[b]\nif size :over 1 { keep; }", "note"),
        (201 * "if size :over 1 { keep; }\n", "201 are too many"),
    ],
)
def test_what_is_more_than_rules(script: str, why: str) -> None:
    with pytest.raises(NotSimple, match=why) as caught:
        read(script.encode())
    assert caught.value.line > 0
    assert "edit the script itself" in caught.value.public


def test_variables_are_text_where_the_script_has_none() -> None:
    assert condition('header :is "a" "${b}"') == HeaderText(
        headers=("a",), match=Match.IS, values=("${b}",)
    )


@pytest.mark.parametrize("comment", ["a b", "not a test at all", 'header "a" "b" } {', "size"])
def test_a_comment_after_false_that_is_no_test_is_a_note(comment: str) -> None:
    rule = only(f"# rule:[x]\nif false # {comment}\n{{ keep; }}")
    assert (rule.enabled, rule.conditions, rule.note) == (False, (), comment)


@pytest.mark.parametrize(
    "test", ['header :index 2 "a" "b"', 'allof (true, not date "Date" "year" "2026")']
)
def test_a_test_after_false_that_is_more_than_rules_is_not_lost(test: str) -> None:
    """As a note it would be gone when the rule is switched on: a rule for all mail."""
    with pytest.raises(NotSimple, match="line 2: switched off, and when on: "):
        read(f"# rule:[x]\nif false # {test}\n{{ discard; }}".encode())


def test_errors_are_told_as_such() -> None:
    with pytest.raises(ScriptError, match="line 1"):
        read(b'if header "a" {')


def test_days_of_a_vacation() -> None:
    found = read(
        b'if allof (not currentdate :zone "+0200" :value "lt" "date" "2026-07-01",'
        b' currentdate :zone "+0200" :value "le" "date" "2026-07-14",'
        b' address :list "from" "urn:ietf:params:sieve:addrbook:default")'
        b' { vacation :days 0 "x"; }'
    )
    vacation = found.vacation
    assert vacation is not None
    assert vacation.first == Day.of("2026-07-01", "+0200")
    assert vacation.last == Day.of("2026-07-14", "+0200")
    assert (vacation.contacts_only, vacation.days) == (True, 1)


PIECES = st.sampled_from(
    [
        *(
            "if ",
            "elsif ",
            "else ",
            "allof (",
            "anyof (",
            "not ",
            "true",
            "false",
            ")",
            ",",
            "{",
            "}",
        ),
        *(
            "header ",
            ":contains ",
            ":matches ",
            '"a" ',
            '["a", "b"] ',
            "size :over 5 ",
            ";",
            "keep;",
        ),
        *(
            'fileinto "x";',
            "stop;",
            "# rule:[x]\n",
            "# y\n",
            'vacation "x";',
            'redirect "a@b.example";',
        ),
        *("text:\nx\n.\n", "/* z */", "addflag ", ":copy ", "5 ", ":value ", "currentdate ", "\n"),
        *('require "variables";', '"${x}" ', "exists ", "address ", ":list ", "notify ", "reject "),
    ]
)


@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(script=st.lists(PIECES, max_size=30).map("".join))
def test_any_script_is_rules_or_a_clear_error(script: str) -> None:
    try:
        found = read(script.encode())
    except (ScriptError, NotSimple):
        return
    assert read(write(found).encode()) == found


def test_invalid_is_what_not_simple_is() -> None:
    assert issubclass(NotSimple, Invalid)
