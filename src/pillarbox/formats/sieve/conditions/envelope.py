"""The test `envelope` (RFC 5228 §5.4)."""

from collections.abc import Sequence

from pillarbox.base.errors import GrammarError
from pillarbox.formats.address import parse_path
from pillarbox.formats.sieve.conditions.addressing import ADDRESS_PART_TAGS, address_part
from pillarbox.formats.sieve.conditions.arguments import texts_at
from pillarbox.formats.sieve.conditions.matching import MATCH_TAGS, matching
from pillarbox.formats.sieve.errors import ScriptError
from pillarbox.formats.sieve.grammar import Call, Check, Kind, Word
from pillarbox.formats.sieve.message import HeaderAddress
from pillarbox.formats.sieve.run import Run

_PARTS = ("from", "to")


def envelope_address(path: str) -> HeaderAddress:
    """A path of the envelope; the null one has no local part and no domain."""
    if not path:
        return HeaderAddress("", None, None)
    try:
        address = parse_path(path)
    except GrammarError:
        # Old systems have local parts that no grammar allows, and still get mail.
        local, sign, domain = path.rpartition("@")
        if not sign:
            return HeaderAddress(path, path, None)
        return HeaderAddress(path, local, domain)
    return HeaderAddress(path, address.local, address.domain)


def _envelope(call: Call) -> Check:
    parts, keys = texts_at(call, 0), texts_at(call, 1)
    for name in parts.constant or ():
        if name.lower() not in _PARTS:
            text = f'the envelope has "from" and "to", not "{name[:64]}"'
            raise ScriptError(call.problem(text, 0))
    match = matching(call, keys)
    is_all = address_part(call)[0] == "all"
    take = address_part(call)[1]
    line = call.line

    def values(run: Run, part: str) -> Sequence[str]:
        surroundings = run.surroundings
        if part == "from":
            path = surroundings.reverse_path
        elif part == "to":
            path = surroundings.recipient
        else:
            return ()
        if match.counts:
            return (path,) if path else ()
        # Any part of the null path is the empty string (RFC 5228 §5.4).
        if is_all or not path:
            return (path,)
        found = take(envelope_address(path), surroundings.delimiter)
        return () if found is None else (found,)

    def check(run: Run) -> bool:
        if run.surroundings.in_mailbox:
            # RFC 6785 §4.6
            text = f"{call.word}: a message that lies in a mailbox has no envelope"
            raise run.error(line, text, call.column)
        wanted = parts(run)
        run.charge(line, len(wanted))
        return match.test(run, [value for part in wanted for value in values(run, part.lower())])

    return check


WORDS: tuple[Word[Check], ...] = (
    Word(
        "envelope",
        _envelope,
        "envelope",
        (Kind.STRINGS, Kind.STRINGS),
        tags=(*MATCH_TAGS, *ADDRESS_PART_TAGS),
    ),
)
