"""From the pieces of a command to its value: tag, verb, and what the verb's own parser makes.

Called by `protocols/imap/session` with what `Receiver.next` gave and a `CommandTable`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from pillarbox.base.errors import GrammarError
from pillarbox.wire.imap.receiver import Piece
from pillarbox.wire.imap.tokens import Tokens

Parser = Callable[[Tokens], object]
"""Reads what follows the verb, from the space on, and leaves the cursor at the end."""

CommandEntry = tuple[str, Parser]
"""A verb in upper case (`UID` forms with their prefix: `UID FETCH`) and its parser."""


class CommandError(GrammarError):
    """A command that can't be understood, but whose tag can be answered.

    `tag` is empty where none was readable (answer untagged BAD). `refused` says that the command
    was well-formed and NO with `code` is the answer, such as `BADCHARSET (UTF-8)`;
    `empties_result` that it would have saved its result.
    """

    def __init__(
        self,
        text: str,
        position: int,
        tag: str,
        *,
        name: str = "",
        code: str | None = None,
        empties_result: bool = False,
    ) -> None:
        super().__init__(text, position)
        self.tag = tag
        self.name = name
        self.code = code
        self.empties_result = empties_result

    @property
    def refused(self) -> bool:
        """Whether NO is the answer rather than BAD."""
        return self.code is not None


class RefusedError(GrammarError):
    """Well-formed but impossible: the answer is NO with this response code.

    `empties_result` where the command would have saved its result: `$` is empty (RFC 5182 §2.1).
    """

    def __init__(
        self, text: str, position: int, code: str, *, empties_result: bool = False
    ) -> None:
        super().__init__(text, position)
        self.code = code
        self.empties_result = empties_result


@dataclass(frozen=True, slots=True)
class Command:
    """A command: `name` is the verb without `UID `; `args` the value its parser made."""

    tag: str
    name: str
    args: object


class CommandTable:
    """Which parser reads which verb."""

    __slots__ = ("_parsers",)

    def __init__(self, *families: Iterable[CommandEntry]) -> None:
        parsers: dict[str, Parser] = {}
        for family in families:
            for verb, parser in family:
                if verb in parsers:
                    raise ValueError(f"two parsers for {verb}")
                parsers[verb] = parser
        self._parsers = MappingProxyType(parsers)

    @property
    def verbs(self) -> tuple[str, ...]:
        """Every verb known, `UID` forms with their prefix."""
        return tuple(self._parsers)

    def parser(self, verb: str) -> Parser | None:
        """The parser of a verb, or None."""
        return self._parsers.get(verb)


def parse_command(pieces: Sequence[Piece], table: CommandTable, *, utf8: bool = False) -> Command:
    """Read a whole command; CommandError where it can't be.

    `utf8` says that mailbox names are UTF-8 (UTF8=ACCEPT or IMAP4rev2 is enabled).
    """
    tokens = Tokens(pieces, utf8=utf8)
    tag = name = ""
    try:
        word = tokens.tag()
        tokens.sp()
        tag = word.decode("ascii")
        name = verb = tokens.keyword()
        if verb == "UID":
            tokens.sp()
            name = tokens.keyword()
            verb = f"UID {name}"
        parser = table.parser(verb)
        if parser is None:
            raise tokens.fault("unknown command")
        args = parser(tokens)
        tokens.end()
    except GrammarError as error:
        refused = error if isinstance(error, RefusedError) else None
        raise CommandError(
            error.text,
            error.position,
            tag,
            name=name,
            code=None if refused is None else refused.code,
            empties_result=refused is not None and refused.empties_result,
        ) from error
    return Command(tag, name, args)
