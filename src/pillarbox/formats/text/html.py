"""The text of HTML without its markup, for search and previews.

One pass of regular expressions each, none of which looks at a place twice, instead of a parser:
no tree is needed, and the standard library's parser takes quadratic time for some input. Not for
showing a message: what comes out is text, and may hold `<`. Called by `searchable` and `preview`.
"""

import re
from collections.abc import Callable

MARKUP_MAX = 8 << 20
"""Characters of markup that are read."""

# Where an end is missing, the rest is swallowed, as browsers do; so nothing is scanned twice.
ATTRIBUTES = r"""(?:[^>=]++|=\s*+(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z))?+)*+(?:>|\Z)"""
COMMENT = r"<!--(?:-?>|(?:[^-]++|-(?!-!?>))*+(?:--!?>)?+)"
RAW = (
    r"<({})(?=[\s/>])"
    + ATTRIBUTES
    + r"(?:[^<]++|<(?!/\1[\s/>]))*+(?:</\1(?=[\s/>])[^>]*+(?:>|\Z))?+"
)
# Other threads wait while a search goes on, so in long markup each soon finds something.
_LONG = 128 * 1024
_TEXT = "|(<{1,65536}(?=<)|<|[^<]{1,65536}+)"
_Patterns = tuple[re.Pattern[str], re.Pattern[str]]


def _patterns(pattern: str, flags: re.RegexFlag = re.NOFLAG) -> _Patterns:
    """The pattern, which has one group, for short markup and for long."""
    return re.compile(pattern, flags), re.compile(pattern + _TEXT, flags)


_TAG = _patterns(rf"</?([A-Za-z][^\s/>]*+){ATTRIBUTES}|<[!?/][^>]*+(?:>|\Z)")
_HIDDEN = _patterns(f"{COMMENT}|{RAW.format('style|script|template')}", re.I)
_HIDDEN_OR_TITLE = _patterns(f"{COMMENT}|{RAW.format('style|script|template|title')}", re.I)
_HEAD = re.compile(r"<head(?=[\s/>])[^>]*+>", re.IGNORECASE)
_HEAD_END = re.compile(r"</head(?=[\s/>])|<body(?=[\s/>])", re.IGNORECASE)
_TITLE = re.compile(r"<title(?=[\s/>])[^>]*+>([^<]*+)", re.IGNORECASE)
# Elements within a word or line; all others part words, unknown ones too.
_INLINE_NAMES = """
a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd mark nobr q s samp small span
strike strong sub sup time tt u var wbr
"""
_INLINE = frozenset(_INLINE_NAMES.split())
_TOLD = re.compile(
    r"""[\s"'/](alt|title|href)\s*+=\s*+(?:"([^"]*+)|'([^']*+)|([^\s"'>]++))""", re.IGNORECASE
)
_HOST = re.compile(r"\s*+(?:https?:)?//(?:[^/?#@\s]*+@)?([^/?#:@\s]++)|\s*+mailto:([^?\s]++)", re.I)
_LONG_NUMBER = re.compile("&#[0-9]{8,}+;?+")
_TOLD_TAGS_MAX = 100_000


def text_of_html(markup: str) -> str:
    """Everything in HTML that a reader can come across; never raises, takes linear time.

    Besides the text: the title, `alt` where the picture stands, and behind all the text each
    `title` attribute and where links lead (host of an address, or the mail address), each once.
    Scripts, styles, templates, comments and the rest of the head are left out. Elements part
    words except those within a line: `<b>foo</b>bar` is one word. White space is not collapsed.
    What lies behind `MARKUP_MAX` characters is not read.
    """
    text = _replaced(_HIDDEN, _hidden, markup[:MARKUP_MAX])
    text = _without_head(text)
    told: dict[str, None] = {}

    def replace(tag: re.Match[str]) -> str:
        name = tag[1]
        if name is None:
            return " "
        parting = "" if name.lower() in _INLINE else " "
        whole = tag[0]
        if "=" not in whole:
            return parting
        return _told(whole, parting, told)

    text = _replaced(_TAG, replace, text)
    if told:
        text = "\n".join((text, *told))
    return resolved(text)


def visible_text(markup: str) -> str:
    """Only what stands in the body, for previews; white space is not collapsed.

    Never raises, takes linear time.
    """
    text = _without_head(_replaced(_HIDDEN_OR_TITLE, _hidden, markup[:MARKUP_MAX]))
    return resolved(_replaced(_TAG, _space, text))


def _replaced(patterns: _Patterns, replace: Callable[[re.Match[str]], str], text: str) -> str:
    """The text with what is found replaced."""
    for_short, for_long = patterns
    if len(text) <= _LONG:
        return for_short.sub(replace, text)
    return for_long.sub(lambda found: found[2] or replace(found), text)


def _hidden(hidden: re.Match[str]) -> str:
    return "" if hidden[1] is None else " "  # comments part no words


def _space(tag: re.Match[str]) -> str:
    name = tag[1]
    return "" if name is not None and name.lower() in _INLINE else " "


def _without_head(text: str) -> str:
    """The head replaced by its title; a head that is never closed stays."""
    start = _HEAD.search(text)
    end = _HEAD_END.search(text, start.end()) if start else None
    if start is None or end is None:
        return text
    title = _TITLE.search(text, start.end(), end.start())
    return f"{text[: start.start()]} {title[1] if title else ''} {text[end.start() :]}"


def _told(tag: str, parting: str, told: dict[str, None]) -> str:
    """What replaces a tag; text in its attributes that stands elsewhere goes to `told`."""
    alt = ""
    for one in _TOLD.finditer(tag):
        value = one[2] or one[3] or one[4] or ""
        name = one[1].lower()
        if name == "alt":
            alt = f" {value} "
        elif len(told) < _TOLD_TAGS_MAX:
            if name == "title":
                told[value] = None
            elif host := _HOST.match(value):
                told[host[1] or host[2]] = None
    return alt or parting


def resolved(text: str) -> str:
    """A text with its character references resolved; never raises, takes linear time."""
    if "&" not in text:
        return text
    import html  # with 2,231 names of characters; many servers never see such a message

    # No such number is a character, and the library fails at reading very long ones.
    return html.unescape(_LONG_NUMBER.sub("\ufffd", text))
