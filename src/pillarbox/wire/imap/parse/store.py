"""STORE and UID STORE, with UNCHANGEDSINCE (RFC 9051 §6.4.6, RFC 7162 §3.1.3)."""

import re
from dataclasses import dataclass
from enum import Enum

from pillarbox.wire.imap.parse.command import CommandEntry
from pillarbox.wire.imap.sets import SequenceSet
from pillarbox.wire.imap.tokens import MAX_ITEMS, Tokens

_ITEM = re.compile(rb"([+-]?)FLAGS(\.SILENT)? ", re.IGNORECASE)


class StoreMode(Enum):
    """What becomes of the flags named."""

    REPLACE = ""
    ADD = "+"
    REMOVE = "-"


@dataclass(frozen=True, slots=True)
class Store:
    """Change flags; `silent` asks for no FETCH responses."""

    sequence: SequenceSet
    mode: StoreMode
    flags: tuple[str, ...]
    silent: bool = False
    unchanged_since: int | None = None
    uid: bool = False


def _flags(tokens: Tokens) -> tuple[str, ...]:
    if tokens.at(b"("):
        return tokens.flag_list()
    flags = [tokens.flag()]
    while not tokens.at_end():
        tokens.sp()
        if len(flags) == MAX_ITEMS:
            raise tokens.fault("too many flags")
        flags.append(tokens.flag())
    return tuple(dict.fromkeys(flags))


def _parse(tokens: Tokens, *, uid: bool) -> Store:
    tokens.sp()
    sequence = tokens.sequence_set()
    tokens.sp()
    unchanged_since: int | None = None
    if tokens.skip(b"("):
        if tokens.keyword() != "UNCHANGEDSINCE":
            raise tokens.fault("unknown modifier")
        tokens.sp()
        unchanged_since = tokens.number64()
        tokens.expect(b") ")
    found = tokens.match(_ITEM)
    if found is None:
        raise tokens.fault("expected FLAGS")
    mode = StoreMode(found.group(1).decode("ascii"))
    silent = found.group(2) is not None
    return Store(sequence, mode, _flags(tokens), silent, unchanged_since, uid)


def parse_store(tokens: Tokens) -> Store:
    """STORE (RFC 9051 §6.4.6)."""
    return _parse(tokens, uid=False)


def parse_uid_store(tokens: Tokens) -> Store:
    """UID STORE (RFC 9051 §6.4.9)."""
    return _parse(tokens, uid=True)


STORE: tuple[CommandEntry, ...] = (("STORE", parse_store), ("UID STORE", parse_uid_store))
