"""From tokens to a tree (RFC 5228 §8.2), going on after what is wrong so as to tell it all."""

from pillarbox.formats.sieve.errors import Problem, ScriptError
from pillarbox.formats.sieve.lexer import Token, Type, tokens_of
from pillarbox.formats.sieve.limits import ScriptLimits
from pillarbox.formats.sieve.syntax import (
    Argument,
    Block,
    Command,
    Comment,
    Number,
    Script,
    TagName,
    Test,
    Text,
    TextList,
)

LIMITS = ScriptLimits()
_STRINGS = frozenset((Type.STRING, Type.MULTILINE))


def parse(content: bytes, limits: ScriptLimits = LIMITS) -> Script:
    """The tree of a script; raises `ScriptError` with everything that is wrong."""
    script, problems = parse_all(content, limits)
    if problems:
        raise ScriptError(*problems)
    return script


def parse_all(content: bytes, limits: ScriptLimits) -> tuple[Script, list[Problem]]:
    """The tree, as far as it can be read, and what is wrong, in order and at most so much."""
    found = tokens_of(content, limits)
    parser = _Parser(found.tokens, found.comments, limits)
    script = parser.script()
    # A string that is not closed makes the rest of the script its own: what follows is no news.
    cut_short = found.problems and not parser.problems
    problems = found.problems if cut_short else [*found.problems, *parser.problems]
    problems.sort(key=lambda problem: (problem.line, problem.column))
    return script, problems[: limits.problems]


class _Skip(Exception):
    """What is being read can't be read on."""


