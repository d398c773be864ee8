"""Strings of a script: encoded characters, and the variables in them (RFC 5228 §2.4.2.4, RFC 5229).

What has no variable is folded into a constant when the script is compiled.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pillarbox.formats.sieve.grammar import Texts
from pillarbox.formats.sieve.syntax import Text, TextList

if TYPE_CHECKING:
    from pillarbox.formats.sieve.run import Run

VARIABLE_NAME_MAX = 64
MATCH_VARIABLE_MAX = 32
GLOBAL = "global."
"""What the names of global variables begin with (RFC 6609 §3.5)."""
ENVIRONMENT = "env."
"""The namespace of vnd.dovecot.environment."""

_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]*", re.IGNORECASE | re.ASCII)
_REFERENCE = re.compile(
    r"""\$\{ (?: (?P<name> [a-z_][a-z0-9_]* (?: \. (?: [a-z_][a-z0-9_]* | [0-9]+ ) )* )
    | (?P<number> [0-9]+ ) ) \}""",
    re.IGNORECASE | re.ASCII | re.VERBOSE,
)
_ENCODED = re.compile(
    r"""\$\{ (?: hex: \s* (?P<octets> [0-9a-f]{1,2} (?: \s+ [0-9a-f]{1,2} )* )
    | unicode: \s* (?P<characters> [0-9a-f]+ (?: \s+ [0-9a-f]+ )* ) ) \s* \}""",
    re.IGNORECASE | re.ASCII | re.VERBOSE,
)
_DIGITS_MAX = 16

Part = "str | Callable[[Run], str]"


class Names(Protocol):
    """What a script knows of variables and extensions where a string stands."""

    @property
    def extensions(self) -> frozenset[str]: ...

    @property
    def globals(self) -> set[str]:
        """The names that stand for global variables, in lower case."""
        ...


def decoded(value: str) -> str:
    """A string with its encoded characters put in; raises `ValueError` for what is none.

    Octets that are no UTF-8 become U+FFFD, since strings are text.
    """
    if "${" not in value:
        return value
    pieces: list[bytes] = []
    at = 0
    for found in _ENCODED.finditer(value):
        pieces.append(value[at : found.start()].encode())
        at = found.end()
        octets = found.group("octets")
        if octets is not None:
            pieces.append(bytes(int(one, 16) for one in octets.split()))
        else:
            characters = "".join(map(_character, found.group("characters").split()))
            pieces.append(characters.encode())
    pieces.append(value[at:].encode())
    return b"".join(pieces).decode("utf-8", "replace")


def _character(digits: str) -> str:
    digits = digits.lstrip("0") or "0"
    code = int(digits, 16) if len(digits) <= _DIGITS_MAX else -1
    if not 0 <= code <= 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise ValueError(f"${{unicode:{digits[:_DIGITS_MAX]}}} is not a Unicode character")
    return chr(code)


def variable_key(name: str, names: Names) -> str:
    """The key of a variable that the script may set; raises `ValueError` that says why not."""
    lower = name.lower()
    short = lower.removeprefix(GLOBAL)
    if len(name) > VARIABLE_NAME_MAX:
        raise ValueError(f"the variable name {name[:20]}… is too long")
    if _IDENTIFIER.fullmatch(short) is None:
        if short.isdecimal():
            raise ValueError(f'"{name}" is a match variable, which can\'t be set')
        if "." in name and all(map(_IDENTIFIER.fullmatch, name.split("."))):
            raise ValueError(f'there are no variables "{name}" that can be set')
        raise ValueError(f'"{name[:64]}" is not a name of a variable')
    if lower is not short and lower != short:
        if "include" not in names.extensions:
            raise ValueError('global variables need: require "include";')
        return lower
    return GLOBAL + lower if lower in names.globals else lower


@dataclass(frozen=True, slots=True)
class ConstantTexts:
    """Strings without variables."""

    constant: tuple[str, ...]
    is_list: bool

    @property
    def written(self) -> tuple[str, ...]:
        """The strings."""
        return self.constant

    def __call__(self, run: "Run") -> Sequence[str]:
        """The strings."""
        return self.constant


class VariableTexts:
    """Strings of which one at least has variables."""

    __slots__ = ("_items", "_line", "is_list", "written")

    def __init__(
        self,
        items: "Sequence[str | Callable[[Run], str]]",
        line: int,
        is_list: bool,
        written: Sequence[str] = (),
    ) -> None:
        self._items = tuple(items)
        self._line = line
        self.is_list = is_list
        self.written = tuple(written)

    @property
    def constant(self) -> tuple[str, ...] | None:
        """Nothing is."""
        return None

    def __call__(self, run: "Run") -> Sequence[str]:
        """The strings with what the variables are now."""
        run.charge(self._line, len(self._items))
        return [item if isinstance(item, str) else item(run) for item in self._items]


def texts_of(argument: Text | TextList, names: Names) -> Texts:
    """Strings, ready to run; raises `ValueError` with what is wrong with one of them."""
    is_list = isinstance(argument, TextList)
    items = argument.items if isinstance(argument, TextList) else (argument,)
    values: Sequence[str] = [one.value for one in items]
    if "encoded-character" in names.extensions:
        values = [decoded(one) for one in values]
    if "variables" in names.extensions:
        made = [template(one, names, argument.line) for one in values]
        if not all(isinstance(one, str) for one in made):
            return VariableTexts(made, argument.line, is_list, values)
    return ConstantTexts(tuple(values), is_list)


def template(value: str, names: Names, line: int) -> "str | Callable[[Run], str]":
    """One string; what has variables is a function that puts them in."""
    if "${" not in value:
        return value
    parts: list[str | Callable[[Run], str]] = []
    at = 0
    for found in _REFERENCE.finditer(value):
        if found.start() > at:
            parts.append(value[at : found.start()])
        at = found.end()
        number = found.group("number")
        if number is not None:
            parts.append(_match_variable(number))
        else:
            parts.append(_variable(found.group("name"), names))
    if not parts or at == 0:
        return value
    if at < len(value):
        parts.append(value[at:])
    if len(parts) == 1:
        only = parts[0]
        return only
    return _joined(tuple(parts), line)


def _joined(parts: "tuple[str | Callable[[Run], str], ...]", line: int) -> "Callable[[Run], str]":
    def join(run: "Run") -> str:
        most = run.limits.text_characters
        made: list[str] = []
        size = 0
        for part in parts:
            text = part if isinstance(part, str) else part(run)
            made.append(text)
            size += len(text)
            if size > most:
                break
        run.charge(line, (len(made) >> 3) + (size >> 10))
        return "".join(made)[:most]

    return join


def _match_variable(number: str) -> "Callable[[Run], str]":
    digits = number.lstrip("0") or "0"
    at = int(digits) if len(digits) <= _DIGITS_MAX else MATCH_VARIABLE_MAX + 1
    if at > MATCH_VARIABLE_MAX:
        raise ValueError(f"there is no match variable ${{{number[:10]}}}")

    def value(run: "Run") -> str:
        matched = run.matched
        return matched[at] if at < len(matched) else ""

    return value


def _variable(name: str, names: Names) -> "Callable[[Run], str]":
    key = name.lower()
    if key.startswith(ENVIRONMENT) and "vnd.dovecot.environment" in names.extensions:
        return _environment(key.removeprefix(ENVIRONMENT))
    is_global = key.startswith(GLOBAL) and key.count(".") == 1 and "include" in names.extensions
    if "." in key and not is_global:
        raise ValueError(f'there are no variables "{name[:64]}"')
    if key in names.globals:
        key = GLOBAL + key

    def value(run: "Run") -> str:
        return run.variables.get(key, "")

    return value


def _environment(key: str) -> "Callable[[Run], str]":
    # An item's name may have hyphens, which a variable's can't.
    item = key.replace("_", "-")

    def value(run: "Run") -> str:
        if item == "vnd.dovecot.default-mailbox":
            return run.surroundings.default_mailbox
        environment = run.surroundings.environment
        return environment.get(item) or environment.get(key, "")

    return value
