"""Strings of header text as IMAP sends them: quoted if they may be, else literals.

Only for what is printed once at arrival (`envelope`, `bodystructure`); calls nothing of ours.
"""

_QUOTED_MAX = 1000
# Looking for one byte by its number takes a sixth of the time of looking for a string of one byte.
_NUL, _LF, _CR, _QUOTE, _BACKSLASH = b'\0\n\r"\\'


def print_string(raw: bytes) -> bytes:
    """A `string` of RFC 9051 §9, never with NUL.

    8-bit text goes into a literal, since clients of IMAP4rev1 take no UTF-8 in quoted strings.
    """
    if _NUL in raw:
        raw = raw.replace(b"\0", b"")
    if raw.isascii() and len(raw) <= _QUOTED_MAX and _CR not in raw and _LF not in raw:
        if _BACKSLASH in raw:
            raw = raw.replace(b"\\", b"\\\\")
        if _QUOTE in raw:
            raw = raw.replace(b'"', b'\\"')
        # Joining with + takes half the time of % here, and this runs some fifty times a message.
        return b'"' + raw + b'"'
    return b"{%d}\r\n%b" % (len(raw), raw)


def print_nstring(raw: bytes | None) -> bytes:
    """Like `print_string`, NIL for None."""
    return b"NIL" if raw is None else print_string(raw)


def print_text(text: str) -> bytes:
    """A `string` of text."""
    return print_string(text.encode("utf-8", "replace"))


def print_ntext(text: str | None) -> bytes:
    """A `string` of text, NIL for None."""
    return b"NIL" if text is None else print_string(text.encode("utf-8", "replace"))
