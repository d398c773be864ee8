"""A section of a segment: the words of one field, and the emails each stands in.

The vocabulary is one byte string of all words in order, a line each, so that a substring is looked
up by searching through it at the speed of memory. Emails are ordinals within their segment. What a
word stands in is a row of 16-bit ordinals, or a bit for each email where that is shorter.

In `Field.HEADER` a word is followed by two control bytes: the number of the header field in which
it stands.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate, compress
from typing import NamedTuple

import msgspec

EMAILS_MAX = 16_384
"""Of a segment: ordinals have 16 bits, and a segment must be quick to merge."""

CODE_BYTES = 2
_FIRST_CODE, _CODE_DIGITS = 0x0E, 18
NAMES_MAX = _CODE_DIGITS * _CODE_DIGITS - 1
"""Header fields of so many names are told apart; the words of others stand under `OTHER_NAMES`."""
OTHER_NAMES = bytes((_FIRST_CODE, _FIRST_CODE))

_STRIDE_BITS = 11
_STRIDE = 1 << _STRIDE_BITS
_LF = 10
_MANY = 2000
_BITS = bytes(character == ord("1") for character in range(256))


class Packed(NamedTuple):
    """A section's two parts, to be sealed."""

    vocabulary: bytes
    postings: bytes


class _Vocabulary(msgspec.Struct, array_like=True, frozen=True):
    emails: int
    names: list[bytes]
    loose: list[int]
    counts: bytes
    words: bytes


class Section:
    """The opened vocabulary of one field; it never changes."""

    __slots__ = ("_lines", "codes", "counts", "emails", "loose", "words")

    def __init__(self, packed: bytes) -> None:
        """`packed` is what `pack` made; raises `msgspec.DecodeError` on other bytes."""
        found = msgspec.msgpack.decode(packed, type=_Vocabulary)
        self.emails = found.emails
        self.words = found.words
        self.loose = frozenset(found.loose)
        """Emails not all of whose words are here."""
        self.codes = {name: code_of(number) for number, name in enumerate(found.names)}
        self.counts = array("H", found.counts)
        """In how many emails each word stands."""
        self._lines: array[int] | None = None

    @property
    def size_bytes(self) -> int:
        """About what it takes in memory."""
        return len(self.words) + 2 * len(self.counts) + 3000

    @property
    def names_ran_out(self) -> bool:
        """Whether words of several header fields may stand under one code."""
        return len(self.codes) >= NAMES_MAX

    def __len__(self) -> int:
        """How many words it holds."""
        return len(self.counts)

    def lookup(
        self, piece: bytes, begins: bool, ends: bool, code: bytes | None = None, coded: bool = False
    ) -> list[int]:
        """The numbers of the words that hold a piece, in order.

        `coded` where words are followed by codes; then `code` asks for one of them.
        """
        tail = CODE_BYTES if coded else 0
        pattern = b"\n" + piece if begins else piece
        if ends and (code is not None or not coded):
            pattern += (code or b"") + b"\n"
            ends, code = False, None
        found = self._scan(pattern, len(piece), tail, begins, ends, code)
        return self._split(piece, tail, begins, ends, code, pattern) if found is None else found

    def lines(self) -> list[bytes]:
        """Every word, with its code, in order."""
        return self.words.split(b"\n")[1:-1]

    def number_at(self, position: int) -> int:
        """The number of the word that holds a position of the vocabulary."""
        lines = self._lines
        if lines is None:
            words = self.words
            each = (words.count(_LF, at, at + _STRIDE) for at in range(0, len(words), _STRIDE))
            lines = self._lines = array("I", accumulate(each, initial=0))
        stride = position >> _STRIDE_BITS
        start = stride << _STRIDE_BITS
        return lines[stride] + self.words.count(_LF, start, position) - 1

    def _scan(
        self, pattern: bytes, length: int, tail: int, begins: bool, ends: bool, code: bytes | None
    ) -> list[int] | None:
        """The words that hold `pattern`, `None` where they are very many."""
        words, found = self.words, list[int]()
        find = words.find
        at = find(pattern)
        while at >= 0:
            first = at + begins
            end = find(b"\n", first + length)
            fits = code is None or words.startswith(code, end - tail)
            if fits and ends:
                start = first if begins else max(first, end - tail - length)
                stretch = pattern[1:] if begins else pattern
                fits = start == end - tail - length and words.startswith(stretch, start)
            if fits:
                found.append(self.number_at(first))
                if len(found) > _MANY:
                    return None
            at = find(pattern, end)
        return found

    def _split(
        self, piece: bytes, tail: int, begins: bool, ends: bool, code: bytes | None, pattern: bytes
    ) -> list[int]:
        """The same, by looking at each word."""
        lines = self.lines()
        if pattern.endswith(b"\n"):
            last = pattern[begins:-1]
            return [number for number, word in enumerate(lines) if word.endswith(last)]
        if begins:
            numbers = [number for number, word in enumerate(lines) if word.startswith(piece)]
        else:
            numbers = [number for number, word in enumerate(lines) if piece in word]
        if code is not None:
            numbers = [number for number in numbers if lines[number].endswith(code)]
        if ends:
            numbers = [n for n in numbers if lines[n][: len(lines[n]) - tail].endswith(piece)]
        return numbers


