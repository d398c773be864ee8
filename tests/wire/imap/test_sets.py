import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.wire.imap.sets import STAR, SequenceSet, format_uid_set


@pytest.mark.parametrize(
    ("text", "ranges", "resolved"),
    [
        (b"1", ((1, 1),), ((1, 1),)),
        (b"*", ((STAR, STAR),), ((10, 10),)),
        (b"1:*", ((1, STAR),), ((1, 10),)),
        (b"*:1", ((STAR, 1),), ((1, 10),)),
        (b"12:*", ((12, STAR),), ((10, 12),)),
        (b"9:7,5,1:3", ((9, 7), (5, 5), (1, 3)), ((1, 3), (5, 5), (7, 9))),
        (b"1:5,3:8,9", ((1, 5), (3, 8), (9, 9)), ((1, 9),)),
        (b"1:8,2:3", ((1, 8), (2, 3)), ((1, 8),)),
        (b"4294967295", ((2**32 - 1, 2**32 - 1),), ((2**32 - 1, 2**32 - 1),)),
    ],
)
def test_sets_are_read(text, ranges, resolved):
    value = SequenceSet.parse(text)
    assert value.ranges == ranges
    assert value.resolve(10) == resolved
    assert value.resolve(0) == ()
    assert value.to_bytes() == text


@pytest.mark.parametrize(
    "text",
    [b"", b"0", b"01", b"1,", b",1", b"1:", b":1", b"1:2:3", b"a", b"1 ", b"-1", b"4294967296",
     b"99999999999", b"**", b"$,1", b"1,$"],
)  # fmt: skip
def test_other_text_is_no_set(text):
    with pytest.raises(GrammarError):
        SequenceSet.parse(text)


def test_the_saved_result_has_its_own_mark():
    assert SequenceSet.parse(b"$").saved
    assert SequenceSet.parse(b"$").to_bytes() == b"$"


def test_the_number_of_ranges_is_limited():
    assert len(SequenceSet.parse(b",".join([b"1"] * 32_768)).ranges) == 32_768
    with pytest.raises(GrammarError):
        SequenceSet.parse(b",".join([b"1"] * 32_769))


def test_the_highest_number_leaves_out_the_star():
    assert SequenceSet.parse(b"3,7:*,5").highest == 7
    assert SequenceSet.parse(b"*").highest == 0
    assert SequenceSet.parse(b"$").highest == 0


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ([], b""),
        ([4], b"4"),
        ([1, 2, 3], b"1:3"),
        ([1, 3, 5], b"1,3,5"),
        ([1, 2, 4, 6, 7, 8], b"1:2,4,6:8"),
        (iter([1, 2, 9]), b"1:2,9"),
        (range(5, 9), b"5:8"),
    ],
)
def test_numbers_become_ranges(numbers, text):
    assert format_uid_set(numbers) == text
