"""Links and mail addresses in text and HTML, as checks of incoming mail look at them.

Bounded and linear in the length of the text, whatever it holds. Not for showing links to people:
what comes out is normalized. Called by `pipeline/inbound/checks/content` and `uri_lists`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from pillarbox.base.errors import GrammarError
from pillarbox.formats.address import ascii_domain
from pillarbox.formats.text.html import ATTRIBUTES, COMMENT, RAW, resolved, visible_text
from pillarbox.formats.text.url_host import HostReader

TEXT_MAX = 512 * 1024
"""Characters of a text that are read."""
LINKS_MAX = 500
ADDRESSES_MAX = 200
TRIED_MAX = 5000
"""So many things that look like links or addresses are looked at."""
URL_MAX = 2000
SHOWN_MAX = 300


@dataclass(frozen=True, slots=True)
class Link:
    """Where a link leads; `url` as written, but for disguises such as `hxxp` and `[.]`.

    `host` is in A-labels and lower case, or an address of an IP (IPv6 without brackets). `shown` is
    the text of an HTML link (white space collapsed, 300 characters at most), and `shown_host` the
    host that this text claims to lead to; both are empty in plain text.
    """

    url: str
    host: str
    shown: str = ""
    shown_host: str = ""


@dataclass(frozen=True, slots=True)
class Links:
    """What was found, each once and in order; addresses in lower case, domains as A-labels."""

    links: tuple[Link, ...] = ()
    addresses: tuple[str, ...] = ()

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that are led to, each once."""
        return tuple(dict.fromkeys(one.host for one in self.links))


def links_in_text(text: str) -> Links:
    """The links and addresses of plain text; never raises."""
    finder = _Finder()
    finder.read_text(text[:TEXT_MAX])
    return finder.links


def links_in_html(markup: str, shown: str | None = None) -> Links:
    """The links and addresses of HTML, of its attributes and of its visible text; never raises.

    `shown` is that text, where it is known already.
    """
    finder = _Finder()
    finder.read_html(markup[:TEXT_MAX])
    finder.read_text(visible_text(markup[:TEXT_MAX]) if shown is None else shown[:TEXT_MAX])
    return finder.links


_DOT = r"(?:\.|[\[({]\s?(?:\.|dot)\s?[\])}])"
_DOTS = re.compile(r"[\[({]\s?(?:\.|dot)\s?[\])}]", re.IGNORECASE)
_END = r"\s<>\"`“”«»‘’，；！？）】》」』"
_SCHEME = r"(?:h(?:tt|xx)p(s?+)|(ftp|fxp))(?::|\[:\])(?://|\\\\)"
_ATEXT = r"A-Za-z0-9.!#$%&'*+/=?^_{|}~\-"
_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_IN_TEXT = re.compile(
    rf"(?<![A-Za-z0-9]){_SCHEME}([^{_END}]{{1,{URL_MAX}}}+)"
    rf"|(?<![\w.@-])(www[0-9]{{0,3}}{_DOT}[^{_END}]{{1,{URL_MAX}}}+)"
    rf"|(?<![{_ATEXT}])([{_ATEXT}]{{1,64}}+@{_LABEL}(?:\.{_LABEL}){{1,16}}+)(?![\w-])"
    rf"|(?<![\w.@/:=-])((?:[\w-]{{1,63}}+{_DOT}){{1,16}}+[A-Za-z]{{2,24}}/[^{_END}]{{0,{URL_MAX}}}+)",
    re.IGNORECASE,
)
_AROUND = 2
_TRAILING = ".,;:!?'*_|。、"
_CLOSING = {")": "(", "]": "[", "}": "{"}

