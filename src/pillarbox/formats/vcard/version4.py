"""Lines of vCard 3.0 as 4.0 has them (RFC 6350 appendix A)."""

import re
from types import MappingProxyType

from pillarbox.formats.content_line import ContentLine
from pillarbox.formats.vcard import values
from pillarbox.formats.vcard.about import About
from pillarbox.formats.vcard.labels import ANNIVERSARY_LABEL, RELATION_TYPES

GONE = frozenset(("CLASS", "LABEL", "MAILER", "NAME", "PROFILE", "SORT-STRING"))
"""Properties that 4.0 no longer has; they are kept as X-…"""
ONLY_4 = frozenset(
    (
        *("BIRTHPLACE", "CLIENTPIDMAP", "CONTACT-URI", "CREATED", "DEATHDATE", "DEATHPLACE"),
        *("EXPERTISE", "GENDER", "GRAMGENDER", "HOBBY", "INTEREST", "JSPROP", "LANG", "LANGUAGE"),
        *("ORG-DIRECTORY", "PRONOUNS", "RELATED", "SOCIALPROFILE", "XML"),
    )
)
"""Properties that 3.0 does not have; they are X-… there."""

_RENAMED = MappingProxyType(
    {
        "X-ADDRESSBOOKSERVER-KIND": "KIND",
        "X-ADDRESSBOOKSERVER-MEMBER": "MEMBER",
        "X-ANNIVERSARY": "ANNIVERSARY",
        "X-EVOLUTION-ANNIVERSARY": "ANNIVERSARY",
        "X-KADDRESSBOOK-X-ANNIVERSARY": "ANNIVERSARY",
        "X-EVOLUTION-SPOUSE": "X-SPOUSE",
        "X-KADDRESSBOOK-X-SPOUSESNAME": "X-SPOUSE",
    }
    | {f"X-{name}": name for name in ONLY_4}
)
_CHAT = MappingProxyType(
    {
        "X-JABBER": "xmpp",
        "X-GOOGLE-TALK": "xmpp",
        "X-AIM": "aim",
        "X-ICQ": "icq",
        "X-MSN": "msnim",
        "X-YAHOO": "ymsgr",
        "X-SKYPE": "skype",
        "X-SKYPE-USERNAME": "skype",
        "X-GADUGADU": "gg",
        "X-GROUPWISE": "groupwise",
        "X-MATRIX": "matrix",
    }
)
_CHAT_NAME = re.compile(r"[A-Za-z0-9._@+-]{1,200}")


def as_4(line: ContentLine, about: About) -> list[ContentLine]:
    """The line in 4.0, and behind it lines that were made for it (there are none)."""
    name, value = line.name, line.value
    params = [pair for pair in _params(line) if pair[0] != "ENCODING" or name not in values.MEDIA]
    made = ContentLine(_RENAMED.get(name, name), value, params, line.group)
    if name in GONE:
        made.name = f"X-{name}"
    elif name in values.MEDIA:
        _media(line, made)
    elif name in _CHAT and _CHAT_NAME.fullmatch(value):
        made.name, made.value = "IMPP", f"{_CHAT[name]}:{value}"
    elif name == "X-ABRELATEDNAMES":
        kind = RELATION_TYPES.get(about.labels.get(line.group.lower(), ""))
        made.name = "RELATED"
        made.params = [("VALUE", ["text"]), *([("TYPE", [kind])] if kind else []), *params]
    elif name == "AGENT":
        _agent(line, made)
    elif name == "X-ABDATE" and about.labels.get(line.group.lower()) == ANNIVERSARY_LABEL:
        made.name = "ANNIVERSARY"
    elif name == "X-ABSHOWAS" and value == "COMPANY" and not about.has_kind:
        made.name, made.value = "KIND", "org"
    if made.name == "X-SPOUSE":
        made.name = "RELATED"
        made.params = [("VALUE", ["text"]), ("TYPE", ["spouse"]), *params]
    _value(line, made)
    return [made]


def _params(line: ContentLine) -> list[tuple[str, list[str]]]:
    """With the preferred one marked as 4.0 does, and without what it has no use for."""
    found: list[tuple[str, list[str]]] = []
    preferred = False
    for name, held in line.params:
        kept = held
        if name == "TYPE":
            unwanted = {"pref", "internet"} if line.name == "EMAIL" else {"pref"}
            kept = [one for one in held if one.lower() not in unwanted]
            preferred = preferred or any(one.lower() == "pref" for one in held)
        if not held and name in ("PREF", "HOME", "WORK", "CELL", "VOICE", "FAX", "PAGER"):
            preferred = preferred or name == "PREF"
            kept = [name.lower()]
            name = "TYPE"
            if kept == ["pref"]:
                continue
        if kept or not held:
            found.append((name, kept))
    if preferred and not any(name == "PREF" for name, _ in found):
        found.append(("PREF", ["1"]))
    return found


def _drop(line: ContentLine, name: str, *wanted: str) -> None:
    """Take out a parameter, or only where it has one of these values in small letters."""
    line.params = [
        pair
        for pair in line.params
        if pair[0] != name or (wanted and ",".join(pair[1]).lower() not in wanted)
    ]


def _media(line: ContentLine, made: ContentLine) -> None:
    encoding = (line.param("ENCODING") or "").lower()
    bare = any(not held and name in ("BASE64", "B") for name, held in line.params)
    if encoding in ("b", "base64") or bare:
        kinds = [one for name, held in made.params if name == "TYPE" for one in held]
        data = line.value
        if " " in data or "\t" in data:
            data = "".join(data.split())
        made.value = f"data:{values.media_type(line.name, kinds, data)};base64,{data}"
        dropped = ("TYPE", "BASE64", "B", "VALUE")
        made.params = [pair for pair in made.params if pair[0] not in dropped]
    elif (line.param("VALUE") or "").lower() in ("uri", "url"):
        _drop(made, "VALUE")


def _agent(line: ContentLine, made: ContentLine) -> None:
    if (line.param("VALUE") or "").lower() != "uri":
        made.name = "X-AGENT"
        return
    made.name = "RELATED"
    _drop(made, "VALUE")
    made.params.insert(0, ("TYPE", ["agent"]))


def _value(line: ContentLine, made: ContentLine) -> None:
    """What is written otherwise in 4.0."""
    new: str | None = None
    if made.name in values.DATES:
        new = values.without_omitted_year(line)
        if new is not None:
            _drop(made, "X-APPLE-OMIT-YEAR")
        else:
            new = values.date_as_4(line.value)
        if new is not None or re.fullmatch(r"\d{8}|--\d{4}", line.value):
            _drop(made, "VALUE", "date", "date-time", "date-and-or-time")
    elif line.name == "REV":
        new = values.date_as_4(line.value)
        _drop(made, "VALUE", "date", "date-time")
    elif line.name == "TZ":
        new = values.offset_as_4(line.value)
        _drop(made, "VALUE", "text", "utc-offset")
        if new is not None:
            made.params.insert(0, ("VALUE", ["utc-offset"]))
    elif line.name == "GEO":
        new = values.place_as_4(line.value)
    if new is not None:
        made.value = new
