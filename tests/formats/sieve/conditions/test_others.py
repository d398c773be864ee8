"""The tests of size, strings, flags, dates, bodies, mailboxes, lists, verdicts and duplicates.

RFC 5173, RFC 5183, RFC 5235, RFC 5260, RFC 5435, RFC 5490, RFC 6134, RFC 7352, RFC 8579, RFC 9042.
"""

from datetime import datetime, timedelta, timezone

import pytest

from kit.sieve import MAIL, at, run_script
from kit.sieve_tests import REQUIRE, fields, holds, matched, outcome_of
from pillarbox.formats.sieve.actions import Remember
from pillarbox.formats.sieve.questions import (
    ListQuestion,
    MailboxIdQuestion,
    MailboxQuestion,
    MetadataQuestion,
    Question,
    SeenQuestion,
    SpecialUseQuestion,
    Unanswered,
    ValidListQuestion,
)

DATED = fields(
    "Date: Mon, 20 Jul 2009 23:44:03 -0130",
    "Received: from a by b;\n Wed, 12 Nov 2014 18:18:31 +0100",
    "Received: from c by d; Tue, 1 Jan 1900 00:00:00 +0000",
    "Resent-Date: Fri, 31 Dec 9999 23:59:59 -0100",
    "X-Date: Moo, 34 Juul 3060",
)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("year", "2009"),
        ("month", "07"),
        ("day", "20"),
        ("date", "2009-07-20"),
        ("julian", "55032"),
        ("hour", "23"),
        ("minute", "44"),
        ("second", "03"),
        ("time", "23:44:03"),
        ("iso8601", "2009-07-20T23:44:03-01:30"),
        ("std11", "Mon, 20 Jul 2009 23:44:03 -0130"),
        ("zone", "-0130"),
        ("weekday", "1"),
    ],
)
def test_date_parts(part: str, expected: str) -> None:
    test = f'date :originalzone :matches "date" "{part}" "*"'
    assert matched(test, DATED)[1] == expected


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('date "date" "iso8601" "2009-07-21T01:14:03Z"', True),
        ('date :zone "+0200" "date" "iso8601" "2009-07-21T03:14:03+02:00"', True),
        ('date :zone "+0200" "date" "zone" "+0200"', True),
        ('date :contains "x-date" "year" ""', False),
        ('date :contains "x-none" "year" ""', False),
        ('date :index 1 :originalzone "received" "year" "2014"', True),
        ('date :index 1 :last "received" "year" "1900"', True),
        ('date :count "eq" "received" "year" "1"', True),
        ('date :originalzone "received" "year" "1900"', False),
        ('date :contains "resent-date" "year" ""', False),
        ('date :originalzone "resent-date" "year" "9999"', True),
        ('date :value "ge" :comparator "i;ascii-numeric" "date" "hour" "1"', True),
        ('currentdate "date" "2024-05-06"', True),
        ('currentdate :zone "-0800" "iso8601" "2024-05-05T23:08:09-08:00"', True),
        ('currentdate "weekday" "1"', True),
    ],
)
def test_dates(test: str, expected: bool) -> None:
    assert holds(test, DATED) is expected


def test_the_zone_of_the_server() -> None:
    now = datetime(2024, 5, 6, 1, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert holds('currentdate "zone" "+0530"', here=at(now=now))
    assert holds('date "date" "hour" "06"', DATED, at(now=now))
    assert outcome_of('currentdate :zone "${x}" "hour" "1"').failure is not None


def test_size() -> None:
    size = len(MAIL)
    assert holds(f"not size :over {size}")
    assert holds(f"size :over {size - 1}")
    assert holds(f"size :under {size + 1}")
    assert holds(f"size :over {size}", before='addheader "X" "y";')


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('string "${a}" "Value"', True),
        ('string "${a}" "value"', False),
        ('string :comparator "i;ascii-casemap" "${a}" "value"', True),
        ('string :contains ["x", "${a}"] "alu"', True),
        ('string :count "eq" ["", "a", "${b}"] "1"', True),
        ('string :value "lt" :comparator "i;ascii-numeric" "9" "10"', True),
        ('string :value "lt" "9" "10"', False),
        ('hasflag ["\\\\seen", "x"]', True),
        ('hasflag "x \\\\SEEN"', True),
        ('hasflag ""', False),
        ('hasflag :contains "ork"', True),
        ('hasflag :matches "$w*"', True),
        ('hasflag :count "eq" "2"', True),
        ('hasflag :count "eq" "f" "2"', True),
        ('hasflag :count "eq" ["f", "f"] "4"', True),
        ('hasflag "f" "b"', True),
        ('hasflag ["g", "f"] "c"', False),
    ],
)
def test_strings_and_flags(test: str, expected: bool) -> None:
    before = 'set "a" "Value"; setflag "\\\\Seen $Work"; set "f" "A b a";'
    assert holds(test, before=before) is expected


