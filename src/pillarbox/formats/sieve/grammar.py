"""How commands and tests are declared: their arguments, and what they compile to.

Each module of `commands` and `conditions` exports its `WORDS`; `vocabulary` puts them together and
`compiling` checks every use against them. A word's `build` gets a checked `Call` and gives a
closure that runs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from pillarbox.formats.sieve.errors import Problem
from pillarbox.formats.sieve.inclusion import Inclusion
from pillarbox.formats.sieve.limits import ScriptLimits
from pillarbox.formats.sieve.questions import Question

if TYPE_CHECKING:
    from pillarbox.formats.sieve.run import Run


class Kind(Enum):
    """What an argument is."""

    NUMBER = auto()
    STRING = auto()
    STRINGS = auto()
    """A list of strings, or one string for a list of one."""


class Tests(Enum):
    """How many tests a word takes."""

    NONE = auto()
    ONE = auto()
    LIST = auto()


@dataclass(frozen=True, slots=True)
class Tag:
    """A tagged argument, such as `:days 7`; `name` without the colon, in lower case.

    Of the tags of one `group` only one may be given. `extension` must be required by the script to
    use it; several, with spaces between them, are alternatives. `constant`: no variables in it.
    """

    name: str
    value: Kind | None = None
    group: str = ""
    extension: str = ""
    constant: bool = False


class Texts(Protocol):
    """An argument of strings: constant ones, or made anew in each run from variables."""

    @property
    def constant(self) -> tuple[str, ...] | None:
        """The strings, if no variable is in them."""
        ...

    @property
    def written(self) -> tuple[str, ...]:
        """The strings as the script has them, with the names of variables."""
        ...

    @property
    def is_list(self) -> bool:
        """Whether the script wrote brackets."""
        ...

    def __call__(self, run: "Run") -> Sequence[str]: ...


Step = Callable[["Run"], None]
"""A compiled command or block."""
Check = Callable[["Run"], bool]
"""A compiled test."""
Built = TypeVar("Built")


class Scope(Protocol):
    """What is known of the script while a word of it is compiled."""

    @property
    def limits(self) -> ScriptLimits: ...

    @property
    def extensions(self) -> frozenset[str]:
        """What the script has required so far."""
        ...

    @property
    def loops(self) -> Sequence[str]:
        """The names of the foreverypart loops around, outermost first; empty for one without."""
        ...

    @property
    def depth(self) -> int:
        """How many blocks are around."""
        ...

    def ask(self, question: Question) -> None:
        """Note a question that the run will have."""
        ...

    def variable(self, name: str) -> str:
        """The key in `Run.variables` of a variable that scripts may set, by its name as written.

        Raises `ValueError` that says what is wrong with the name.
        """
        ...

    def declare_global(self, name: str) -> None:
        """Let a name stand for the global variable from here on; raises like `variable`."""
        ...

    def include(self, inclusion: Inclusion) -> None:
        """Note a script that this one includes."""
        ...

    def hold(self, regex_size: int) -> None:
        """Count a regular expression that the program keeps; raises `ValueError` for too many."""
        ...

    def enable(self, extensions: Sequence[str]) -> bool:
        """Make extensions usable from here on as ihave does; `False` if one of them can't be.

        Raises `ValueError` where one contradicts another.
        """
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """One use of a word, its arguments checked: kinds, counts, tags, extensions.

    `tags` has what was given, `True` for a tag without value; a number or the strings else.
    `arguments` has an entry for each of `Word.positional`, `None` for an optional one left out.
    """

    word: str
    line: int
    column: int
    tags: Mapping[str, "bool | int | Texts"]
    arguments: tuple["int | Texts | None", ...]
    checks: tuple[Check, ...]
    block: Step | None
    scope: Scope
    places: Mapping[str, tuple[int, int]]
    """Line and column of tags by name and of positional arguments by number ("0")."""

    def has(self, tag: str) -> bool:
        """Whether a tag was given."""
        return tag in self.tags

    def number(self, at: int | str) -> int | None:
        """A numeric argument by position or tag; `None` if it was not given."""
        found = self.tags.get(at) if isinstance(at, str) else self.arguments[at]
        return found if isinstance(found, int) and not isinstance(found, bool) else None

    def texts(self, at: int | str) -> "Texts | None":
        """An argument of strings by position or tag; `None` if it was not given."""
        found = self.tags.get(at) if isinstance(at, str) else self.arguments[at]
        return None if found is None or isinstance(found, int) else found

    def problem(self, text: str, at: int | str | None = None) -> Problem:
        """What to raise in a `ScriptError`, at the word or at one of its arguments."""
        line, column = self.places.get(str(at), (self.line, self.column))
        return Problem(line, column, text)


@dataclass(frozen=True, slots=True)
class Word(Generic[Built]):
    """A command or a test.

    `extension` must be required to use it (several: alternatives, with spaces between). Of
    `positional` the first `optional` ones may be left out. `constant` are the positions at which
    there may be no variables. `build` raises `ScriptError`.
    """

    name: str
    build: Callable[[Call], Built]
    extension: str = ""
    positional: tuple[Kind, ...] = ()
    optional: int = 0
    tags: tuple[Tag, ...] = ()
    tests: Tests = Tests.NONE
    has_block: bool = False
    constant: frozenset[int] = frozenset()