class _Parser:
    def __init__(self, tokens: list[Token], comments: list[Comment], limits: ScriptLimits) -> None:
        self.tokens = tokens
        self.comments = comments
        self.limits = limits
        self.problems: list[Problem] = []
        self.at = 0
        self.token = tokens[0]
        self.told = 0
        """So many comments belong to commands that were read."""
        self.depth = 0
        self.test_depth = 0

    def script(self) -> Script:
        commands: list[Command] = []
        while True:
            commands += self._commands()
            if self.token.type is Type.END:
                return Script(tuple(commands), self._comments(self.token))
            self._problem("this '}' closes nothing")
            self._next()

    # Tokens

    def _next(self) -> Token:
        token = self.token
        if token.type is not Type.END:
            self.at += 1
            self.token = self.tokens[self.at]
        return token

    def _is(self, character: str) -> bool:
        return self.token.type is Type.PUNCTUATION and self.token.value == character

    def _problem(self, text: str, at: Token | None = None) -> None:
        token = at or self.token
        if len(self.problems) < self.limits.problems:
            self.problems.append(Problem(token.line, token.column, text))

    def _before(self) -> Token:
        return self.tokens[max(0, self.at - 1)]

    def _missing(self, text: str) -> None:
        """A problem at the place after what was read last."""
        before = self._before()
        if len(self.problems) < self.limits.problems:
            self.problems.append(Problem(before.end_line, before.end_column, text))

    def _comments(self, token: Token) -> tuple[Comment, ...]:
        found = tuple(self.comments[self.told : token.comments])
        self.told = max(self.told, token.comments)
        return found

    # Commands

    def _commands(self) -> list[Command]:
        commands: list[Command] = []
        while self.token.type is not Type.END and not self._is("}"):
            if self.token.type is Type.IDENTIFIER:
                commands.append(self._command())
                continue
            if self._is(";"):
                self._problem("this ';' ends nothing")
                self._next()
                continue
            self._problem(f"a command is expected, not {_named(self.token)}")
            self._skip()
        return commands

    def _command(self) -> Command:
        comments = self._comments(self.token)
        name = self._next()
        arguments: tuple[Argument, ...] = ()
        tests: tuple[Test, ...] = ()
        listed, faulty = False, True
        before = len(self.problems)
        try:
            found = self._arguments()
            tests, listed = self._tests()
            arguments = found
            well = len(self.problems) == before
            block = self._end(name)
            faulty = not well
        except _Skip:
            block = self._skip()
        last = self._before()
        self._comments(last)
        place = (name.line, name.column, (last.end_line, last.end_column))
        return Command(name.value, arguments, tests, listed, block, comments, *place, faulty)

    def _end(self, name: Token) -> Block | None:
        if self._is(";"):
            self._next()
            return None
        if self._is("{"):
            return self._block()
        if self._is("}") or self.token.type in (Type.END, Type.IDENTIFIER):
            # Nothing has to be skipped to go on.
            self._missing(f"';' is missing after the command '{name.value}'")
            return None
        self._problem(f"';' or '{{' is expected after '{name.value}', not {_named(self.token)}")
        raise _Skip

    def _block(self) -> Block:
        opening = self._next()
        if self.depth >= self.limits.depth:
            self._problem(f"blocks are nested too deeply, at most {self.limits.depth}", opening)
            self._skip_block()
            return Block((), (), opening.line, opening.column)
        self.depth += 1
        commands = tuple(self._commands())
        self.depth -= 1
        comments = self._comments(self.token)
        if self._is("}"):
            self._next()
        else:
            self._problem("this '{' is not closed: '}' is missing", opening)
        return Block(commands, comments, opening.line, opening.column)

    def _skip(self) -> Block | None:
        """Go on at the next command: after a ';', after a block, which is read, or before '}'."""
        while self.token.type is not Type.END and not self._is("}"):
            if self._is(";"):
                self._next()
                return None
            if self._is("{"):
                return self._block()
            self._next()
        return None

    def _skip_block(self) -> None:
        open_blocks = 1
        while self.token.type is not Type.END:
            if self._is("{"):
                open_blocks += 1
            elif self._is("}"):
                open_blocks -= 1
            self._next()
            if not open_blocks:
                return

    # Arguments and tests

    def _arguments(self) -> tuple[Argument, ...]:
        arguments: list[Argument] = []
        while True:
            token = self.token
            if token.type is Type.TAG:
                arguments.append(TagName(token.value, token.line, token.column))
            elif token.type is Type.NUMBER:
                arguments.append(Number(token.number, token.line, token.column))
            elif token.type in _STRINGS:
                arguments.append(_text(token))
            elif self._is("["):
                arguments.append(self._list())
                continue
            else:
                return tuple(arguments)
            self._next()

    def _list(self) -> TextList:
        opening = self._next()
        items: list[Text] = []
        while True:
            if self.token.type not in _STRINGS:
                # RFC 5228 §8.2 has no empty lists, and no comma at the end.
                self._problem(f"a string is expected in this list, not {_named(self.token)}")
                self._skip_list()
                break
            items.append(_text(self._next()))
            if len(items) > self.limits.list_items:
                most = self.limits.list_items
                self._problem(f"this list has too many strings, at most {most}", opening)
                self._skip_list()
                break
            if self._is("]"):
                self._next()
                break
            if self._is(","):
                self._next()
                continue
            self._problem(f"',' or ']' is expected in this list, not {_named(self.token)}")
            self._skip_list()
            break
        return TextList(tuple(items), opening.line, opening.column)

    def _skip_list(self) -> None:
        while self.token.type in _STRINGS or self._is(",") or self.token.type is Type.NUMBER:
            self._next()
        if not self._is("]"):
            raise _Skip
        self._next()

    def _tests(self) -> tuple[tuple[Test, ...], bool]:
        if self._is("("):
            return self._test_list(), True
        if self.token.type is Type.IDENTIFIER:
            return (self._test(),), False
        return (), False

    def _test_list(self) -> tuple[Test, ...]:
        opening = self._next()
        tests: list[Test] = []
        while True:
            if self.token.type is not Type.IDENTIFIER:
                self._problem(f"a test is expected in this list, not {_named(self.token)}")
                break
            tests.append(self._test())
            if self._is(","):
                self._next()
                continue
            if not self._is(")"):
                self._problem(f"',' or ')' is expected in this list, not {_named(self.token)}")
            break
        if not self._is(")"):
            raise _Skip
        if len(tests) > self.limits.list_items:
            self._problem("this list has too many tests", opening)
        self._next()
        return tuple(tests)

    def _test(self) -> Test:
        name = self._next()
        if self.test_depth >= self.limits.depth:
            self._problem(f"tests are nested too deeply, at most {self.limits.depth}", name)
            raise _Skip
        self.test_depth += 1
        try:
            arguments = self._arguments()
            tests, listed = self._tests()
        finally:
            self.test_depth -= 1
        return Test(name.value, arguments, tests, listed, name.line, name.column)


def _text(token: Token) -> Text:
    return Text(token.value, token.line, token.column, token.type is Type.MULTILINE)


def _named(token: Token) -> str:
    """A token as a problem names it."""
    match token.type:
        case Type.END:
            return "the end of the script"
        case Type.TAG:
            return f"':{token.value}'"
        case Type.NUMBER:
            return "a number"
        case Type.STRING | Type.MULTILINE:
            return "a string"
        case _:
            return f"'{token.value}'"
