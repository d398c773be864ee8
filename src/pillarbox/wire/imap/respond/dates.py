"""Date-times as INTERNALDATE and SAVEDATE print them, always in UTC (RFC 9051 §9)."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAY_S = 86_400
_FIRST_DAY = -719_162  # 1 January of the year 1
_LAST_DAY = 2_932_896  # 31 December of the year 9999
_MINUTES = tuple(f"{minute // 60:02d}:{minute % 60:02d}:" for minute in range(1440))
_SECONDS = tuple(f"{second:02d}" for second in range(60))


def format_date_times(times_ms: Iterable[int]) -> list[bytes]:
    """Quoted date-times for milliseconds since the epoch; made for whole mailboxes at once.

    Days outside the years 1 to 9999 are printed as the nearest that can be.
    """
    days: dict[int, str] = {}
    texts: list[bytes] = []
    for time_ms in times_ms:
        day, second = divmod(time_ms // 1000, _DAY_S)
        date = days.get(day)
        if date is None:
            date = days[day] = _date(day)
        text = f'"{date} {_MINUTES[second // 60]}{_SECONDS[second % 60]} +0000"'
        texts.append(text.encode("ascii"))
    return texts


def format_date_time(time_ms: int) -> bytes:
    """One quoted date-time."""
    return format_date_times((time_ms,))[0]


def _date(day: int) -> str:
    value = _EPOCH + timedelta(days=min(max(day, _FIRST_DAY), _LAST_DAY))
    return f"{value.day:02d}-{_MONTHS[value.month - 1]}-{value.year:04d}"
