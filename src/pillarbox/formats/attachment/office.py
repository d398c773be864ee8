"""What office documents do when they are opened: macros, packages, templates from elsewhere.

Old ones are compound files (`compound`), new ones zip archives (ECMA-376, OpenDocument). Macros are
recognized, not read: where their names stand in clear, those that start by themselves are told.
"""

import re
from collections.abc import Iterator

from pillarbox.base.errors import GrammarError, TooLarge
from pillarbox.formats.attachment.archives import DAMAGE, head_of
from pillarbox.formats.attachment.compound import Compound, Entry
from pillarbox.formats.attachment.found import Budget, Trait
from pillarbox.formats.text.archive import Archive

LOOKED_AT = 4 << 20
RELATIONS_MAX = 50
RELATION_BYTES = 256 * 1024
RECORDS_MAX = 2000
RECORDS_BYTES = 256 * 1024

_STARTS = re.compile(
    rb"auto_?(?:open|exec|close|exit|new)\b|document_?(?:open|close|new|beforeclose)"
    rb"|workbook_?(?:open|activate|close|beforeclose)",
    re.IGNORECASE,
)
_MACRO_NAMES = frozenset(("vba", "_vba_project", "_vba_project_cur", "macros"))
_INSTALLER = bytes.fromhex("84100c0000000000c000000000000046")
_SHEET, _FILE_PASS, _END = 0x85, 0x2F, 0x0A


def of_compound(data: bytes) -> Iterator[Trait]:
    """The traits of an old document, an installer or an encrypted new document."""
    try:
        file = Compound(data)
        entries = file.entries()
    except GrammarError:
        yield Trait.DAMAGED
        return
    names = {entry.name.lower() for entry in entries}
    if any(entry.kind == 5 and entry.class_id == _INSTALLER for entry in entries):
        yield Trait.PROGRAM
    if names & _MACRO_NAMES:
        yield Trait.STARTING_MACRO if _STARTS.search(data[:LOOKED_AT]) else Trait.MACRO
    if "encryptedpackage" in names:
        yield Trait.ENCRYPTED_DOCUMENT
    if "\x01ole10native" in names or "equation native" in names:
        yield Trait.PACKAGE
    book = next((one for one in entries if one.name.lower() in ("workbook", "book")), None)
    if book is not None:
        yield from _of_workbook(file, book)


def _of_workbook(file: Compound, book: Entry) -> Iterator[Trait]:
    """What the first records of a workbook tell (MS-XLS §2.4.28)."""
    records = file.head(book, RECORDS_BYTES)
    at = 0
    for _ in range(RECORDS_MAX):
        if at + 4 > len(records):
            return
        kind = int.from_bytes(records[at : at + 2], "little")
        length = int.from_bytes(records[at + 2 : at + 4], "little")
        if kind == _FILE_PASS:
            yield Trait.ENCRYPTED_DOCUMENT
            return
        if kind == _SHEET and records[at + 9 : at + 10] == b"\x01":
            yield Trait.EXCEL4_MACRO
            return
        if kind == _END:
            return
        at += 4 + length


def is_office(names: frozenset[str]) -> bool:
    """Whether an archive with files of these names is a document."""
    return "[Content_Types].xml" in names or (
        "mimetype" in names and "META-INF/manifest.xml" in names
    )


def is_program(names: frozenset[str]) -> bool:
    """Whether an archive with files of these names is run as a whole."""
    if names & {"AndroidManifest.xml", "AppxManifest.xml", "AppxMetadata/AppxBundleManifest.xml"}:
        return True
    return "META-INF/MANIFEST.MF" in names and any(one.endswith(".class") for one in names)


def of_archive(archive: Archive, names: frozenset[str], budget: Budget) -> Iterator[Trait]:
    """The traits of a new document."""
    projects = [one for one in names if one.lower().endswith("vbaproject.bin")]
    if projects:
        text = _read(archive, projects[0], LOOKED_AT, budget)
        yield Trait.STARTING_MACRO if _STARTS.search(text) else Trait.MACRO
    elif any(one.startswith(("Basic/", "Scripts/")) and "script-l" not in one for one in names):
        yield Trait.MACRO
    if any("/macrosheets/" in one.lower() for one in names):
        yield Trait.EXCEL4_MACRO
    if _packages(archive, names, budget):
        yield Trait.PACKAGE
    relations = sorted(one for one in names if one.endswith(".rels"))[:RELATIONS_MAX]
    for relation in relations:
        text = _read(archive, relation, RELATION_BYTES, budget)
        if b"External" in text and _from_elsewhere(text):
            yield Trait.REMOTE_TEMPLATE
            return


def _from_elsewhere(text: bytes) -> bool:
    for element in text.split(b"<")[1:2000]:
        inside = element[:4000]
        if b"External" in inside and any(one in inside for one in _LOADED):
            return b"://" in inside or b"\\\\" in inside
    return False


_LOADED = (b"attachedTemplate", b"oleObject", b"/frame", b"/subDocument")


def _packages(archive: Archive, names: frozenset[str], budget: Budget) -> bool:
    embedded = sorted(one for one in names if "/embeddings/" in one and one.endswith(".bin"))
    for name in embedded[:10]:
        text = _read(archive, name, LOOKED_AT, budget)
        if Trait.PACKAGE in of_compound(text):
            return True
    return False


def _read(archive: Archive, name: str, most: int, budget: Budget) -> bytes:
    if budget.spent:
        return b""
    try:
        found, _ = head_of(archive, name, most)
    except (TooLarge, *DAMAGE):
        return b""
    budget.bytes_left -= len(found)
    return found
