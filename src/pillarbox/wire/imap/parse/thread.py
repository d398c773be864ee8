"""THREAD and UID THREAD (RFC 5256 §3)."""

from dataclasses import dataclass

from pillarbox.wire.imap.parse import search_keys as k
from pillarbox.wire.imap.parse.command import CommandEntry
from pillarbox.wire.imap.parse.search import parse_charset, parse_search_keys
from pillarbox.wire.imap.tokens import Tokens

ALGORITHMS = frozenset({"ORDEREDSUBJECT", "REFERENCES"})


@dataclass(frozen=True, slots=True)
class Thread:
    """A search whose result is wanted in threads; `algorithm` in upper case."""

    algorithm: str
    key: k.SearchKey
    uid: bool = False


def _parse(tokens: Tokens, *, uid: bool) -> Thread:
    tokens.sp()
    algorithm = tokens.keyword()
    if algorithm not in ALGORITHMS:
        raise tokens.fault("unknown threading algorithm")
    tokens.sp()
    return Thread(algorithm, parse_search_keys(tokens, parse_charset(tokens)), uid)


def parse_thread(tokens: Tokens) -> Thread:
    """THREAD (RFC 5256 §3)."""
    return _parse(tokens, uid=False)


def parse_uid_thread(tokens: Tokens) -> Thread:
    """UID THREAD (RFC 5256 §3)."""
    return _parse(tokens, uid=True)


THREAD: tuple[CommandEntry, ...] = (("THREAD", parse_thread), ("UID THREAD", parse_uid_thread))
