"""Canonical forms of fields and bodies (RFC 6376 §3.4), in linear time and little memory."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

PIECE_BYTES = 128 * 1024


class Canonical(StrEnum):
    """How much of the spelling counts."""

    SIMPLE = "simple"
    RELAXED = "relaxed"


def canonical_field(whole: bytes, form: Canonical) -> bytes:
    """A field in canonical form, with CRLF at its end (RFC 6376 §3.4.1, §3.4.2)."""
    if form is Canonical.SIMPLE:
        lines = whole.replace(b"\r\n", b"\n").removesuffix(b"\n")
        return lines.replace(b"\n", b"\r\n") + b"\r\n"
    name, _, value = whole.partition(b":")
    value = value.replace(b"\r\n", b"").replace(b"\n", b"")
    return b"%b:%b\r\n" % (
        name.strip(b" \t").lower(),
        _single_spaced(value).strip(b" "),
    )


def _single_spaced(text: bytes) -> bytes:
    """Every run of white space as one space; each pass halves the longest."""
    text = text.replace(b"\t", b" ")
    while b"  " in text:
        text = text.replace(b"  ", b" ")
    return text


@dataclass(frozen=True, slots=True)
class BodyDigest:
    """SHA-256 of a canonical body up to `length`, `None` is all of it.

    `short` says that the body has fewer octets, `beyond` how many come behind.
    """

    digest: bytes
    short: bool
    beyond: int


class BodyHash:
    """Hashes a body piece by piece; one pass for every length that is asked for."""

    def __init__(self, form: Canonical, lengths: Iterable[int | None] = (None,)) -> None:
        self._relaxed = form is Canonical.RELAXED
        self._hashes = {length: sha256() for length in lengths}
        self._held = b""  # what may change meaning with what follows
        self._blank_lines = 0
        self._octets = 0

    def update(self, piece: bytes) -> None:
        """Take the next octets of the body, divided anywhere."""
        text = self._held + piece
        self._held = b""
        if text.endswith(b"\r"):
            text, self._held = text[:-1], b"\r"
        # Lines end in LF until they are hashed, which makes blank lines at the end easy to find.
        text = text.replace(b"\r\n", b"\n")
        if self._relaxed:
            text = self._squeezed(text)
        self._take(text)

    def finish(self) -> dict[int | None, BodyDigest]:
        """The digests, by the lengths that were asked for."""
        held, self._held = self._held, b""
        self._take(held.rstrip(b" ") if self._relaxed else held)
        if self._octets or not self._relaxed:
            self._emit(b"\r\n")
        return {
            length: BodyDigest(
                hashed.digest(),
                length is not None and length > self._octets,
                0 if length is None else max(self._octets - length, 0),
            )
            for length, hashed in self._hashes.items()
        }

    def _squeezed(self, text: bytes) -> bytes:
        text = _single_spaced(text)
        text = text.replace(b" \n", b"\n")
        if text.endswith(b" "):
            text, self._held = text[:-1], b" " + self._held
        return text

    def _take(self, text: bytes) -> None:
        lines = text.rstrip(b"\n")
        if lines:
            while self._blank_lines:
                count = min(self._blank_lines, PIECE_BYTES // 2)
                self._blank_lines -= count
                self._emit(b"\r\n" * count)
            self._emit(lines.replace(b"\n", b"\r\n"))
        self._blank_lines += len(text) - len(lines)

    def _emit(self, octets: bytes) -> None:
        for length, hashed in self._hashes.items():
            if length is None or self._octets + len(octets) <= length:
                hashed.update(octets)
            elif self._octets < length:
                hashed.update(octets[: length - self._octets])
        self._octets += len(octets)


def hash_body(
    content: bytes, start: int, form: Canonical, lengths: Sequence[int | None] = (None,)
) -> dict[int | None, BodyDigest]:
    """The digests of the body that begins at `start`, for each length (RFC 6376 §3.4.5)."""
    body = BodyHash(form, lengths)
    for at in range(start, len(content), PIECE_BYTES):
        body.update(content[at : at + PIECE_BYTES])
    return body.finish()
