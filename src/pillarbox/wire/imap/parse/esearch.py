"""ESEARCH: a search of several mailboxes (RFC 7377 §4)."""

from dataclasses import dataclass
from enum import Enum

from pillarbox.wire.imap.parse import search_keys as k
from pillarbox.wire.imap.parse.command import CommandEntry
from pillarbox.wire.imap.parse.partial import PartialRange
from pillarbox.wire.imap.parse.search import parse_return_options, parse_search_program
from pillarbox.wire.imap.tokens import Tokens

MAX_SOURCES = 100
MAX_NAMES = 1_000


class SourceKind(Enum):
    """Which mailboxes a source stands for (RFC 5465 §6, RFC 7377 §2.2)."""

    SELECTED = "SELECTED"
    INBOXES = "INBOXES"
    PERSONAL = "PERSONAL"
    SUBSCRIBED = "SUBSCRIBED"
    SUBTREE = "SUBTREE"
    SUBTREE_ONE = "SUBTREE-ONE"
    MAILBOXES = "MAILBOXES"


_KINDS = {kind.value: kind for kind in SourceKind}
_NAMED = frozenset({SourceKind.SUBTREE, SourceKind.SUBTREE_ONE, SourceKind.MAILBOXES})


@dataclass(frozen=True, slots=True)
class Source:
    """Mailboxes to search; `names` only with those that are named."""

    kind: SourceKind
    names: tuple[str, ...] = ()


SELECTED = (Source(SourceKind.SELECTED),)


@dataclass(frozen=True, slots=True)
class Esearch:
    """A search of these sources; `returns` and `charset` as in `Search`, but never None."""

    sources: tuple[Source, ...]
    key: k.SearchKey
    returns: frozenset[str] = frozenset({"ALL"})
    charset: str | None = None
    partial: PartialRange | None = None


def _names(tokens: Tokens) -> tuple[str, ...]:
    if not tokens.skip(b"("):
        return (tokens.mailbox(),)
    names = [tokens.mailbox()]
    while not tokens.skip(b")"):
        if len(names) == MAX_NAMES:
            raise tokens.fault("too many mailboxes")
        tokens.sp()
        names.append(tokens.mailbox())
    return tuple(names)


def _sources(tokens: Tokens) -> tuple[Source, ...]:
    sources: list[Source] = []
    while True:
        kind = _KINDS.get(tokens.keyword())
        if kind is None:
            raise tokens.fault("unknown source of a search")
        names: tuple[str, ...] = ()
        if kind in _NAMED:
            tokens.sp()
            names = _names(tokens)
        sources.append(Source(kind, names))
        if tokens.skip(b")"):
            return tuple(sources)
        if len(sources) == MAX_SOURCES:
            raise tokens.fault("too many sources of a search")
        tokens.sp()


def parse_esearch(tokens: Tokens) -> Esearch:
    """ESEARCH (RFC 7377 §2)."""
    tokens.sp()
    sources: tuple[Source, ...] = SELECTED
    if tokens.text[tokens.pos : tokens.pos + 4].upper() == b"IN (":
        tokens.pos += 4
        sources = _sources(tokens)
        tokens.sp()
    options = parse_return_options(tokens)
    charset, key = parse_search_program(tokens, options)
    options.check(tokens, key)
    returns = frozenset({"ALL"}) if options.names is None else options.names
    if "SAVE" in returns and {source.kind for source in sources} != {SourceKind.SELECTED}:
        raise tokens.fault("only a result of the selected mailbox can be saved")
    return Esearch(sources, key, returns, charset, options.partial)


ESEARCH: tuple[CommandEntry, ...] = (("ESEARCH", parse_esearch),)
