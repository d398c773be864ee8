"""Cutting the text of a script into tokens (RFC 5228 §2, §8.1).

Line ends may be LF as well as CRLF, or CR throughout; those in strings become CRLF. Whatever can't
be a token is told as a problem and left out.
"""

import codecs
import re
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from pillarbox.formats.sieve.errors import Problem
from pillarbox.formats.sieve.limits import ScriptLimits
from pillarbox.formats.sieve.syntax import Comment

NUMBER_MAX = (1 << 64) - 1
NUMBER_DIGITS = 20


class Type(IntEnum):
    """What a token is; punctuation has its character as value."""

    IDENTIFIER = 1
    TAG = 2
    NUMBER = 3
    STRING = 4
    MULTILINE = 5
    PUNCTUATION = 6
    END = 7


class Token(NamedTuple):
    """One token; `end_line` and `end_column` are the place after it.

    `comments` counts those that were seen before it in the whole script.
    """

    type: Type
    value: str
    number: int
    line: int
    column: int
    end_line: int
    end_column: int
    comments: int


@dataclass(slots=True)
class Tokens:
    """All that is in a script; the last token is of type END."""

    tokens: list[Token]
    comments: list[Comment]
    problems: list[Problem]


_TOKEN = re.compile(
    r"""
      (?P<space> [ \t\r\n]+ )
    | (?P<hash> \#[^\n]* )
    | (?P<bracket> /\* )
    | (?P<text> text: [ \t]* (?:\#[^\n]*)? \r?\n )
    | (?P<string> " [^"\\]* (?: \\. [^"\\]* )* "? )
    | (?P<tag> :[a-z_][a-z0-9_]* )
    | (?P<identifier> [a-z_][a-z0-9_]* )
    | (?P<number> [0-9][a-z0-9_]* )
    | (?P<punctuation> [;,()\[\]{}] )
    | (?P<garbage> [^\s\#":;,()\[\]{}a-z0-9_]+ | . )
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE | re.ASCII,
)
_END_OF_TEXT = re.compile(r"^\.\r?$(?:\n)?", re.MULTILINE)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_LINE_END = re.compile(r"\r?\n")
_NUMBER = re.compile(r"([0-9]+)([KMG]?)", re.IGNORECASE | re.ASCII)
_FACTORS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def tokens_of(content: bytes, limits: ScriptLimits) -> Tokens:
    """Cut a script; never raises."""
    lexer = _Lexer(limits)
    text = lexer.decoded(content)
    if text is not None:
        lexer.cut(text)
    return lexer.found


class _Lexer:
    def __init__(self, limits: ScriptLimits) -> None:
        self.limits = limits
        self.found = Tokens([], [], [])
        self.text = ""
        self.line = 1
        self.line_start = 0

    def decoded(self, content: bytes) -> str | None:
        """The text; `None` if it can't be one."""
        if len(content) > self.limits.script_bytes:
            text = f"the script has {len(content)} bytes, at most {self.limits.script_bytes}"
            self._refused(text, b"")
            return None
        if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            self._refused("the script is UTF-16; save it as UTF-8", b"")
            return None
        zero = content.find(0)
        if zero >= 0:
            self._refused("a character NUL is not allowed", content[:zero])
            return None
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            what = "the script is not valid UTF-8 here; save it as UTF-8"
            self._refused(what, content[: error.start])
            return None
        # Lines may end in CR alone, or else the first comment would be all there is.
        return text if "\n" in text else text.replace("\r", "\n")

    def _refused(self, text: str, before: bytes) -> None:
        above = before.decode("utf-8", "replace")
        line = above.count("\n") + 1
        column = len(above) - (above.rfind("\n") + 1) + 1
        self.found.problems.append(Problem(line, column, text))
        self.found.tokens.append(Token(Type.END, "", 0, line, column, line, column, 0))

    def cut(self, text: str) -> None:
        """Fill `found`."""
        self.text = text
        at = self.line_start = 1 if text.startswith("\ufeff") else 0
        tokens = self.found.tokens
        match = _TOKEN.match
        while found := match(text, at):
            kind = found.lastgroup
            if kind == "space":
                end = found.end()
                self._count_lines(at, end)
                at = end
                continue
            if kind in _SIMPLE:
                # There are hundreds, and none has a line end in it.
                end = found.end()
                self._simple(kind, found.group(), at, end)
            else:
                end = self._other(str(kind), found, at)
                self._count_lines(at, end)
            at = end
            if len(tokens) > self.limits.tokens:
                self._problem(at, "the script has too many words")
                break
            if len(self.found.problems) >= self.limits.problems:
                break
        column = at - self.line_start + 1
        self._add(Type.END, "", 0, self.line, column, at)

    def _count_lines(self, start: int, end: int) -> None:
        newlines = self.text.count("\n", start, end)
        if newlines:
            self.line += newlines
            self.line_start = self.text.rfind("\n", start, end) + 1

    def _problem(self, at: int, text: str) -> None:
        self.found.problems.append(Problem(self.line, at - self.line_start + 1, text))

    def _add(self, type: Type, value: str, number: int, line: int, column: int, end: int) -> None:
        comments = len(self.found.comments)
        end_line, end_column = self.line, end - self.line_start + 1
        self.found.tokens.append(
            Token(type, value, number, line, column, end_line, end_column, comments)
        )

    def _simple(self, kind: str, value: str, at: int, end: int) -> None:
        if kind != "punctuation":
            value = (value[1:] if kind == "tag" else value).lower()
            if len(value) > self.limits.identifier_characters:
                self._problem(at, f"the name {value[:20]}… is too long")
                value = value[: self.limits.identifier_characters]
        found, line, start = self.found, self.line, self.line_start - 1
        place = (line, at - start, line, end - start, len(found.comments))
        found.tokens.append(Token(_SIMPLE[kind], value, 0, *place))

    def _other(self, kind: str, found: re.Match[str], at: int) -> int:
        end = found.end()
        if kind == "hash":
            self._comment(found.group()[1:], at)
        elif kind == "bracket":
            end = self.text.find("*/", at + 2)
            if end < 0:
                self._problem(at, "this comment is not closed: '*/' is missing")
                return len(self.text)
            self._comment(self.text[at + 2 : end], at)
            end += 2
        elif kind == "number":
            self._number(found.group(), at, end)
        elif kind == "string":
            self._string(found.group(), at, end)
        elif kind == "text":
            end = self._multiline(at, end)
        else:
            self._problem(at, f"'{found.group()[:20]}' is not expected here")
        return end

    def _comment(self, text: str, at: int) -> None:
        column = at - self.line_start + 1
        self.found.comments.append(Comment(text.strip(), self.line, column))

    def _number(self, text: str, at: int, end: int) -> None:
        parts = _NUMBER.fullmatch(text)
        value = 0
        if parts is None:
            self._problem(at, f"'{text[:20]}' is neither a number nor a name")
        elif len(digits := parts.group(1).lstrip("0")) > NUMBER_DIGITS:
            self._problem(at, f"the number {text[:20]}… is too large")
        else:
            value = int(digits or "0") * _FACTORS[parts.group(2).lower()]
            if value > NUMBER_MAX:
                self._problem(at, f"the number {text} is too large")
                value = 0
        self._add(Type.NUMBER, "", value, self.line, at - self.line_start + 1, end)

    def _string(self, raw: str, at: int, end: int) -> None:
        line, column = self.line, at - self.line_start + 1
        # The pattern takes a missing quote as well; an escaped one is not the end.
        if len(raw) < 2 or not raw.endswith('"') or self._escaped(raw):
            self._problem(at, "this string is not closed: a '\"' is missing")
            value = ""
        else:
            value = raw[1:-1]
            if "\\" in value:
                value = _ESCAPE.sub(r"\1", value)
        self._text(Type.STRING, value, line, column, at, end)

    @staticmethod
    def _escaped(raw: str) -> bool:
        before = raw[:-1]
        return (len(before) - len(before.rstrip("\\"))) % 2 == 1

    def _text(self, type: Type, value: str, line: int, column: int, at: int, end: int) -> None:
        if len(value) > self.limits.string_characters:
            most = self.limits.string_characters
            self._problem(at, f"this string has {len(value)} characters, at most {most}")
            value = ""
        if "\n" in value:
            value = _LINE_END.sub("\r\n", value)
        end_line, end_column = line, end - self.line_start + 1
        newlines = self.text.count("\n", at, end)
        if newlines:
            end_line += newlines
            end_column = end - self.text.rfind("\n", at, end)
        comments = len(self.found.comments)
        self.found.tokens.append(
            Token(type, value, 0, line, column, end_line, end_column, comments)
        )

    def _multiline(self, at: int, start: int) -> int:
        line, column = self.line, at - self.line_start + 1
        closing = _END_OF_TEXT.search(self.text, start)
        if closing is None:
            self._problem(at, "this text is not closed: a line with a '.' alone is missing")
            return len(self.text)
        body = self.text[start : closing.start()]
        lines = body.split("\n")
        value = "\n".join(one[1:] if one.startswith("..") else one for one in lines)
        self._text(Type.MULTILINE, value, line, column, at, closing.end())
        return closing.end()


_SIMPLE = {
    "tag": Type.TAG,
    "identifier": Type.IDENTIFIER,
    "punctuation": Type.PUNCTUATION,
}
