"""The tokens of a message, from which a filter learns what spam looks like.

Words of the header, each with where it stood; hosts of links; what HTML is made of; kinds of
attachments; the words of the text and pairs of neighbours (sparse bigrams, so that phrases count).
Linear in the length of the text and bounded in everything. The same message gives the same tokens,
for what was learnt of it must be taken back one day. Not for search (`words`).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from pillarbox.formats.text.fold import folded
from pillarbox.formats.text.html import visible_text
from pillarbox.formats.text.words import UNSPACED

TOKENS_MOST = 1500
"""Distinct tokens of a message."""
TEXT_CHARACTERS = 48 * 1024
"""Of all texts of a message together; of markup four times as many."""
WORDS_MOST = 600
"""Words of the text, from its beginning."""
WORD_CHARACTERS = 24
"""Longer words are cut and told by their length."""
FIELD_WORDS_MOST = 60
LINKS_MOST = 60
FIELDS_MOST = 100
_HEADER_TOKENS_MOST = 500
_FIELD_CHARACTERS = 2000
_MARKUP_MOST = 80

_WORD = re.compile(
    rf"([{UNSPACED}]{{1,200}})|[$€£¥]?[^\W_{UNSPACED}]+(?:['’.@-][^\W_{UNSPACED}]+){{0,4}}[!%]?"
)
_NUMBER = re.compile(r"[\d.]+%?")
_LINK = re.compile(
    r"(?:https?:)?//([^\s/?#\"'<>()\\]{1,255})|mailto:[^\s@?\"'<>]{1,64}@([\w.-]{1,255})"
)
_TAG = re.compile(r"<([a-z][a-z0-9]{0,15})(?=[\s/>])([^<>]{0,500})", re.IGNORECASE)
_STYLE = re.compile(
    r"(display\s{0,3}:\s{0,3}none|visibility\s{0,3}:\s{0,3}hidden|font-size\s{0,3}:\s{0,3}[01]\s{0,3}(?:px|pt)?"
    r"|color\s{0,3}[:=]\s{0,3}[\"']?#?[\w]{3,12})",
    re.IGNORECASE,
)
_OF_FORM = re.compile(
    rb"(?:has|is|tag|style|host|mime-version|content-type|content-transfer-encoding|x-mailer"
    rb"|user-agent|x-priority|precedence|errors-to):|is html\Z"
)
_PUNCTUATION = re.compile(r"[._-]+")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class TokenSource:
    """What tokens are taken from; all of it decoded text, in any length.

    `fields` are (name in lower case, value) of the header in order. `hosts` are names and addresses
    of hosts that the message came over. `facts` say how it is built (`text/html`, `utf-8`);
    `texts` are (subtype, text) of parts that are shown; `files` names of attachments.
    """

    senders: Sequence[str] = ()
    subject: str = ""
    fields: Sequence[tuple[str, str]] = ()
    hosts: Sequence[str] = ()
    facts: Sequence[str] = ()
    texts: Sequence[tuple[str, str]] = ()
    files: Sequence[str] = ()


def tokens(source: TokenSource) -> tuple[bytes, ...]:
    """The distinct tokens of a message, at most `TOKENS_MOST` of some hundred octets; never fails.

    What tells most comes first, so that a long text does not push it out.
    """
    found: dict[str, None] = dict.fromkeys(islice(_of_header(source), _HEADER_TOKENS_MOST))
    words: list[str] = []
    room = TEXT_CHARACTERS
    for subtype, text in source.texts:
        if subtype == "html":
            markup = text[: 4 * room]
            found.update(dict.fromkeys(_of_markup(markup)))
            text = visible_text(markup)
        found.update(dict.fromkeys(_of_links(text[:room])))
        if room and len(words) < WORDS_MOST:
            words += islice(_words(text[:room]), WORDS_MOST - len(words))
        room -= min(len(text), room)
    found.update(dict.fromkeys(words))
    # Behind all words, for a pair says less when there is no room for everything.
    found.update((f"{one} {two}", None) for one, two in pairwise(words))
    found.update((f"{one} _ {two}", None) for one, two in zip(words, words[2:], strict=False))
    return tuple(token.encode("utf-8", "replace") for token in islice(found, TOKENS_MOST))


def is_of_form(token: bytes) -> bool:
    """Whether a token tells only how a message was made and sent, as all mail of a provider is."""
    return _OF_FORM.match(token) is not None


def _of_header(source: TokenSource) -> Iterator[str]:
    for address in source.senders[:5]:
        address = address.lower()[:200]
        yield f"from:{address}"
        yield from _parts_of_host("from", address.rpartition("@")[2])
    yield from _marked("subject", source.subject)
    letters = [one for one in source.subject[:200] if one.isalpha()]
    if len(letters) > 8 and sum(map(str.isupper, letters)) > 0.7 * len(letters):
        yield "subject is capitals"
    for fact in source.facts[:40]:
        yield f"is:{fact.lower()[:100]}"
    for host in source.hosts[:20]:
        yield from _parts_of_host("host", host.lower()[:200])
    for name, value in source.fields[:FIELDS_MOST]:
        yield f"has:{name[:60]}"
        if value:
            yield from _marked(name[:60], value)
    for name in source.files[:20]:
        yield f"file:.{name.rpartition('.')[2].lower()[:10]}"
        yield from islice(_marked("file", _PUNCTUATION.sub(" ", name[:200])), 10)


def _parts_of_host(mark: str, host: str) -> Iterator[str]:
    """A host, and the names or network it belongs to, but for the last label."""
    host = host.strip("[]. ")
    if not host:
        return
    yield f"{mark}:{host}"
    if host.replace(".", "").isdigit():
        yield f"{mark}:{host.rpartition('.')[0]}."
        return
    labels = host.split(".")
    for start in range(max(1, len(labels) - 3), len(labels) - 1):
        yield f"{mark}:.{'.'.join(labels[start:])}"


def _marked(mark: str, text: str) -> Iterator[str]:
    for word in islice(_words(text[:_FIELD_CHARACTERS]), FIELD_WORDS_MOST):
        yield f"{mark}:{word}"


def _of_links(text: str) -> Iterator[str]:
    for match in islice(_LINK.finditer(text), LINKS_MOST):
        host = (match[1] or match[2] or "").lower().rpartition("@")[2].partition(":")[0]
        yield from _parts_of_host("link", host)


def _of_markup(markup: str) -> Iterator[str]:
    yield "is html"
    seen: set[str] = set()
    for match in islice(_TAG.finditer(markup), 3000):
        name = match[1].lower()
        if name not in seen and len(seen) < _MARKUP_MOST:
            seen.add(name)
            yield f"tag:{name}"
        if "=" not in match[2]:
            continue
        if name in ("a", "img", "form", "link", "area", "iframe"):
            yield from _of_links(match[2])
        for style in islice(_STYLE.finditer(match[2]), 10):
            if len(seen) < _MARKUP_MOST:
                seen.add(told := _SPACE.sub("", style[1].lower()))
                yield f"style:{told}"


def _words(text: str) -> Iterator[str]:
    """The words of a text in order, folded; of scripts without spaces pairs of characters."""
    for match in _WORD.finditer(folded(text)):
        word = match[0]
        if match[1]:
            yield from map("".join, pairwise(word)) if len(word) > 1 else (word,)
        elif len(word) > WORD_CHARACTERS:
            yield f"{word[:WORD_CHARACTERS]}…{len(word) // 10}"
        elif len(word) > 4 and _NUMBER.fullmatch(word):
            yield f"#{len(word)}"
        elif len(word) > 1:
            yield word
