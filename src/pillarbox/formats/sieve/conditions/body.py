"""The test `body` (RFC 5173)."""

from collections.abc import Callable, Iterator, Sequence

from pillarbox.formats.mime.words import decode_raw
from pillarbox.formats.sieve.conditions.arguments import texts_at
from pillarbox.formats.sieve.conditions.matching import MATCH_TAGS, matching
from pillarbox.formats.sieve.grammar import Call, Check, Kind, Tag, Word
from pillarbox.formats.sieve.message import BODY_BYTES, Message, MimePart
from pillarbox.formats.sieve.run import Run

_RAW_BITS = 9
_TEXT_BITS = 7
_MARKUP_BITS = 5
_SCAN_BITS = 12
"""Making a form of so many bits of bytes costs one instruction: by what is done with them."""
_TYPES_MAX = 20
_TYPE_CHARACTERS = 200


def raw_body(message: Message) -> tuple[str, ...]:
    """The body as it stands; nothing where the message has none."""
    raw = message.raw_body
    return () if raw is None else (decode_raw(raw[:BODY_BYTES]),)


def body_texts(message: Message) -> tuple[str, ...]:
    """All text parts as people read them, without markup (RFC 5173 §5.3)."""
    found: list[str] = []
    left = BODY_BYTES
    for part in message.parts():
        if part.part.type == "text" and not part.part.children and left > 0:
            found.append(part.plain_text(left))
            left -= len(found[-1])
    return tuple(found)


def body_content(types: Sequence[str]) -> Callable[[Message], tuple[str, ...]]:
    """Makes the decoded content of all parts of some types (RFC 5173 §5.2)."""

    def make(message: Message) -> tuple[str, ...]:
        found: list[str] = []
        left = BODY_BYTES
        for part in message.parts():
            kind = part.part
            if left <= 0 or not any(_is_of(kind.type, kind.subtype, wanted) for wanted in types):
                continue
            for text in _texts_of(part, left):
                found.append(text)
                left -= len(text)
        return tuple(found)

    return make


def _is_of(main: str, sub: str, wanted: str) -> bool:
    if not wanted:
        return True
    if wanted[0] == "/" or wanted[-1] == "/" or wanted.count("/") > 1:
        return False
    return wanted == (f"{main}/{sub}" if "/" in wanted else main)


def _texts_of(part: MimePart, most: int) -> Iterator[str]:
    """Prologue and epilogue of a multipart, the header of a nested message, else the content."""
    kind = part.part
    if kind.type == "multipart" and kind.children:
        yield from part.around()
    elif part.is_message:
        yield decode_raw(part.children[0].header.block[:most])
    elif kind.type == "text":
        yield part.text(most)
    else:
        yield decode_raw(part.content(most))


def _work(message: Message, form: object) -> int:
    """The instructions for making a form of the body."""
    if form == "raw":
        return 1 + (min(message.size_bytes, BODY_BYTES) >> _RAW_BITS)
    plain = markup = count = 0
    for part in message.parts():
        count += 1
        size = part.part.body_end - part.part.body_start
        if form == "text" and part.has_markup:
            markup += size
        elif part.part.type == "text" or form != "text":
            plain += size
    made = (min(markup, BODY_BYTES) >> _MARKUP_BITS) + (min(plain, BODY_BYTES) >> _TEXT_BITS)
    return 1 + count + made + (message.size_bytes >> _SCAN_BITS)


def _body(call: Call) -> Check:
    match = matching(call, texts_at(call, 0), captures=False)
    line = call.line
    folded = match.folded
    comparator = match.comparator
    types = call.texts("content")

    def form_of(run: Run) -> tuple[object, Callable[[Message], tuple[str, ...]]]:
        if types is not None:
            wanted = tuple([text.lower()[:_TYPE_CHARACTERS] for text in types(run)[:_TYPES_MAX]])
            return ("content", *wanted), body_content(wanted)
        return ("raw", raw_body) if call.has("raw") else ("text", body_texts)

    def check(run: Run) -> bool:
        form, make = form_of(run)
        texts = run.message.known_texts(form)
        if texts is None:
            # Made once for a message, and again in each run that edits it.
            if form != "raw":
                run.scan(line)
            run.charge(line, _work(run.message, form))
            texts = run.message.body_texts(form, make)
        if folded is None:
            return match.test(run, texts)
        return folded(run, run.message.folded_texts(form, make, comparator))

    return check


WORDS: tuple[Word[Check], ...] = (
    Word(
        "body",
        _body,
        "body",
        (Kind.STRINGS,),
        tags=(
            *MATCH_TAGS,
            Tag("raw", group="transform"),
            Tag("content", Kind.STRINGS, "transform"),
            Tag("text", group="transform"),
        ),
    ),
)
