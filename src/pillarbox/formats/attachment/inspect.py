"""Looks at a file that came by mail, and into it: names, types, archives, active content.

Bounded by a `Budget` and by depth; takes up to a second for what is as large as that allows, so
call it in a thread. Never raises, whatever the bytes are.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pillarbox.base.errors import TooLarge
from pillarbox.formats.attachment import active, archives, magic, names, office, pdf, rar
from pillarbox.formats.attachment.archives import DAMAGE, Member
from pillarbox.formats.attachment.found import DEPTH_MAX, Budget, Found, Trait
from pillarbox.formats.text.archive import Archive

SOURCES_MIN = 10
"""Scripts in an archive of more files than this are somebody's work rather than a trap."""
FOUND_MAX = 200
_SHOWN_NAME = 120
_AES_7Z = b"\x06\xf1\x07\x01"
_TAIL_7Z = 64 * 1024
_ENTRY = b"PK\x01\x02"
_READ_WHOLE = magic.ARCHIVES | {"ole", "pdf", "html", "svg", "rtf"}


def inspect(name: str, declared: str, data: bytes, budget: Budget) -> list[Found]:
    """What is found in a file with this name and declared type (`type/subtype`, lower case)."""
    inspector = _Inspector(budget)
    inspector.look(_File(name, data, name[:_SHOWN_NAME], declared))
    return inspector.found[:FOUND_MAX]


@dataclass(frozen=True, slots=True)
class _File:
    """A file on whatever level: `among` so many it lies in its archive; maybe not `whole`."""

    name: str
    data: bytes
    where: str
    declared: str = ""
    depth: int = 0
    among: int = 1
    whole: bool = True


