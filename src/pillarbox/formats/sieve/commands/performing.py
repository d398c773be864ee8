"""How commands hand their actions to a run: limits, conflicts, and what is there already."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from pillarbox.base.errors import GrammarError
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
    Vacation,
)
from pillarbox.formats.sieve.errors import ScriptError
from pillarbox.formats.sieve.grammar import Call, Texts
from pillarbox.formats.sieve.mailbox_names import folded
from pillarbox.formats.sieve.run import Run

_SHOWN_CHARACTERS = 80
_KIB = 10
_READ_BITS = 3
"""Reading so many bits of length costs one instruction more."""
Read = TypeVar("Read")

_NAMES: dict[type, str] = {
    Keep: "keep",
    FileInto: "fileinto",
    Redirect: "redirect",
    Reject: "reject",
    Vacation: "vacation",
}


def quoted(text: str) -> str:
    """A string as people read it in a step: on one line, in quotes, not too long."""
    if len(text) > _SHOWN_CHARACTERS:
        text = text[: _SHOWN_CHARACTERS - 1] + "…"
    return '"' + " ".join(text.split()).replace('"', '\\"') + '"'


def one(texts: Texts, run: Run) -> str:
    """The value of an argument that is one string."""
    return texts(run)[0]


def several(texts: Texts, run: Run, line: int) -> Sequence[str]:
    """The values of an argument that is a list; long ones made of variables cost more."""
    values = texts(run)
    if texts.constant is None:
        run.charge(line, sum(map(len, values)) >> _READ_BITS)
    return values


def charge_text(run: Run, line: int, text: str) -> None:
    """Count what working through a text takes."""
    run.charge(line, len(text) >> _READ_BITS)


def read_by(call: Call, at: int | str, read: Callable[[str], Read]) -> Callable[[Run], Read]:
    """An argument of one string, read by a grammar that raises GrammarError.

    A constant is read now and refused with its place; one with variables when the script runs,
    which a bad value stops.
    """
    texts = call.texts(at)
    if texts is None:
        raise ScriptError(call.problem(f"{call.word} lacks an argument", at))
    if texts.constant is not None:
        try:
            known = read(texts.constant[0])
        except GrammarError as error:
            raise ScriptError(call.problem(_told(error), at)) from None
        return lambda run: known
    line, column = call.places.get(str(at), (call.line, call.column))

    def later(run: Run) -> Read:
        value = one(texts, run)
        charge_text(run, line, value)
        try:
            return read(value)
        except GrammarError as error:
            raise run.error(line, f"{_told(error)}: {quoted(value)}", column) from None

    return later


def _told(error: GrammarError) -> str:
    return str(error.args[0]) if error.args else str(error)


def content_for(run: Run, line: int) -> bytes | None:
    """The message as an action stores it: `None` where it is as it came."""
    message = run.message
    return _charged(run, line, message.content) if message.is_edited else None


def content_to_send(run: Run, line: int) -> bytes | None:
    """The message as `redirect` sends it: edits of its body do not show (RFC 5703 §5, §6)."""
    message = run.message if run.forwarded is None else run.forwarded
    if message.is_edited or run.forwarded_edited:
        return _charged(run, line, message.content)
    return None


def _charged(run: Run, line: int, content: bytes) -> bytes:
    """Each new copy of a large message takes its share of the run, so that few are made."""
    if not any(getattr(action, "content", None) is content for action in run.actions):
        run.charge(line, len(content) >> _KIB)
    return content


def perform(run: Run, call: Call, action: Action) -> None:
    """Take up an action; one that is there already is brought up to date instead.

    Raises `RunError` where there are too many, or where one forbids another.
    """
    actions = run.actions
    run.charge(call.line, len(actions) >> 1)
    _check_conflicts(run, call, action)
    at = _same(run, action)
    if at is not None:
        actions[at] = _merged(actions[at], action)
        return
    if sum(not isinstance(done, (Note, Remember)) for done in actions) >= run.limits.actions:
        raise run.error(
            call.line, f"the script does more than {run.limits.actions} things", call.column
        )
    for kind, most, what in (
        (Redirect, run.limits.redirects, "addresses"),
        (Notify, run.limits.notifications, "notifications"),
    ):
        if isinstance(action, kind) and sum(isinstance(done, kind) for done in actions) >= most:
            raise run.error(
                call.line, f"{call.word}: a message goes to at most {most} {what}", call.column
            )
    actions.append(action)


def _check_conflicts(run: Run, call: Call, action: Action) -> None:
    """Whoever is told that a message was refused must not find it taken (RFC 5429 §2.4)."""
    if not isinstance(action, (Keep, FileInto, Redirect, Reject, Vacation)):
        return
    for done in run.actions:
        if isinstance(done, Reject):
            other = "ereject" if done.early else "reject"
        elif isinstance(action, Reject) and isinstance(done, (Keep, FileInto, Redirect, Vacation)):
            other = _NAMES[type(done)]
        else:
            continue
        raise run.error(
            call.line,
            f"{call.word} can't be used after {other} in line {done.where.line}",
            call.column,
        )


def _destination(run: Run, action: Keep | FileInto) -> tuple[str, str, str]:
    """Where it goes; `keep` and `fileinto` of the mailbox where mail goes anyway are one."""
    if isinstance(action, Keep):
        return folded(run.surroundings.default_mailbox), "", ""
    return folded(action.mailbox), action.special_use, action.mailbox_id


def _same(run: Run, action: Action) -> int | None:
    """The place of an action for the same thing (RFC 5228 §2.10.3)."""
    places = (at for at, done in enumerate(run.actions) if _is_same(run, done, action))
    return next(places, None)


def is_alike(run: Run, done: Keep | FileInto | Redirect, content: bytes | None) -> bool:
    """Whether an action has this message already: edits of its header make no other one.

    RFC 5293 §7 wants that; those of its body do.
    """
    if done.content is content:
        return True
    run.charge(done.where.line, len(content or done.content or b"") >> _KIB)
    return run.message.is_alike(done.content, content)


def _is_same(run: Run, done: Action, action: Action) -> bool:
    match done, action:
        case (Keep() | FileInto(), Keep() | FileInto()):
            is_there = _destination(run, done) == _destination(run, action)
            return is_there and is_alike(run, done, action.content)
        case (Redirect(), Redirect()):
            is_there = done.address.lower() == action.address.lower()
            return is_there and is_alike(run, done, action.content)
        case (Notify(), Notify()):
            return replace(done, where=action.where) == action
        case (Discard(), Discard()):
            return True
    return False


def _merged(done: Action, action: Action) -> Action:
    """Of two for the same mailbox the later one says flags (RFC 5232 §3) and header."""
    if isinstance(action, FileInto) and isinstance(done, FileInto):
        create = done.create or action.create
        return replace(done, flags=action.flags, create=create, content=action.content)
    if isinstance(action, (Keep, FileInto)) and isinstance(done, (Keep, FileInto)):
        return replace(done, flags=action.flags, content=action.content)
    if isinstance(action, Redirect) and isinstance(done, Redirect):
        return replace(done, content=action.content)
    return done
