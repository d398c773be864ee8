"""Dates: the usual form, obsolete forms, nonsense."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from pillarbox.formats.mime.date import format_date, parse_date


def zone(hours: float) -> timezone:
    return timezone(timedelta(hours=hours))


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("Fri, 21 Nov 1997 09:55:06 -0600", datetime(1997, 11, 21, 9, 55, 6, tzinfo=zone(-6))),
        ("21 Nov 97 09:55:06 GMT", datetime(1997, 11, 21, 9, 55, 6, tzinfo=UTC)),
        ("1 Jan 49 00:00 Z", datetime(2049, 1, 1, tzinfo=UTC)),
        ("1 Jan 102 00:00 Z", datetime(2002, 1, 1, tzinfo=UTC)),
        ("1 Jul 2003 ((a) b) 10:52:37 +0530 (c)", datetime(2003, 7, 1, 10, 52, 37, 0, zone(5.5))),
        ("Thursday, 13-Feb-1969 23:32:00 EDT", datetime(1969, 2, 13, 23, 32, tzinfo=zone(-4))),
        ("1 July 2003 1:02", datetime(2003, 7, 1, 1, 2, tzinfo=UTC)),
        ("31 Dec 2016 23:59:60 +0000", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("1 Jul 2003 10:00:00 XYZ", datetime(2003, 7, 1, 10, tzinfo=UTC)),
        ("by host; 10 Oct 2022 10:31:15 -0700", datetime(2022, 10, 10, 10, 31, 15, 0, zone(-7))),
        ("2022-10-10T10:31:15+02:00", datetime(2022, 10, 10, 10, 31, 15, 0, zone(2))),
        ("Mon Oct 10 10:31:15 2022", datetime(2022, 10, 10, 10, 31, 15, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_readable(text: str, at: datetime) -> None:
    found = parse_date(text)
    assert found == at
    assert found is not None
    assert found.utcoffset() == at.utcoffset()
    assert parse_date(text.encode()) == at


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "32 Jan 2020 10:00:00 +0000",
        "29 Feb 2021 10:00:00 +0000",
        "1 Zzz 2020 10:00:00 +0000",
        "1 Jan 2020 24:00:00 +0000",
        "1 Jan 2020 10:60:00 +0000",
        "1 Jan 2020 10:00:00 +9900",
        "1 Jan 1000 10:00:00 +0000",
        "(1 Jan 2020 10:00:00 +0000",
    ],
)
def test_unreadable(text: str) -> None:
    assert parse_date(text) is None


@pytest.mark.parametrize("hours", [0, 2, -3.5, 5.75])
def test_written_date_reads_back(hours: float) -> None:
    at = datetime(2026, 11, 1, 5, 6, 7, tzinfo=zone(hours))
    assert parse_date(format_date(at)) == at


def test_written_form() -> None:
    at = datetime(2026, 11, 1, 5, 6, 7, tzinfo=zone(-3.5))
    assert format_date(at) == "Sun, 1 Nov 2026 05:06:07 -0330"
