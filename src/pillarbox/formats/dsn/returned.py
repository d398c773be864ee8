"""What a report returns of the message it is about: without what others must not see.

Called by `build`; calls `formats/mime/header`.
"""

import re
from dataclasses import dataclass

from pillarbox.formats.mime.header import HEADER_BYTES, Headers, fields

RETURNED_HEADER_BYTES = 4096
RETURNED_WHOLE_BYTES = 1 << 20

_BLANK = re.compile(rb"\r?\n\r?\n")
_SENSITIVE = frozenset(
    (
        *(b"bcc", b"resent-bcc", b"return-path", b"x-originating-ip", b"x-authenticated-sender"),
        *(b"x-authenticated-user", b"x-auth-user", b"x-auth-id", b"x-sender-ip", b"x-client-ip"),
        *(b"x-forwarded-for", b"authorization", b"cookie", b"x-real-ip"),
    )
)
_KNOWN_BY = (
    *(b"from", b"to", b"subject", b"date", b"message-id", b"cc", b"sender", b"reply-to"),
    *(b"in-reply-to", b"references", b"content-type", b"mime-version"),
)
"""What a message is known by: kept first where there is no room for the whole header."""
# The word after `with` that says that the client had signed in (RFC 3848).
_AUTHENTICATED = re.compile(rb"\bwith\s+(?:UTF8)?(?:ESMTPS?|SMTPS?|LMTPS?)A\b", re.IGNORECASE)
_ODD = re.compile(rb"\0|(?<!\r)\n|\r(?!\n)|(?:\A|\n)[^\n]{999}")


@dataclass(frozen=True, slots=True)
class Returned:
    """What is returned: a header with its blank line, or all with `whole`.

    `cut` says that the sender wanted more than this.
    """

    content: bytes
    whole: bool
    cut: bool = False


def returned(content: bytes, full: bool | None, binary: bool = False) -> Returned:
    """What to return of a message; `full` as RET says it, `None` where it was not given.

    The whole only up to 1 MiB, and only where it can stand within another message.
    """
    block, body = split(content)
    kept = _without_sensitive(block)
    if full and not binary and len(content) <= RETURNED_WHOLE_BYTES:
        whole = b"".join((*kept, b"\r\n", body))
        if not _ODD.search(whole):
            return Returned(whole, True)
    return Returned(_within_limit(kept), False, bool(full))


def split(content: bytes) -> tuple[bytes, bytes]:
    """The header block without its blank line, and the body; what is too far down is body."""
    if content.startswith((b"\r\n", b"\n")):
        return b"", content.removeprefix(b"\r").removeprefix(b"\n")
    found = _BLANK.search(content, 0, HEADER_BYTES)
    if found is None:
        return content[:HEADER_BYTES], content[HEADER_BYTES:]
    return content[: found.start()] + b"\r\n", content[found.end() :]


def headers_of(content: bytes) -> Headers:
    """The header of a message, for looking up its fields."""
    return Headers(split(content)[0])


def _without_sensitive(block: bytes) -> list[bytes]:
    kept = []
    for field in fields(block):
        if field.name in _SENSITIVE:
            continue
        if field.name == b"received" and _AUTHENTICATED.search(field.raw):
            continue
        whole = block[field.start : field.end]
        kept.append(whole if whole.endswith(b"\n") else whole + b"\r\n")
    return kept


def _within_limit(kept: list[bytes]) -> bytes:
    """As many whole fields as there is room for, in their order."""
    if sum(map(len, kept)) <= RETURNED_HEADER_BYTES:
        return b"".join(kept)
    room = RETURNED_HEADER_BYTES
    chosen = set()
    ranks = {name: rank for rank, name in enumerate(_KNOWN_BY)}
    ordered = sorted(
        range(len(kept)),
        key=lambda n: ranks.get(kept[n].partition(b":")[0].strip().lower(), len(ranks)),
    )
    for number in ordered:
        if len(kept[number]) <= room:
            room -= len(kept[number])
            chosen.add(number)
    return b"".join(field for number, field in enumerate(kept) if number in chosen)
