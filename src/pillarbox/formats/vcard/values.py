"""Values of properties that vCard 3.0 and 4.0 write differently: dates, places, binary data."""

import re
from types import MappingProxyType

from pillarbox.formats.content_line import ContentLine

DATES = frozenset(("BDAY", "ANNIVERSARY", "DEATHDATE"))
MEDIA = frozenset(("PHOTO", "LOGO", "SOUND", "KEY"))
DATA = re.compile(r"data:([A-Za-z0-9.+-]{1,40})/([A-Za-z0-9.+-]{1,80});base64,")
"""How inline data begins in 4.0 (RFC 6350 §5.7)."""

_DATE_3 = re.compile(r"(\d{4})-(\d\d)-(\d\d)(T.*)?", re.ASCII)
_DATE_4 = re.compile(r"(\d{4})(\d\d)(\d\d)(T.*)?", re.ASCII)
_TIME_3 = re.compile(r"T(\d\d):(\d\d):(\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_TIME_4 = re.compile(r"T(\d\d)(\d\d)(\d\d)(Z|[+-]\d{2}(?:\d\d)?)?", re.ASCII)
_NO_YEAR = re.compile(r"--(\d\d)-?(\d\d)", re.ASCII)
_OMITTED = re.compile(r"1604-?(\d\d)-?(\d\d)", re.ASCII)
_OFFSET_3 = re.compile(r"([+-])(\d\d):(\d\d)", re.ASCII)
_OFFSET_4 = re.compile(r"([+-])(\d\d)(\d\d)", re.ASCII)
_PLACE_3 = re.compile(r"(-?\d{1,3}(?:\.\d{1,20})?);(-?\d{1,3}(?:\.\d{1,20})?)", re.ASCII)
_PLACE_4 = re.compile(r"geo:(-?\d{1,3}(?:\.\d{1,20})?),(-?\d{1,3}(?:\.\d{1,20})?)", re.ASCII)
_MAGIC = (("/9j/", "jpeg"), ("iVBOR", "png"), ("R0lG", "gif"), ("UklG", "webp"))
_KIND_OF = MappingProxyType({"PHOTO": "image", "LOGO": "image", "SOUND": "audio"})
_KEYS = MappingProxyType({"PGP": "application/pgp-keys", "X509": "application/pkix-cert"})
_KEY_TYPES = MappingProxyType({media: kind for kind, media in _KEYS.items()})


def date_as_4(value: str) -> str | None:
    """A date or time of 3.0 in the form of 4.0, `None` for another value (RFC 6350 §4.3)."""
    found = _DATE_3.fullmatch(value)
    if found is None:
        short = _NO_YEAR.fullmatch(value)
        return f"--{short[1]}{short[2]}" if short else None
    date = found[1] + found[2] + found[3]
    if found[4] is None:
        return date
    time = _TIME_3.fullmatch(found[4])
    zone = (time[4] or "").replace(":", "") if time else ""
    return None if time is None else f"{date}T{time[1]}{time[2]}{time[3]}{zone}"


def date_as_3(value: str) -> str | None:
    """A date or time of 4.0 in the form of 3.0, `None` where 3.0 has none (RFC 2426 §3.1.5)."""
    found = _DATE_4.fullmatch(value)
    if found is None:
        return None
    date = f"{found[1]}-{found[2]}-{found[3]}"
    if found[4] is None:
        return date
    time = _TIME_4.fullmatch(found[4])
    if time is None:
        return None
    zone = time[4] or ""
    if len(zone) > 1:
        zone = f"{zone[:3]}:{zone[3:] or '00'}"
    return f"{date}T{time[1]}:{time[2]}:{time[3]}{zone}"


def without_omitted_year(line: ContentLine) -> str | None:
    """`--MMDD` of a date whose year Apple's programs mark as omitted, else `None`."""
    if line.param("X-APPLE-OMIT-YEAR") != "1604":
        return None
    found = _OMITTED.fullmatch(line.value)
    return f"--{found[1]}{found[2]}" if found else None


def with_omitted_year(value: str) -> str | None:
    """`1604-MM-DD` of a date without a year, `None` for another value."""
    found = _NO_YEAR.fullmatch(value)
    return f"1604-{found[1]}-{found[2]}" if found else None


def offset_as_4(value: str) -> str | None:
    """A UTC offset of 3.0 in the form of 4.0, `None` for another value."""
    found = _OFFSET_3.fullmatch(value)
    return found[1] + found[2] + found[3] if found else None


def offset_as_3(value: str) -> str | None:
    """A UTC offset of 4.0 in the form of 3.0, `None` for another value."""
    found = _OFFSET_4.fullmatch(value)
    return f"{found[1]}{found[2]}:{found[3]}" if found else None


def place_as_4(value: str) -> str | None:
    """A place of 3.0 as a `geo` URI (RFC 5870), `None` for another value."""
    found = _PLACE_3.fullmatch(value)
    return f"geo:{found[1]},{found[2]}" if found else None


def place_as_3(value: str) -> str | None:
    """The place of a `geo` URI, `None` for another value."""
    found = _PLACE_4.match(value)
    return (
        f"{found[1]};{found[2]}" if found and value[found.end() :][:1] in ("", ",", ";") else None
    )


def media_type(name: str, kinds: list[str], data: str) -> str:
    """The media type of inline data of 3.0, by its TYPE or else by how it begins."""
    for kind in kinds:
        if name == "KEY" and kind.upper() in _KEYS:
            return _KEYS[kind.upper()]
        if re.fullmatch(r"[A-Za-z]{1,40}/[A-Za-z0-9.+-]{1,80}", kind):
            return kind.lower()
        if name != "KEY" and re.fullmatch(r"[A-Za-z0-9.+-]{1,80}", kind):
            return f"{_KIND_OF[name]}/{kind.lower()}"
    for begin, subtype in _MAGIC:
        if data.startswith(begin):
            return f"image/{subtype}"
    return "application/octet-stream"


def media_kind(name: str, media: str) -> str | None:
    """The TYPE of 3.0 for a media type, `None` where it says nothing."""
    if media in _KEY_TYPES:
        return _KEY_TYPES[media]
    main, _, sub = media.partition("/")
    if main == _KIND_OF.get(name):
        return sub.upper()
    return None if media == "application/octet-stream" else media
