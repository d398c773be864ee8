"""Scripts one after another, and what comes of all of them."""

import pytest

from kit.sieve import HERE, MAIL, at, run_programs, run_script
from pillarbox.formats.sieve.actions import Action, Discard, FileInto, Keep, Note, Redirect, Where
from pillarbox.formats.sieve.compiling import compile_script
from pillarbox.formats.sieve.limits import RunLimits
from pillarbox.formats.sieve.message import Message
from pillarbox.formats.sieve.questions import MailboxQuestion, Unanswered
from pillarbox.formats.sieve.run import Outcome
from pillarbox.formats.sieve.running import run_scripts

REQUIRE = (
    'require ["fileinto", "copy", "imap4flags", "variables", "mailbox", "editheader",'
    ' "vnd.pillarbox.trace"];'
)


def ran(*scripts: str, **options: object) -> Outcome:
    programs = [
        compile_script((REQUIRE + text).encode(), f"s{number}")
        for number, text in enumerate(scripts)
    ]
    return run_programs(programs, **options)  # type: ignore[arg-type]


def done(*scripts: str, **options: object) -> list[str]:
    """The actions, in short."""
    outcome = ran(*scripts, **options)
    assert outcome.failure is None, outcome.failure
    return [short(action) for action in outcome.actions]


def short(action: Action) -> str:
    match action:
        case Keep():
            kind = "implicit" if action.implicit else "keep"
            return " ".join((kind, *action.flags))
        case FileInto():
            return " ".join(("fileinto", action.mailbox, *action.flags))
        case Redirect():
            return f"redirect {action.address}"
        case Note():
            return f"note {action.text}"
        case _:
            return type(action).__name__.lower()


@pytest.mark.parametrize(
    ("script", "actions"),
    [
        ("", ["implicit"]),
        ("keep;", ["keep"]),
        ("keep; keep;", ["keep"]),
        ("discard;", ["discard"]),
        ("discard; keep;", ["keep"]),
        ('discard; fileinto "a";', ["fileinto a"]),
        ('redirect "a@b.test";', ["redirect a@b.test"]),
        ('redirect :copy "a@b.test";', ["redirect a@b.test", "implicit"]),
        ('fileinto "a"; fileinto "a"; fileinto "b";', ["fileinto a", "fileinto b"]),
        ('fileinto :copy "INBOX";', ["fileinto INBOX"]),
        ('addflag "x"; stop; discard;', ["implicit x"]),
        ('trace "t";', ["note t", "implicit"]),
    ],
)
def test_one_script(script: str, actions: list[str]) -> None:
    assert done(script) == actions


def test_no_script_at_all() -> None:
    assert done() == ["implicit"]


def test_the_next_script_runs_while_the_message_is_kept() -> None:
    assert done("stop;", 'fileinto "a";') == ["fileinto a"]
    assert done('fileinto :copy "a";', 'fileinto "b";', 'fileinto "c";') == [
        *("fileinto a", "fileinto b")
    ]
    assert done("discard;", "keep;") == ["discard"]
    assert done('redirect "a@b.test";', "keep;") == ["redirect a@b.test"]
    assert done("", "", "discard;") == ["discard"]


def test_what_one_keeps_the_next_decides_on() -> None:
    assert done("keep;", 'fileinto "a";') == ["fileinto a"]
    assert done("keep;", "") == ["implicit"]
    assert done('keep :flags "x";', "") == ["implicit x"]
    assert done("", "keep;") == ["keep"]
    assert done('fileinto "a"; keep;', "discard;") == ["fileinto a"]


def test_flags_go_with_the_message_and_variables_do_not() -> None:
    assert done('addflag "x"; set "v" "1";', 'addflag "y"; trace "[${v}]";') == [
        *("note []", "implicit x y")
    ]


def test_flags_that_are_there() -> None:
    here = at(HERE, flags=("\\Seen",), in_mailbox=True)
    assert done('addflag "x";', here=here) == ["implicit \\Seen x", "setflags"]
    assert done(here=here) == ["implicit \\Seen"]


def test_edits_go_on_to_the_next_and_the_message_stays() -> None:
    message = Message(MAIL)
    programs = [
        compile_script((REQUIRE + text).encode())
        for text in ('addheader "X-A" "1";', 'if exists "x-a" { fileinto :copy "a"; }')
    ]
    filed, kept = run_scripts(programs, message, HERE, {}, {}).actions
    assert isinstance(filed, FileInto)
    assert isinstance(kept, Keep)
    assert kept.content is not None
    assert kept.content.startswith(b"X-A: 1\r\n")
    assert filed.content == kept.content
    assert message.content == MAIL


def test_a_failure_keeps_the_message_and_does_nothing_else() -> None:
    script = 'trace "t"; addflag "x"; fileinto "a"; redirect "a@b.test"; fileinto "${a}";'
    outcome = ran("", 'trace "u";' + script, 'fileinto "never";')
    assert outcome.failure is not None
    assert outcome.failure.script == "s1"
    assert [short(action) for action in outcome.actions] == ["implicit", "note u", "note t"]
    assert outcome.actions[0].where == Where("s1", 0)


def test_limits_of_actions() -> None:
    many = "".join(f'fileinto "m{n}";' for n in range(33))
    assert ran(many).failure is not None
    assert len(done("".join(f'fileinto "m{n}";' for n in range(32)))) == 32
    redirects = "".join(f'redirect "a{n}@b.test";' for n in range(6))
    assert ran(redirects).failure is not None
    limits = RunLimits(redirects=6)
    assert len(done(redirects, limits=limits)) == 6
    assert ran(*redirects.replace(";", ";\n").splitlines()[:1] * 9).failure is None


def test_a_question_without_an_answer_ends_the_run() -> None:
    program = compile_script((REQUIRE + 'if mailboxexists "a" { fileinto "a"; }').encode())
    assert MailboxQuestion("a") in program.questions
    with pytest.raises(Unanswered) as missing:
        run_scripts([program], Message(MAIL), HERE, {}, {})
    question = missing.value.question
    (action,) = run_scripts([program], Message(MAIL), HERE, {question: True}, {}).actions
    assert short(action) == "fileinto a"


def test_questions_are_counted() -> None:
    script = "".join(f'if mailboxexists "a{n}" {{ stop; }}' for n in range(20))
    outcome = ran(script, limits=RunLimits(questions=10))
    assert outcome.failure is not None
    assert "too many questions" in outcome.failure.problem.text
    assert outcome.failure.problem.line == 1


def test_a_discard_that_nobody_wrote_does_not_occur() -> None:
    outcome = run_script("discard;")
    assert outcome.actions == (Discard(Where("main", 1)),)
