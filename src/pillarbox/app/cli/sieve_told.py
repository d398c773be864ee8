"""What a script wants done with a message, and why, in plain words."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

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
from pillarbox.formats.sieve.run import Outcome

_TEXT_SHOWN = 60


def lines_of(outcome: Outcome) -> list[str]:
    """The steps of a run, what went wrong, and what is to be done."""
    found = []
    if outcome.steps:
        found.append("Steps:")
        found += [f"  {place(step.where)}: {step.text}" for step in outcome.steps]
    if outcome.failure is not None:
        script = f"of {outcome.failure.script} " if outcome.failure.script else ""
        found.append(f"The run {script}was stopped: {outcome.failure.problem}")
    found.append("What would happen:")
    found += [f"  {told(one)}" for one in outcome.actions]
    return found


def row_of(outcome: Outcome) -> dict[str, Any]:
    """A run for programs."""
    failure = outcome.failure
    return {
        "actions": [
            {"action": type(one).__name__.lower(), **_plain(asdict(one))} for one in outcome.actions
        ],
        "steps": [_plain(asdict(one)) for one in outcome.steps],
        "failure": None
        if failure is None
        else {"script": failure.script, **asdict(failure.problem)},
        "instructions": outcome.instructions,
    }


def place(where: Where) -> str:
    """A place in a script: `line 3`, `after, line 3`, `end`."""
    line = f"line {where.line}" if where.line else "end"
    return f"{where.script}, {line}" if where.script else line


def told(action: Action) -> str:
    """One action, and which line asked for it."""
    why = f" ({place(action.where)})" if action.where.line else ""
    edited = " as the script edited it" if getattr(action, "content", None) is not None else ""
    return _told(action) + edited + why


def _told(action: Action) -> str:
    match action:
        case Keep():
            why = ", as no script decided otherwise" if action.implicit else ""
            return f"keep it in the inbox{_flags(action.flags)}{why}"
        case FileInto():
            return _filed(action)
        case Redirect():
            return f"redirect it to <{action.address}>"
        case Discard():
            return "discard it, and tell nobody"
        case SetFlags():
            return f"set the flags to {' '.join(action.flags) or 'none'}"
        case Note():
            return f"note in the trace: {action.text}"
        case Remember():
            return f"remember this message for {_period(action.seconds)}"
        case _:
            return _answered(action)


def _answered(action: Reject | Vacation | Notify) -> str:
    match action:
        case Reject():
            how = " already while it comes in" if action.early else ""
            return f"refuse it{how}: {_short(action.reason)}"
        case Vacation():
            often = f"once in {_period(action.period_s)}" if action.period_s else "every time"
            subject = f" with the subject {_short(action.subject)}" if action.subject else ""
            return f"reply to the sender, {often}{subject}: {_short(action.reason)}"
        case Notify():
            return f"notify {action.method}: {_short(action.message)}"


def question_told(question: Question, answer: bool | str | None) -> str:
    """A question of a script with its answer."""
    match question:
        case MailboxQuestion(name):
            return f"the mailbox {name!r} {'is' if answer else 'is not'} there"
        case MailboxIdQuestion(number):
            return f"a mailbox with the id {number!r} {'is' if answer else 'is not'} there"
        case SpecialUseQuestion(name, uses):
            which = f"the mailbox {name!r}" if name else "some mailbox"
            return f"{which} {'is' if answer else 'is not'} for {' '.join(uses)}"
        case MetadataQuestion(name, entry):
            which = f"the mailbox {name!r}" if name else "the server"
            return f"{which} has {entry} = {answer!r}" if answer else f"{which} has no {entry}"
        case ListQuestion(name, value):
            return f"{value!r} {'is' if answer else 'is not'} on the list {name!r}"
        case ValidListQuestion(name):
            return f"the list {name!r} {'is' if answer else 'is not'} there"
        case SeenQuestion():
            return f"such a message was {'' if answer else 'not '}seen before"


def assumed(question: Question) -> bool | str | None:
    """An answer where there is no account to ask: mailboxes are there, all else is not."""
    match question:
        case MailboxQuestion():
            return True
        case MetadataQuestion():
            return None
        case _:
            return False


def answers_told(answers: Mapping[Question, bool | str | None]) -> list[str]:
    """All answers that a run got, in sentences."""
    return [f"  {question_told(question, answer)}" for question, answer in answers.items()]


def _filed(action: FileInto) -> str:
    where = f"{action.mailbox!r}"
    if action.special_use:
        where = f"the mailbox for {action.special_use}, else {where}"
    if action.mailbox_id:
        where = f"the mailbox with the id {action.mailbox_id}, else {where}"
    made = ", which is made if it is missing" if action.create else ""
    return f"file it into {where}{_flags(action.flags)}{made}"


def _flags(flags: Iterable[str]) -> str:
    names = " ".join(flags)
    return f" with {names}" if names else ""


def _period(seconds: int) -> str:
    for name, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds and seconds % size == 0:
            count = seconds // size
            return f"{count} {name}{'' if count == 1 else 's'}"
    return f"{seconds} seconds"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= _TEXT_SHOWN else line[: _TEXT_SHOWN - 1] + "…")


def _plain(value: Any) -> Any:
    """A value as JSON can have it: content as text."""
    match value:
        case bytes():
            return value.decode("utf-8", "replace")
        case dict():
            return {key: _plain(one) for key, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
        case _:
            return value