BODY = fields(
    "Content-Type: multipart/mixed; boundary=AA",
    body=(
        "--AA\nContent-Type: text/plain; charset=iso-8859-1\n"
        "Content-Transfer-Encoding: base64\n\nRmn87A==\n"
        "--AA\nContent-Type: text/html\nContent-Transfer-Encoding: quoted-printable\n\n"
        "<p>Hello <b>World</b>=\n!</p>\n"
        "--AA\nContent-Type: message/rfc822\n\nSubject: deep\n\ninner words\n"
        "--AA\nContent-Type: application/json\n\n[1]\n--AA--\n"
    ),
)


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('body :contains "fiü"', True),
        ('body :text :contains "hello world!"', True),
        ('body :contains "<b>"', False),
        ('body :contains "inner words"', True),
        ('body :contains "deep"', False),
        ('body :raw :contains "Rmn87A=="', True),
        ('body :raw :contains "FIÜ"', False),
        ('body :content "text/html" :contains "<b>World</b>!"', True),
        ('body :content "message" :contains "subject: DEEP"', True),
        ('body :content ["image", "application/json"] :is "[1]"', True),
        ('body :content "" :contains "[1]"', True),
        ('body :content "json" :contains ""', False),
        ('body :regex "W(or)ld"', True),
        ('body :count "eq" "3"', True),
    ],
)
def test_bodies(test: str, expected: bool) -> None:
    assert holds(test, BODY) is expected


def test_a_body_sets_no_match_values() -> None:
    assert matched('body :matches "*hello*"', BODY) == ["", "", "", ""]
    assert matched('body :regex "(h)ello"', BODY) == ["", "", "", ""]


def test_an_encoding_nobody_knows_is_no_text() -> None:
    mail = fields("Content-Transfer-Encoding: rot13", body="uryyb\n")
    assert not holds('body :contains "uryyb"', mail)
    assert holds('body :raw :contains "uryyb"', mail)


def test_a_body_that_was_replaced() -> None:
    assert holds('body :contains "instead"', BODY, before='replace "instead";')
    before = 'foreverypart { if header :mime :subtype "content-type" "html" { replace "new"; } }'
    assert holds('body :contains "new"', BODY, before=f'if body "x" {{}} {before}')
    assert not holds('body :contains "World"', BODY, before=f'if body "x" {{}} {before}')


YES: dict[Question, bool | str | None] = {
    MailboxQuestion("INBOX/a"): True,
    MailboxQuestion("b"): True,
    MailboxIdQuestion("M1"): True,
    SpecialUseQuestion("", ("\\Junk",)): True,
    SpecialUseQuestion("b", ("\\Junk", "\\Archive")): True,
    MetadataQuestion("INBOX", "/private/x"): "Value",
    MetadataQuestion("INBOX", "/shared/y"): "",
    MetadataQuestion("", "/shared/z"): "there",
    ListQuestion("tag:a@b,2024:friends", "stephan@example.org"): True,
    ValidListQuestion("tag:a@b,2024:friends"): True,
    ValidListQuestion("other"): False,
}


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('mailboxexists ["inbox/a", "b"]', True),
        ('mailboxexists ["b", "c"]', False),
        ('mailboxexists ""', False),
        ('mailboxidexists "M1"', True),
        ('mailboxidexists ["M1", "no id"]', False),
        ('specialuse_exists "\\\\Junk"', True),
        ('specialuse_exists "b" ["\\\\Junk", "\\\\Archive"]', True),
        ('specialuse_exists "c" "\\\\Junk"', False),
        ('metadata "inbox" "/private/X" "value"', True),
        ('metadata :contains "INBOX" "/shared/y" ""', True),
        ('metadata :contains "INBOX" "/shared/none" ""', False),
        ('metadata :contains "INBOX" "/nowhere" ""', False),
        ('metadataexists "INBOX" ["/private/x", "/shared/y"]', True),
        ('metadataexists "INBOX" ["/private/x", "/shared/z"]', False),
        ('servermetadata :matches "/shared/z" "t*"', True),
        ('servermetadataexists "/shared/z"', True),
        ('servermetadataexists "/private/x"', False),
        ('address :list "from" ["other", "tag:a@b,2024:friends"]', True),
        ('header :list "subject" "tag:a@b,2024:friends"', False),
        ('valid_ext_list "tag:a@b,2024:friends"', True),
        ('valid_ext_list ["tag:a@b,2024:friends", "other"]', False),
    ],
)
def test_what_is_asked(test: str, expected: bool) -> None:
    assert holds(test, answers=YES) is expected
    variables = test.replace('"', '"${none}', 1)
    assert holds(variables, answers=YES) is expected


def test_mail_to_very_many_is_not_looked_up_without_end() -> None:
    mail = fields("To: " + ",\n ".join(f"a{n}@b.example" for n in range(500)))
    assert not holds('address :list "to" "tag:a@b,2024:friends"', mail)


