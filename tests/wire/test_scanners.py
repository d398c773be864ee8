"""The grammars of scanners: what is sent, byte by byte, and what answers mean."""

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.wire import clamd, rspamd, spamc
from pillarbox.wire.clamd import Clean, Infected, OverLimit
from pillarbox.wire.rspamd import Question
from pillarbox.wire.spamc import Command, Score

# clamd


def test_chunks_have_their_length_before_them() -> None:
    assert list(clamd.frames(b"abcdef", 4)) == [b"\0\0\0\4abcd", b"\0\0\0\2ef" + bytes(4)]
    assert list(clamd.frames(b"abcd", 4)) == [b"\0\0\0\4abcd" + bytes(4)]
    assert list(clamd.frames(b"", 4)) == [bytes(4)]


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (b"stream: OK\0", Clean()),
        (b"stream: OK\n", Clean()),
        (b"stream: Win.Test.EICAR_HDB-1 FOUND\0", Infected("Win.Test.EICAR_HDB-1")),
        (b"stream: a\r\nb\xff FOUND\0", Infected("a??b?")),
        (b"INSTREAM size limit exceeded. ERROR\0", OverLimit()),
    ],
)
def test_answers_of_clamd(data: bytes, answer: clamd.Answer) -> None:
    assert clamd.read_answer(data) == answer


@pytest.mark.parametrize(
    "data",
    [b"", b"\0", b"stream: OK", b"stream: x ERROR\0", b"stream:  FOUND\0", b"UNKNOWN COMMAND\0"],
)  # fmt: skip
def test_no_answers_of_clamd(data: bytes) -> None:
    with pytest.raises(GrammarError):
        clamd.read_answer(data)


# spamd


def test_requests_to_spamd() -> None:
    assert spamc.request(Command.PING) == b"PING SPAMC/1.5\r\n\r\n"
    assert spamc.request(Command.REPORT, b"mail", ("User: ann",)) == (
        b"REPORT SPAMC/1.5\r\nContent-length: 4\r\nUser: ann\r\n\r\nmail"
    )
    assert spamc.lesson(b"mail", spam=False) == (
        b"TELL SPAMC/1.5\r\nContent-length: 4\r\nMessage-class: ham\r\nSet: local\r\n\r\nmail"
    )
    with pytest.raises(ValueError):
        spamc.request(Command.CHECK, b"", ("User: ann\r\nSet: remote",))


def test_answers_of_spamd() -> None:
    answer = spamc.read_answer(
        b"SPAMD/1.1 0 EX_OK\r\nContent-length: 10\r\nSpam: Yes ; 12.5 / 5.0\r\n\r\nA_B,C, D\r\n"
    )
    assert answer.score == Score(True, 12.5, 5.0)
    assert answer.rules == ("A_B", "C", "D")
    assert not answer.learned
    assert spamc.read_answer(b"SPAMD/1.5 0 PONG\r\n").body == b""
    assert spamc.read_answer(b"SPAMD/1.1 0 EX_OK\r\nDidRemove: local\r\n\r\n").learned


@pytest.mark.parametrize(
    "spam", [b"", b"Maybe ; 1 / 5", b"True ; 1e9 / 5", b"True ; 1", b"True ; 12345678 / 5"]
)
def test_no_scores(spam: bytes) -> None:
    answer = spamc.read_answer(b"SPAMD/1.1 0 EX_OK\r\nSpam: " + spam + b"\r\n\r\n")
    with pytest.raises(GrammarError):
        _ = answer.score


def test_many_rules_are_bounded() -> None:
    body = b"RULE," * 10_000
    answer = spamc.read_answer(b"SPAMD/1.1 0 EX_OK\r\n\r\n" + body + b"bad rule,\xff")
    assert len(answer.rules) == spamc.RULES_MAX


# rspamd


def test_headers_for_rspamd() -> None:
    question = Question(ip="192.0.2.7", helo=" \x7f\r\nA: b", recipients=["x@y"] * 100, user="é")
    found = rspamd.headers(question)
    assert found[:2] == [("IP", "192.0.2.7"), ("Helo", "???A: b")]
    assert found.count(("Rcpt", "x@y")) == rspamd.RECIPIENTS_MAX
    assert found[-1] == ("User", "?")


def test_symbols_are_bounded_and_in_order_of_weight() -> None:
    names = ",".join(f'"S{number}":{{"score":{number}}}' for number in range(2000))
    judgement = rspamd.read_judgement(
        f'{{"action":"reject","score":3,"symbols":{{{names}}},"messages":[]}}'.encode()
    )
    assert len(judgement.symbols) == rspamd.SYMBOLS_MAX
    assert judgement.symbols[0] == ("S1999", 1999)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"success":true}', ""),
        (b'{"error":"<x> has been already learned as spam, ignore it"}', ""),
        (b'{"error":"Unauthorized"}', "Unauthorized"),
        (b"{}", "no reason"),
        (b"<html>", "not rspamd's"),
    ],
)
def test_lessons_of_rspamd(data: bytes, why: str) -> None:
    found = rspamd.refusal_to_learn(data)
    assert why in found
    assert bool(found) == bool(why)
