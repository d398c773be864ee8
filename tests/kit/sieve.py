"""Running scripts over messages, every question answered."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from pillarbox.formats.sieve.compiling import compile_script
from pillarbox.formats.sieve.errors import ScriptError
from pillarbox.formats.sieve.limits import RunLimits
from pillarbox.formats.sieve.message import Message
from pillarbox.formats.sieve.program import Inclusion, Program
from pillarbox.formats.sieve.questions import (
    MetadataQuestion,
    Question,
    SpecialUseQuestion,
    Unanswered,
    ValidListQuestion,
)
from pillarbox.formats.sieve.run import Outcome
from pillarbox.formats.sieve.running import run_scripts
from pillarbox.formats.sieve.surroundings import Surroundings

MAIL = (
    b"From: Stephan <stephan@example.org>\r\nTo: test@example.com\r\n"
    b"Subject: Frop!\r\nMessage-ID: <1@example.org>\r\n\r\nTest!\r\n"
)
NOW = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
HERE = Surroundings(NOW, "stephan@example.org", "test@example.com")
LIMITS = RunLimits()
Answers = Mapping[Question, bool | str | None]
Included = Mapping[Inclusion, Program | None]


def usual_answer(question: Question) -> bool | str | None:
    """What an account says where there is nothing but the mailbox INBOX."""
    if isinstance(question, MetadataQuestion):
        return None
    if isinstance(question, SpecialUseQuestion):
        return not question.uses
    return isinstance(question, ValidListQuestion)


def run_programs(
    programs: Sequence[Program],
    message: bytes = MAIL,
    here: Surroundings = HERE,
    answers: Answers | None = None,
    included: Included | None = None,
    limits: RunLimits = LIMITS,
) -> Outcome:
    """What comes of a message; what `answers` does not say is answered as usual."""
    known = dict(answers or {})
    read = Message(message)
    for _ in range(limits.questions + 1):
        try:
            return run_scripts(programs, read, here, known, included or {}, limits)
        except Unanswered as unanswered:
            known[unanswered.question] = usual_answer(unanswered.question)
    raise AssertionError("the script asks on and on")


def run_script(
    script: str,
    message: bytes = MAIL,
    here: Surroundings = HERE,
    answers: Answers | None = None,
    included: Mapping[str, str] | None = None,
    limits: RunLimits = LIMITS,
    *,
    explain: bool = False,
) -> Outcome:
    """What comes of one script; `included` are personal ones by name, `global:` before others."""
    others: dict[Inclusion, Program | None] = {}
    for name, text in (included or {}).items():
        short = name.removeprefix("global:")
        others[Inclusion(short, short == name)] = compile_script(text.encode(), short)
    program = compile_script(script.encode(), "main", explain=explain)
    return run_programs([program], message, here, answers, others, limits)


def at(here: Surroundings = HERE, **changes: object) -> Surroundings:
    """Other surroundings."""
    return replace(here, **changes)  # type: ignore[arg-type]


def problems_of(script: str) -> list[str]:
    """What is wrong with a script, as people read it; nothing if it is accepted."""
    try:
        compile_script(script.encode())
    except ScriptError as refused:
        return [str(problem) for problem in refused.problems]
    return []
