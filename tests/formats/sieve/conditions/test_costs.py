"""Hostile mail and greedy scripts: every test ends soon, and is charged for what it does."""

import time

import pytest

from kit.sieve import run_script
from kit.sieve_tests import REQUIRE
from pillarbox.formats.sieve.compiling import compile_script
from pillarbox.formats.sieve.errors import ScriptError
from pillarbox.formats.sieve.message import Message
from pillarbox.formats.sieve.run import Outcome

SECONDS = 4.0
MAILS = {
    "fields": b"X: a\r\n" * 100_000 + b"Subject: x\r\n\r\nbody",
    "parts": (
        b"Content-Type: multipart/mixed; boundary=a\r\n\r\n"
        + b"--a\r\nContent-Type: text/html; a=1\r\n\r\n<b>hello</b>\r\n" * 3_000
    ),
    "value": b"Subject: " + b"a" * 250_000 + b"\r\n\r\n" + b"a" * 3_000_000,
    "words": b"Subject: " + b"=?utf-7?b?AAAA?= " * 15_000 + b"\r\n\r\n" + b"<" * 3_000_000,
    "html": b"Content-Type: text/html; charset=utf-7\r\n\r\n" + b"<p>+AAA-" * 500_000,
    "addresses": b"To: " + b"a@b," * 60_000 + b"\r\nCc: " + b"((" * 1_000 + b"\r\n\r\nx",
    "base64": b"Content-Transfer-Encoding: base64\r\n\r\n" + b"QUFB=\r\n" * 500_000,
    "charset": b"Content-Type: text/plain; charset=\xff\r\nSubject: =?\xff?q?=ff?=\r\n\r\n\xff",
}
TESTS = (
    'header :contains ["x", "subject"] ["zz%d", "q"]',
    'header :matches ["x", "subject"] "*?a?a?a?a?a?a?a?b%d*"',
    'header :regex ["x", "subject"] "(a|aa)*(b|c%d)+([a-z]{0,20}){0,5}$"',
    'header :value "gt" :comparator "i;unicode-casemap" ["x", "subject"] "zz%d"',
    'address :contains :localpart ["to", "cc", "x-y"] ["zz%d", "qq"]',
    'address :count "lt" ["to", "cc"] "%d"',
    'header :mime :anychild :param ["a", "b"] "content-type" "zz%d"',
    'body :contains "zz%d"',
    'body :raw :matches "*z?z%d*"',
    'body :content ["", "t%d"] :regex "(z|y)*(a.*b){5}"',
    'date "x" "year" "%d"',
)


@pytest.mark.parametrize("mail", MAILS)
@pytest.mark.parametrize("test", TESTS)
def test_no_mail_takes_long(mail: str, test: str) -> None:
    rules = "".join(f"if {test % n} {{ discard; }}\n" for n in range(60))
    begun = time.perf_counter()
    run_script(REQUIRE + rules, MAILS[mail])
    assert time.perf_counter() - begun < SECONDS


def instructions(test: str, mail: bytes) -> int:
    found: Outcome = run_script(f"{REQUIRE} if {test} {{ discard; }}", mail)
    assert found.failure is None
    return found.instructions


def test_each_value_and_key_counts() -> None:
    mail = b"X: a\r\n" * 100 + b"\r\n"
    few = instructions('header :contains "x" "b"', mail)
    assert few >= 100
    assert instructions('header :contains "x" ["b", "c", "d"]', mail) >= few + 200
    assert instructions('header :contains ["x", "y"] ["b", "c", "d"]', mail) < few + 250


@pytest.mark.parametrize(
    "test",
    ['header :contains "x" "b"', 'header :matches "x" "*a?b*"', 'header :regex "x" "a+b"'],
)
def test_length_counts(test: str) -> None:
    short = instructions(test, b"X: aaaa\r\n\r\n")
    assert instructions(test, b"X: " + b"a" * 200_000 + b"\r\n\r\n") > short + 40


def test_forms_of_a_body_are_not_kept_without_end() -> None:
    message = Message(b"\r\n" + b"a" * 3_000_000)
    for number in range(40):
        message.body_texts(number, lambda message: ("a" * 1_000_000,))
    kept = [number for number in range(40) if message.known_texts(number) is not None]
    assert 1 < len(kept) < 10


@pytest.mark.parametrize(
    ("test", "mail", "least"),
    [
        ('address :count "lt" "to" "1"', b"To: " + b"a@b," * 8_000 + b"\r\n\r\n", 1_000),
        ('header :count "lt" "x" "1"', b"X: a\r\n" * 8_000 + b"\r\n", 1_000),
        ('header :index 2 "x" "1"', b"X: a\r\n" * 8_000 + b"\r\n", 1_000),
        (
            'header :mime :param "a" "content-type" "b"',
            b"Content-Type: text/plain; " + b"a*0=x;" * 1_000 + b"\r\n\r\n",
            700,
        ),
        ('body :contains "a"', b"Content-Type: text/html\r\n\r\n" + b"<p>" * 100_000, 9_000),
        ('header :regex "x" "(a|b)*a(a|b){15}"', b"X: " + b"ab" * 2_000 + b"\r\n\r\n", 60),
    ],
)
def test_what_takes_long_costs_much(test: str, mail: bytes, least: int) -> None:
    assert instructions(test, mail) >= least


def test_parts_are_found_at_a_cost_once() -> None:
    test = 'header :mime :anychild "x" "y"'
    once = instructions(test, MAILS["parts"])
    assert instructions(f"anyof({test}, {test})", MAILS["parts"]) < 2 * once - 2_000


def test_the_expressions_of_a_script_are_bounded_together() -> None:
    begun = time.perf_counter()
    for pattern, count in (("x{}(a{{900}})", 900), ("x{}(a{{90}})", 2_000)):
        keys = [f'"{pattern.format(n)}"' for n in range(count)]
        lists = [", ".join(keys[at : at + 500]) for at in range(0, count, 500)]
        script = "".join(f'if header :regex "a" [{one}] {{ keep; }}' for one in lists)
        with pytest.raises(ScriptError, match="are too large together"):
            compile_script(b'require "regex";' + script.encode())
    assert time.perf_counter() - begun < SECONDS
    few = ", ".join(f'"x{n}.*(a|b)+"' for n in range(500))
    compile_script(f'require "regex"; if header :regex "a" [{few}] {{ keep; }}'.encode())
