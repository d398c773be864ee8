"""Ids: unique, growing, and short for clients."""

import threading
import time

import pytest

from pillarbox.base.ids import IdSource, public_id


def test_ids_are_unique_and_fit() -> None:
    source = IdSource()
    ids = [source.next() for _ in range(2000)]
    assert len(set(ids)) == 2000
    assert all(0 < one < 2**63 for one in ids)


def test_ids_grow_with_time() -> None:
    source, other = IdSource(), IdSource()
    ids = []
    for _ in range(20):
        ids.append(source.next() >> 22)
        ids.append(other.next() >> 22)
    assert ids == sorted(ids)


def test_each_is_larger_than_those_before(monkeypatch: pytest.MonkeyPatch) -> None:
    source, now_ns = IdSource(), 1_800_000_000_000 * 1_000_000
    ids = []
    for back_ns in (0, 0, 5_000_000):  # many within one millisecond, then a clock that is set back
        monkeypatch.setattr(time, "time_ns", lambda at=now_ns - back_ns: at)
        ids += [source.next() for _ in range(3000)]
    assert ids == sorted(set(ids))


def test_time_is_in_the_high_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    source = IdSource()
    monkeypatch.setattr(time, "time_ns", lambda: 1_735_689_600_000 * 1_000_000)
    assert source.next() < 1 << 22
    monkeypatch.setattr(time, "time_ns", lambda: 1_735_689_600_001 * 1_000_000)
    assert source.next() >> 22 == 1


def test_threads_never_meet() -> None:
    source = IdSource()
    found: list[list[int]] = [[] for _ in range(4)]

    def take(into: list[int]) -> None:
        into += [source.next() for _ in range(400)]

    threads = [threading.Thread(target=take, args=(into,)) for into in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one for part in found for one in part}) == 1600


def test_public_ids() -> None:
    assert public_id("M", 0) == "M" + "0" * 13
    assert public_id("T", 31) == "T" + "0" * 12 + "z"
    assert public_id("M", 32) == "M" + "0" * 11 + "10"
    most = public_id("M", 2**63 - 1)
    assert len(most) == 14
    values = [1, 2, 33, 1024, 2**40, 2**62 + 5]
    assert [public_id("M", one) for one in values] == sorted({public_id("M", v) for v in values})
