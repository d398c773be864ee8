"""The picture in a card (RFC 6350 §6.2.4, RFC 2426 §3.1.4)."""

import base64
import binascii
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from pillarbox.formats.content_line import ContentLine
from pillarbox.formats.vcard import values
from pillarbox.formats.vcard.card import Card

MAX_PHOTO_BYTES = 5 << 20


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture, or where one is to be found; one of `data` and `uri` is empty."""

    media_type: str = ""
    data: bytes = b""
    uri: str = ""


def photo_of(card: Card) -> Photo | None:
    """The card's first picture that can be read, else its first logo; `None` if there is none."""
    for name in ("PHOTO", "LOGO"):
        for line in card.all(name):
            found = _photo(line)
            if found is not None:
                return found
    return None


def _photo(line: ContentLine) -> Photo | None:
    if len(line.value) > 2 * MAX_PHOTO_BYTES:
        return None
    encoding = (line.param("ENCODING") or "").lower()
    if encoding in ("b", "base64") or line.param("BASE64") is not None:
        kinds = [one for name, held in line.params if name == "TYPE" for one in held]
        return _inline(values.media_type(line.name, kinds, line.value), line.value)
    value = line.value.strip()
    if value[:5].lower() == "data:":
        head, comma, data = value[5:].partition(",")
        media, *rest = head.split(";")
        if not comma:
            return None
        if any(one.lower() == "base64" for one in rest):
            return _inline(media.lower(), data)
        raw = unquote_to_bytes(data)
        return Photo(media.lower(), raw) if 0 < len(raw) <= MAX_PHOTO_BYTES else None
    scheme, colon, _ = value.partition(":")
    return Photo(uri=value) if colon and scheme.isalnum() else None


def _inline(media_type: str, value: str) -> Photo | None:
    try:
        data = base64.b64decode(value, validate=False)
    except (binascii.Error, ValueError):
        return None
    return Photo(media_type, data) if 0 < len(data) <= MAX_PHOTO_BYTES else None
