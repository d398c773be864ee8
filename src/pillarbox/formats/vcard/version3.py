"""Lines of vCard 4.0 as 3.0 has them (RFC 2426)."""

import re

from pillarbox.formats.content_line import ContentLine, encode_text
from pillarbox.formats.vcard import values
from pillarbox.formats.vcard.about import About
from pillarbox.formats.vcard.labels import ANNIVERSARY_LABEL, RELATION_LABELS
from pillarbox.formats.vcard.version4 import GONE, ONLY_4

_ONLY_4_PARAMS = frozenset(
    (
        *("ALTID", "CALSCALE", "CC", "DERIVED", "INDEX", "JSCOMPS", "JSPTR", "LEVEL"),
        *("MEDIATYPE", "PHONETIC", "PID", "PREF", "PROP-ID", "SCRIPT", "SORT-AS"),
    )
)
_OF_ADDRESS = frozenset(("GEO", "LABEL", "TZ"))
_TEXT_DATE = re.compile(r"\d{4}(?:-\d\d)?|--\d\d|---\d\d", re.ASCII)


def as_3(line: ContentLine, about: About) -> list[ContentLine]:
    """The line in 3.0, and behind it lines that were made for it."""
    name = line.name
    made = ContentLine(name, line.value, _params(line), line.group)
    behind: list[ContentLine] = []
    if name in values.MEDIA:
        _media(line, made)
    elif name == "RELATED":
        behind = _related(line, made, about)
    elif name == "ANNIVERSARY":
        behind = _anniversary(line, made, about)
    elif name in ("KIND", "MEMBER"):
        made.name = f"X-ADDRESSBOOKSERVER-{name}"
        if name == "KIND" and line.value == "org" and not about.has_shows:
            behind = [ContentLine("X-ABSHOWAS", "COMPANY", [], line.group)]
    elif name in ONLY_4:
        made.name = f"X-{name}"
    elif name[:2] == "X-" and name[2:] in (*GONE, "AGENT"):
        made.name = name[2:]
    elif name == "ADR":
        text = line.param("LABEL")
        if text is not None:
            types = [pair for pair in made.params if pair[0] == "TYPE"]
            behind = [ContentLine("LABEL", encode_text(text), types, line.group)]
    _value(line, made)
    return [made, *behind]


def _params(line: ContentLine) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    for name, held in line.params:
        if name in _ONLY_4_PARAMS or (line.name == "ADR" and name in _OF_ADDRESS):
            continue
        if name == "TYPE" and any("," in one for one in held):
            held = [part for one in held for part in one.split(",")]
        found.append((name, held))
    if line.param("PREF") == "1":
        found.append(("TYPE", ["pref"]))
    return found


def _value_kind(line: ContentLine) -> str:
    return (line.param("VALUE") or "").lower()


def _media(line: ContentLine, made: ContentLine) -> None:
    made.params = [pair for pair in made.params if pair[0] != "VALUE"]
    found = values.DATA.match(line.value)
    if found is not None:
        kind = values.media_kind(line.name, f"{found[1]}/{found[2]}".lower())
        made.value = line.value[found.end() :]
        made.params += [("ENCODING", ["b"]), *([("TYPE", [kind])] if kind else [])]
    elif _value_kind(line) != "text":
        made.params.insert(0, ("VALUE", ["uri"]))


def _related(line: ContentLine, made: ContentLine, about: About) -> list[ContentLine]:
    kind = (line.param("TYPE") or "").lower()
    made.params = [pair for pair in made.params if pair[0] not in ("VALUE", "TYPE")]
    if _value_kind(line) == "text":
        made.name = "X-ABRELATEDNAMES"
        return _labelled(line, made, about, RELATION_LABELS.get(kind))
    if kind == "agent":
        made.name = "AGENT"
        made.params.insert(0, ("VALUE", ["uri"]))
    else:
        made.name = "X-RELATED"
        made.params = _params(line)
    return []


def _anniversary(line: ContentLine, made: ContentLine, about: About) -> list[ContentLine]:
    if values.date_as_3(line.value) is None and values.with_omitted_year(line.value) is None:
        made.name = "X-ANNIVERSARY"
        return []
    made.name = "X-ABDATE"
    return _labelled(line, made, about, ANNIVERSARY_LABEL)


def _labelled(
    line: ContentLine, made: ContentLine, about: About, label: str | None
) -> list[ContentLine]:
    """The label that makes Apple's programs understand the line, unless its group has one."""
    if label is None or line.group.lower() in about.labels:
        return []
    made.group = line.group or about.group
    return [ContentLine("X-ABLABEL", label, [], made.group)]


def _value(line: ContentLine, made: ContentLine) -> None:
    """What is written otherwise in 3.0."""
    new: str | None = None
    if line.name in values.DATES and _value_kind(line) != "text":
        new = _date(line, made)
    elif line.name == "REV":
        new = values.date_as_3(line.value)
    elif line.name == "TZ":
        new = values.offset_as_3(line.value)
        if new is not None:
            made.params = [pair for pair in made.params if pair[0] != "VALUE"]
        elif _value_kind(line) != "uri":
            made.params = [pair for pair in made.params if pair[0] != "VALUE"]
            made.params.insert(0, ("VALUE", ["text"]))
    elif line.name == "GEO":
        new = values.place_as_3(line.value)
    elif line.name == "TEL" and _value_kind(line) == "uri":
        if line.value[:4].lower() == "tel:":
            new = line.value[4:]
        made.params = [pair for pair in made.params if pair[0] != "VALUE"]
    if new is not None:
        made.value = new


def _date(line: ContentLine, made: ContentLine) -> str | None:
    made.params = [pair for pair in made.params if pair[0] != "VALUE"]
    new = values.with_omitted_year(line.value)
    if new is not None:
        made.params.insert(0, ("X-APPLE-OMIT-YEAR", ["1604"]))
        return new
    new = values.date_as_3(line.value)
    if new is not None and "T" in new:
        made.params.insert(0, ("VALUE", ["date-time"]))
    elif new is None and _TEXT_DATE.fullmatch(line.value):
        made.params.insert(0, ("VALUE", ["text"]))
    return new
