"""The text of HTML without its markup, for search and previews.

One pass of regular expressions each, none of which looks at a place twice, instead of a parser:
no tree is needed, and the standard library's parser takes quadratic time for some input. Not for
showing a message: what comes out is text, and may hold `<`. Called by `searchable` and `preview`.
"""

import re

MARKUP_MAX = 8 << 20
"""Characters of markup that are read."""

# Where an end is missing, the rest is swallowed, as browsers do; so nothing is scanned twice.
_ATTRIBUTES = r"""(?:[^>=]++|=\s*+(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z))?+)*+(?:>|\Z)"""
_TAG = re.compile(rf"</?([A-Za-z][^\s/>]*+){_ATTRIBUTES}|<[!?/][^>]*+(?:>|\Z)")
_COMMENT = r"<!--(?:-?>|.*?(?:--!?>|\Z))"
_RAW = r"<({})(?=[\s/>])" + _ATTRIBUTES + r".*?(?:</\1(?=[\s/>])[^>]*+(?:>|\Z)|\Z)"
_FLAGS = re.DOTALL | re.IGNORECASE
_HIDDEN = re.compile(f"{_COMMENT}|{_RAW.format('style|script|template')}", _FLAGS)
_HIDDEN_OR_TITLE = re.compile(f"{_COMMENT}|{_RAW.format('style|script|template|title')}", _FLAGS)
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
    text = _HIDDEN.sub(_hidden, markup[:MARKUP_MAX])
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

    text = _TAG.sub(replace, text)
    if told:
        text = "\n".join((text, *told))
    return _characters(text)


def visible_text(markup: str) -> str:
    """Only what stands in the body, for previews; white space is not collapsed.

    Never raises, takes linear time.
    """
    text = _without_head(_HIDDEN_OR_TITLE.sub(_hidden, markup[:MARKUP_MAX]))
    return _characters(_TAG.sub(_space, text))


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
    for name, double, single, bare in _TOLD.findall(tag):
        value = double or single or bare
        name = name.lower()
        if name == "alt":
            alt = f" {value} "
        elif len(told) < _TOLD_TAGS_MAX:
            if name == "title":
                told[value] = None
            elif host := _HOST.match(value):
                told[host[1] or host[2]] = None
    return alt or parting


def _characters(text: str) -> str:
    """Character references resolved."""
    if "&" not in text:
        return text
    import html  # with 2,231 names of characters; many servers never see such a message

    # No such number is a character, and the library fails at reading very long ones.
    return html.unescape(_LONG_NUMBER.sub("\ufffd", text))
