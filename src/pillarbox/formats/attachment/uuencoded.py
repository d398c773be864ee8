"""Files that stand in the text of a message, as they were sent before MIME (POSIX uuencode)."""

import binascii
import re
from collections.abc import Iterator

FILES_MAX = 10
_BEGIN = re.compile(r"^begin [0-7]{3,4} ([^\r\n]{1,200})\r?\n", re.MULTILINE)


def uuencoded(text: str) -> Iterator[tuple[str, bytes]]:
    """The name and content of each such file as far as the text goes, without damaged lines."""
    for number, begin in enumerate(_BEGIN.finditer(text)):
        if number >= FILES_MAX:
            return
        end = text.find("\nend", begin.end() - 1)
        body = text[begin.end() : end if end >= 0 else len(text)]
        yield begin[1].strip(), b"".join(map(_line, body.split("\n")))


def _line(line: str) -> bytes:
    try:
        return binascii.a2b_uu(line.rstrip("\r"))
    except (binascii.Error, ValueError):
        return b""
