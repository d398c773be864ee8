"""`header`, `address`, `exists`, `envelope`: RFC 5228, RFC 5231, RFC 5233, RFC 5260, RFC 5703."""

import pytest

from kit.sieve import at, problems_of
from kit.sieve_tests import REQUIRE, fields, holds, matched, outcome_of

MAIL = fields(
    "From: Foo Bar <Foo+list@Example.org>",
    "To: a@b.example, grp: c@d.example;",
    "Subject: Re: =?utf-8?q?=C3=84pfel?= und Birnen",
    "X-A: first",
    "X-A: second",
    "X-A: third",
    "X-Empty:",
    "Reply-To: t+@z.example",
    "Content-Type: multipart/mixed; boundary=AA; a=1",
    "X-Mark: top",
    body=(
        '--AA\nContent-Type: text/plain; charset="utf-8"; B=two\nX-Mark: one\n'
        "Content-Disposition: attachment; filename*=utf-8''%c3%a4.txt\n\nx\n"
        "--AA\nX-Mark: two\nTo: part@b.example\n\ny\n--AA--\n"
    ),
)


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('header "subject" "re: Äpfel und birnen"', True),
        ('header :comparator "i;octet" "subject" "re: Äpfel und birnen"', False),
        ('header "subject" "re: äpfel und birnen"', False),
        ('header :comparator "i;unicode-casemap" "subject" "re: äpfel und birnen"', True),
        ('header :contains :comparator "i;unicode-casemap" "subject" "ÄPFEL"', True),
        ('header :contains ["x-a", "subject"] ["nothing", "BIRNEN"]', True),
        ('header :contains "x-b" ""', False),
        ('header :is "x-empty" ""', True),
        ('header :matches "x-a" "s?c*"', True),
        ('header :regex "x-a" "^(first|fifth)$"', True),
        ('header :count "eq" "x-a" "3"', True),
        ('header :count "eq" ["x-a", "x-empty", "x-none"] "4"', True),
        ('header :value "gt" "x-a" "tg"', True),
        ('header :value "gt" "x-a" "ti"', False),
        ('header :index 2 "x-a" "second"', True),
        ('header :index 2 "x-a" "first"', False),
        ('header :index 1 :last "x-a" "third"', True),
        ('header :index 3 :last "x-a" "first"', True),
        ('header :index 2 ["x-empty", "x-a"] "first"', True),
        ('header :index 2 ["x-a", "x-empty"] "first"', False),
        ('header :index 1 :last ["x-a", "x-empty"] ""', True),
        ('header :index 2 :count "eq" ["x-a", "x-empty"] "1"', True),
        ('header :index 4 :contains "x-a" ""', False),
        ('header :index 4 :last :contains "x-a" ""', False),
        ('header :index 4294967296 :contains "x-a" ""', False),
        ('exists ["subject", "x-empty"]', True),
        ('exists ["subject", "x-none"]', False),
        ("exists []", None),
    ],
)
def test_header(test: str, expected: bool | None) -> None:
    if expected is None:
        assert problems_of(f"{REQUIRE} if {test} {{ keep; }}")
        return
    assert holds(test, MAIL) is expected


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('address "from" "foo+list@example.org"', True),
        ('address :localpart "from" "foo+list"', True),
        ('address :domain "from" "example.org"', True),
        ('address :user "from" "foo"', True),
        ('address :detail "from" "list"', True),
        ('address :detail "to" ""', False),
        ('address :detail "reply-to" ""', True),
        ('address :contains "from" "bar"', False),
        ('address "to" "c@d.example"', True),
        ('address :count "eq" ["to", "from", "cc"] "3"', True),
        ('address :index 1 "to" "c@d.example"', True),
        ('address :index 2 "to" "c@d.example"', False),
        ('address :mime :anychild "to" "part@b.example"', True),
        ('address :mime "to" "part@b.example"', False),
    ],
)
def test_address(test: str, expected: bool) -> None:
    assert holds(test, MAIL) is expected


def test_the_delimiter_is_the_servers() -> None:
    mail = fields("To: a-b+c@d.example")
    assert holds('address :user "to" "a-b"', mail)
    assert holds('address :user "to" "a"', mail, at(delimiter="-"))
    assert holds('address :detail "to" "b+c"', mail, at(delimiter="-"))
    assert not holds('address :detail :contains "to" ""', mail, at(delimiter=""))


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('header :mime :anychild "x-mark" "two"', True),
        ('header :mime "x-mark" "two"', False),
        ('header :mime "x-mark" "top"', True),
        ('header :mime :anychild :count "eq" "x-mark" "3"', True),
        ('header :mime :type "content-type" "multipart"', True),
        ('header :mime :anychild :subtype "content-type" "plain"', True),
        ('header :mime :anychild :contenttype "content-type" "text/plain"', True),
        ('header :mime :anychild :param ["a", "B"] "content-type" "two"', True),
        ('header :mime :anychild :param "filename" "content-disposition" "ä.txt"', True),
        ('header :mime :anychild :contenttype "content-disposition" "attachment"', True),
        ('header :mime :subtype "content-disposition" ""', False),
        ('exists :mime :anychild ["x-mark", "content-disposition"]', True),
        ('exists :mime "content-disposition"', False),
    ],
)
def test_mime(test: str, expected: bool) -> None:
    assert holds(test, MAIL) is expected


