"""The first words of a message as plain text, for message lists (RFC 8970, RFC 8621 §4.1.4).

Reads a bounded piece of the first readable text part; markup is removed, quoted text passed over.
Not for showing a message. Called by `summary`; calls `section`, `html`.
"""

import re

from pillarbox.formats.mime.part import Part
from pillarbox.formats.mime.section import text_of
from pillarbox.formats.text.html import visible_text

_READ_BYTES = 16 * 1024
_PARTS_MAX = 50
_INVISIBLE = re.compile("[\u00ad\u034f\u061c\u115f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]+")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]+")


def preview(message: bytes, root: Part, limit: int = 200) -> str:
    """At most `limit` characters on one line; empty if there is no readable text."""
    for part in _texts(root):
        text = text_of(part, message, _READ_BYTES)
        if part.subtype == "html":
            text = visible_text(text)
        elif "\n>" in text or text.startswith(">"):
            lines = [line for line in text.splitlines() if not line.startswith(">")]
            text = "\n".join(lines)
        text = _one_line(text, limit)
        if text:
            return text
    return ""


def _one_line(text: str, limit: int) -> str:
    for reach in (limit * 3, limit * 40):
        line = " ".join(text[:reach].split())
        if not line.isprintable():
            line = " ".join(_CONTROL.sub(" ", _INVISIBLE.sub("", line)).split())
        if len(line) >= limit or len(text) <= reach:
            break
    return line[:limit].rstrip()


def _texts(root: Part) -> list[Part]:
    """The readable text parts, plain before HTML in an alternative, else in order."""
    found: list[Part] = []
    pending = [root]
    seen = 0
    while pending and seen < _PARTS_MAX:
        part = pending.pop()
        seen += 1
        if part.type == "multipart":
            children = part.children
            if part.subtype == "alternative":
                children = sorted(children, key=_is_not_plain)
            pending.extend(reversed(children))
        elif (
            part.type == "text"
            and part.disposition != "attachment"
            and part.subtype in ("plain", "html", "enriched")
        ):
            found.append(part)
    return found


def _is_not_plain(part: Part) -> bool:
    return (part.type, part.subtype) != ("text", "plain")
