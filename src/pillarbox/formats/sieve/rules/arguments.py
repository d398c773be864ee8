"""The arguments of a word in a script that may be more than rules can say."""

from pillarbox.base.errors import Invalid
from pillarbox.formats.sieve.syntax import Argument, Command, Number, TagName, Test, Text, TextList


class NotSimple(Invalid):
    """A script says more than rules can: it has to be edited as it is.

    `line` is where, `why` what that is.
    """

    def __init__(self, line: int, why: str) -> None:
        super().__init__(f"line {line}: {why}; edit the script itself, or replace it")
        self.line = line
        self.why = why


class Arguments:
    """What stands after a word; raises `NotSimple` where it is not what is asked for.

    Tags with a value are named in `valued`; with `literal` no string may have `${` in it, because
    the script has variables or encoded characters.
    """

    def __init__(self, word: Command | Test, valued: frozenset[str], literal: bool) -> None:
        self.word = word
        self.literal = literal
        self.tags: dict[str, Argument | None] = {}
        self.positional: list[Argument] = []
        given = iter(word.arguments)
        for argument in given:
            if not isinstance(argument, TagName):
                self.positional.append(argument)
                continue
            value = next(given, None) if argument.name in valued else None
            self.tags[argument.name] = value
        self._left = set(self.tags)

    def not_simple(self, why: str) -> NotSimple:
        """What to raise; `why` goes on after the word."""
        return NotSimple(self.word.line, f"'{self.word.name}' {why}")

    def has(self, tag: str) -> bool:
        """Whether a tag was given."""
        self._left.discard(tag)
        return tag in self.tags

    def one_of(self, tags: tuple[str, ...], usual: str) -> str:
        """The one of these tags that was given."""
        found = [tag for tag in tags if self.has(tag)]
        if len(found) > 1:
            raise self.not_simple(f"has both :{found[0]} and :{found[1]}")
        return found[0] if found else usual

    def text_of(self, tag: str) -> str | None:
        """The string after a tag; `None` if it was not given."""
        return self._text(self.tags[tag]) if self.has(tag) else None

    def texts_of(self, tag: str) -> tuple[str, ...]:
        """The strings after a tag; none if it was not given."""
        return self._texts(self.tags[tag]) if self.has(tag) else ()

    def number_of(self, tag: str) -> int | None:
        """The number after a tag; `None` if it was not given."""
        return self._number(self.tags[tag]) if self.has(tag) else None

    def texts(self, *counts: int) -> list[tuple[str, ...]]:
        """The positional arguments, all strings, of which there are so many; ends the reading."""
        self.end(*counts)
        return [self._texts(argument) for argument in self.positional]

    def text(self) -> str:
        """The only argument, a string."""
        (found,) = self.texts(1)
        if len(found) != 1:
            raise self.not_simple("has a list where one string is expected")
        return found[0]

    def number(self) -> int:
        """The only argument, a number."""
        self.end(1)
        return self._number(self.positional[0])

    def end(self, *counts: int) -> None:
        """All tags were asked for, and of positional arguments there are so many."""
        if self._left:
            raise self.not_simple(f"has :{min(self._left)}, which rules don't know")
        if len(self.positional) not in counts:
            raise self.not_simple(f"has {len(self.positional)} arguments, which rules don't know")

    def _texts(self, argument: Argument | None) -> tuple[str, ...]:
        match argument:
            case Text():
                return (self._text(argument),)
            case TextList():
                return tuple(map(self._text, argument.items))
            case _:
                raise self.not_simple("has something else where strings are expected")

    def _text(self, argument: Argument | None) -> str:
        if isinstance(argument, TextList) and len(argument.items) == 1:
            argument = argument.items[0]
        if not isinstance(argument, Text):
            raise self.not_simple("has something else where a string is expected")
        if self.literal and "${" in argument.value:
            raise NotSimple(argument.line, "a text with variables is more than rules can say")
        return argument.value

    def _number(self, argument: Argument | None) -> int:
        if not isinstance(argument, Number):
            raise self.not_simple("has something else where a number is expected")
        return argument.value
