"""Cards: read, checked and written (RFC 6350 §3, RFC 2426 §4).

A card is its lines; what is unusual or unknown in them stays as it came. Cards of version 2.1 are
read from files (`parse_cards`) and become 3.0 there.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from pillarbox.base.errors import GrammarError
from pillarbox.formats.content_line import (
    ContentLine,
    decode_text,
    encode_text,
    parse_content,
    split_values,
)
from pillarbox.formats.mime.words import decode_raw
from pillarbox.formats.vcard.old_card import parse_old

MAX_BYTES = 10 << 20
"""Of one card."""
MAX_LINES = 10_000
"""Of one card, folds not counted."""
MAX_PARAMS = 1000
"""Of one property: parameters, and values of them all."""
MAX_PARTS = 10_000
"""Of a name, an address, or another value of several."""
MAX_UID_CHARACTERS = 1000
MAX_CARDS = 100_000
"""Of one file."""
VERSIONS = ("3.0", "4.0")

_STRUCTURED = frozenset(("N", "ADR", "ORG", "GENDER", "NICKNAME", "CATEGORIES"))
_BEGIN_OR_END = re.compile(rb"(?im)^(?:BEGIN|END)[ \t]*:[ \t]*VCARD[ \t]*\r{0,2}$")
_OLD = re.compile(rb"(?im)^VERSION[ \t]*:[ \t]*2\.1[ \t]*\r{0,2}$")


class InvalidCard(GrammarError):
    """A card that can't be stored; `rule` is the precondition it breaks (RFC 6352 §6.3.2.1).

    `rule` is `valid-address-data` or `supported-address-data`.
    """

    def __init__(self, text: str, rule: str = "valid-address-data", position: int = 0) -> None:
        super().__init__(text, position)
        self.rule = rule


@dataclass(slots=True)
class Card:
    """A card's properties between BEGIN and END, VERSION among them, in the order they came."""

    version: str
    lines: list[ContentLine] = field(default_factory=list)

    def first(self, name: str) -> ContentLine | None:
        """The first property of a name in capitals, whatever its group."""
        for line in self.lines:
            if line.name == name:
                return line
        return None

    def value(self, name: str) -> str | None:
        """The value of the first property of a name, as written (not unescaped)."""
        line = self.first(name)
        return None if line is None else line.value

    def all(self, name: str) -> list[ContentLine]:
        """The properties of a name."""
        return [line for line in self.lines if line.name == name]

    def written(self) -> bytes:
        """The card as text in UTF-8, lines folded and ended by CRLF."""
        body = "".join([line.written() for line in self.lines])
        return f"BEGIN:VCARD\r\n{body}END:VCARD\r\n".encode("utf-8", "replace")


def parse_card(content: bytes) -> Card:
    """The one card of an object.

    Raises `InvalidCard` for what is no card or more than one, and for a version other than 3.0 and
    4.0. Whether it may be stored is for `check_card`.
    """
    if len(content) > MAX_BYTES:
        raise InvalidCard(f"a card of more than {MAX_BYTES} bytes")
    lines = _lines(content)
    for line in lines:
        if line.name == "VERSION":
            version = line.value.strip()
            if version not in VERSIONS:
                raise _unsupported(version)
            return Card(version, lines)
    raise InvalidCard("a card needs a VERSION")


def check_card(card: Card) -> None:
    """Raise `InvalidCard` where a card breaks what address books rely on (RFC 6352 §5.1).

    One VERSION, one UID that is not empty, and an FN; nothing else is asked of it.
    """
    if card.version not in VERSIONS:
        raise _unsupported(card.version)
    if len(card.all("VERSION")) != 1:
        raise InvalidCard("a card has one VERSION")
    uids = card.all("UID")
    if len(uids) != 1 or not uids[0].value.strip():
        raise InvalidCard("a card needs one UID")
    if len(uids[0].value) > MAX_UID_CHARACTERS:
        raise InvalidCard(f"a UID of more than {MAX_UID_CHARACTERS} characters")
    if card.first("FN") is None:
        raise InvalidCard("a card needs an FN")


def parse_cards(content: bytes) -> list[Card]:
    """The cards of a file, those of version 2.1 as 3.0.

    Files may be in UTF-16 or an 8-bit character set too. Raises `GrammarError` with the number of
    the card for what is none, and for more than `MAX_CARDS`.
    """
    cards = []
    for number, one in enumerate(split_cards(content), 1):
        try:
            cards.append(read_card(one))
        except GrammarError as error:
            raise GrammarError(f"card {number}: {error.text}", error.position) from error
    return cards


