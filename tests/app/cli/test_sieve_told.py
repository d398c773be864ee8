"""What a script wants done, in plain words and as JSON."""

import json

import pytest

from pillarbox.app.cli import sieve_told
from pillarbox.formats.sieve.actions import (
    Action,
    Discard,
    FileInto,
    Keep,
    Note,
    Notify,
    Redirect,
    Reject,
    Remember,
    SetFlags,
    Vacation,
    Where,
)
from pillarbox.formats.sieve.errors import Problem, RunError
from pillarbox.formats.sieve.questions import (
    ListQuestion,
    MailboxIdQuestion,
    MailboxQuestion,
    MetadataQuestion,
    Question,
    SeenQuestion,
    SpecialUseQuestion,
    ValidListQuestion,
)
from pillarbox.formats.sieve.run import Outcome, Step

HERE = Where("", 3)
OUTER = Where("site", 7)


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (Keep(implicit=True), "keep it in the inbox, as no script decided otherwise"),
        (
            Keep(("\\Seen", "work"), b"new", where=HERE),
            "keep it in the inbox with \\Seen work as the script edited it (line 3)",
        ),
        (
            FileInto("a", create=True, special_use="\\Junk", where=OUTER),
            "file it into the mailbox for \\Junk, else 'a', which is made if it is missing"
            " (site, line 7)",
        ),
        (FileInto("a", mailbox_id="F1"), "file it into the mailbox with the id F1, else 'a'"),
        (Redirect("a@b.example"), "redirect it to <a@b.example>"),
        (Discard(), "discard it, and tell nobody"),
        (Reject("no\nmail"), "refuse it: 'no mail'"),
        (Reject("no", early=True), "refuse it already while it comes in: 'no'"),
        (
            Vacation("x" * 90, "h", 7 * 86_400, "Away"),
            f"reply to the sender, once in 7 days with the subject 'Away': '{'x' * 59}…'",
        ),
        (Vacation("x", "h", 0), "reply to the sender, every time: 'x'"),
        (Vacation("x", "h", 90), "reply to the sender, once in 90 seconds: 'x'"),
        (Notify("mailto:a@b.example", "hi"), "notify mailto:a@b.example: 'hi'"),
        (Remember("m", 3600), "remember this message for 1 hour"),
        (Note("seen"), "note in the trace: seen"),
        (SetFlags(()), "set the flags to none"),
    ],
)
def test_actions(action: Action, words: str) -> None:
    assert sieve_told.told(action) == words


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (MailboxQuestion("a"), "the mailbox 'a' is there"),
        (MailboxIdQuestion("F1"), "a mailbox with the id 'F1' is not there"),
        (SpecialUseQuestion("", ("\\Junk",)), "some mailbox is not for \\Junk"),
        (MetadataQuestion("", "/shared/x"), "the server has no /shared/x"),
        (ListQuestion("l", "v"), "'v' is not on the list 'l'"),
        (ValidListQuestion("l"), "the list 'l' is not there"),
        (SeenQuestion("m"), "such a message was not seen before"),
    ],
)
def test_what_is_assumed(question: Question, words: str) -> None:
    assert sieve_told.question_told(question, sieve_told.assumed(question)) == words


def test_a_run() -> None:
    failure = RunError(Problem(4, 2, "too much"), "site")
    outcome = Outcome((Keep(content=b"\xff"),), (Step(HERE, "if true"),), failure, 9)
    assert sieve_told.lines_of(outcome) == [
        "Steps:",
        "  line 3: if true",
        "The run of site was stopped: line 4, column 2: too much",
        "What would happen:",
        "  keep it in the inbox as the script edited it",
    ]
    row = json.loads(json.dumps(sieve_told.row_of(outcome)))
    assert row["failure"] == {"script": "site", "line": 4, "column": 2, "text": "too much"}
    assert row["actions"][0]["content"] == "\N{REPLACEMENT CHARACTER}"
    assert row["steps"] == [{"where": {"script": "", "line": 3}, "text": "if true"}]
