"""LIST in its plain and extended form, and LSUB (RFC 9051 §6.3.9, RFC 5258, RFC 3501 §6.3.9)."""

from dataclasses import dataclass

from pillarbox.wire.imap.parse.command import CommandEntry
from pillarbox.wire.imap.parse.metadata import parse_entries
from pillarbox.wire.imap.parse.status import parse_status_items
from pillarbox.wire.imap.tokens import Tokens

SELECTION_OPTIONS = frozenset({"SUBSCRIBED", "REMOTE", "RECURSIVEMATCH", "SPECIAL-USE"})
RETURN_OPTIONS = frozenset({"SUBSCRIBED", "CHILDREN", "SPECIAL-USE", "MYRIGHTS"})
_MAX_PATTERNS = 100


@dataclass(frozen=True, slots=True)
class List:
    """Which mailboxes there are.

    `extended` says that the client used the extended form, whose answer may carry more
    (RFC 5258 §3). `status` holds the items to be told of each mailbox, None for no STATUS.
    """

    reference: str
    patterns: tuple[str, ...]
    selection: frozenset[str] = frozenset()
    returns: frozenset[str] = frozenset()
    status: tuple[str, ...] | None = None
    metadata: tuple[str, ...] = ()
    """Entries whose values are to be told of each mailbox (RFC 9590)."""
    extended: bool = False


@dataclass(frozen=True, slots=True)
class Lsub:
    """Which names are subscribed, in the way of IMAP4rev1."""

    reference: str
    pattern: str


def _selection(tokens: Tokens) -> frozenset[str]:
    options: set[str] = set()
    while not tokens.skip(b")"):
        if options:
            tokens.sp()
        option = tokens.keyword()
        if option not in SELECTION_OPTIONS:
            raise tokens.fault("unknown selection option")
        options.add(option)
    if "RECURSIVEMATCH" in options and options <= {"RECURSIVEMATCH", "REMOTE"}:
        # It only extends another option (RFC 5258 §3.5).
        raise tokens.fault("RECURSIVEMATCH needs another selection option")
    return frozenset(options)


def _patterns(tokens: Tokens) -> tuple[str, ...]:
    patterns: list[str] = [tokens.mailbox_pattern()]
    while not tokens.skip(b")"):
        tokens.sp()
        if len(patterns) == _MAX_PATTERNS:
            raise tokens.fault("too many patterns")
        patterns.append(tokens.mailbox_pattern())
    return tuple(patterns)


@dataclass(slots=True)
class _Returns:
    options: frozenset[str] = frozenset()
    status: tuple[str, ...] | None = None
    metadata: tuple[str, ...] = ()


def _returns(tokens: Tokens) -> _Returns:
    options: set[str] = set()
    found = _Returns()
    if tokens.skip(b")"):
        return found
    while True:
        option = tokens.keyword()
        if option == "STATUS":  # RFC 5819 §2
            tokens.sp()
            found.status = parse_status_items(tokens)
        elif option == "METADATA":
            tokens.sp()
            found.metadata = parse_entries(tokens)
        elif option in RETURN_OPTIONS:
            options.add(option)
        else:
            raise tokens.fault("unknown return option")
        if tokens.skip(b")"):
            found.options = frozenset(options)
            return found
        tokens.sp()


def parse_list(tokens: Tokens) -> List:
    """LIST (RFC 9051 §6.3.9)."""
    tokens.sp()
    extended = False
    selection: frozenset[str] = frozenset()
    if tokens.skip(b"("):
        extended = True
        selection = _selection(tokens)
        tokens.sp()
    reference = tokens.mailbox()
    tokens.sp()
    if tokens.skip(b"("):
        extended = True
        patterns = _patterns(tokens)
    else:
        patterns = (tokens.mailbox_pattern(),)
    returns = _Returns()
    if not tokens.at_end():
        tokens.sp()
        if tokens.keyword() != "RETURN":
            raise tokens.fault("expected RETURN")
        extended = True
        tokens.expect(b" (")
        returns = _returns(tokens)
    return List(
        reference,
        patterns,
        selection,
        returns.options,
        returns.status,
        returns.metadata,
        extended,
    )


def parse_lsub(tokens: Tokens) -> Lsub:
    """LSUB (RFC 3501 §6.3.9)."""
    tokens.sp()
    reference = tokens.mailbox()
    tokens.sp()
    return Lsub(reference, tokens.mailbox_pattern())


LIST: tuple[CommandEntry, ...] = (("LIST", parse_list), ("LSUB", parse_lsub))
