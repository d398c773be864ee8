"""Rehearsals: mail is read in parts that fit into memory."""

from pillarbox.pipeline.filtering import rehearsal
from pillarbox.pipeline.filtering.rehearsal import slices


def test_parts_of_a_mailbox() -> None:
    small = [(uid, 0, 1000) for uid in range(1, 46)]
    assert [len(part) for part in slices(small)] == [20, 20, 5]
    large = [(uid, 0, rehearsal.SLICE_BYTES - 1) for uid in range(3)]
    mixed = [(9, 0, 1), *large, (8, 0, 2 * rehearsal.SLICE_BYTES), (7, 0, 1), (6, 0, 1)]
    parts = list(slices(mixed))
    assert [[uid for uid, *_ in part] for part in parts] == [[9, 0], [1], [2], [8], [7, 6]]
    assert list(slices([])) == []
