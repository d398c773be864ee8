"""FETCH and UID FETCH: data items, body sections and modifiers (RFC 9051 §6.4.5)."""

import re
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from pillarbox.wire.imap.parse.command import CommandEntry
from pillarbox.wire.imap.parse.partial import PartialRange, parse_partial_range
from pillarbox.wire.imap.sets import SequenceSet
from pillarbox.wire.imap.tokens import Tokens

_MAX_ITEMS = 1_000
_MAX_FIELDS = 1_000
_MAX_PART_DEPTH = 100

_NAME = re.compile(rb"[A-Za-z0-9.]+")
_SECTION = re.compile(
    rb"\[([1-9][0-9]{0,5}(?:\.[1-9][0-9]{0,5})*+)?(\.)?"
    rb"(HEADER\.FIELDS(?:\.NOT)? (?=\()|HEADER|TEXT|MIME)?",
    re.IGNORECASE,
)
_PART = re.compile(rb"\[([1-9][0-9]{0,5}(?:\.[1-9][0-9]{0,5})*+)?\]")
_PARTIAL = re.compile(rb"<([0-9]{1,19})\.([0-9]{1,19})>")
_FIELD = rb"[!#$&',\-+./0-9:;<=>?@A-Z\[\]^_`a-z|}~]+"
_PLAIN_FIELDS = re.compile(rb"\((" + _FIELD + rb"(?: " + _FIELD + rb")*+)\)")


class Attribute(Enum):
    """The data items without arguments, by the name they have in the response."""

    BODY = "BODY"
    BODYSTRUCTURE = "BODYSTRUCTURE"
    EMAILID = "EMAILID"  # RFC 8474 §5.3
    ENVELOPE = "ENVELOPE"
    FLAGS = "FLAGS"
    INTERNALDATE = "INTERNALDATE"
    MODSEQ = "MODSEQ"  # RFC 7162 §3.1.5
    PREVIEW = "PREVIEW"  # RFC 8970 §3
    PREVIEW_LAZY = "PREVIEW (LAZY)"
    RFC822 = "RFC822"
    RFC822_HEADER = "RFC822.HEADER"
    RFC822_SIZE = "RFC822.SIZE"
    RFC822_TEXT = "RFC822.TEXT"
    SAVEDATE = "SAVEDATE"  # RFC 8514 §4.2
    THREADID = "THREADID"  # RFC 8474 §5.3
    UID = "UID"


class SectionText(Enum):
    """What of a part is meant; WHOLE is its content, or the message where no part is named."""

    WHOLE = ""
    HEADER = "HEADER"
    HEADER_FIELDS = "HEADER.FIELDS"
    HEADER_FIELDS_NOT = "HEADER.FIELDS.NOT"
    TEXT = "TEXT"
    MIME = "MIME"


