"""keep, fileinto, redirect, discard: what becomes of the message (RFC 5228 §4)."""

from dataclasses import replace

from pillarbox.formats.sieve.actions import Discard, Keep, Redirect
from pillarbox.formats.sieve.addresses import outgoing_address
from pillarbox.formats.sieve.commands.filing import FILE_TAGS, FLAGS_TAG, filing, flags_reader
from pillarbox.formats.sieve.commands.performing import (
    content_for,
    content_to_send,
    perform,
    quoted,
    read_by,
)
from pillarbox.formats.sieve.errors import ScriptError
from pillarbox.formats.sieve.grammar import Call, Kind, Step, Tag, Word
from pillarbox.formats.sieve.run import Run

_COPY = Tag("copy", extension="copy")


def _keep(call: Call) -> Step:
    """`keep [:flags list]`: without flags those of the internal variable (RFC 5232 §5)."""
    flags = flags_reader(call)

    def step(run: Run) -> None:
        action = Keep(
            tuple(run.flags) if flags is None else flags(run),
            content_for(run, call.line),
            where=run.where(call.line),
        )
        perform(run, call, action)
        run.kept = False
        run.note(call.line, "keep")

    return step


def _fileinto(call: Call) -> Step:
    """`fileinto [:copy] [:flags …] [:create] [:specialuse …] [:mailboxid …] mailbox`."""
    read = filing(call, 0)
    own_flags = call.has("flags")
    copy = call.has("copy")

    def step(run: Run) -> None:
        action = read(run)
        content = content_for(run, call.line)
        if not own_flags or content is not None:
            flags = action.flags if own_flags else tuple(run.flags)
            action = replace(action, flags=flags, content=content)
        perform(run, call, action)
        if not copy:
            run.kept = False
        run.note(call.line, f"fileinto {quoted(action.mailbox)}")

    return step


def _redirect(call: Call) -> Step:
    """`redirect [:copy] address`; that address is checked (RFC 5228 §2.4.2.3)."""
    if call.has("list"):
        # RFC 6134 lets a list be one that nothing is sent to; all of ours are such.
        raise ScriptError(
            call.problem("no mail is sent to whole lists: name the addresses one by one", "list")
        )
    address = read_by(call, 0, lambda text: str(outgoing_address(text)[0]))
    copy = call.has("copy")

    def step(run: Run) -> None:
        to = address(run)
        action = Redirect(to, content_to_send(run, call.line), run.where(call.line))
        perform(run, call, action)
        if not copy:
            run.kept = False
        run.note(call.line, f"redirect {quoted(to)}")

    return step


def _discard(call: Call) -> Step:
    def step(run: Run) -> None:
        perform(run, call, Discard(run.where(call.line)))
        run.kept = False
        run.note(call.line, "discard")

    return step


WORDS: tuple[Word[Step], ...] = (
    Word("keep", _keep, tags=(FLAGS_TAG,)),
    Word(
        "fileinto",
        _fileinto,
        extension="fileinto",
        positional=(Kind.STRING,),
        tags=(_COPY, *FILE_TAGS),
    ),
    Word(
        "redirect",
        _redirect,
        positional=(Kind.STRING,),
        tags=(_COPY, Tag("list", extension="extlists")),
    ),
    Word("discard", _discard),
)
