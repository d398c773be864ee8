import pytest

from pillarbox.wire.imap.respond.dates import format_date_time, format_date_times


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [
        (0, b'"01-Jan-1970 00:00:00 +0000"'),
        (-1, b'"31-Dec-1969 23:59:59 +0000"'),
        (1709210096789, b'"29-Feb-2024 12:34:56 +0000"'),
        (253402300799999, b'"31-Dec-9999 23:59:59 +0000"'),
        (253402300800000, b'"31-Dec-9999 00:00:00 +0000"'),
        (-62135596800000, b'"01-Jan-0001 00:00:00 +0000"'),
        (-62135596800001, b'"01-Jan-0001 23:59:59 +0000"'),
    ],
)
def test_times(time_ms, text):
    assert format_date_time(time_ms) == text


def test_many_times_of_one_day():
    assert format_date_times([0, 1000, 60_000]) == [
        b'"01-Jan-1970 00:00:00 +0000"',
        b'"01-Jan-1970 00:00:01 +0000"',
        b'"01-Jan-1970 00:01:00 +0000"',
    ]
