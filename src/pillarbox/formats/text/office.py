"""Text of office documents: OOXML (ECMA-376), OpenDocument, EPUB: zip archives of XML.

Only the parts that hold text are read, by expat as a stream: no tree is built, so memory does not
grow with the document, and no entity is ever expanded. Styles, numbers' formats and deleted text
are left out. Called by `extract`; calls `archive` and `html`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType
from xml.parsers import expat

from pillarbox.base.errors import Invalid
from pillarbox.formats.text.archive import Archive
from pillarbox.formats.text.collected import Collected
from pillarbox.formats.text.html import text_of_html

PARTS_MAX = 2000
DEPTH_MAX = 1000
_NUMBER = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class _Kind:
    """Which files of an archive hold text, and which of their elements (names without prefix)."""

    parts: re.Pattern[str]
    text: frozenset[str] = frozenset()
    """Elements whose own text is taken; all elements where this is empty."""
    skipped: frozenset[str] = frozenset()
    """Elements left out with all that is in them."""
    parting: frozenset[str] = frozenset()
    """Elements that end a line; empty ones part words."""
    named: frozenset[str] = frozenset()
    """Elements whose `name` is text."""


_PROPERTIES = frozenset(("title", "subject", "keywords", "description", "creator", "category"))
_KINDS = MappingProxyType(
    {
        "word": _Kind(
            re.compile(
                r"docProps/core\.xml|word/(?:document|header\d*|footer\d*|footnotes|endnotes"
                r"|comments)\.xml"
            ),
            _PROPERTIES | {"t"},
            parting=_PROPERTIES | {"p", "tab", "br", "cr", "tc"},
        ),
        "excel": _Kind(
            re.compile(
                r"docProps/core\.xml|xl/(?:workbook|sharedStrings|comments\d*|worksheets/[^/]+"
                r"|threadedComments/[^/]+|drawings/drawing\d+|comments/[^/]+)\.xml"
            ),
            _PROPERTIES | {"t", "v", "text"},
            skipped=frozenset(("rPh",)),
            parting=_PROPERTIES | {"si", "c", "p", "comment", "text", "sheet"},
            named=frozenset(("sheet",)),
        ),
        "powerpoint": _Kind(
            re.compile(
                r"docProps/core\.xml|ppt/(?:slides/slide\d+|notesSlides/notesSlide\d+"
                r"|comments/[^/]+|diagrams/data\d+)\.xml"
            ),
            _PROPERTIES | {"t", "text"},
            parting=_PROPERTIES | {"p", "br", "text", "tc"},
        ),
        "opendocument": _Kind(
            re.compile(r"(?:Object [^/]+/)?content\.xml|meta\.xml|styles\.xml"),
            skipped=frozenset(
                (
                    *("tracked-changes", "binary-data", "scripts", "date-style", "time-style"),
                    *("number-style", "currency-style", "percentage-style", "boolean-style"),
                    *("text-style", "generator", "editing-duration", "editing-cycles"),
                )
            ),
            parting=frozenset(
                (
                    *("p", "h", "tab", "s", "line-break", "table-cell", "title", "subject"),
                    *("keyword", "description", "creator", "initial-creator", "date", "list-item"),
                    *("creation-date", "print-date", "printed-by", "user-defined"),
                )
            ),
        ),
    }
)
_PAGES = re.compile(r".*\.(?:xhtml|html?|xml)", re.IGNORECASE)
_PAGE_BYTES = 16 << 20


def office_text(kind: str, data: bytes, characters: int) -> str:
    """The text of a `word`, `excel`, `powerpoint`, `opendocument` or `epub` file.

    Raises what `Archive` does, `expat.ExpatError`, `Invalid` where entities are declared.
    """
    archive = Archive(data)
    out = Collected(characters)
    if kind == "epub":
        _epub(archive, out)
        return out.text()
    wanted = _KINDS[kind]
    for name in sorted(filter(wanted.parts.fullmatch, archive.names), key=_in_order)[:PARTS_MAX]:
        _Reader(wanted, out).read(archive.read(name), name)
        out.add("\n")
        if out.full:
            break
    return out.text()


def _in_order(name: str) -> list[tuple[int, str]]:
    """Slide 10 comes after slide 9."""
    pieces = _NUMBER.split(name)
    return [(int(one[:9]), "") if one.isdigit() else (0, one) for one in pieces]


def _epub(archive: Archive, out: Collected) -> None:
    pages = [name for name in archive.names if _PAGES.fullmatch(name)]
    for name in [one for one in pages if not one.startswith("META-INF/")][:PARTS_MAX]:
        page = bytearray()
        for piece in archive.read(name):
            page += piece
            if len(page) > _PAGE_BYTES:
                break
        out.add(text_of_html(page.decode("utf-8", "replace")))
        out.add("\n")
        if out.full:
            return


class _Reader:
    """Collects the text of one XML file."""

    def __init__(self, kind: _Kind, out: Collected) -> None:
        self._kind = kind
        self._out = out
        self._taken: list[bool] = [not kind.text]
        self._skipped_at = 0
        self._shared = False
        self._sheet = False

    def read(self, pieces: Iterable[bytes], name: str) -> None:
        """Read a file to its end or until there is room for no more."""
        self._sheet = name.startswith("xl/worksheets/")
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        # Neither is of use in these files, and both are how small files are made to grow.
        parser.EntityDeclHandler = _refuse
        parser.StartDoctypeDeclHandler = _refuse
        for piece in pieces:
            parser.Parse(piece, False)
            if self._out.full:
                return
        parser.Parse(b"", True)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        taken = self._taken
        if len(taken) > DEPTH_MAX:
            raise Invalid("XML nested too deep")
        local = name.rpartition(":")[2]
        kind = self._kind
        if not self._skipped_at and local in kind.skipped:
            self._skipped_at = len(taken)
        if local == "c" and self._sheet:
            # A cell of type `s` holds a number of a shared string, which is told elsewhere.
            self._shared = attributes.get("t") == "s"
        is_text = not kind.text or local in kind.text
        taken.append(is_text and not (local == "v" and self._shared))
        if local in kind.named:
            self._out.add(attributes.get("name", ""))

    def _end(self, name: str) -> None:
        self._taken.pop()
        if self._skipped_at == len(self._taken):
            self._skipped_at = 0
        if name.rpartition(":")[2] in self._kind.parting:
            self._out.add("\n")

    def _characters(self, text: str) -> None:
        if self._taken[-1] and not self._skipped_at:
            self._out.add(text)


def _refuse(*_: object) -> None:
    raise Invalid("A document type or an entity where none belongs")
