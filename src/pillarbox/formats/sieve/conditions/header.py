"""The tests `header`, `address` and `exists` (RFC 5228 §5.1, §5.5, §5.7).

With `:index` (RFC 5260 §6) and `:mime` (RFC 5703 §4).
"""

from collections.abc import Callable, Sequence
from itertools import chain

from pillarbox.formats.sieve.conditions.addressing import ADDRESS_PART_TAGS, address_part
from pillarbox.formats.sieve.conditions.arguments import texts_at
from pillarbox.formats.sieve.conditions.matching import MATCH_TAGS, Matching, matching
from pillarbox.formats.sieve.conditions.mime import (
    INDEX_TAGS,
    MIME_TAGS,
    PART_TAGS,
    Headers,
    headers,
    lower_names,
    option,
    picker,
)
from pillarbox.formats.sieve.errors import ScriptError
from pillarbox.formats.sieve.grammar import Call, Check, Kind, Texts, Word
from pillarbox.formats.sieve.message import HeaderAddress, MessageHeader
from pillarbox.formats.sieve.run import Run

ADDRESS_FIELDS = frozenset(
    (
        *("from", "to", "cc", "bcc", "sender", "reply-to", "return-path", "delivered-to"),
        *("resent-from", "resent-to", "resent-cc", "resent-bcc", "resent-sender"),
        *("resent-reply-to", "envelope-to", "envelope-from", "apparently-to", "errors-to"),
        *("original-recipient", "original-from", "original-sender", "mail-followup-to"),
        *("mail-reply-to", "disposition-notification-to", "return-receipt-to", "author"),
        *("abuse-reports-to", "approved", "list-owner"),
    )
)
"""Fields that hold addresses, and any that begins with "X-" may."""

_Fields = Sequence[tuple[HeaderAddress, ...]]
_Pick = Callable[[_Fields], _Fields]


def _header(call: Call) -> Check:
    names, keys = texts_at(call, 0), texts_at(call, 1)
    match = matching(call, keys)
    looked_at = headers(call)
    extract = option(call)
    pick = picker(call)
    if looked_at is None and pick is None and match.folded is not None:
        constant = names.constant
        if constant is not None:
            return _folded_header(match.comparator, tuple(lower_names(constant)), match)
    line = call.line

    def values(run: Run, header: MessageHeader, name: str) -> Sequence[str]:
        if extract is None:
            found = header.values[name]
            return found if pick is None else pick(found)
        raw = header.raw(name)
        picked = raw if pick is None else pick(raw)
        return list(chain.from_iterable(extract(run, name, value) for value in picked))

    return _over_headers(line, names, looked_at, match, values)


def _folded_header(comparator: str, names: tuple[str, ...], match: Matching) -> Check:
    """The plain form, of which scripts have hundreds."""
    folded = match.folded or match.test
    if len(names) == 1:
        name = names[0]
        return lambda run: folded(run, run.message.header.folded[comparator][name])

    def check(run: Run) -> bool:
        values = run.message.header.folded[comparator]
        for name in names:
            found = values[name]
            if found and folded(run, found):
                return True
        return False

    return check


def _over_headers(
    line: int,
    names: Texts,
    looked_at: Headers | None,
    match: Matching,
    values: Callable[[Run, MessageHeader, str], Sequence[str]],
) -> Check:
    """Compares the values of all names in all headers; counts them together."""
    test = match.test

    def check(run: Run) -> bool:
        every = (run.message.header,) if looked_at is None else looked_at(run)
        wanted = tuple(lower_names(names(run)))
        run.charge(line, len(every) * len(wanted))
        if match.counts:
            return test(run, [one for h in every for n in wanted for one in values(run, h, n)])
        for header in every:
            for name in wanted:
                found = values(run, header, name)
                if found and test(run, found):
                    return True
        return False

    return check


def _address(call: Call) -> Check:
    names, keys = texts_at(call, 0), texts_at(call, 1)
    _check_fields(call, names)
    match = matching(call, keys)
    looked_at = headers(call)
    pick = picker(call)
    part, take = address_part(call)
    line = call.line

    def values(run: Run, header: MessageHeader, name: str) -> Sequence[str]:
        if name not in ADDRESS_FIELDS and not name.startswith("x-"):
            return ()
        found = header.addresses(name)
        delimiter = run.surroundings.delimiter
        picked = found if pick is None else pick(found)
        parts = [take(address, delimiter) for field in picked for address in field]
        run.charge(line, len(parts))
        return [text for text in parts if text is not None]

    if looked_at is None and pick is None and match.folded is not None:
        constant = names.constant
        if constant is not None:
            return _folded_address(match, tuple(lower_names(constant)), part, values)
    taken = _counted(pick) if match.counts else values
    return _over_headers(line, names, looked_at, match, taken)


def _counted(pick: _Pick | None) -> Callable[[Run, MessageHeader, str], Sequence[str]]:
    """The addresses that `:count` counts, whatever part of them is asked for."""

    def values(run: Run, header: MessageHeader, name: str) -> Sequence[str]:
        found = header.addresses(name)
        picked = found if pick is None else pick(found)
        return [address.text for field in picked for address in field if address.local]

    return values


def _folded_address(
    match: Matching,
    names: tuple[str, ...],
    part: str,
    values: Callable[[Run, MessageHeader, str], Sequence[str]],
) -> Check:
    """The plain form: folded once for a message and all its recipients."""
    folded = match.folded or match.test
    comparator = match.comparator
    places = [(name, (name, part, comparator)) for name in names]
    by_delimiter = part in ("user", "detail")

    def check(run: Run) -> bool:
        header = run.message.header
        known = header.derived
        for name, place in places:
            key = (*place, run.surroundings.delimiter) if by_delimiter else place
            found = known.get(key)
            if found is None:
                found = header.derive(key, comparator, values(run, header, name))
            if found and folded(run, found):
                return True
        return False

    return check


def _check_fields(call: Call, names: Texts) -> None:
    for name in names.constant or ():
        if name.lower() not in ADDRESS_FIELDS and not name.lower().startswith("x-"):
            text = f'the header field "{name[:64]}" has no addresses; use the test header for it'
            raise ScriptError(call.problem(text, 0))


def _exists(call: Call) -> Check:
    names = texts_at(call, 0)
    looked_at = headers(call)
    line = call.line
    constant = names.constant
    if looked_at is None and constant is not None:
        wanted = tuple(lower_names(constant))

        def own(run: Run) -> bool:
            run.charge(line, len(wanted))
            values = run.message.header.values
            return all(map(values.__getitem__, wanted))

        return own

    def check(run: Run) -> bool:
        every = (run.message.header,) if looked_at is None else looked_at(run)
        wanted = tuple(lower_names(names(run)))
        run.charge(line, len(every) * len(wanted))
        return all(any(header.has(name) for header in every) for name in wanted)

    return check


WORDS: tuple[Word[Check], ...] = (
    Word(
        "header",
        _header,
        positional=(Kind.STRINGS, Kind.STRINGS),
        tags=(*MATCH_TAGS, *INDEX_TAGS, *MIME_TAGS),
    ),
    Word(
        "address",
        _address,
        positional=(Kind.STRINGS, Kind.STRINGS),
        tags=(*MATCH_TAGS, *ADDRESS_PART_TAGS, *INDEX_TAGS, *PART_TAGS),
    ),
    Word("exists", _exists, positional=(Kind.STRINGS,), tags=PART_TAGS),
)
