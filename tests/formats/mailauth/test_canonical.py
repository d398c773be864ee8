"""Canonical forms (RFC 6376 §3.4), however the body is cut into pieces."""

import re
import time
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.formats.mailauth.canonical import (
    PIECE_BYTES,
    BodyHash,
    Canonical,
    canonical_field,
    hash_body,
)

SIMPLE, RELAXED = Canonical.SIMPLE, Canonical.RELAXED
BODIES = st.lists(
    st.sampled_from([b" ", b"\t", b"\r\n", b"\n", b"\r", b"a", b"  x", b"\r\n\r\n"]), max_size=30
).map(b"".join)


def plain(body: bytes, form: Canonical) -> bytes:
    """The canonical body, made the slow way."""
    lines = re.split(rb"\r?\n", body)
    if lines[-1] == b"":
        lines.pop()
    if form is RELAXED:
        lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in lines]
    while lines and lines[-1] == b"":
        lines.pop()
    if not lines:
        return b"\r\n" if form is SIMPLE else b""
    return b"".join(line + b"\r\n" for line in lines)


def test_the_examples_of_the_standard() -> None:
    """RFC 6376 §3.4.5."""
    first, second = b"A: X\r\n", b"B : Y\t\r\n\tZ  \r\n"
    assert canonical_field(first, RELAXED) + canonical_field(second, RELAXED) == (
        b"a:X\r\nb:Y Z\r\n"
    )
    assert canonical_field(second, SIMPLE) == second
    body = b" C \r\nD \t E\r\n\r\n\r\n"
    assert hash_body(body, 0, RELAXED)[None].digest == sha256(b" C\r\nD E\r\n").digest()
    assert hash_body(body, 0, SIMPLE)[None].digest == sha256(b" C \r\nD \t E\r\n").digest()


@pytest.mark.parametrize(("form", "empty"), [(SIMPLE, b"\r\n"), (RELAXED, b"")])
@pytest.mark.parametrize("body", [b"", b"\r\n", b"\r\n\r\n", b"\n"])
def test_an_empty_body(form: Canonical, empty: bytes, body: bytes) -> None:
    assert hash_body(body, 0, form)[None].digest == sha256(empty).digest()


def test_bare_line_feeds_are_sent_as_line_ends() -> None:
    for form in Canonical:
        assert hash_body(b"a\nb\n", 0, form) == hash_body(b"a\r\nb\r\n", 0, form)
        assert canonical_field(b"A: b\n c\n", form) == canonical_field(b"A: b\r\n c\r\n", form)


@given(BODIES, st.sampled_from(Canonical), st.lists(st.integers(1, 5), max_size=40))
def test_cuts_make_no_difference(body: bytes, form: Canonical, cuts: list[int]) -> None:
    whole = BodyHash(form)
    at = 0
    for cut in cuts:
        whole.update(body[at : at + cut])
        at += cut
    whole.update(body[at:])
    assert whole.finish()[None].digest == sha256(plain(body, form)).digest()


@given(BODIES, st.sampled_from(Canonical), st.integers(0, 40))
def test_lengths(body: bytes, form: Canonical, length: int) -> None:
    canonical = plain(body, form)
    found = hash_body(body, 0, form, (length, None))
    assert found[length].digest == sha256(canonical[:length]).digest()
    assert found[length].short == (length > len(canonical))
    assert found[length].beyond == max(len(canonical) - length, 0)
    assert found[None].digest == sha256(canonical).digest()


@pytest.mark.parametrize(
    "unit", [b" ", b"\t", b"\r\n", b"\n", b"\r", b" \r\n", b" a", b"\t \r\n x"], ids=repr
)
@pytest.mark.parametrize("form", Canonical)
def test_time_is_linear(unit: bytes, form: Canonical) -> None:
    def seconds(size: int) -> float:
        body = unit * (size // len(unit)) + b"x"
        best = 9.0
        for _ in range(3):
            begin = time.process_time()
            hash_body(body, 0, form)
            canonical_field(b"A:" + body[: size // 4], form)
            best = min(best, time.process_time() - begin)
        return best

    small = 4 * PIECE_BYTES
    assert seconds(4 * small) < 12 * seconds(small) + 0.01
