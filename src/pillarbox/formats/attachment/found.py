"""What can be found in a file, and how much work looking for it may be."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum


class Trait(StrEnum):
    """One thing that is true of a file."""

    PROGRAM = "program"
    """A program by content or name: its receiver's machine would run it."""
    SCRIPT = "script"
    """A script that the receiver's machine would run when it is opened."""
    SOURCE = "source"
    """A script of a Unix shell, or any among many files of an archive."""
    SHORTCUT = "shortcut"
    DISGUISED = "disguised"
    """A program or script that its name or type gives out for something else."""
    TURNED_NAME = "turned name"
    """A name with characters that turn the direction or show nothing."""
    LONG_NAME = "long name"
    OTHER_TYPE = "other type"
    """Content of another type than name or declaration say."""
    DISK_IMAGE = "disk image"
    NOTEBOOK = "notebook"
    ENCRYPTED = "encrypted"
    """An archive whose files can't be looked at without a password."""
    ENCRYPTED_DOCUMENT = "encrypted document"
    BOMB = "bomb"
    """An archive made to exhaust whoever opens it."""
    DEEP = "deep"
    DAMAGED = "damaged"
    RARE_ARCHIVE = "rare archive"
    MACRO = "macro"
    STARTING_MACRO = "starting macro"
    """A macro that runs when the document is opened or closed."""
    EXCEL4_MACRO = "excel 4 macro"
    PACKAGE = "package"
    """A file embedded in a document, to be opened by a click, or an object old programs run."""
    REMOTE_TEMPLATE = "remote template"
    PDF_SCRIPT = "pdf script"
    PDF_LAUNCH = "pdf launch"
    HTML_FILE = "html file"
    HTML_SCRIPT = "html script"
    HTML_LOGIN = "html login"
    HTML_SMUGGLING = "html smuggling"
    """A page that puts a file together by itself and gives it to its reader."""
    SVG_SCRIPT = "svg script"
    NOT_ALL = "not all"
    """Not everything was looked at: it is too much."""


@dataclass(frozen=True, slots=True)
class Found:
    """A trait, and the file that has it: names from the outside in, ` > ` between them."""

    trait: Trait
    where: str


DEPTH_MAX = 3
BYTES_MAX = 64 << 20
FILES_MAX = 500
NAMES_MAX = 20_000


def _never() -> bool:
    return False


@dataclass(slots=True)
class Budget:
    """How much may still be expanded and looked at, all files of a message together.

    `stop` says that nobody waits any more; it is asked between files and pieces.
    """

    bytes_left: int = BYTES_MAX
    files_left: int = FILES_MAX
    names_left: int = NAMES_MAX
    stop: Callable[[], bool] = field(default=_never)

    @property
    def spent(self) -> bool:
        """Whether there is nothing left, or nobody waits."""
        return self.bytes_left <= 0 or self.files_left <= 0 or self.stop()

    def lists(self, names: int) -> bool:
        """Whether an archive with so many names may be listed; counts them if so."""
        if names > self.names_left:
            return False
        self.names_left -= names
        return True
