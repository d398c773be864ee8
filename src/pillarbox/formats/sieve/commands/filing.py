"""The arguments that say into which mailbox, shared by `fileinto` and `:fcc`."""

from collections.abc import Callable

from pillarbox.base.errors import GrammarError
from pillarbox.formats.sieve.actions import FileInto
from pillarbox.formats.sieve.commands.performing import quoted, read_by, several
from pillarbox.formats.sieve.errors import ScriptError
from pillarbox.formats.sieve.flag_lists import message_flags
from pillarbox.formats.sieve.grammar import Call, Kind, Tag
from pillarbox.formats.sieve.mailbox_names import (
    check_text,
    mailbox_id,
    mailbox_name,
    special_use,
)
from pillarbox.formats.sieve.run import Run

FLAGS_TAG = Tag("flags", Kind.STRINGS, extension="imap4flags")
FILE_TAGS = (
    FLAGS_TAG,
    Tag("create", extension="mailbox"),
    Tag("specialuse", Kind.STRING, extension="special-use"),
    Tag("mailboxid", Kind.STRING, extension="mailboxid"),
)
FCC_TAGS = (Tag("fcc", Kind.STRING, extension="fcc"), *FILE_TAGS)


def flags_reader(call: Call) -> Callable[[Run], tuple[str, ...]] | None:
    """What `:flags` gives; `None` where it is not there."""
    texts = call.texts("flags")
    if texts is None:
        return None
    if texts.constant is not None:
        known = message_flags(texts.constant)
        return lambda run: known
    return lambda run: message_flags(several(texts, run, call.line))


def mailbox_reader(call: Call, at: int | str) -> Callable[[Run], str]:
    """The name of a mailbox.

    Text that is no name at all is refused when the script is compiled; a name that can't be made,
    such as one with an empty level, stops the run only, as it may stand in a branch for another
    server.
    """
    texts = call.texts(at)
    if texts is None or texts.constant is None:
        return read_by(call, at, mailbox_name)
    name = texts.constant[0]
    try:
        check_text(name)
    except GrammarError as error:
        raise ScriptError(call.problem(str(error.args[0]), at)) from None
    try:
        known = mailbox_name(name)
    except GrammarError as error:
        told = f"{error.args[0]}: {quoted(name)}"
        line, column = call.places.get(str(at), (call.line, call.column))

        def refuse(run: Run) -> str:
            raise run.error(line, told, column)

        return refuse
    return lambda run: known


def fcc_reader(call: Call) -> Callable[[Run], FileInto] | None:
    """Where the copy of a message goes that the command makes (RFC 8580 §3); `None` for nowhere.

    Raises `ScriptError` if there are arguments for it, but no `:fcc`.
    """
    if not call.has("fcc"):
        for tag in FILE_TAGS:
            if call.has(tag.name):
                raise ScriptError(call.problem(f":{tag.name} needs :fcc", tag.name))
        return None
    return filing(call, "fcc")


def filing(call: Call, at: int | str) -> Callable[[Run], FileInto]:
    """The mailbox that a command names, without `content`; with no flags if it says none."""
    name = mailbox_reader(call, at)
    flags = flags_reader(call)
    create = call.has("create")
    use = read_by(call, "specialuse", special_use) if call.has("specialuse") else None
    known = read_by(call, "mailboxid", mailbox_id) if call.has("mailboxid") else None

    def read(run: Run) -> FileInto:
        return FileInto(
            name(run),
            flags=flags(run) if flags else (),
            create=create,
            special_use=use(run) if use else "",
            mailbox_id=known(run) if known else "",
            where=run.where(call.line),
        )

    return read
