"""Counters in memory: their windows, and how many there are."""

from pillarbox.pipeline.inbound.gate.rates import Windows


def test_a_window_begins_with_its_first_hit() -> None:
    windows = Windows()
    assert [windows.hit("a", 100, now) for now in (1000, 1050, 1099, 1100)] == [1, 2, 3, 1]
    assert windows.count("a", 1199) == 1
    assert windows.count("a", 1200) == 0
    assert windows.count("b", 0) == 0


def test_a_clock_that_was_set_back_makes_no_window_longer() -> None:
    windows = Windows()
    windows.hit("a", 100, 1_000_000)
    assert windows.hit("a", 100, 500) == 1
    assert windows.hit("a", 100, 600) == 1


def test_those_hit_longest_ago_are_forgotten() -> None:
    windows = Windows(3)
    for key in ("a", "b", "c", "a", "d"):
        windows.hit(key, 1000, 0)
    assert len(windows) == 3
    assert [windows.count(key, 1) for key in ("a", "b", "c", "d")] == [2, 0, 1, 1]
