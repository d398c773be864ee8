"""Instants and their milliseconds."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.base.clock import SystemClock, from_ms, to_ms


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_there_and_back(milliseconds: int) -> None:
    assert to_ms(from_ms(milliseconds)) == milliseconds


def test_known_instants() -> None:
    assert to_ms(datetime(1970, 1, 1, tzinfo=UTC)) == 0
    assert to_ms(datetime(2026, 1, 1, tzinfo=UTC)) == 1_767_225_600_000
    east = timezone(timedelta(hours=2))
    assert to_ms(datetime(2026, 1, 1, 2, tzinfo=east)) == 1_767_225_600_000
    assert from_ms(1_767_225_600_001) == datetime(2026, 1, 1, microsecond=1000, tzinfo=UTC)


def test_part_of_a_millisecond_is_cut_off() -> None:
    assert to_ms(datetime(1970, 1, 1, microsecond=1999, tzinfo=UTC)) == 1
    assert to_ms(datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)) == -1


def test_naive_instants_are_refused() -> None:
    with pytest.raises(TypeError):
        to_ms(datetime(2026, 1, 1))


def test_system_clock() -> None:
    clock = SystemClock()
    before, now, after = clock.now_ms(), clock.now(), clock.now_ms()
    assert before <= to_ms(now) <= after
    assert now.tzinfo is UTC