def split_cards(content: bytes) -> Iterator[bytes]:
    """The text of each card of a file, unchanged but for its character set, which is UTF-8.

    What is between cards is passed over. Raises `GrammarError` for a card that does not end or is
    too large, and for more than `MAX_CARDS`.
    """
    content = _in_utf8(content)
    depth = begin = count = 0
    for found in _BEGIN_OR_END.finditer(content):
        if content[found.start()] in b"Bb":
            if depth == 0:
                begin = found.start()
            depth += 1
        elif depth:
            depth -= 1
            if depth == 0:
                count += 1
                if count > MAX_CARDS:
                    raise GrammarError(f"more than {MAX_CARDS} cards", begin)
                if found.end() - begin > MAX_BYTES:
                    raise GrammarError(f"card {count} has more than {MAX_BYTES} bytes", begin)
                yield content[begin : found.end()]
    if depth:
        raise GrammarError(f"card {count + 1} does not end", begin)


def read_card(content: bytes) -> Card:
    """One card of a file, of any version; 2.1 becomes 3.0. Raises `GrammarError`."""
    if _OLD.search(content) is None:
        return parse_card(content)
    if len(content) > MAX_BYTES:
        raise GrammarError(f"a card of more than {MAX_BYTES} bytes")
    return Card("3.0", parse_old(content, MAX_LINES))


def completed(card: Card) -> Card:
    """A card with what `check_card` asks for: a UID made of its text, an FN of what names it.

    The same card gets the same UID whenever it is imported.
    """
    added = []
    if card.first("FN") is None:
        added.append(ContentLine("FN", encode_text(_name_of(card))))
    kept = [line for line in card.lines if line.name != "UID" or line.value.strip()]
    if not any(line.name == "UID" for line in kept):
        digest = hashlib.sha256(card.written()).hexdigest()
        added.append(ContentLine("UID", str(UUID(digest[:32], version=5))))
    return Card(card.version, kept + added) if added else card


def components(value: str) -> list[str]:
    """The parts of a structured value such as N, ADR and ORG, as text."""
    return [decode_text(part) for part in split_values(value, ";")]


def name_of_parts(value: str) -> str:
    """A name as it is said, of an N value: prefix, given, additional, family, suffix."""
    parts = [part.replace(",", " ").strip() for part in components(value)[:5]]
    parts += [""] * (5 - len(parts))
    family, given, additional, prefix, suffix = parts
    return " ".join(part for part in (prefix, given, additional, family, suffix) if part)


def _name_of(card: Card) -> str:
    name = name_of_parts(card.value("N") or "")
    if name:
        return name
    for wanted in ("NICKNAME", "ORG", "EMAIL", "TEL"):
        found = " ".join(part for part in components(card.value(wanted) or "") if part)
        if found:
            return found
    return ""


def _lines(content: bytes) -> list[ContentLine]:
    """The lines between BEGIN and END of the one card."""
    try:
        lines = parse_content(content, MAX_LINES)
    except GrammarError as error:
        if _OLD.search(content):
            raise _unsupported("2.1") from error
        raise InvalidCard(error.text, position=error.position) from error
    if len(lines) < 2 or not (_is(lines[0], "BEGIN") and _is(lines[-1], "END")):
        raise InvalidCard("a card begins with BEGIN:VCARD and ends with END:VCARD")
    inner = lines[1:-1]
    for line in inner:
        if line.name in ("BEGIN", "END"):
            raise InvalidCard("there is more than one card")
        if line.params and sum(len(held) or 1 for _, held in line.params) > MAX_PARAMS:
            raise InvalidCard(f"more than {MAX_PARAMS} parameters of one {line.name[:40]}")
        if line.name in _STRUCTURED and line.value.count(";") + line.value.count(",") > MAX_PARTS:
            raise InvalidCard(f"more than {MAX_PARTS} parts of one {line.name}")
    return inner


def _is(line: ContentLine, name: str) -> bool:
    return line.name == name and line.value.strip().upper() == "VCARD"


def _unsupported(version: str) -> InvalidCard:
    text = f"cards of version {version[:20]!r} can't be stored, only {' and '.join(VERSIONS)}"
    return InvalidCard(text, "supported-address-data")


def _in_utf8(content: bytes) -> bytes:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace").encode("utf-8", "replace")
    content = content.removeprefix(b"\xef\xbb\xbf")
    if b"\n" not in content:
        content = content.replace(b"\r", b"\n")
    if _OLD.search(content):
        return content  # each line may have a character set of its own
    # Folds may cut a character in two, so what is UTF-8 is seen without them.
    unfolded = re.sub(rb"\r{0,2}\n[ \t]", b"", content)
    try:
        unfolded.decode()
    except UnicodeDecodeError:
        return decode_raw(content).encode("utf-8", "replace")
    return content
