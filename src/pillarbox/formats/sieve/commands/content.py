"""extracttext, replace, enclose: reading and rewriting what is in a message (RFC 5703)."""

from collections.abc import Callable

from pillarbox.base.errors import GrammarError
from pillarbox.formats.mime.compose import address_field, mailbox, unstructured
from pillarbox.formats.mime.date import format_date
from pillarbox.formats.mime.header import HEADER_BYTES, fields
from pillarbox.formats.sieve.addresses import outgoing_address
from pillarbox.formats.sieve.commands.editheader import charge_header, count_edit
from pillarbox.formats.sieve.commands.performing import one, quoted, read_by, several
from pillarbox.formats.sieve.commands.variables import modified, store, variable_key
from pillarbox.formats.sieve.entities import check_entity
from pillarbox.formats.sieve.errors import ScriptError
from pillarbox.formats.sieve.grammar import Call, Kind, Step, Tag, Word
from pillarbox.formats.sieve.message import Message, MimePart
from pillarbox.formats.sieve.message_edit import crlf, is_field_name, text_entity
from pillarbox.formats.sieve.modifiers import MODIFIER_TAGS, modifiers
from pillarbox.formats.sieve.run import Run

MARKUP_BYTES = 64 * 1024
"""Of a part in HTML that is looked through for its text."""
_CHARACTER_BYTES = 4
_SHIFT_TEXT = 10
_SHIFT_MARKUP = 5
# What makes the structure of the new message can't be copied from the old one.
_STRUCTURE = ("content-", "mime-version")


def _part(run: Run) -> MimePart | None:
    return run.part if isinstance(run.part, MimePart) else None


def _extracttext(call: Call) -> Step:
    """`extracttext [MODIFIER] [:first n] name`: the text of the part of the loop (RFC 5703 §7).

    That of a part which is no text is empty.
    """
    if not call.scope.loops:
        raise ScriptError(call.problem("extracttext can be used in foreverypart only"))
    if "variables" not in call.scope.extensions:
        raise ScriptError(call.problem('extracttext needs: require "variables";'))
    key = variable_key(call, 0)
    changes = modifiers(call)
    first = call.number("first")

    def step(run: Run) -> None:
        most = run.limits.variable_characters
        if first is not None:
            most = min(most, first)
        value = _text(run, call, most)
        value = modified(run, call, changes, value)
        store(run, call, key, value)
        run.note(call.line, lambda: f"extracttext {quoted(key)} {quoted(value)}")

    return step


def _text(run: Run, call: Call, most: int) -> str:
    part = _part(run)
    if part is None:
        return ""
    part = run.message.root if part.is_root else run.message.current(part)
    if part.part.type != "text":
        return ""
    if part.part.subtype == "plain":
        size, shift = most * _CHARACTER_BYTES, _SHIFT_TEXT
    else:
        size, shift = MARKUP_BYTES, _SHIFT_MARKUP
    run.charge(call.line, 1 + (min(size, part.part.body_end - part.part.body_start) >> shift))
    return part.plain_text(size)[:most]


def _replace(call: Call) -> Step:
    """`replace [:mime] [:subject s] [:from s] replacement` (RFC 5703 §5).

    Subject and From are those of the message, and left alone where a part of it is replaced. An
    entity can't be given with them.
    """
    for name in ("subject", "from"):
        if call.has("mime") and call.has(name):
            raise ScriptError(call.problem(f":{name} can't be used together with :mime", name))
    if call.has("mime"):
        entity = read_by(call, 0, lambda text: crlf(check_entity(text)))
    else:
        entity = read_by(call, 0, text_entity)
    head = _head(call)

    def step(run: Run) -> None:
        part = _part(run)
        count_edit(run, call)
        made = entity(run)
        run.charge(call.line, 1 + (len(made) >> _SHIFT_TEXT))
        if part is None or part.is_root:
            # It is taken apart, and so is what comes of it.
            charge_header(run, call)
            charge_header(run, call)
        _set_forwarded_aside(run, call)
        if run.message.replace_part(part, made, head(run)):
            run.note(call.line, "replace the message" if part is None else "replace the part")
        else:
            run.note(call.line, "replace: the part is no longer there")

    return step