_TOKEN = re.compile(
    rf"{COMMENT}|{RAW.format('style|script|template')}"
    rf"|<(/?)([A-Za-z][^\s/>]*+)({ATTRIBUTES})|<[!?/][^>]*+(?:>|\Z)",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(
    r"""[\s/]*+([^\s/>=]++)(?:\s*+=\s*+(?:"([^"]*+)"?+|'([^']*+)'?+|([^\s>]++)))?+"""
)
_LEADING = frozenset(["href", "src", "action", "formaction", "background", "poster", "xlink:href"])
_ATTRIBUTE_MAX = 4 * URL_MAX
_BREAKS = re.compile(r"[\t\r\n]++")
_LEADS = re.compile(r"(https?:|ftp:)?[/\\]{2}+(?=[^/\\])|(?=www\.)|(https?:)[/\\]?(?=[^/\\])", re.I)
_AUTHORITY_END = re.compile(r"[/\\?#]")
_BARE_HOST = re.compile(rf"((?:{_LABEL}\.)++([A-Za-z]{{2,24}}))(?:[/?#:]\S*+)?\Z")
_FILE_NAMES = frozenset(
    [
        "avi",
        "bmp",
        "csv",
        "doc",
        "docx",
        "eml",
        "exe",
        "gif",
        "gz",
        "htm",
        "html",
        "ics",
        "jpeg",
        "jpg",
        "js",
        "json",
        "mov",
        "mp3",
        "mp4",
        "odp",
        "ods",
        "odt",
        "pdf",
        "php",
        "png",
        "ppt",
        "pptx",
        "rar",
        "rtf",
        "svg",
        "tar",
        "tif",
        "tiff",
        "txt",
        "vcf",
        "wav",
        "webp",
        "xls",
        "xlsx",
        "xml",
        "zip",
    ]
)


class _Finder:
    """Collects from one message part; counts what it looks at."""

    def __init__(self) -> None:
        self._links: dict[Link, None] = {}
        self._addresses: dict[str, None] = {}
        self._tried = 0
        self._hosts = HostReader()

    @property
    def links(self) -> Links:
        return Links(tuple(self._links), tuple(self._addresses))

    def read_text(self, text: str) -> None:
        for hit in (hit for piece in _promising(text) for hit in _IN_TEXT.finditer(piece)):
            if not self._may_try():
                return
            secure, other, rest, www, address, bare = hit.groups()
            if address is not None:
                self._add_address(address)
                continue
            written = _without_tail(rest or www or bare)
            scheme = "http" if other is None else "ftp"
            self._add(f"{scheme}{(secure or '').lower()}://{_plain(written)}")

    def read_html(self, markup: str) -> None:
        """Attributes that lead somewhere, and what anchors show."""
        anchor: list[str] = []
        shown: list[str] = []
        size = at = 0
        for hit in _TOKEN.finditer(markup):
            if anchor and size < SHOWN_MAX:
                piece = markup[at : min(hit.start(), at + _ATTRIBUTE_MAX)]
                shown.append(piece)
                size += len(piece)
            at = hit.end()
            closing, name, attributes = hit[2], hit[3], hit[4]
            if name is None:
                continue
            is_anchor = name.lower() == "a"
            if is_anchor:
                self._add_anchor(anchor, shown)
                anchor, shown, size = [], [], 0
            elif anchor:
                shown.append(" " if name.lower() in ("br", "p", "div", "td", "li") else "")
            if not closing and "=" in attributes:
                found = self._leading(attributes)
                if is_anchor:
                    anchor = found
                else:
                    self._add_anchor(found, [])
        if anchor:
            self._add_anchor(anchor, [*shown, markup[at : at + SHOWN_MAX]])

    def _leading(self, attributes: str) -> list[str]:
        """Where the attributes of a tag lead: URLs."""
        found: list[str] = []
        for hit in _ATTRIBUTE.finditer(attributes):
            if hit[1].lower() not in _LEADING or not self._may_try():
                continue
            value = (hit[2] or hit[3] or hit[4] or "")[:_ATTRIBUTE_MAX]
            url = _BREAKS.sub("", resolved(value)).strip()[:URL_MAX]
            if url[:7].lower() == "mailto:":
                for one in unquote(url[7:].partition("?")[0]).split(",")[:10]:
                    self._add_address(one.strip())
            elif url:
                found.append(url)
        return found

    def _add_anchor(self, urls: list[str], shown: list[str]) -> None:
        if not urls:
            return
        text = " ".join(resolved("".join(shown)[:_ATTRIBUTE_MAX]).split())[:SHOWN_MAX]
        shown_host = self._shown_host(text)
        for url in urls:
            self._add(url, text, shown_host)

    def _shown_host(self, text: str) -> str:
        """The host that a text names, if it is an address or looks like one."""
        hit = _IN_TEXT.search(text)
        if hit is not None and hit[5] is None:
            return self._host(f"//{_plain(_without_tail(hit[3] or hit[4] or hit[6]))}")
        bare = _BARE_HOST.match(_DOTS.sub(".", text))
        if bare is None or bare[2].lower() in _FILE_NAMES:
            return ""
        return self._hosts.read(bare[1])

    def _add(self, url: str, shown: str = "", shown_host: str = "") -> None:
        host = self._host(url)
        if host and len(self._links) < LINKS_MAX:
            self._links[Link(url, host, shown, shown_host)] = None

    def _host(self, url: str) -> str:
        lead = _LEADS.match(url)
        if lead is None:
            return ""
        rest = url[lead.end() : lead.end() + URL_MAX]
        end = _AUTHORITY_END.search(rest)
        authority = rest[: end.start()] if end else rest
        return self._hosts.read(authority.rpartition("@")[2])

    def _add_address(self, address: str) -> None:
        local, _, domain = address.rpartition("@")
        if not local or len(self._addresses) >= ADDRESSES_MAX or not local.isprintable():
            return
        try:
            known = ascii_domain(domain) if domain.isascii() else self._hosts.read(domain)
        except GrammarError:
            return
        if known and " " not in local and len(local) <= 64:
            self._addresses[f"{local.lower()}@{known}"] = None

    def _may_try(self) -> bool:
        self._tried += 1
        return self._tried <= TRIED_MAX


def _promising(text: str) -> Iterator[str]:
    """The lines of a text that may have something, with two around each: most of prose has nothing.

    Nothing is found without one of these signs. A dot in brackets may go over the end of a line.
    """
    lines = text.split("\n")
    first = last = -1
    for number, line in enumerate(lines):
        if "/" in line or "@" in line or "\\" in line or "www" in line.lower():
            if first >= 0 and number - last > _AROUND:
                yield "\n".join(lines[first : last + 1])
                first = -1
            if first < 0:
                first = max(last + 1, number - _AROUND)
            last = number + _AROUND
    if first >= 0:
        yield "\n".join(lines[first : last + 1])


def _without_tail(url: str) -> str:
    """A URL in a text without what belongs to the sentence around it."""
    while url:
        last = url[-1]
        if last in _TRAILING:
            url = url.rstrip(_TRAILING)
        elif last in _CLOSING and url.count(last) > url.count(_CLOSING[last]):
            # Only the unbalanced ones, all at once, so that many take no longer than few.
            surplus = url.count(last) - url.count(_CLOSING[last])
            run = len(url) - len(url.rstrip(last))
            url = url[: len(url) - min(surplus, run)]
        else:
            break
    return url


def _plain(url: str) -> str:
    """A URL without what keeps programs from seeing it as one."""
    return _DOTS.sub(".", url)
