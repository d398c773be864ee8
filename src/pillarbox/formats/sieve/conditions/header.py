"""The tests `header`, `address` and `exists` (RFC 5228 §5.1, §5.5, §5.7).

With `:index` (RFC 5260 §6) and `:mime` (RFC 5703 §4).
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import TypeVar

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

_COUNTED_BITS = 3
"""Looking at so many bits of a number of fields or addresses costs one instruction."""

_Fields = Sequence[tuple[HeaderAddress, ...]]
_Field = TypeVar("_Field")
_Picked = Sequence[tuple[str, _Field]]
_Pick = Callable[[_Picked[_Field]], _Picked[_Field]]


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

    if extract is None:
        return _over_headers(
            *(line, names, looked_at, match, pick),
            lambda header, name: header.values[name],
            lambda run, name, values: values,
        )
    taken = extract
    return _over_headers(
        *(line, names, looked_at, match, pick),
        lambda header, name: header.raw(name),
        lambda run, name, raw: list(chain.from_iterable(taken(run, name, one) for one in raw)),
    )


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
    pick: _Pick[_Field] | None,
    fields: Callable[[MessageHeader, str], Sequence[_Field]],
    take: Callable[[Run, str, Sequence[_Field]], Sequence[str]],
) -> Check:
    """Compares what is in the fields of all names in all headers; counts it together.

    `:index` counts the fields of all names, in the order of the names (RFC 5260 §6).
    """
    test = match.test

    def found(run: Run, header: MessageHeader, wanted: Sequence[str]) -> Iterator[Sequence[str]]:
        if pick is None:
            for name in wanted:
                yield take(run, name, fields(header, name))
            return
        every = [(name, field) for name in wanted for field in fields(header, name)]
        run.charge(line, len(every) >> _COUNTED_BITS)
        for named, picked in pick(every):
            yield take(run, named, (picked,))

    def check(run: Run) -> bool:
        every = (run.message.header,) if looked_at is None else looked_at(run)
        wanted = tuple(lower_names(names(run)))
        run.charge(line, len(every) * len(wanted))
        if match.counts:
            counted = (values for header in every for values in found(run, header, wanted))
            all_values = list(chain.from_iterable(counted))
            run.charge(line, len(all_values) >> _COUNTED_BITS)
            return test(run, all_values)
        for header in every:
            for values in found(run, header, wanted):
                if values and test(run, values):
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

    def fields(header: MessageHeader, name: str) -> _Fields:
        return header.addresses(name) if _has_addresses(name) else ()

    def parts(run: Run, name: str, found: _Fields) -> Sequence[str]:
        delimiter = run.surroundings.delimiter
        texts = [take(address, delimiter) for field in found for address in field]
        run.charge(line, len(texts))
        return [text for text in texts if text is not None]

    if looked_at is None and pick is None and match.folded is not None:
        constant = names.constant
        if constant is not None:
            return _folded_address(
                match,
                tuple(lower_names(constant)),
                part,
                lambda run, header, name: parts(run, name, fields(header, name)),
            )
    taken = _counted if match.counts else parts
    return _over_headers(line, names, looked_at, match, pick, fields, taken)


def _counted(run: Run, name: str, found: _Fields) -> Sequence[str]:
    """The addresses that `:count` counts, whatever part of them is asked for."""
    texts = [address.text for field in found for address in field if address.local]
    run.charge(0, sum(map(len, found)) >> _COUNTED_BITS)
    return texts


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
        if not _has_addresses(name.lower()):
            text = f'the header field "{name[:64]}" has no addresses; use the test header for it'
            raise ScriptError(call.problem(text, 0))


def _has_addresses(name: str) -> bool:
    return name in ADDRESS_FIELDS or name.startswith("x-")


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
