import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.wire.imap.parse.partial import PartialRange, partial

ENDS = st.integers(1, 12)


@pytest.mark.parametrize(
    ("first", "last", "count", "span"),
    [
        (1, 3, 10, (0, 3)),
        (3, 1, 10, (0, 3)),
        (9, 20, 10, (8, 10)),
        (11, 20, 10, (10, 10)),
        (1, 1, 0, (0, 0)),
        (-1, -3, 10, (7, 10)),
        (-3, -1, 10, (7, 10)),
        (-9, -20, 10, (0, 2)),
        (-11, -20, 10, (0, 0)),
        (-1, -1, 0, (0, 0)),
    ],
)
def test_places(first: int, last: int, count: int, span: tuple[int, int]) -> None:
    assert PartialRange(first, last).within(count) == span


def test_a_range_is_told_as_it_was_written() -> None:
    assert PartialRange(9, 1).to_bytes() == b"9:1"
    assert PartialRange(-1, -100).to_bytes() == b"-1:-100"


@given(st.lists(st.integers(0, 3), max_size=6), ENDS, ENDS, st.booleans())
def test_spans_are_cut_like_a_list(sizes: list[int], first: int, last: int, back: bool) -> None:
    wanted = PartialRange(-first, -last) if back else PartialRange(first, last)
    spans, at = [], 0
    for size in sizes:
        spans.append((at, at + size))
        at += size + 2
    every = [place for low, high in spans for place in range(low, high)]
    start, end = wanted.within(len(every))
    left = partial(spans, wanted)
    assert [place for low, high in left for place in range(low, high)] == every[start:end]
    assert all(low < high for low, high in left)
