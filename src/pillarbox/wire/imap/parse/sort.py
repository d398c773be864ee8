"""SORT and UID SORT (RFC 5256 §3, RFC 5267 §3, RFC 5957 §3)."""

from dataclasses import dataclass

from pillarbox.wire.imap.parse import search_keys as k
from pillarbox.wire.imap.parse.command import CommandEntry
from pillarbox.wire.imap.parse.partial import PartialRange
from pillarbox.wire.imap.parse.search import (
    check_relevancy,
    parse_charset,
    parse_return_options,
    parse_search_keys,
)
from pillarbox.wire.imap.tokens import Tokens

MAX_CRITERIA = 32
SORT_KEYS = frozenset(
    {
        "ARRIVAL", "CC", "DATE", "DISPLAYFROM", "DISPLAYTO", "FROM", "RELEVANCY", "SIZE",
        "SUBJECT", "TO",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SortCriterion:
    """A sort key by name, and whether REVERSE stands before it."""

    key: str
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class Sort:
    """A search whose result is wanted in an order; `returns` as in `Search`."""

    criteria: tuple[SortCriterion, ...]
    key: k.SearchKey
    returns: frozenset[str] | None = None
    uid: bool = False
    partial: PartialRange | None = None


def _criteria(tokens: Tokens) -> tuple[SortCriterion, ...]:
    tokens.expect(b"(")
    criteria: list[SortCriterion] = []
    while True:
        word = tokens.keyword()
        reverse = word == "REVERSE"
        if reverse:
            tokens.sp()
            word = tokens.keyword()
        if word not in SORT_KEYS:
            raise tokens.fault("unknown sort key")
        criteria.append(SortCriterion(word, reverse))
        if tokens.skip(b")"):
            return tuple(criteria)
        if len(criteria) == MAX_CRITERIA:
            raise tokens.fault("too many sort keys")
        tokens.sp()


def _parse(tokens: Tokens, *, uid: bool) -> Sort:
    tokens.sp()
    options = parse_return_options(tokens)
    criteria = _criteria(tokens)
    tokens.sp()
    key = parse_search_keys(tokens, parse_charset(tokens), saves=options.saves)
    options.check(tokens, key)
    if any(criterion.key == "RELEVANCY" for criterion in criteria):
        check_relevancy(tokens, key)
    return Sort(criteria, key, options.names, uid, options.partial)


def parse_sort(tokens: Tokens) -> Sort:
    """SORT (RFC 5256 §3)."""
    return _parse(tokens, uid=False)


def parse_uid_sort(tokens: Tokens) -> Sort:
    """UID SORT (RFC 5256 §3)."""
    return _parse(tokens, uid=True)


SORT: tuple[CommandEntry, ...] = (("SORT", parse_sort), ("UID SORT", parse_uid_sort))