def test_environment() -> None:
    here = at(environment={"host": "mx.example", "imap.cause": "APPEND"}, default_mailbox="Box")
    assert holds('environment "HOST" "mx.example"', here=here)
    assert holds('environment :matches "imap.cause" "app*"', here=here)
    assert holds('environment "name" "pillarbox"', here=here)
    assert holds('environment "vnd.dovecot.default-mailbox" "box"', here=here)
    assert not holds('environment :contains "nonsense" ""', here=here)
    assert not holds('environment :count "eq" "nonsense" "0"', here=here)
    assert holds('environment :count "eq" "imap.user" "0"', here=here)
    assert holds('environment :count "eq" "host" "1"', here=here)


def test_verdicts() -> None:
    here = at(spam=7, spam_percent=64, spam_tested=True, virus=4)
    numeric = ':comparator "i;ascii-numeric"'
    assert holds(f'spamtest :value "ge" {numeric} "7"', here=here)
    assert not holds(f'spamtest :value "ge" {numeric} "10"', here=here)
    assert holds('spamtest :percent "64"', here=here)
    assert holds('virustest "4"', here=here)
    assert holds('spamtest "0"')
    assert holds(':count "eq"'.join(("spamtest ", ' "0"')))
    assert holds('spamtest :count "eq" "1"', here=here)
    assert holds('virustest "0"')


def remembered(test: str, *seen: str, message: bytes = MAIL) -> list[tuple[str, int]]:
    answers: dict[Question, bool | str | None] = {SeenQuestion(mark): True for mark in seen}
    outcome = run_script(f"{REQUIRE} if {test} {{ discard; }}", message, answers=answers)
    assert outcome.failure is None
    return [(n.mark, n.seconds) for n in outcome.actions if isinstance(n, Remember)]


def test_nothing_is_a_duplicate_for_no_time() -> None:
    ((mark, _),) = remembered("duplicate")
    assert not holds("duplicate :seconds 0", answers={SeenQuestion(mark): True})
    assert remembered("duplicate :seconds 0 :last", mark) == []


def test_the_same_value_however_it_is_taken() -> None:
    mail = b"Subject: =?utf-8?q?=C3=84rger?=\r\n\r\nx"
    direct = remembered('duplicate :header "subject"', message=mail)
    assert direct == remembered('duplicate :uniqueid "\u00c4rger"', message=mail)


def test_duplicates() -> None:
    ((mark, seconds),) = remembered("duplicate")
    assert seconds == 7 * 86_400
    assert "<1@example.org>" in mark
    assert holds("duplicate", answers={SeenQuestion(mark): True})
    assert not holds("duplicate", answers={SeenQuestion(mark): False})
    assert not remembered("duplicate", mark)
    assert remembered("duplicate :seconds 90 :last", mark) == [(mark, 90)]
    assert remembered('duplicate :header "message-id"') == [(mark, seconds)]
    assert remembered("anyof(duplicate, duplicate)") == [(mark, seconds)]
    assert remembered('duplicate :handle "h"') != [(mark, seconds)]
    assert remembered('duplicate :header "x-none"') == []
    assert remembered('duplicate :uniqueid ""') == []
    assert remembered("duplicate :seconds 4294967295")[0][1] == 90 * 86_400
    handle_and_id = remembered('duplicate :handle "a" :uniqueid "b:c"')
    assert handle_and_id != remembered('duplicate :handle "a:b" :uniqueid "c"')
    long = fields(f"Message-ID: {'x' * 5_000}")
    assert len(remembered("duplicate", message=long)[0][0]) < 600


def test_notify_methods() -> None:
    assert holds('valid_notify_method "mailto:a@b.example?subject=x"')
    assert not holds('valid_notify_method ["mailto:a@b.example", "xmpp:a@b.example"]')
    assert holds('notify_method_capability "mailto:a@b.example" "Online" "maybe"')
    assert not holds('notify_method_capability :contains "mailto:a@b.example" "mood" ""')
    assert not holds('notify_method_capability :contains "tel:1" "online" ""')


def test_what_can_be_foreseen_is_asked_at_once() -> None:
    from pillarbox.formats.sieve.compiling import compile_script

    tests = (
        'mailboxexists ["a", "${x}"]',
        'mailboxexists "Inbox"',
        'metadata "inbox" "/shared/x" "y"',
        'specialuse_exists "\\\\Junk"',
        'valid_ext_list "l"',
    )
    script = REQUIRE + "".join(f"if {test} {{ stop; }}" for test in tests)
    assert set(compile_script(script.encode()).questions) == {
        MailboxQuestion("INBOX"),
        MetadataQuestion("INBOX", "/shared/x"),
        SpecialUseQuestion("", ("\\Junk",)),
        ValidListQuestion("l"),
    }
    assert issubclass(Unanswered, Exception)