class _Inspector:
    """Keeps what was found while it goes from a file into those inside of it."""

    def __init__(self, budget: Budget) -> None:
        self.found: list[Found] = []
        self._budget = budget
        self._noted: set[tuple[Trait, str]] = set()

    def look(self, file: _File) -> None:
        """Look at one file, and into it."""
        kind, where = magic.kind_of(file.data), file.where
        if not kind and names.extensions(file.name)[0] == "tar":
            kind = "tar"
        self._name(file, kind)
        if kind in magic.DISK_IMAGES:
            self._note(Trait.DISK_IMAGE, where)
        elif kind == "onenote":
            self._note(Trait.NOTEBOOK, where)
        elif kind in magic.RARE_ARCHIVES:
            self._note(Trait.RARE_ARCHIVE, where)
        if kind not in magic.ARCHIVES:
            self._all(self._content(kind, file.data), where)
        elif file.depth > DEPTH_MAX:
            self._note(Trait.DEEP, where)
        elif file.whole:
            self._archive(kind, file)

    def _content(self, kind: str, data: bytes) -> Iterable[Trait]:
        if kind == "ole":
            return office.of_compound(data)
        if kind == "pdf":
            return pdf.of_pdf(data, self._budget)
        if kind == "html":
            return active.of_html(data)
        if kind in ("svg", "xml"):
            return active.of_svg(data)
        return active.of_rtf(data) if kind == "rtf" else ()

    def _name(self, file: _File, kind: str) -> None:
        """What the name says, and whether the content agrees."""
        name, where = file.name, file.where
        last, _ = names.extensions(name)
        turned = names.is_turned(name)
        if turned:
            self._note(Trait.TURNED_NAME, where)
        if len(name) > names.NAME_LONG:
            self._note(Trait.LONG_NAME, where)
        by_content = kind in magic.PROGRAMS or (last == "com" and _may_be_com(file))
        trait = Trait.PROGRAM if by_content else _by_name(last, kind, file.among)
        if trait is None:
            self._type(file, last, kind)
            return
        self._note(trait, where)
        looks = last in names.HARMLESS_LOOKS or file.declared.startswith("image/")
        if turned or names.pretends(name) or (by_content and looks):
            self._note(Trait.DISGUISED, where)

    def _type(self, file: _File, last: str, kind: str) -> None:
        """Whether the content is of another type than name or, failing that, declaration say."""
        if not kind:
            return
        expected, declared = names.EXPECTED.get(last), file.declared
        if expected is not None:
            other = kind not in expected
        elif declared.startswith("image/"):
            other = kind not in magic.PICTURES and kind not in ("svg", "xml")
        else:
            other = declared == "application/pdf" and kind != "pdf"
        if other:
            self._note(Trait.OTHER_TYPE, file.where)

    def _archive(self, kind: str, file: _File) -> None:
        def note(trait: Trait) -> None:
            self._note(trait, file.where)

        data = file.data
        try:
            if kind == "zip":
                self._zip(file)
            elif kind == "tar":
                self._members(list(archives.of_tar(data)), file)
            elif kind in ("gzip", "bzip2", "xz"):
                found = archives.of_stream(kind, file.name, data, self._budget, note)
                self._members(list(found), file)
            elif kind == "rar":
                self._rar(file)
            elif kind == "7z" and _AES_7Z in data[-_TAIL_7Z:]:
                note(Trait.ENCRYPTED)
        except TooLarge:
            note(Trait.NOT_ALL)
        except DAMAGE:
            note(Trait.DAMAGED)

    def _zip(self, file: _File) -> None:
        where = file.where
        if not self._budget.lists(file.data.count(_ENTRY)):
            self._note(Trait.NOT_ALL, where)
            return
        archive = Archive(file.data)
        inside = frozenset(archive.names)
        if office.is_program(inside):
            self._note(Trait.PROGRAM, where)
        elif office.is_office(inside):
            self._all(office.of_archive(archive, inside, self._budget), where)
            self._names(archive.names, where)
        else:
            members = list(archives.of_zip(archive, lambda trait: self._note(trait, where)))
            self._members(members, file)

    def _rar(self, file: _File) -> None:
        listed = rar.listing(file.data)
        if listed.encrypted:
            self._note(Trait.ENCRYPTED, file.where)
        if listed.damaged:
            self._note(Trait.DAMAGED, file.where)
        self._names(listed.names, file.where)

    def _names(self, inside: list[str], where: str) -> None:
        """Look at the names of files whose content is not looked at."""
        for name in inside[: archives.NAMES_MAX]:
            inner = f"{where} > {name[:_SHOWN_NAME]}"
            self._name(_File(name, b"", inner, among=len(inside)), "")

    def _members(self, members: list[Member], file: _File) -> None:
        if not self._budget.lists(len(members)):
            self._note(Trait.NOT_ALL, file.where)
            return
        for member in members:
            if self._budget.stop() or len(self.found) >= FOUND_MAX:
                self._note(Trait.NOT_ALL, file.where)
                return
            inner = f"{file.where} > {member.name[:_SHOWN_NAME]}"
            data, whole = self._head(member, inner)
            self.look(_File(member.name, data, inner, "", file.depth + 1, len(members), whole))

    def _head(self, member: Member, where: str) -> tuple[bytes, bool]:
        """The beginning of a member, or all of it where that is looked into."""

        def note(trait: Trait) -> None:
            self._note(trait, where)

        data, whole = archives.head(member, archives.HEAD_BYTES, self._budget, note)
        if not whole and magic.kind_of(data) in _READ_WHOLE:
            data, whole = archives.head(member, archives.MEMBER_BYTES, self._budget, note)
            if not whole:
                note(Trait.NOT_ALL)
        return data, whole

    def _all(self, traits: Iterable[Trait], where: str) -> None:
        for trait in traits:
            self._note(trait, where)

    def _note(self, trait: Trait, where: str) -> None:
        if (trait, where) not in self._noted and len(self._noted) < 10_000:
            self._noted.add((trait, where))
            self.found.append(Found(trait, where))


def _may_be_com(file: _File) -> bool:
    """Whether a file of this extension is a program rather than text named after a domain."""
    return names.pretends(file.name) or b"\0" in file.data[:4096]


def _by_name(last: str, kind: str, among: int) -> Trait | None:
    """What an extension makes of a file, of whatever content."""
    if last in names.PROGRAM_EXTENSIONS:
        return Trait.PROGRAM
    if last in names.SCRIPT_EXTENSIONS or kind == "lnk":
        return Trait.SCRIPT if among <= SOURCES_MIN else Trait.SOURCE
    if last in names.SHELL_EXTENSIONS:
        return Trait.SOURCE
    if last in names.SHORTCUT_EXTENSIONS or kind == "url":
        return Trait.SHORTCUT
    if last in names.DISK_EXTENSIONS:
        return Trait.DISK_IMAGE
    return Trait.NOTEBOOK if last in names.NOTEBOOK_EXTENSIONS else None
