"""Tests of mailboxes and their annotations (RFC 5490, RFC 8579 §3, RFC 9042 §4)."""

from collections.abc import Callable

from pillarbox.base.errors import GrammarError
from pillarbox.formats.sieve.conditions.arguments import texts_at
from pillarbox.formats.sieve.conditions.matching import MATCH_TAGS, matching
from pillarbox.formats.sieve.errors import ScriptError
from pillarbox.formats.sieve.grammar import Call, Check, Kind, Texts, Word
from pillarbox.formats.sieve.mailbox_names import folded, mailbox_id, mailbox_name, special_use
from pillarbox.formats.sieve.questions import (
    MailboxIdQuestion,
    MailboxQuestion,
    MetadataQuestion,
    Question,
    SpecialUseQuestion,
)
from pillarbox.formats.sieve.run import Run

_ENTRY_CHARACTERS = 1_000
_ROOTS = ("/private/", "/shared/")

Ask = Callable[[str], Question | None]
"""The question about one string; `None` if the answer is no whatever there is."""


def _mailbox(name: str) -> str | None:
    try:
        return folded(mailbox_name(name))
    except GrammarError:
        return None


def _mailbox_question(name: str) -> Question | None:
    mailbox = _mailbox(name)
    return None if mailbox is None else MailboxQuestion(mailbox)


def _id_question(text: str) -> Question | None:
    try:
        return MailboxIdQuestion(mailbox_id(text))
    except GrammarError:
        return None


def all_of(call: Call, texts: Texts, ask: Ask) -> Check:
    """A test that is true if the answer about every string is."""
    line = call.line
    for text in texts.constant or ():
        question = ask(text)
        if question is not None:
            call.scope.ask(question)

    def check(run: Run) -> bool:
        for text in texts(run):
            run.charge(line)
            question = ask(text)
            if question is None or run.answer(question, line) in (None, False):
                return False
        return True

    return check


def _mailboxexists(call: Call) -> Check:
    return all_of(call, texts_at(call, 0), _mailbox_question)


def _mailboxidexists(call: Call) -> Check:
    return all_of(call, texts_at(call, 0), _id_question)


def _specialuse_exists(call: Call) -> Check:
    names, uses = call.texts(0), texts_at(call, 1)
    line = call.line
    for text in uses.constant or ():
        try:
            special_use(text)
        except GrammarError as error:
            raise ScriptError(call.problem(str(error), 1)) from None

    def ask(name: str, wanted: tuple[str, ...]) -> Question | None:
        mailbox = _mailbox(name) if names is not None else ""
        return None if mailbox is None else SpecialUseQuestion(mailbox, wanted)

    if uses.constant is not None and (names is None or names.constant is not None):
        foreseen = ask("" if names is None else (names.constant or ("",))[0], uses.constant)
        if foreseen is not None:
            call.scope.ask(foreseen)

    def check(run: Run) -> bool:
        wanted = tuple(uses(run))
        run.charge(line, 1 + len(wanted))
        question = ask("" if names is None else names(run)[0], wanted)
        return question is not None and bool(run.answer(question, line))

    return check


# Annotations


def _entry_question(mailbox: str, entry: str) -> Question | None:
    """The question about an annotation; entries that can't be are not there."""
    entry = entry.lower()
    if len(entry) > _ENTRY_CHARACTERS or not entry.startswith(_ROOTS):
        return None
    if "//" in entry or entry[-1] == "/" or "*" in entry or "%" in entry:
        return None
    return MetadataQuestion(mailbox, entry)


def _metadata(call: Call) -> Check:
    return _annotation(call, texts_at(call, 0), 1)


def _servermetadata(call: Call) -> Check:
    return _annotation(call, None, 0)


def _annotation(call: Call, mailboxes: Texts | None, at: int) -> Check:
    entries = texts_at(call, at)
    match = matching(call, texts_at(call, at + 1))
    line = call.line

    def check(run: Run) -> bool:
        run.charge(line)
        mailbox = "" if mailboxes is None else _mailbox(mailboxes(run)[0])
        question = None if mailbox is None else _entry_question(mailbox, entries(run)[0])
        found = None if question is None else run.answer(question, line)
        return isinstance(found, str) and match.test(run, (found,))

    if entries.constant is not None and (mailboxes is None or mailboxes.constant is not None):
        mailbox = "" if mailboxes is None else _mailbox((mailboxes.constant or ("",))[0])
        foreseen = None if mailbox is None else _entry_question(mailbox, entries.constant[0])
        if foreseen is not None:
            call.scope.ask(foreseen)
    return check


def _metadataexists(call: Call) -> Check:
    mailboxes, entries = texts_at(call, 0), texts_at(call, 1)
    line = call.line
    if mailboxes.constant is not None:
        constant = _mailbox(mailboxes.constant[0])
        if constant is None:
            return lambda run: False
        return all_of(call, entries, lambda entry: _entry_question(constant, entry))

    def check(run: Run) -> bool:
        mailbox = _mailbox(mailboxes(run)[0])
        for entry in entries(run):
            run.charge(line)
            question = None if mailbox is None else _entry_question(mailbox, entry)
            if question is None or run.answer(question, line) is None:
                return False
        return True

    return check


def _servermetadataexists(call: Call) -> Check:
    return all_of(call, texts_at(call, 0), lambda entry: _entry_question("", entry))


WORDS: tuple[Word[Check], ...] = (
    Word("mailboxexists", _mailboxexists, "mailbox", (Kind.STRINGS,)),
    Word("mailboxidexists", _mailboxidexists, "mailboxid", (Kind.STRINGS,)),
    Word("specialuse_exists", _specialuse_exists, "special-use", (Kind.STRING, Kind.STRINGS), 1),
    Word(
        "metadata",
        _metadata,
        "mboxmetadata",
        (Kind.STRING, Kind.STRING, Kind.STRINGS),
        tags=MATCH_TAGS,
    ),
    Word("metadataexists", _metadataexists, "mboxmetadata", (Kind.STRING, Kind.STRINGS)),
    Word(
        "servermetadata",
        _servermetadata,
        "servermetadata",
        (Kind.STRING, Kind.STRINGS),
        tags=MATCH_TAGS,
    ),
    Word("servermetadataexists", _servermetadataexists, "servermetadata", (Kind.STRINGS,)),
)
