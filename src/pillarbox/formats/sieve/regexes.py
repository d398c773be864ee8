"""The regular expressions of `:regex`: POSIX extended ones, run by RE2 in linear time.

Called by `conditions` and whoever edits by patterns.
"""

from typing import Protocol

PATTERN_CHARACTERS = 2_000
PROGRAM_SIZE = 1_000
"""Instructions that one expression may come to; repetitions are written out."""
_MEMORY_BYTES = 128 * 1024


class BadRegex(ValueError):
    """It can't be compiled; the text says why."""


class Found(Protocol):
    """A match; groups that took no part are `None`."""

    def group(self, group: int = 0, /) -> str | None: ...

    def groups(self) -> tuple[str | None, ...]: ...


class Regex(Protocol):
    """A compiled expression."""

    @property
    def programsize(self) -> int: ...

    def search(self, text: str, /) -> Found | None: ...


def compile_regex(pattern: str, *, ignores_case: bool) -> Regex:
    """Compile one; raises `BadRegex`.

    `^` and `$` are the ends of the text, `.` is any character. The longest of the leftmost matches
    counts. `\\\\w`, `\\\\d`, `\\\\s` and `\\\\b` are known beside what POSIX has.
    """
    if len(pattern) > PATTERN_CHARACTERS:
        raise BadRegex(f"the regular expression has more than {PATTERN_CHARACTERS} characters")
    import re2  # few scripts have one

    options = re2.Options()
    options.posix_syntax = True
    options.longest_match = True
    options.perl_classes = True
    options.word_boundary = True
    options.one_line = True
    options.dot_nl = True
    options.log_errors = False
    options.case_sensitive = not ignores_case
    options.max_mem = _MEMORY_BYTES
    try:
        # Half a surrogate pair, which `${unicode:…}` can't spell, would be no UTF-8.
        made: Regex = re2.compile(pattern.encode("utf-8", "replace").decode("utf-8"), options)
    except re2.error as error:
        raise BadRegex(f"the regular expression is wrong: {_reason(error)}") from None
    if made.programsize > PROGRAM_SIZE:
        raise BadRegex("the regular expression is too large: its repetitions multiply")
    return made


def _reason(error: Exception) -> str:
    told = error.args[0] if error.args else ""
    return told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)
