"""What a ManageSieve server says: strings, lists and responses with codes (RFC 5804 §1.3, §4)."""

import re
from binascii import b2a_base64
from collections.abc import Iterable
from enum import Enum

from pillarbox.wire.managesieve.commands import MAX_QUOTED_OCTETS

MAX_TEXT_CHARACTERS = 8192
"""Of the text of a response, which tells every problem of a script."""

_LINE_END = re.compile(r"\r\n|[\r\n\u2028\u2029]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_LITERAL_ONLY = re.compile(rb"[\x00\r\n]")
_QUOTED_SPECIAL = re.compile(rb'(["\\])')


class Code(Enum):
    """Why a command is refused, or what its text is about, for programs."""

    ACTIVE = "ACTIVE"
    ALREADY_EXISTS = "ALREADYEXISTS"
    AUTH_TOO_WEAK = "AUTH-TOO-WEAK"
    ENCRYPT_NEEDED = "ENCRYPT-NEEDED"
    MAX_SCRIPTS = "QUOTA/MAXSCRIPTS"
    MAX_SIZE = "QUOTA/MAXSIZE"
    NONEXISTENT = "NONEXISTENT"
    QUOTA = "QUOTA"
    TRY_LATER = "TRYLATER"
    WARNINGS = "WARNINGS"


def ok(text: str = "", code: Code | None = None) -> bytes:
    """A positive response."""
    return _response(b"OK", text, code.value.encode("ascii") if code else b"")


def no(text: str, code: Code | None = None) -> bytes:
    """A refusal."""
    return _response(b"NO", text, code.value.encode("ascii") if code else b"")


def bye(text: str, code: Code | None = None) -> bytes:
    """The last that is said, where the client did not ask for the end."""
    return _response(b"BYE", text, code.value.encode("ascii") if code else b"")


def echoed(tag: str) -> bytes:
    """The response to a NOOP with this tag (RFC 5804 §2.13)."""
    return _response(b"OK", "Done", b"TAG " + string(tag.encode()))


def logged_in(text: str, last: bytes | None) -> bytes:
    """The response to a login, with what the mechanism has the server say last (RFC 5804 §2.1)."""
    code = b"" if last is None else b"SASL " + string(_base64(last))
    return _response(b"OK", text, code)


def challenge(data: bytes) -> bytes:
    """A challenge of SASL."""
    return string(_base64(data)) + b"\r\n"


def string(octets: bytes) -> bytes:
    """A string: in quotes where that may be, else as a literal; quotes need UTF-8."""
    quoted = _QUOTED_SPECIAL.sub(rb"\\\1", octets[: MAX_QUOTED_OCTETS + 1])
    if len(quoted) > MAX_QUOTED_OCTETS or _LITERAL_ONLY.search(quoted):
        return literal(octets)
    return b'"' + quoted + b'"'


def literal(octets: bytes) -> bytes:
    """A string as a literal."""
    return b"{%d}\r\n" % len(octets) + octets


def capabilities(found: Iterable[tuple[str, str | None]]) -> bytes:
    """The lines that tell capabilities, by name and value (RFC 5804 §1.7)."""
    return b"".join(
        string(name.encode()) + (b"" if value is None else b" " + string(value.encode())) + b"\r\n"
        for name, value in found
    )


def script_names(found: Iterable[tuple[str, bool]]) -> bytes:
    """The lines that list scripts, by name and whether it is the active one."""
    return b"".join(
        string(name.encode()) + (b" ACTIVE" if active else b"") + b"\r\n" for name, active in found
    )


def script(content: bytes) -> bytes:
    """A script, always as a literal: so no client has to look for quotes in it."""
    return literal(content) + b"\r\n"


def _base64(data: bytes) -> bytes:
    return b2a_base64(data, newline=False)


def _response(status: bytes, text: str, code: bytes) -> bytes:
    said = status + (b" (" + code + b")" if code else b"")
    if text:
        lines = _LINE_END.sub("\r\n", _CONTROL.sub(" ", text[:MAX_TEXT_CHARACTERS]))
        said += b" " + string(lines.encode("utf-8", "replace"))
    return said + b"\r\n"