@dataclass(frozen=True, slots=True)
class Partial:
    """A stretch of bytes; `size` is at least 1."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class BodySection:
    """`BODY[…]`, with `peek` for BODY.PEEK; `fields` are as typed."""

    part: tuple[int, ...] = ()
    text: SectionText = SectionText.WHOLE
    fields: tuple[str, ...] = ()
    partial: Partial | None = None
    peek: bool = False


@dataclass(frozen=True, slots=True)
class BinarySection:
    """`BINARY[…]`: a part without its transfer encoding (RFC 9051 §6.4.5)."""

    part: tuple[int, ...] = ()
    partial: Partial | None = None
    peek: bool = False


@dataclass(frozen=True, slots=True)
class BinarySize:
    """`BINARY.SIZE[…]`: the decoded size of a part."""

    part: tuple[int, ...] = ()


FetchItem = Attribute | BodySection | BinarySection | BinarySize


@dataclass(frozen=True, slots=True)
class Fetch:
    """Data of messages; `items` each once, in the order asked."""

    sequence: SequenceSet
    items: tuple[FetchItem, ...]
    changed_since: int | None = None
    vanished: bool = False
    uid: bool = False
    partial: PartialRange | None = None


_FAST = (Attribute.FLAGS, Attribute.INTERNALDATE, Attribute.RFC822_SIZE)
_ALL = (*_FAST, Attribute.ENVELOPE)
MACROS = MappingProxyType({b"ALL": _ALL, b"FAST": _FAST, b"FULL": (*_ALL, Attribute.BODY)})
"""Short names for groups of items, valid alone only."""

_ATTRIBUTES = MappingProxyType({item.value.encode("ascii"): item for item in Attribute})


def _numbers(part: bytes | None, tokens: Tokens) -> tuple[int, ...]:
    if not part:
        return ()
    numbers = tuple(map(int, part.split(b".")))
    if len(numbers) > _MAX_PART_DEPTH:
        raise tokens.fault("part number too deep")
    return numbers


def _fields(tokens: Tokens) -> tuple[str, ...]:
    found = tokens.match(_PLAIN_FIELDS)
    if found is not None:
        names = found.group(1).decode("ascii").split(" ")
    else:
        tokens.expect(b"(")
        names = [tokens.astring_text()]
        while not tokens.skip(b")"):
            tokens.sp()
            names.append(tokens.astring_text())
            if len(names) > _MAX_FIELDS:
                break
    if len(names) > _MAX_FIELDS:
        raise tokens.fault("too many header fields")
    return tuple(names)


def _partial(tokens: Tokens) -> Partial | None:
    found = tokens.match(_PARTIAL)
    if found is None:
        return None
    offset, size = int(found.group(1)), int(found.group(2))
    if not size or max(offset, size) > 0x7FFF_FFFF_FFFF_FFFF:
        raise tokens.fault("partial range out of bounds")
    return Partial(offset, size)


def parse_section(tokens: Tokens, *, peek: bool) -> BodySection:
    """`[…]` and a partial range after it, where one stands."""
    found = tokens.match(_SECTION)
    if found is None:
        raise tokens.fault("expected a section")
    part = _numbers(found.group(1), tokens)
    word = found.group(3)
    if bool(found.group(2)) != bool(part and word):
        raise tokens.fault("expected a section")
    text = SectionText.WHOLE
    fields: tuple[str, ...] = ()
    if word is not None:
        text = SectionText(word.rstrip(b" ").decode("ascii").upper())
        if text is SectionText.MIME and not part:
            raise tokens.fault("MIME needs a part number")
        if word.endswith(b" "):
            fields = _fields(tokens)
    tokens.expect(b"]")
    return BodySection(part, text, fields, _partial(tokens), peek)


def _part(tokens: Tokens) -> tuple[int, ...]:
    found = tokens.match(_PART)
    if found is None:
        raise tokens.fault("expected a part number")
    return _numbers(found.group(1), tokens)


def _preview(tokens: Tokens) -> Attribute:
    """PREVIEW, with `(LAZY)` where it need not be made now (RFC 8970 §4)."""
    if not tokens.skip(b" ("):
        return Attribute.PREVIEW
    if tokens.keyword() != "LAZY":
        raise tokens.fault("unknown preview modifier")
    tokens.expect(b")")
    return Attribute.PREVIEW_LAZY


def _item(tokens: Tokens, name: bytes) -> FetchItem:
    """The item whose name the cursor has just passed."""
    if tokens.at(b"["):
        match name:
            case b"BODY" | b"BODY.PEEK":
                return parse_section(tokens, peek=name == b"BODY.PEEK")
            case b"BINARY" | b"BINARY.PEEK":
                return BinarySection(_part(tokens), _partial(tokens), name == b"BINARY.PEEK")
            case b"BINARY.SIZE":
                return BinarySize(_part(tokens))
    item = _ATTRIBUTES.get(name)
    if item is None:
        raise tokens.fault("unknown fetch item")
    return _preview(tokens) if item is Attribute.PREVIEW else item


def _name(tokens: Tokens) -> bytes:
    found = tokens.match(_NAME)
    if found is None:
        raise tokens.fault("expected a fetch item")
    return found.group().upper()


def fetch_items(tokens: Tokens) -> tuple[FetchItem, ...]:
    """Items in parentheses, or one alone, or a macro."""
    if not tokens.skip(b"("):
        name = _name(tokens)
        return MACROS.get(name) or (_item(tokens, name),)
    items: dict[FetchItem, None] = {}
    while True:
        items[_item(tokens, _name(tokens))] = None
        if tokens.skip(b")"):
            return tuple(items)
        if len(items) == _MAX_ITEMS:
            raise tokens.fault("too many fetch items")
        tokens.sp()


def _modifiers(tokens: Tokens, *, uid: bool) -> tuple[int | None, bool, PartialRange | None]:
    """`(CHANGEDSINCE n VANISHED PARTIAL m:n)` (RFC 7162 §3.1.4.1, §3.2.6, RFC 9394 §3.3)."""
    changed_since: int | None = None
    vanished = False
    partial: PartialRange | None = None
    while True:
        match tokens.keyword():
            case "CHANGEDSINCE":
                tokens.sp()
                changed_since = tokens.number64()
            case "VANISHED" if uid:
                vanished = True
            case "PARTIAL" if uid and partial is None:
                tokens.sp()
                partial = parse_partial_range(tokens)
            case _:
                raise tokens.fault("unknown modifier")
        if tokens.skip(b")"):
            break
        tokens.sp()
    if vanished and changed_since is None:
        raise tokens.fault("VANISHED needs CHANGEDSINCE")
    return changed_since, vanished, partial


def _parse(tokens: Tokens, *, uid: bool) -> Fetch:
    tokens.sp()
    sequence = tokens.sequence_set()
    tokens.sp()
    items = fetch_items(tokens)
    if tokens.skip(b" ("):
        changed_since, vanished, partial = _modifiers(tokens, uid=uid)
        return Fetch(sequence, items, changed_since, vanished, uid, partial)
    return Fetch(sequence, items, uid=uid)


def parse_fetch(tokens: Tokens) -> Fetch:
    """FETCH (RFC 9051 §6.4.5)."""
    return _parse(tokens, uid=False)


def parse_uid_fetch(tokens: Tokens) -> Fetch:
    """UID FETCH (RFC 9051 §6.4.9)."""
    return _parse(tokens, uid=True)


FETCH: tuple[CommandEntry, ...] = (("FETCH", parse_fetch), ("UID FETCH", parse_uid_fetch))