def _head(call: Call) -> Callable[[Run], dict[str, bytes]]:
    """The whole fields that `:subject` and `:from` give, by their lower-case names."""
    subject = read_by(call, "subject", _subject) if call.has("subject") else None
    from_ = read_by(call, "from", _from) if call.has("from") else None

    def read(run: Run) -> dict[str, bytes]:
        made = {}
        if from_ is not None:
            made["from"] = from_(run)
        if subject is not None:
            made["subject"] = subject(run)
        return made

    return read


def _subject(text: str) -> bytes:
    return unstructured("Subject", text).encode("ascii", "replace") + b"\r\n"


def _from(text: str) -> bytes:
    address, name = outgoing_address(text)
    return address_field("From", (mailbox(str(address), name),)).encode() + b"\r\n"


def _enclose(call: Call) -> Step:
    """`enclose [:subject s] [:headers names] text`: the message goes into a new one (RFC 5703 §6).

    `:headers` are fields that the new one has from the old. Date and From, unless they are among
    these, say when it was enclosed and for whom.
    """
    head = _head(call)
    names = _copied(call)
    texts = call.texts(0)
    if texts is None:
        raise ScriptError(call.problem("enclose needs a text"))

    def step(run: Run) -> None:
        count_edit(run, call)
        text = one(texts, run)
        message = run.message
        run.charge(call.line, 1 + (message.size_bytes >> _SHIFT_TEXT))
        charge_header(run, call)
        _set_forwarded_aside(run, call)
        message.enclose(_new_header(run, head(run), names(run)), text)
        # The parts are those of another message now.
        run.part = None
        run.note(call.line, "enclose the message")

    return step


def _copied(call: Call) -> Callable[[Run], frozenset[str]]:
    texts = call.texts("headers")
    if texts is None:
        return lambda run: frozenset()
    line, column = call.places.get("headers", (call.line, call.column))
    if texts.constant is not None:
        for name in texts.constant:
            if not is_field_name(name):
                raise ScriptError(
                    call.problem(f"{quoted(name)} is no name of a header field", "headers")
                )
        known = frozenset(name.lower() for name in texts.constant)
        return lambda run: known

    def read(run: Run) -> frozenset[str]:
        found = several(texts, run, line)
        for name in found:
            if not is_field_name(name):
                raise run.error(line, f"{quoted(name)} is no name of a header field", column)
        return frozenset(name.lower() for name in found)

    return read


def _new_header(run: Run, given: dict[str, bytes], names: frozenset[str]) -> bytes:
    """The header around an enclosed message: fields given, fields copied, and those it lacks."""
    wanted = (names | {"subject"}) - given.keys()
    block = run.message.header.block[:HEADER_BYTES]
    copied = [
        (name.decode("latin-1"), block[start:end])
        for name, _, start, end in fields(block)
        if name.decode("latin-1") in wanted and not name.decode("latin-1").startswith(_STRUCTURE)
    ]
    there = {name for name, _ in copied}
    made = []
    if "date" not in there:
        made.append(b"Date: " + format_date(run.surroundings.now).encode("ascii") + b"\r\n")
    if "from" not in there:
        made.append(_own_from(run))
    made += given.values()
    made += [raw if raw.endswith(b"\n") else raw + b"\r\n" for _, raw in copied]
    return b"".join(made)


def _own_from(run: Run) -> bytes:
    try:
        return _from(run.surroundings.recipient)
    except GrammarError:
        return b""


def _set_forwarded_aside(run: Run, call: Call) -> None:
    """Keep the message as `redirect` sends it, before its body is edited first (RFC 5703 §5)."""
    if run.forwarded is not None:
        return
    message = run.message
    if message.is_edited:
        run.charge(call.line, message.size_bytes >> _SHIFT_TEXT)
        run.forwarded = Message(message.content)
        run.forwarded_edited = True
    else:
        run.forwarded = message.copy()


WORDS: tuple[Word[Step], ...] = (
    Word(
        "extracttext",
        _extracttext,
        extension="extracttext",
        positional=(Kind.STRING,),
        tags=(*MODIFIER_TAGS, Tag("first", Kind.NUMBER)),
        constant=frozenset({0}),
    ),
    Word(
        "replace",
        _replace,
        extension="replace",
        positional=(Kind.STRING,),
        tags=(Tag("mime"), Tag("subject", Kind.STRING), Tag("from", Kind.STRING)),
    ),
    Word(
        "enclose",
        _enclose,
        extension="enclose",
        positional=(Kind.STRING,),
        tags=(Tag("subject", Kind.STRING), Tag("headers", Kind.STRINGS)),
    ),
)
