"""setflag, addflag, removeflag, mark, unmark, and what they make of lists (RFC 5232)."""

import pytest

from kit.sieve import at, problems_of, run_script
from pillarbox.formats.sieve.actions import Keep
from pillarbox.formats.sieve.flag_lists import flags_of, message_flags, with_flags, without_flags

NEW = 'require ["imap4flags", "variables", "vnd.pillarbox.trace"];\n'


def flags(script: str, *before: str) -> tuple[str, ...]:
    outcome = run_script(script, here=at(flags=before))
    assert outcome.failure is None
    (keep,) = outcome.actions
    assert isinstance(keep, Keep)
    return keep.flags


@pytest.mark.parametrize(
    ("texts", "read"),
    [
        (["a b", "c"], ("a", "b", "c")),
        (["  a   b "], ("a", "b")),
        (["a A", "\\SEEN \\seen"], ("a", "\\SEEN")),
        (["\\Recent \\recent \\* \\Foo \\"], ()),
        (
            ["\\answered \\flagged \\deleted \\draft"],
            ("\\answered", "\\flagged", "\\deleted", "\\draft"),
        ),
        (['a(b a)b a{b a%b a*b a"b a]b a\\b \u00fc $ok'], ("$ok",)),
        (["x" * 100, "y" * 101], ("x" * 100,)),
        ([], ()),
        ([""], ()),
    ],
)
def test_lists(texts: list[str], read: tuple[str, ...]) -> None:
    assert flags_of(texts) == read


def test_a_message_has_them_in_one_spelling() -> None:
    assert message_flags(["\\SEEN a", "\\flagged A"]) == ("\\Seen", "a", "\\Flagged")


def test_no_more_than_so_many() -> None:
    assert flags_of([" ".join(map(str, range(1000)))]) == tuple(map(str, range(69)))
    assert len(with_flags(map(str, range(60)), map(str, range(50, 100)))) == 69


def test_more_and_fewer() -> None:
    assert with_flags(("a",), ["B", "A"]) == ("a", "B")
    assert without_flags(("a", "B", "\\Seen"), ["A b", "\\SEEN"]) == ()


def test_the_internal_list() -> None:
    assert flags(NEW + 'setflag "a"; setflag ["b", "c d"];') == ("b", "c", "d")
    assert flags(NEW + 'setflag "a b"; addflag "b \\\\seen"; removeflag "A";') == ("b", "\\Seen")
    assert flags(NEW + 'setflag "a"; setflag "";') == ()
    assert flags(NEW + 'addflag "a";', "\\Seen") == ("\\Seen", "a")


def test_lists_in_variables() -> None:
    script = 'set "X" "a b b"; addflag "x" ["c", "A"]; removeflag "x" "b"; addflag "${x}";'
    assert flags(NEW + script) == ("a", "c")
    assert flags(NEW + 'setflag "x" "a"; setflag "y" "${x} z"; setflag "${y}";') == ("a", "z")


def test_a_flag_is_not_cut_in_two() -> None:
    long = " ".join(f"{n:02}{'x' * 90}" for n in range(60))
    script = f'{NEW}setflag "l" "{long}"; setflag "${{l}}";'
    found = flags(script)
    assert 40 < len(found) < 60
    assert {len(flag) for flag in found} == {92}


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ('require "imap4flags";\naddflag "x" "a";', "line 2, column 9: lists in variables need"),
        ('require "imapflags";\naddflag "x" "a";', "line 2, column 9: imapflags has no lists"),
        (NEW + 'addflag "0" "a";', "line 2, column 9: "),
        (NEW + 'addflag "a.b" "a";', "line 2, column 9: "),
        (NEW + 'addflag ["a"] "a";', "line 2, column 9: "),
        (NEW + "addflag;", "line 2, column 1: "),
        (NEW + "mark;", "line 2, column 1: "),
        ('addflag "a";', "line 1, column 1: "),
    ],
)
def test_refusals(script: str, told: str) -> None:
    (problem,) = problems_of(script)
    assert problem.startswith(told)


def test_as_it_was() -> None:
    assert flags('require "imapflags"; addflag "a"; mark; mark;') == ("a", "\\Flagged")
    assert flags('require "imapflags"; mark; setflag "\\\\flagged a"; unmark;') == ("a",)


def test_not_both() -> None:
    assert problems_of('require ["imapflags", "imap4flags"]; addflag "a";')
