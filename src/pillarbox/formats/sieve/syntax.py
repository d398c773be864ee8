"""The tree of a script as it was written; no word has a meaning here yet (RFC 5228 §8.2).

Lines and columns (in characters) count from 1. Names are in lower case.
"""

from collections.abc import Sequence
from dataclasses import dataclass

Place = tuple[int, int]
"""Line and column."""


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment; `text` is without `#` or the brackets, and without spaces around it."""

    text: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Text:
    """A string, its quoting undone and its line ends CRLF; `multiline` for the `text:` form."""

    value: str
    line: int
    column: int
    multiline: bool = False


@dataclass(frozen=True, slots=True)
class TextList:
    """Strings in brackets."""

    items: tuple[Text, ...]
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Number:
    """A number, its quantifier (K, M, G) multiplied in."""

    value: int
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class TagName:
    """The name of a tagged argument, without the colon; its value is the next argument."""

    name: str
    line: int
    column: int


Argument = Text | TextList | Number | TagName


@dataclass(frozen=True, slots=True)
class Test:
    """A test; `listed` says that its own tests stand in parentheses."""

    name: str
    arguments: tuple[Argument, ...]
    tests: "tuple[Test, ...]"
    listed: bool
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Block:
    """Commands in braces; `comments` are those after the last command."""

    commands: "tuple[Command, ...]"
    comments: tuple[Comment, ...]
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Command:
    """A command; `comments` are those since the command before it, or since the block began.

    `end` is the place after its last character. A `faulty` one could not be read in full.
    """

    name: str
    arguments: tuple[Argument, ...]
    tests: tuple[Test, ...]
    listed: bool
    block: Block | None
    comments: tuple[Comment, ...]
    line: int
    column: int
    end: Place
    faulty: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """A whole script; `comments` are those after the last command."""

    commands: tuple[Command, ...]
    comments: tuple[Comment, ...]


LISTED = 8
"""So many strings of a list are shown to people."""
SHOWN = 60
"""So many characters of a string are."""


def quoted(value: str) -> str:
    """A string as scripts have it."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def shown(arguments: Sequence[Argument]) -> str:
    """Arguments as people read them: in the script's form, long ones shortened."""
    return " ".join(map(_shown, arguments))


def _shown(argument: Argument) -> str:
    if isinstance(argument, TagName):
        return f":{argument.name}"
    if isinstance(argument, Number):
        return str(argument.value)
    if isinstance(argument, Text):
        value = argument.value
        return quoted(value if len(value) <= SHOWN else value[: SHOWN - 1] + "…")
    rest = ", …" if len(argument.items) > LISTED else ""
    return "[" + ", ".join(map(_shown, argument.items[:LISTED])) + rest + "]"


def shown_test(test: Test) -> str:
    """A test as people read it; of the tests in it there are only the names."""
    parts = [test.name]
    if test.arguments:
        parts.append(shown(test.arguments))
    inner = ", ".join(one.name for one in test.tests[:LISTED])
    if inner:
        parts.append(f"({inner})" if test.listed else inner)
    return " ".join(parts)