def test_within_a_loop_over_parts() -> None:
    test = 'header :mime "x-mark" "two"'
    script = f'foreverypart {{ if {test} {{ set "found" "${{found}}2"; }} }}'
    assert holds('string "${found}" "2"', MAIL, before=script)
    script = 'foreverypart { if header "x-mark" "top" { set "found" "${found}t"; } }'
    assert holds('string "${found}" "ttt"', MAIL, before=script)


@pytest.mark.parametrize(
    ("test", "problem"),
    [
        ('header :comparator "i;klingon" "a" "b"', 'there is no comparator "i;klingon"'),
        ('header :contains :comparator "i;ascii-numeric" "a" "b"', "can't be used with :contains"),
        ('header :value "above" "a" "b"', ":value needs one of eq, ne, gt, ge, lt, le"),
        ('header :regex "a" "b("', "missing )"),
        ('header :last "a" "b"', ":last needs :index"),
        ('header :index 0 "a" "b"', "the first field has the :index 1"),
        ('header :anychild "a" "b"', ":anychild needs :mime"),
        ('header :param "x" "a" "b"', ":param needs :mime"),
        ('address "subject" "b"', '"subject" has no addresses'),
        ('envelope "subject" "b"', 'the envelope has "from" and "to"'),
        ('date "date" "aeon" "b"', '"aeon" is not a part of a date'),
        ('date :zone "CET" "date" "hour" "b"', '"CET" is not a time zone'),
        ('specialuse_exists "Junk"', "special use"),
        ("size 5", "size needs :over or :under"),
    ],
)
def test_problems(test: str, problem: str) -> None:
    found = problems_of(f"{REQUIRE}\n\n  if {test} {{ keep; }}")
    assert len(found) == 1
    assert problem in found[0]
    assert found[0].startswith("line 4, column ")


def test_a_comparator_is_required() -> None:
    script = 'if header :comparator "i;ascii-numeric" "a" "b" { keep; }'
    assert 'needs: require "comparator-i;ascii-numeric"' in problems_of(script)[0]


def test_the_place_of_a_bad_expression() -> None:
    script = 'require "regex";\nif header :regex "a"\n  ["b", "c("] { keep; }'
    assert problems_of(script)[0].startswith("line 3, column 3: ")


def test_match_values() -> None:
    assert matched('header :matches "subject" "*: * und *"', MAIL) == [
        *("Re: Äpfel und Birnen", "Re", "Äpfel", "Birnen"),
    ]
    assert matched('header :regex "subject" "(p.)(x)?(el)"', MAIL) == ["pfel", "pf", "", "el"]
    test = 'header :matches :comparator "i;unicode-casemap" "subject" "*: ä* *"'
    assert matched(test, MAIL)[1:] == ["Re", "pfel", "und Birnen"]


def test_match_values_stay_where_nothing_matches() -> None:
    before = 'if header :matches "x-a" "f*" { }'
    for test in ('not header :matches "x-a" "q*"', 'header "x-a" "second"', 'exists "x-a"'):
        outcome = outcome_of(test, MAIL, before=before)
        assert [getattr(action, "mailbox", "") for action in outcome.actions][1] == "first|irst||"


def test_keys_and_names_from_variables() -> None:
    before = 'set "n" "X-A"; set "k" "sec"; set "e" "^th";'
    assert holds('header :contains "${n}" ["q", "${k}"]', MAIL, before=before)
    assert holds('header :matches "${n}" "${k}*"', MAIL, before=before)
    assert holds('header :regex "${n}" "${e}"', MAIL, before=before)
    assert holds('exists "${n}"', MAIL, before=before)
    assert not holds('address :contains "${n}r" "a"', MAIL, before=before)


def test_a_bad_expression_from_a_variable() -> None:
    outcome = outcome_of('header :regex "x-a" "${e}"', MAIL, before='set "e" "a(";')
    assert outcome.failure is not None
    assert "missing )" in str(outcome.failure)


def test_envelope() -> None:
    here = at(reverse_path="", recipient="Joe+x@Example.com")
    assert holds('envelope "from" ""', here=here)
    assert holds('envelope :localpart "from" ""', here=here)
    assert not holds('envelope :contains "from" "@"', here=here)
    assert holds('envelope :count "eq" ["from", "to"] "1"', here=here)
    assert holds('envelope :detail :count "eq" "to" "1"', here=at(recipient="a@b.example"))
    assert holds('envelope :user "to" "joe"', here=here)
    assert holds('envelope :detail ["from", "to"] "X"', here=here)
    assert holds('envelope :all :comparator "i;octet" "to" "Joe+x@Example.com"', here=here)


def test_tests_see_edits() -> None:
    before = 'addheader "X-B" "new"; deleteheader "X-A";'
    assert holds('header "x-b" "new"', MAIL, before=before)
    assert not holds('exists "x-a"', MAIL, before=before)


def test_white_space_in_encoded_words_is_ignored_at_the_ends() -> None:
    mail = b"Subject: =?utf-8?q?=20=C3=A4 b=20?=\r\n\r\nx".replace(b" b", b"_b")
    assert holds('header "subject" "\u00e4 b"', mail)
    assert not holds('exists "subject"', mail, before='deleteheader "subject" "\u00e4 b";')
