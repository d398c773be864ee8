"""Text of RTF files.

One pass, linear; destinations that hold no text of the document are left out. Called by `extract`.
"""

import re

from pillarbox.formats.text.collected import Collected

DEPTH_MAX = 1000
_TOKEN = re.compile(
    rb"\\(?:([a-zA-Z]{1,32})(-?[0-9]{1,9})? ?|'([0-9a-fA-F]{2})|([^a-zA-Z]))|([{}])"
    rb"|[\r\n]+|([^\\{}\r\n]+)"
)
_SPACING = {
    **dict.fromkeys((b"par", b"line", b"sect", b"page", b"row", b"column"), "\n"),
    **dict.fromkeys((b"tab", b"cell", b"nestcell"), "\t"),
    **dict.fromkeys((b"emspace", b"enspace", b"qmspace"), " "),
    b"emdash": "—",
    b"endash": "–",
    b"bullet": "•",
    b"lquote": "‘",
    b"rquote": "’",
    b"ldblquote": "“",
    b"rdblquote": "”",
}
_LEFT_OUT = frozenset(
    (
        *(b"fonttbl", b"colortbl", b"stylesheet", b"listtable", b"listoverridetable", b"rsidtbl"),
        *(b"pict", b"objdata", b"themedata", b"colorschememapping", b"latentstyles", b"datastore"),
        *(b"generator", b"fldinst", b"xmlnstbl", b"filetbl", b"revtbl", b"bkmkstart", b"bkmkend"),
        *(b"operator", b"creatim", b"revtim", b"printim", b"buptim", b"pntext", b"panose"),
    )
)
# Groups marked as to be left out where they aren't known, but which hold text.
_KNOWN_STARRED = frozenset((b"annotation", b"shptxt", b"footnote", b"title", b"subject", b"atnid"))
_ASCII_CODES = {b"mac": "mac_roman", b"pc": "cp437", b"pca": "cp850"}


class _Group:
    __slots__ = ("hidden", "skip")

    def __init__(self, hidden: bool, skip: int) -> None:
        self.hidden = hidden
        self.skip = skip
        """How many characters stand for a Unicode one for readers that don't know it."""


def rtf_text(data: bytes, characters: int) -> str:
    """The text of an RTF file; never raises."""
    reader = _Reader(Collected(characters))
    at = 0
    while at < len(data) and not reader.out.full:
        token = _TOKEN.match(data, at)
        if token is None:
            at += 1
            continue
        at = token.end() + reader.take(token)
    reader.flush()
    return reader.out.text()


class _Reader:
    def __init__(self, out: Collected) -> None:
        self.out = out
        self._group = _Group(False, 1)
        self._outer: list[_Group] = []
        self._too_deep = 0
        self._codec = "cp1252"
        self._raw = bytearray()
        self._units: list[int] = []
        self._to_skip = 0
        self._starred = False

    def take(self, token: re.Match[bytes]) -> int:
        """Take one token; gives how many bytes of binary data come behind it."""
        word, number, code, symbol, brace, plain = token.groups()
        if word is not None:
            return self._word(word, number)
        if code is not None:
            self._bytes(bytes.fromhex(code.decode("ascii")))
        elif brace is not None:
            self._brace(brace)
        elif symbol is not None:
            self._symbol(symbol)
        elif plain is not None:
            self._bytes(plain)
        return 0

    def flush(self) -> None:
        """What was put together of single bytes and code units becomes text."""
        if self._raw:
            self.out.add(self._raw.decode(self._codec, "replace"))
            self._raw.clear()
        if self._units:
            units = b"".join([unit.to_bytes(2, "little") for unit in self._units])
            self.out.add(units.decode("utf-16-le", "replace"))
            self._units.clear()

    def _brace(self, brace: bytes) -> None:
        self.flush()
        self._to_skip = 0
        self._starred = False
        if brace == b"{":
            if len(self._outer) >= DEPTH_MAX:
                self._too_deep += 1
                return
            self._outer.append(self._group)
            self._group = _Group(self._group.hidden, self._group.skip)
        elif self._too_deep:
            self._too_deep -= 1
        elif self._outer:
            self._group = self._outer.pop()

    def _symbol(self, symbol: bytes) -> None:
        if symbol == b"*":
            self._starred = True
        elif symbol in b"\\{}":
            self._bytes(symbol)
        else:
            self._text({b"~": " ", b"_": "-", b"\r": "\n", b"\n": "\n"}.get(symbol, ""))

    def _word(self, word: bytes, number: bytes | None) -> int:
        starred, self._starred = self._starred, False
        value = int(number) if number is not None else 0
        if word == b"bin":
            return max(0, value)
        if word in _LEFT_OUT or (starred and word not in _KNOWN_STARRED):
            self._group.hidden = True
        elif word == b"u" and number is not None:
            self._unit(value)
        elif word == b"uc":
            self._group.skip = max(0, min(value, 100))
        elif word == b"ansicpg":
            self._codec = _codec(f"cp{value}")
        elif word in _ASCII_CODES:
            self._codec = _ASCII_CODES[word]
        elif word in _SPACING:
            self._text(_SPACING[word])
        return 0

    def _unit(self, value: int) -> None:
        if self._raw:
            self.flush()
        if not self._group.hidden:
            self._units.append(value & 0xFFFF)
        self._to_skip = self._group.skip

    def _bytes(self, raw: bytes) -> None:
        skipped = min(self._to_skip, len(raw))
        self._to_skip -= skipped
        raw = raw[skipped:]
        if not raw or self._group.hidden:
            return
        if self._units:
            self.flush()
        self._raw += raw
        if len(self._raw) > 1 << 16:
            self.flush()

    def _text(self, text: str) -> None:
        if not self._group.hidden:
            self.flush()
            self.out.add(text)


def _codec(name: str) -> str:
    if name == "cp65001":
        return "utf-8"
    try:
        "".encode(name)
    except LookupError:
        return "cp1252"
    return name
