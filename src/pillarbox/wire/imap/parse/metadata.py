"""GETMETADATA and SETMETADATA (RFC 5464 §4)."""

from dataclasses import dataclass, field

from pillarbox.wire.imap.parse.command import CommandEntry
from pillarbox.wire.imap.tokens import MAX_ITEMS, Tokens

MAX_ENTRIES = 100
_DEPTHS = ("0", "1", "INFINITY")


@dataclass(frozen=True, slots=True)
class GetMetadata:
    """Values of entries; `depth` is 0, 1 or `None` for all below (RFC 5464 §4.2.2).

    `mailbox` is empty for the server's. Values over `max_size_bytes` are left out.
    """

    mailbox: str
    entries: tuple[str, ...]
    depth: int | None = 0
    max_size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class SetMetadata:
    """New values of entries, `None` to remove one."""

    mailbox: str
    values: tuple[tuple[str, bytes | None], ...] = field(repr=False)


@dataclass(slots=True)
class _Options:
    depth: int | None = 0
    max_size_bytes: int | None = None


def parse_entries(tokens: Tokens) -> tuple[str, ...]:
    """One name, or several in parentheses; LIST has them too (RFC 9590 §3)."""
    if not tokens.skip(b"("):
        return (tokens.astring_text(),)
    names = [tokens.astring_text()]
    while not tokens.skip(b")"):
        tokens.sp()
        if len(names) == MAX_ENTRIES:
            raise tokens.fault("too many entries")
        names.append(tokens.astring_text())
    return tuple(names)


def _options(tokens: Tokens, options: _Options) -> None:
    """`(MAXSIZE n DEPTH d)`, the cursor behind the parenthesis."""
    for _ in range(MAX_ITEMS):
        match tokens.keyword():
            case "MAXSIZE":
                tokens.sp()
                options.max_size_bytes = tokens.number()
            case "DEPTH":
                tokens.sp()
                depth = tokens.keyword()
                if depth not in _DEPTHS:
                    raise tokens.fault("expected 0, 1 or infinity")
                options.depth = None if depth == "INFINITY" else int(depth)
            case _:
                raise tokens.fault("unknown option")
        if tokens.skip(b")"):
            return
        tokens.sp()


def parse_getmetadata(tokens: Tokens) -> GetMetadata:
    """GETMETADATA; options stand before the mailbox, from some clients after it."""
    tokens.sp()
    options = _Options()
    if tokens.skip(b"("):
        _options(tokens, options)
        tokens.sp()
    mailbox = tokens.mailbox()
    tokens.sp()
    if tokens.at(b"(") and not tokens.at(b"(/") and not tokens.at(b'("'):
        tokens.expect(b"(")
        _options(tokens, options)
        tokens.sp()
    entries = parse_entries(tokens)
    return GetMetadata(mailbox, entries, options.depth, options.max_size_bytes)


def _value(tokens: Tokens) -> bytes | None:
    if tokens.at_literal():
        return tokens.literal().data  # of either kind: values may hold any octet
    if tokens.at(b'"'):
        return tokens.string()
    if tokens.keyword() != "NIL":
        raise tokens.fault("expected a string or NIL")
    return None


def parse_setmetadata(tokens: Tokens) -> SetMetadata:
    """SETMETADATA (RFC 5464 §4.3)."""
    tokens.sp()
    mailbox = tokens.mailbox()
    tokens.expect(b" (")
    values: list[tuple[str, bytes | None]] = []
    while True:
        if len(values) == MAX_ENTRIES:
            raise tokens.fault("too many entries")
        name = tokens.astring_text()
        tokens.sp()
        values.append((name, _value(tokens)))
        if tokens.skip(b")"):
            return SetMetadata(mailbox, tuple(values))
        tokens.sp()


METADATA: tuple[CommandEntry, ...] = (
    ("GETMETADATA", parse_getmetadata),
    ("SETMETADATA", parse_setmetadata),
)
