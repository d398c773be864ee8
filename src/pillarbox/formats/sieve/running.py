"""Running programs over a message."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pillarbox.formats.sieve.actions import (
    Action,
    Discard,
    FileInto,
    Keep,
    Note,
    Redirect,
    Reject,
    SetFlags,
)
from pillarbox.formats.sieve.commands.performing import is_alike
from pillarbox.formats.sieve.errors import RunError
from pillarbox.formats.sieve.limits import RunLimits
from pillarbox.formats.sieve.mailbox_names import folded
from pillarbox.formats.sieve.message import Message
from pillarbox.formats.sieve.program import Inclusion, Program
from pillarbox.formats.sieve.questions import Answers, Unanswered
from pillarbox.formats.sieve.run import Outcome, Returned, Run, Stopped
from pillarbox.formats.sieve.surroundings import Surroundings

LIMITS = RunLimits()
_DELIVERIES = (Keep, FileInto, Redirect, Reject)


def run_scripts(
    programs: Sequence[Program],
    message: Message,
    surroundings: Surroundings,
    answers: Answers,
    included: Mapping[Inclusion, Program | None],
    limits: RunLimits = LIMITS,
) -> Outcome:
    """Run one after another while the implicit keep, or an explicit one, stands.

    What a script keeps is for the next one to decide on, as the implicit keep is; its flags go
    with it. `message` is not changed. `included` are the scripts that others name, `None` where
    there is none. Raises `Unanswered`; whatever goes wrong in a script is told by the outcome.
    """
    run = Run(message.copy(), surroundings, answers, limits, limits.instructions)
    run.included = included
    run.flags = list(surroundings.flags)
    failure = None
    try:
        for number, program in enumerate(programs):
            _run_one(run, program)
            if number + 1 < len(programs) and not _passed_on(run):
                break
        actions = _complete(run)
    except Unanswered as unanswered:
        unanswered.instructions = limits.instructions - max(run.left, 0)
        raise
    except RunError as error:
        failure = error
        actions = _failed(run)
    used = limits.instructions - max(run.left, 0)
    return Outcome(actions, tuple(run.steps), failure, used)


def _run_one(run: Run, program: Program) -> None:
    run.script, run.variables, run.matched = program.name, {}, ()
    run.inclusions_seen, run.including, run.part = set(), (), None
    run.kept, run.program = True, program
    try:
        program.step(run)
    except (Stopped, Returned):
        pass
    finally:
        run.script, run.part, run.including, run.depth = program.name, None, (), 0


def _passed_on(run: Run) -> bool:
    """Whether the next script is to decide on the message."""
    keeps = [action for action in run.actions if isinstance(action, Keep)]
    if keeps:
        run.flags = list(keeps[-1].flags)
        run.actions = [action for action in run.actions if not isinstance(action, Keep)]
    return run.kept or bool(keeps)


def _complete(run: Run) -> tuple[Action, ...]:
    actions = run.actions
    if run.kept:
        _keep(run)
    if any(isinstance(action, _DELIVERIES) for action in actions):
        actions = [action for action in actions if not isinstance(action, Discard)]
    elif not any(isinstance(action, Discard) for action in actions):
        # Nothing keeps it, and nothing says what becomes of it.
        actions.append(Discard(run.where(0)))
    if run.surroundings.in_mailbox and tuple(run.flags) != run.surroundings.flags:
        # RFC 6785 §3.8: as if a client had changed them, whatever becomes of the message.
        actions.append(SetFlags(tuple(run.flags), run.where(0)))
    return tuple(actions)


def _keep(run: Run) -> None:
    """The implicit keep; where the message goes there already, it says flags and header."""
    flags = tuple(run.flags)
    content = run.message.content if run.message.is_edited else None
    for at, action in enumerate(run.actions):
        if isinstance(action, Keep):
            return
        if (
            isinstance(action, FileInto)
            and _is_plain(run, action)
            and is_alike(run, action, content)
        ):
            run.actions[at] = replace(action, flags=flags, content=content)
            return
    run.actions.append(Keep(flags, content, True, run.where(0)))


def _is_plain(run: Run, action: FileInto) -> bool:
    """Whether it goes where the implicit keep puts it."""
    is_there = folded(action.mailbox) == folded(run.surroundings.default_mailbox)
    return is_there and not action.special_use and not action.mailbox_id


def _failed(run: Run) -> tuple[Action, ...]:
    notes = [action for action in run.actions if isinstance(action, Note)]
    flags = tuple(run.surroundings.flags)
    return (Keep(flags, implicit=True, where=run.where(0)), *notes)
