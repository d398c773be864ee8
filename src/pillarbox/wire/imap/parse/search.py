"""SEARCH and UID SEARCH: keys, result options and charsets (RFC 9051 §6.4.4, RFC 4731).

SORT, THREAD and ESEARCH read their keys and options here too. Another search key is one line in a
tuple of `_KEYS`, with its parser.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

from pillarbox.wire.imap.parse import search_keys as k
from pillarbox.wire.imap.parse.command import CommandEntry, RefusedError
from pillarbox.wire.imap.parse.partial import PartialRange, parse_partial_range
from pillarbox.wire.imap.tokens import MAX_DEPTH, Tokens

MAX_KEYS = 2_000
RETURN_OPTIONS = frozenset({"MIN", "MAX", "ALL", "COUNT", "SAVE", "PARTIAL", "RELEVANCY"})
CHARSETS = MappingProxyType(
    {"US-ASCII": "ascii", "ASCII": "ascii", "UTF-8": "utf-8", "ISO-8859-1": "iso-8859-1"}
)
"""Charset names that are understood, and the codec for each."""

_WORD = re.compile(rb"[A-Za-z]+")
_OBJECT_ID = re.compile(rb"[A-Za-z0-9_-]{1,255}")
_SYSTEM = ("Answered", "Deleted", "Draft", "Flagged", "Seen")


@dataclass(frozen=True, slots=True)
class Search:
    """A search; `returns` is None for the plain form, answered with SEARCH in IMAP4rev1.

    An empty RETURN list comes as ALL (RFC 9051 §6.4.4). `partial` comes with PARTIAL among
    `returns`; `charset` is None where none was named.
    """

    key: k.SearchKey
    returns: frozenset[str] | None = None
    charset: str | None = None
    uid: bool = False
    partial: PartialRange | None = None


class _State:
    """What goes along while keys are read: the codec of strings, and the limits used up."""

    __slots__ = ("codec", "count", "tokens")

    def __init__(self, tokens: Tokens, codec: str) -> None:
        self.tokens = tokens
        self.codec = codec
        self.count = 0

    def text(self) -> str:
        """A space and a string in the charset of the search."""
        self.tokens.sp()
        try:
            return self.tokens.astring().decode(self.codec)
        except UnicodeDecodeError:
            raise self.tokens.fault("text is not in the charset of the search") from None


KeyParser = Callable[[_State, int], k.SearchKey]


def _constant(key: k.SearchKey) -> KeyParser:
    return lambda state, depth: key


def _header_of(field: str) -> KeyParser:
    return lambda state, depth: k.HeaderKey(field, state.text(), envelope=True)


def _header(state: _State, depth: int) -> k.SearchKey:
    state.tokens.sp()
    field = state.tokens.astring_text()
    return k.HeaderKey(field, state.text())


def _keyword(present: bool) -> KeyParser:
    def parse(state: _State, depth: int) -> k.SearchKey:
        state.tokens.sp()
        return k.FlagKey(state.tokens.atom(), present)

    return parse


def _date(field: k.DateField, order: k.DateOrder) -> KeyParser:
    def parse(state: _State, depth: int) -> k.SearchKey:
        state.tokens.sp()
        return k.DateKey(field, order, state.tokens.date())

    return parse


def _size(make: Callable[[int], k.SearchKey]) -> KeyParser:
    def parse(state: _State, depth: int) -> k.SearchKey:
        state.tokens.sp()
        return make(state.tokens.number64())

    return parse


def _within(younger: bool) -> KeyParser:
    def parse(state: _State, depth: int) -> k.SearchKey:
        state.tokens.sp()
        return k.WithinKey(state.tokens.nz_number(), younger)

    return parse


def _object_id(make: Callable[[str], k.SearchKey]) -> KeyParser:
    def parse(state: _State, depth: int) -> k.SearchKey:
        state.tokens.sp()
        found = state.tokens.match(_OBJECT_ID)
        if found is None:
            raise state.tokens.fault("expected an object id")
        return make(found.group().decode("ascii"))

    return parse


def _uid(state: _State, depth: int) -> k.SearchKey:
    state.tokens.sp()
    return k.SequenceKey(state.tokens.sequence_set(), uid=True)


def _modseq(state: _State, depth: int) -> k.SearchKey:
    """`MODSEQ ["/flags/…" all|priv|shared] n` (RFC 7162 §3.1.5)."""
    tokens = state.tokens
    tokens.sp()
    if tokens.at(b'"'):
        tokens.string()
        tokens.sp()
        if tokens.keyword() not in ("ALL", "PRIV", "SHARED"):
            raise tokens.fault("unknown entry type")
        tokens.sp()
    return k.ModSeqKey(tokens.number64())


def _not(state: _State, depth: int) -> k.SearchKey:
    state.tokens.sp()
    return k.NotKey(_key(state, depth + 1))


def _fuzzy(state: _State, depth: int) -> k.SearchKey:
    state.tokens.sp()
    return k.FuzzyKey(_key(state, depth + 1))


def _or(state: _State, depth: int) -> k.SearchKey:
    state.tokens.sp()
    left = _key(state, depth + 1)
    state.tokens.sp()
    return k.OrKey(left, _key(state, depth + 1))


_FLAGS: tuple[tuple[str, KeyParser], ...] = (
    *((name.upper(), _constant(k.FlagKey("\\" + name))) for name in _SYSTEM),
    *(("UN" + name.upper(), _constant(k.FlagKey("\\" + name, present=False))) for name in _SYSTEM),
    ("RECENT", _constant(k.FlagKey(r"\Recent"))),
    ("OLD", _constant(k.FlagKey(r"\Recent", present=False))),
    (
        "NEW",
        _constant(k.AndKey((k.FlagKey(r"\Recent"), k.FlagKey(r"\Seen", present=False)))),
    ),
    ("KEYWORD", _keyword(True)),
    ("UNKEYWORD", _keyword(False)),
)
_DATES: tuple[tuple[str, KeyParser], ...] = tuple(
    (prefix + order.name, _date(field, order))
    for prefix, field in (
        ("", k.DateField.INTERNAL),
        ("SENT", k.DateField.SENT),
        ("SAVED", k.DateField.SAVED),
    )
    for order in k.DateOrder
)
_TEXTS: tuple[tuple[str, KeyParser], ...] = (
    *((name.upper(), _header_of(name)) for name in ("Bcc", "Cc", "From", "Subject", "To")),
    ("HEADER", _header),
    ("BODY", lambda state, depth: k.BodyKey(state.text())),
    ("TEXT", lambda state, depth: k.TextKey(state.text())),
)
_OTHERS: tuple[tuple[str, KeyParser], ...] = (
    ("ALL", _constant(k.AllKey())),
    ("LARGER", _size(k.LargerKey)),
    ("SMALLER", _size(k.SmallerKey)),
    ("OLDER", _within(False)),
    ("YOUNGER", _within(True)),
    ("UID", _uid),
    ("MODSEQ", _modseq),
    ("EMAILID", _object_id(k.EmailIdKey)),
    ("THREADID", _object_id(k.ThreadIdKey)),
    ("SAVEDATESUPPORTED", _constant(k.SaveDateSupportedKey())),
    ("NOT", _not),
    ("OR", _or),
    ("FUZZY", _fuzzy),
)
_KEYS: MappingProxyType[bytes, KeyParser] = MappingProxyType(
    {name.encode("ascii"): parser for name, parser in (*_FLAGS, *_DATES, *_TEXTS, *_OTHERS)}
)


def _key(state: _State, depth: int) -> k.SearchKey:
    """One key; `depth` counts NOT, OR and parentheses around it."""
    tokens = state.tokens
    if depth > MAX_DEPTH:
        raise tokens.fault("search keys nested too deep")
    state.count += 1
    if state.count > MAX_KEYS:
        raise tokens.fault("too many search keys")
    found = tokens.match(_WORD)
    if found is not None:
        parser = _KEYS.get(found.group().upper())
        if parser is None:
            raise tokens.fault("unknown search key")
        return parser(state, depth)
    if tokens.skip(b"("):
        keys = [_key(state, depth + 1)]
        while not tokens.skip(b")"):
            tokens.sp()
            keys.append(_key(state, depth + 1))
        return keys[0] if len(keys) == 1 else k.AndKey(tuple(keys))
    return k.SequenceKey(tokens.sequence_set())


def parse_search_keys(
    tokens: Tokens, charset: str | None = None, *, saves: bool = False
) -> k.SearchKey:
    """Keys up to the end of the command, all of which must hold; SORT and THREAD have them too.

    RefusedError with BADCHARSET where the charset is not known.
    """
    codec = CHARSETS.get(charset or "UTF-8")
    if codec is None:
        code = "BADCHARSET (US-ASCII UTF-8 ISO-8859-1)"
        raise RefusedError("charset is not known", 0, code, empties_result=saves)
    state = _State(tokens, codec)
    keys = [_key(state, 0)]
    while not tokens.at_end():
        tokens.sp()
        keys.append(_key(state, 0))
    return keys[0] if len(keys) == 1 else k.AndKey(tuple(keys))


@dataclass(frozen=True, slots=True)
class ReturnOptions:
    """What is to be told of a result; `names` is None where no RETURN stood there."""

    names: frozenset[str] | None = None
    partial: PartialRange | None = None

    @property
    def saves(self) -> bool:
        """Whether the result is to be kept for `$`."""
        return self.names is not None and "SAVE" in self.names

    def check(self, tokens: Tokens, key: k.SearchKey) -> None:
        """Refuse RELEVANCY of a search without FUZZY (RFC 6203 §4)."""
        if self.names is not None and "RELEVANCY" in self.names:
            check_relevancy(tokens, key)


def check_relevancy(tokens: Tokens, key: k.SearchKey) -> None:
    """Refuse to tell the relevancy where nothing has one."""
    if not any(isinstance(one, k.FuzzyKey) for one in k.each_key(key)):
        raise tokens.fault("RELEVANCY needs a FUZZY search key")


def parse_return_options(tokens: Tokens) -> ReturnOptions:
    """`RETURN (…)` and the space behind it, where that stands here."""
    if tokens.text[tokens.pos : tokens.pos + 8].upper() != b"RETURN (":
        return ReturnOptions()
    tokens.pos += 8
    options: set[str] = set()
    partial: PartialRange | None = None
    while not tokens.skip(b")"):
        if options:
            tokens.sp()
        option = tokens.keyword()
        if option not in RETURN_OPTIONS:
            raise tokens.fault("unknown result option")
        if option == "PARTIAL":
            if partial is not None:
                raise tokens.fault("PARTIAL may stand there once")
            tokens.sp()
            partial = parse_partial_range(tokens)
        options.add(option)
    if partial is not None and "ALL" in options:
        raise tokens.fault("PARTIAL and ALL can't go together")
    tokens.sp()
    return ReturnOptions(frozenset(options or {"ALL"}), partial)


def parse_charset(tokens: Tokens) -> str:
    """The name of a charset and the space behind it."""
    charset = tokens.astring_text().upper()
    tokens.sp()
    return charset


def parse_search_program(tokens: Tokens, options: ReturnOptions) -> tuple[str | None, k.SearchKey]:
    """`[CHARSET …]` and the keys."""
    charset: str | None = None
    if tokens.text[tokens.pos : tokens.pos + 8].upper() == b"CHARSET ":
        tokens.pos += 8
        charset = parse_charset(tokens)
    return charset, parse_search_keys(tokens, charset, saves=options.saves)


def _parse(tokens: Tokens, *, uid: bool) -> Search:
    tokens.sp()
    options = parse_return_options(tokens)
    charset, key = parse_search_program(tokens, options)
    options.check(tokens, key)
    return Search(key, options.names, charset, uid, options.partial)


def parse_search(tokens: Tokens) -> Search:
    """SEARCH (RFC 9051 §6.4.4)."""
    return _parse(tokens, uid=False)


def parse_uid_search(tokens: Tokens) -> Search:
    """UID SEARCH (RFC 9051 §6.4.9)."""
    return _parse(tokens, uid=True)


SEARCH: tuple[CommandEntry, ...] = (("SEARCH", parse_search), ("UID SEARCH", parse_uid_search))
