"""MIME entities that scripts write: a header, a blank line, a body (RFC 5230 §4.4, RFC 5703 §5)."""

import re

from pillarbox.base.errors import GrammarError

MAX_FIELDS = 50
_NAME = re.compile(r"(?:content-[!-9;-~]{1,60}|mime-version)\Z", re.IGNORECASE)
_BREAK = re.compile(r"\r\n|\r|\n")
_LINE_MAX = 998


def check_entity(text: str) -> str:
    """The entity as it is; GrammarError says what is wrong with its header.

    Only fields of MIME may be in it, so that it can't say who the message is from or to. One
    without any field begins with a blank line.
    """
    if "\0" in text:
        raise GrammarError("a MIME entity can't hold NUL")
    for count, line in enumerate(_BREAK.split(text)):
        if not line:
            break
        if count >= MAX_FIELDS:
            raise GrammarError("the header of the MIME entity is too long")
        if not line.isascii() or len(line) > _LINE_MAX:
            raise GrammarError("the header of a MIME entity has short lines of ASCII")
        if count and line[0] in " \t":
            continue
        name, sign, _ = line.partition(":")
        if not sign or not _NAME.match(name.rstrip(" \t")):
            raise GrammarError(
                "a MIME entity begins with fields like Content-Type, then has a blank line"
            )
    return text
