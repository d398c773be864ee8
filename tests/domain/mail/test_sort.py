"""The order of messages by each key (RFC 5256 §3)."""

import random
import threading
import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.mail import MailAccount
from pillarbox.domain.mail.sort import Criterion, SortKey, in_order, ordered, sort

FIRST = (
    b"From: Zoe <ann@b.test>\r\nTo: c@b.test\r\nCc: k@b.test\r\nSubject: Re: beta\r\n"
    b"Date: Thu, 01 Jan 2026 12:00:00 +0000\r\n\r\nx\r\n"
)
SECOND = (
    b"From: carl@b.test\r\nTo: Friends: Bea <a@b.test>, x@b.test;\r\nSubject: [list] alpha\r\n"
    b"Date: Thu, 01 Jan 2026 12:30:00 +0200\r\n\r\n" + b"x" * 500
)
THIRD = b"From: =?utf-8?q?=C3=84nne?= <bob@b.test>\r\nSubject: Gamma\r\n\r\n" + b"x" * 200
FOURTH = b"Subject: BETA\r\nDate: no date\r\n\r\n"


@pytest.fixture
async def filled(account: MailAccount) -> MailAccount:
    for content, internal_ms in ((FIRST, 5), (SECOND, 9), (THIRD, 7), (FOURTH, 7)):
        await account.put(content, internal_ms=internal_ms)
    return account


async def by(
    account: MailAccount, keys: str, uids: Sequence[int] = (1, 2, 3, 4), **relevancy: int
) -> list[int]:
    criteria, reverse = [], False
    for word in keys.split():
        if word != "REVERSE":
            criteria.append(Criterion(SortKey(word), reverse))
        reverse = word == "REVERSE"
    scores = {int(uid.removeprefix("u")): score for uid, score in relevancy.items()}
    box = (await account.box()).id
    return await account.database.read(sort, account.store, account.id, box, uids, criteria, scores)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("ARRIVAL", [1, 3, 4, 2]),
        ("REVERSE ARRIVAL", [2, 3, 4, 1]),
        ("DATE", [3, 4, 2, 1]),
        ("SUBJECT", [2, 1, 4, 3]),
        ("SUBJECT REVERSE ARRIVAL", [2, 4, 1, 3]),
        ("REVERSE SUBJECT", [3, 1, 4, 2]),
        ("SIZE", [4, 1, 3, 2]),
        ("FROM", [4, 1, 3, 2]),
        ("DISPLAYFROM", [4, 3, 2, 1]),
        ("TO", [3, 4, 1, 2]),
        ("DISPLAYTO", [3, 4, 1, 2]),
        ("CC", [2, 3, 4, 1]),
        ("REVERSE CC REVERSE SIZE", [1, 2, 3, 4]),
    ],
)
async def test_keys(filled: MailAccount, keys: str, expected: list[int]) -> None:
    assert await by(filled, keys) == expected


async def test_relevancy_highest_first(filled: MailAccount) -> None:
    assert await by(filled, "RELEVANCY", u1=5, u2=9, u3=100, u4=9) == [3, 2, 4, 1]
    assert await by(filled, "REVERSE RELEVANCY SIZE", u1=5, u2=9, u3=100, u4=9) == [1, 4, 2, 3]


async def test_only_those_asked_for_that_are_there(filled: MailAccount) -> None:
    for keys in ("SUBJECT", "ARRIVAL", "SUBJECT DATE"):
        assert set(await by(filled, keys, [2, 4, 9])) == {2, 4}
        assert await by(filled, keys, []) == []


async def test_progress_may_end_it(filled: MailAccount) -> None:
    told: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        told.append((done, total))
        raise ConnectionResetError

    box = (await filled.box()).id
    with pytest.raises(ConnectionResetError):
        await filled.database.read(
            sort, filled.store, filled.id, box, [1, 2], [Criterion(SortKey.CC)], {}, progress
        )
    assert told == [(2, 2)]


COLUMN = st.lists(st.integers(0, 3), min_size=8, max_size=8)


@given(st.lists(st.tuples(COLUMN, st.booleans()), max_size=3))
def test_like_sorting_by_one_key_after_the_other(columns: list[tuple[list[int], bool]]) -> None:
    expected = list(range(8))
    for values, reverse in reversed(columns):
        expected.sort(key=values.__getitem__, reverse=reverse)
    found = ordered(range(8), [one[0] for one in columns], [one[1] for one in columns])
    assert found == expected


def test_long_sorts_let_others_work() -> None:
    values = [random.Random(n).random() for n in range(60_000)]
    gaps: list[float] = []
    done = threading.Event()

    def other() -> None:
        before = time.perf_counter()
        while not done.is_set():
            time.sleep(0.0005)
            now = time.perf_counter()
            gaps.append(now - before)
            before = now

    thread = threading.Thread(target=other)
    thread.start()
    result = in_order(values)
    done.set()
    thread.join()
    assert result == sorted(values)
    assert len(gaps) > 3
