"""Checking the arguments of one use of a word against how it is declared."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pillarbox.formats.sieve.grammar import Kind, Tag, Texts
from pillarbox.formats.sieve.syntax import Argument, Number, Place, TagName, Text, TextList
from pillarbox.formats.sieve.texts import Names, texts_of

_KINDS = {
    Kind.NUMBER: "a number",
    Kind.STRING: "a string",
    Kind.STRINGS: "a string or a list of strings",
}


class Declared(Protocol):
    """A word, whatever it compiles to."""

    @property
    def name(self) -> str: ...
    @property
    def positional(self) -> tuple[Kind, ...]: ...
    @property
    def optional(self) -> int: ...
    @property
    def tags(self) -> tuple[Tag, ...]: ...
    @property
    def constant(self) -> frozenset[int]: ...


class Script(Names, Protocol):
    """The script around."""

    def report(self, place: Place, text: str) -> None:
        """Tell a problem."""
        ...

    def hint(self, name: str, known: Iterable[str], before: str = "", after: str = "") -> str:
        """What may have been meant: text to append, or nothing."""
        ...

    def need(self, extension: str, place: Place, what: str) -> None:
        """Tell what has to be required to use something of that extension, if it is not."""
        ...


@dataclass(slots=True)
class Given:
    """Arguments as a `Call` has them."""

    tags: dict[str, bool | int | Texts] = field(default_factory=dict)
    positional: list[int | Texts | None] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)


def read_arguments(
    word: Declared, place: Place, arguments: Sequence[Argument], script: Script
) -> Given | None:
    """Check the arguments; `None` after problems were told."""
    reader = _Reader(word, script)
    reader.read(arguments)
    if not reader.confused:
        reader.place_positional(place)
    return None if reader.failed else reader.given


class _Reader:
    def __init__(self, word: Declared, script: Script) -> None:
        self.word = word
        self.script = script
        self.given = Given()
        self.failed = False
        self.confused = False
        """An unknown tag may have taken what follows it."""
        self.left: list[Number | Text | TextList] = []
        self.tags: Mapping[str, Tag] = {tag.name: tag for tag in word.tags}

    def _fail(self, argument: Argument, text: str) -> None:
        self.failed = True
        self.script.report((argument.line, argument.column), text)

    def read(self, arguments: Sequence[Argument]) -> None:
        at = 0
        while at < len(arguments):
            argument = arguments[at]
            at += 1
            if not isinstance(argument, TagName):
                self.left.append(argument)
                continue
            if self.left and not self.confused:
                text = f"':{argument.name}' must stand before the other arguments"
                self._fail(argument, text)
            tag = self._known(argument)
            if tag is None:
                continue
            if tag.value is None:
                self.given.tags[tag.name] = True
                continue
            value = arguments[at] if at < len(arguments) else None
            if value is None or isinstance(value, TagName) or not _fits(value, tag.value):
                text = f"':{tag.name}' needs {_KINDS[tag.value]} after it"
                self._fail(argument, text)
                self.confused = True
                continue
            at += 1
            self._value(tag, value)

    def _known(self, argument: TagName) -> Tag | None:
        name, word = argument.name, self.word.name
        tag = self.tags.get(name)
        if tag is None:
            more = self.script.hint(name, self.tags, "':", "'")
            self._fail(argument, f"'{word}' has no argument ':{name}'{more}")
            self.confused = True
            return None
        self.script.need(tag.extension, (argument.line, argument.column), f"':{name}'")
        self._clash(argument, tag)
        self.given.places[name] = (argument.line, argument.column)
        return tag

    def _clash(self, argument: TagName, tag: Tag) -> None:
        if tag.name in self.given.places:
            self._fail(argument, f"':{tag.name}' stands here twice")
            return
        for other in self.given.places:
            if tag.group and self.tags[other].group == tag.group:
                self._fail(argument, f"':{tag.name}' can't be used together with ':{other}'")
                return

    def _value(self, tag: Tag, value: Number | Text | TextList) -> None:
        if isinstance(value, Number):
            self.given.tags[tag.name] = value.value
            return
        texts = self._texts(value, tag.constant)
        if texts is not None:
            self.given.tags[tag.name] = texts

    def _texts(self, argument: Text | TextList, constant: bool) -> Texts | None:
        try:
            texts = texts_of(argument, self.script)
        except ValueError as error:
            self._fail(argument, str(error))
            return None
        if constant and texts.constant is None:
            self._fail(argument, "there can be no variables here")
            return None
        return texts

    def place_positional(self, place: Place) -> None:
        """Give each argument its position; `place` is that of the word."""
        kinds, count = self.word.positional, len(self.left)
        missing = len(kinds) - count
        if missing < 0:
            extra = self.left[len(kinds)]
            most = f"at most {len(kinds)}" if kinds else "none"
            self._fail(extra, f"'{self.word.name}' has too many arguments: it takes {most}")
            return
        if missing > self.word.optional:
            self.failed = True
            needed = len(kinds) - self.word.optional
            wanted = ", ".join(_KINDS[kind] for kind in kinds[self.word.optional :])
            noun = "an argument" if needed == 1 else f"{needed} arguments"
            text = f"'{self.word.name}' needs {noun} ({wanted})"
            self.script.report(place, f"{text}; {count} given" if count else text)
            return
        self.given.positional += [None] * missing
        for at, argument in enumerate(self.left, missing):
            self._position(at, argument)

    def _position(self, at: int, argument: Number | Text | TextList) -> None:
        kind = self.word.positional[at]
        self.given.places[str(at)] = (argument.line, argument.column)
        if not _fits(argument, kind):
            text = f"'{self.word.name}' expects {_KINDS[kind]} here, not {_described(argument)}"
            self._fail(argument, text)
        elif isinstance(argument, Number):
            self.given.positional.append(argument.value)
        else:
            texts = self._texts(argument, at in self.word.constant)
            self.given.positional.append(texts)


def _fits(argument: Number | Text | TextList, kind: Kind) -> bool:
    if kind is Kind.NUMBER:
        return isinstance(argument, Number)
    return isinstance(argument, Text) or (kind is Kind.STRINGS and isinstance(argument, TextList))


def _described(argument: Number | Text | TextList) -> str:
    if isinstance(argument, Number):
        return "a number"
    return "a list of strings" if isinstance(argument, TextList) else "a string"