class Postings:
    """The opened postings of a section."""

    __slots__ = ("_dense", "_offsets", "_rows", "_section", "_units")

    def __init__(self, section: Section, packed: bytes) -> None:
        self._section = section
        self._dense, self._units = _dense_from(section.emails), _bitmap_units(section.emails)
        lengths = [*range(self._dense), *([self._units] * (section.emails + 1 - self._dense))]
        each = map(lengths.__getitem__, section.counts)
        self._offsets = array("I", accumulate(each, initial=0))
        self._rows = memoryview(packed).cast("H")

    @property
    def size_bytes(self) -> int:
        """About what it takes in memory."""
        return self._rows.nbytes + 4 * len(self._offsets) + 500

    def ordinals(self, numbers: Iterable[int]) -> set[int]:
        """The emails in which any of these words stands."""
        found: set[int] = set()
        bits = 0
        counts, offsets, rows = self._section.counts, self._offsets, self._rows
        dense, units = self._dense, self._units
        for number in numbers:
            count, at = counts[number], offsets[number]
            if count < dense:
                found.update(rows[at : at + count])
            else:
                bits |= int.from_bytes(rows[at : at + units].tobytes(), "little")
        if bits:
            found.update(_ordinals_of(bits))
        return found

    def entries(self) -> Iterator[tuple[bytes, Iterable[int]]]:
        """Every word (with its code) and its emails, in order."""
        section, rows, units = self._section, self._rows, self._units
        for word, count, at in zip(section.lines(), section.counts, self._offsets, strict=False):
            if count < self._dense:
                yield word, rows[at : at + count]
            else:
                bits = int.from_bytes(rows[at : at + units].tobytes(), "little")
                yield word, _ordinals_of(bits)


def pack(
    emails: int,
    postings: Mapping[bytes, Iterable[int]],
    names: Iterable[bytes] = (),
    loose: Iterable[int] = (),
) -> Packed:
    """A section of the words of `postings`, whose ordinals ascend."""
    dense, units = _dense_from(emails), _bitmap_units(emails)
    counts, rows = array("H"), list[bytes]()
    ordered = sorted(postings)
    for word in ordered:
        row = postings[word]
        if not isinstance(row, array):
            row = array("H", row)
        counts.append(len(row))
        rows.append(row.tobytes() if len(row) < dense else _bitmap(row, units * 2))
    vocabulary = _Vocabulary(
        emails,
        list(names),
        sorted(loose),
        counts.tobytes(),
        b"\n" + b"".join([word + b"\n" for word in ordered]),
    )
    return Packed(msgspec.msgpack.encode(vocabulary), b"".join(rows))


def code_of(number: int) -> bytes:
    """The two bytes that stand for a header field's name."""
    first, second = divmod(number + 1, _CODE_DIGITS)
    return bytes((_FIRST_CODE + first, _FIRST_CODE + second))


def _dense_from(emails: int) -> int:
    """The number of emails from which a word has a bitmap."""
    return _bitmap_units(emails) + 1


def _bitmap_units(emails: int) -> int:
    return (emails + 15) // 16


def _bitmap(ordinals: Iterable[int], size_bytes: int) -> bytes:
    bits = bytearray(size_bytes)
    for ordinal in ordinals:
        bits[ordinal >> 3] |= 1 << (ordinal & 7)
    return bytes(bits)


def _ordinals_of(bits: int) -> list[int]:
    digits = bin(bits)[:1:-1].encode().translate(_BITS)
    return list(compress(range(len(digits)), digits))
