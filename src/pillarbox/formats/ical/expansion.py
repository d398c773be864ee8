"""The local times a recurrence rule gives (RFC 5545 §3.3.10), from any time on.

Periods before that time are skipped by arithmetic, not walked through, unless a COUNT has to be
counted. Days are ordinals (1 is Monday, 1 January of year 1), times of day are seconds.
"""

from bisect import bisect_left
from calendar import isleap
from collections.abc import Iterable, Iterator
from datetime import MAXYEAR, date, datetime, timedelta
from itertools import islice, pairwise

from pillarbox.formats.ical.budget import Budget
from pillarbox.formats.ical.rule import Frequency, Recur

_MAX_DAY = date.max.toordinal()
_DAY_S = 86_400
_UNITS = {Frequency.HOURLY: 3600, Frequency.MINUTELY: 60, Frequency.SECONDLY: 1}


def local_times(
    recur: Recur, start: datetime, last: datetime | None, begin: datetime, budget: Budget
) -> Iterator[datetime]:
    """The local times from `begin` to `last` of a rule that starts at `start`, ascending.

    `start` is the first of them whether or not it follows the rule, and the first that COUNT
    counts. `last` is the rule's UNTIL on the same clock.
    """
    last = datetime.max if last is None else last
    left = recur.count
    if left is not None:
        counted = _last_counted(recur, start, left)
        if counted is not None:
            last, left = min(last, counted), None
    if start > last or begin > last:
        return
    if start >= begin:
        yield start
    if left is None:
        walk = _after(recur, start, last, max(begin, start), budget)
    else:
        walk = islice(_after(recur, start, last, start, budget), left - 1)
    for local in walk:
        if local >= begin:
            yield local


def _after(
    recur: Recur, start: datetime, last: datetime, begin: datetime, budget: Budget
) -> Iterator[datetime]:
    previous = start
    for local in _matches(recur, start, begin, last, budget):
        if local > last:
            return
        # Skipped days of two months may be the same (RFC 7529).
        if local > previous:
            previous = local
            yield local


def _last_counted(recur: Recur, start: datetime, count: int) -> datetime | None:
    # Where every period has the same number of times the last one is known without counting.
    if (
        recur.by_second
        or recur.by_minute
        or recur.by_hour
        or recur.by_month_day
        or recur.by_year_day
        or recur.by_week_number
        or recur.by_month
        or recur.by_set_position
    ):
        return None
    frequency, steps = recur.frequency, (count - 1) * recur.interval
    try:
        if frequency is Frequency.WEEKLY:
            return _last_week_day(recur, start, count)
        if recur.by_day:
            return None
        if frequency is Frequency.DAILY:
            return start + timedelta(days=steps)
        if frequency in _UNITS:
            return start + timedelta(seconds=steps * _UNITS[frequency])
        if start.day > 28:
            return None
        months = start.month - 1 + steps * (12 if frequency is Frequency.YEARLY else 1)
        return start.replace(start.year + months // 12, months % 12 + 1)
    except (OverflowError, ValueError):
        return datetime.max


def _last_week_day(recur: Recur, start: datetime, count: int) -> datetime:
    at = (start.weekday() - recur.week_start) % 7
    places = sorted({(day - recur.week_start) % 7 for _, day in recur.by_day}) or [at]
    later = [place for place in places if place > at]
    left = count - 1
    if left <= 0:
        return start
    if left <= len(later):
        return start + timedelta(days=later[left - 1] - at)
    weeks, place = divmod(left - len(later) - 1, len(places))
    return start + timedelta(days=7 * recur.interval * (1 + weeks) + places[place] - at)


def _matches(
    recur: Recur, start: datetime, begin: datetime, last: datetime, budget: Budget
) -> Iterator[datetime]:
    if recur.frequency in _UNITS:
        yield from _within_days(recur, start, begin, last, budget)
        return
    hours = recur.by_hour or (start.hour,)
    minutes = recur.by_minute or (start.minute,)
    seconds = _seconds(recur) or (start.second,)
    from_day = begin.toordinal()
    for days in _PERIODS[recur.frequency](recur, start, begin, last, budget):
        budget.spend(1)
        if recur.by_set_position:
            yield from _at_positions(recur, days, hours, minutes, seconds, budget)
            continue
        for day in days:
            if day < from_day:
                continue
            midnight = datetime.fromordinal(day)
            for hour in hours:
                for minute in minutes:
                    for second in seconds:
                        budget.spend()
                        yield midnight.replace(hour=hour, minute=minute, second=second)


def _seconds(recur: Recur) -> tuple[int, ...]:
    # Clocks here have no leap seconds: 60 is the last second.
    return tuple(sorted({min(second, 59) for second in recur.by_second}))


def _at_positions(
    recur: Recur,
    days: list[int],
    hours: tuple[int, ...],
    minutes: tuple[int, ...],
    seconds: tuple[int, ...],
    budget: Budget,
) -> Iterator[datetime]:
    # Positions are counted in the whole set, which need not be made for it.
    size = len(days) * len(hours) * len(minutes) * len(seconds)
    places = {at - 1 if at > 0 else size + at for at in recur.by_set_position}
    budget.spend(len(places))
    for place in sorted(place for place in places if 0 <= place < size):
        rest, second = divmod(place, len(seconds))
        rest, minute = divmod(rest, len(minutes))
        day, hour = divmod(rest, len(hours))
        yield datetime.fromordinal(days[day]).replace(
            hour=hours[hour], minute=minutes[minute], second=seconds[second]
        )


# Years, months, weeks, days: the days of each period that the rule has, sorted.


def _years(
    recur: Recur, start: datetime, begin: datetime, last: datetime, budget: Budget
) -> Iterator[list[int]]:
    behind = begin.year - start.year - (recur.skip != "OMIT")
    year = start.year + max(0, -(-behind // recur.interval)) * recur.interval
    work = _work(recur, len(recur.by_month) or 12)
    while year <= last.year:
        budget.spend(work)
        yield _year_days(recur, start, year)
        year += recur.interval


def _months(
    recur: Recur, start: datetime, begin: datetime, last: datetime, budget: Budget
) -> Iterator[list[int]]:
    first = start.year * 12 + start.month - 1
    behind = begin.year * 12 + begin.month - 1 - first - (recur.skip != "OMIT")
    index = first + max(0, -(-behind // recur.interval)) * recur.interval
    work = _work(recur, 1)
    while index < last.year * 12 + last.month:
        year, month = divmod(index, 12)
        budget.spend()
        if not recur.by_month or month + 1 in recur.by_month:
            budget.spend(work)
            days = _month_days(recur, start, year, month + 1)
            if recur.by_year_day:
                days = [day for day in days if _year_day_fits(recur, day)]
            yield days
        index += recur.interval


def _work(recur: Recur, months: int) -> int:
    # Steps to find the days of a year or a month, by the sizes of the lists.
    numbers = len(recur.by_month_day) * months + len(recur.by_year_day)
    return 1 + (numbers + 16 * len(recur.by_week_number) + 2 * months * len(recur.by_day)) // 2


def _weeks(
    recur: Recur, start: datetime, begin: datetime, last: datetime, budget: Budget
) -> Iterator[list[int]]:
    first = start.toordinal()
    first -= (first - 1 - recur.week_start) % 7
    step = 7 * recur.interval
    week = first + max(0, (begin.toordinal() - first) // step) * step
    places = sorted(
        {(day - recur.week_start) % 7 for _, day in recur.by_day}
        or {(start.weekday() - recur.week_start) % 7}
    )
    limited = _is_limited(recur)
    while week <= last.toordinal():
        days = [week + place for place in places if 1 <= week + place <= _MAX_DAY]
        if limited:
            days = [day for day in days if _day_fits(recur, day, False)]
            budget.spend(len(places))
        yield days
        week += step


def _days(
    recur: Recur, start: datetime, begin: datetime, last: datetime, budget: Budget
) -> Iterator[list[int]]:
    first = start.toordinal()
    step = recur.interval
    day = first + max(0, -(-(begin.toordinal() - first) // step)) * step
    limited = _is_limited(recur) or bool(recur.by_day)
    while day <= last.toordinal():
        if not limited or _day_fits(recur, day, True):
            yield [day]
            day += step
            continue
        budget.spend()
        day += -(-(_next_candidate(recur, day) - day) // step) * step


_PERIODS = {
    Frequency.YEARLY: _years,
    Frequency.MONTHLY: _months,
    Frequency.WEEKLY: _weeks,
    Frequency.DAILY: _days,
}


def _year_days(recur: Recur, start: datetime, year: int) -> list[int]:
    first = date(year, 1, 1).toordinal()
    last = first + (365 if isleap(year) else 364)
    if recur.by_year_day:
        found = {first + at - 1 if at > 0 else last + 1 + at for at in recur.by_year_day}
        days = {day for day in found if first <= day <= last}
        if recur.by_month_day:
            days = {day for day in days if _month_day_fits(recur, date.fromordinal(day))}
        days = _in_months(recur, days)
    elif recur.by_month_day:
        days = set()
        for month in recur.by_month or range(1, 13):
            days.update(_days_of_month(recur, recur.by_month_day, year, month))
    elif recur.by_week_number:
        weekdays = {day for _, day in recur.by_day} or {start.weekday()}
        found = _in_weeks(recur, year, first, last)
        return sorted(_in_months(recur, {day for day in found if (day - 1) % 7 in weekdays}))
    elif recur.by_day:
        return sorted(_weekdays_of_year(recur, year, first, last))
    else:
        days = set()
        for month in recur.by_month or (start.month,):
            days.update(_days_of_month(recur, (start.day,), year, month))
    if recur.by_week_number:
        days &= _in_weeks(recur, year, first, last)
    if recur.by_day:
        days &= _weekdays_of_year(recur, year, first, last)
    return sorted(days)


def _month_days(recur: Recur, start: datetime, year: int, month: int) -> list[int]:
    if recur.by_month_day:
        days = _days_of_month(recur, recur.by_month_day, year, month)
        if recur.by_day:
            days &= _weekdays(recur, *_bounds(year, month))
    elif recur.by_day:
        days = _weekdays(recur, *_bounds(year, month))
    else:
        days = _days_of_month(recur, (start.day,), year, month)
    return sorted(days)


def _bounds(year: int, month: int) -> tuple[int, int]:
    first = date(year, month, 1).toordinal()
    if month == 12:
        return first, first + 30
    return first, date(year, month + 1, 1).toordinal() - 1


def _days_of_month(recur: Recur, numbers: Iterable[int], year: int, month: int) -> set[int]:
    first, last = _bounds(year, month)
    days = set()
    for number in numbers:
        day = first + number - 1 if number > 0 else last + 1 + number
        if first <= day <= last:
            days.add(day)
        elif day > last and recur.skip == "BACKWARD":
            days.add(last)
        elif day > last and recur.skip == "FORWARD" and last < _MAX_DAY:
            days.add(last + 1)
    return days


def _weekdays(recur: Recur, first: int, last: int) -> set[int]:
    days: set[int] = set()
    for number, weekday in recur.by_day:
        if number == 0:
            days.update(range(first + (weekday - first + 1) % 7, last + 1, 7))
        elif number > 0:
            day = first + (weekday - first + 1) % 7 + 7 * (number - 1)
            if day <= last:
                days.add(day)
        else:
            day = last - (last - 1 - weekday) % 7 + 7 * (number + 1)
            if day >= first:
                days.add(day)
    return days


def _weekdays_of_year(recur: Recur, year: int, first: int, last: int) -> set[int]:
    if recur.by_week_number and any(number for number, _ in recur.by_day):
        # Numbers have no meaning within weeks.
        wanted = {weekday for _, weekday in recur.by_day}
        return {day for day in range(first, last + 1) if (day - 1) % 7 in wanted}
    if not recur.by_month:
        return _weekdays(recur, first, last)
    days: set[int] = set()
    for month in recur.by_month:
        days |= _weekdays(recur, *_bounds(year, month))
    return days


def _in_weeks(recur: Recur, year: int, first: int, last: int) -> set[int]:
    # Weeks belong to the year that has four of their days; the set is that of the calendar year.
    days: set[int] = set()
    begins = [_first_week(at, recur.week_start) for at in range(year - 1, year + 3)]
    for begin, following in pairwise(begins):
        count = (following - begin) // 7
        for number in recur.by_week_number:
            at = number - 1 if number > 0 else count + number
            if 0 <= at < count:
                week = begin + 7 * at
                days.update(range(max(week, first), min(week + 6, last) + 1))
    return days


def _first_week(year: int, week_start: int) -> int:
    # Years just outside of the calendar are counted on.
    before = year - 1
    first = before * 365 + before // 4 - before // 100 + before // 400 + 1
    into = (first - 1 - week_start) % 7
    return first - into if into <= 3 else first - into + 7


def _in_months(recur: Recur, days: set[int]) -> set[int]:
    if not recur.by_month:
        return days
    return {day for day in days if date.fromordinal(day).month in recur.by_month}


# Hours, minutes, seconds: days that do not fit are skipped whole, and so are hours and minutes.


def _within_days(
    recur: Recur, start: datetime, begin: datetime, last: datetime, budget: Budget
) -> Iterator[datetime]:
    unit = _UNITS[recur.frequency]
    step = recur.interval * unit
    anchor = _in_seconds(start) // unit * unit
    at = anchor + max(0, (_in_seconds(begin) // unit * unit - anchor) // step) * step
    minutes = (recur.by_minute or (start.minute,)) if unit == 3600 else ()
    seconds = (_seconds(recur) or (start.second,)) if unit >= 60 else ()
    end = _in_seconds(last)
    while at <= end:
        budget.spend()
        to = _next_fit(recur, unit, at)
        if to > at:
            at += -(-(to - at) // step) * step
            continue
        day, second = divmod(at, _DAY_S)
        hour, minute, second = second // 3600, second // 60 % 60, second % 60
        found = _at_times(recur, day, (hour,), minutes or (minute,), seconds or (second,), budget)
        yield from found
        at += step


def _at_times(
    recur: Recur,
    day: int,
    hours: tuple[int, ...],
    minutes: tuple[int, ...],
    seconds: tuple[int, ...],
    budget: Budget,
) -> Iterator[datetime]:
    if recur.by_set_position:
        yield from _at_positions(recur, [day], hours, minutes, seconds, budget)
        return
    midnight = datetime.fromordinal(day)
    for minute in minutes:
        for second in seconds:
            budget.spend()
            yield midnight.replace(hour=hours[0], minute=minute, second=second)


def _next_fit(recur: Recur, unit: int, at: int) -> int:
    # `at` itself where it fits, else where looking on is worth it.
    day, second = divmod(at, _DAY_S)
    if not _day_fits(recur, day, True):
        return _next_candidate(recur, day) * _DAY_S
    hour = second // 3600
    if recur.by_hour and hour not in recur.by_hour:
        return day * _DAY_S + _following(recur.by_hour, hour, 24) * 3600
    minute = second // 60 % 60
    if unit < 3600 and recur.by_minute and minute not in recur.by_minute:
        return (at // 3600) * 3600 + _following(recur.by_minute, minute, 60) * 60
    if unit == 1 and recur.by_second and second % 60 not in _seconds(recur):
        return (at // 60) * 60 + _following(_seconds(recur), second % 60, 60)
    return at


def _following(numbers: tuple[int, ...], after: int, end: int) -> int:
    place = bisect_left(numbers, after)
    return numbers[place] if place < len(numbers) else end


def _in_seconds(local: datetime) -> int:
    return local.toordinal() * _DAY_S + local.hour * 3600 + local.minute * 60 + local.second


# Limits on days.


def _is_limited(recur: Recur) -> bool:
    return bool(recur.by_month or recur.by_month_day or recur.by_year_day)


def _day_fits(recur: Recur, day: int, weekdays: bool) -> bool:
    if weekdays and recur.by_day and not any(at == (day - 1) % 7 for _, at in recur.by_day):
        return False
    if not _is_limited(recur):
        return True
    on = date.fromordinal(day)
    if recur.by_month and on.month not in recur.by_month:
        return False
    if recur.by_month_day and not _month_day_fits(recur, on):
        return False
    return not recur.by_year_day or _year_day_fits(recur, day)


def _month_day_fits(recur: Recur, on: date) -> bool:
    if on.day in recur.by_month_day:
        return True
    first, last = _bounds(on.year, on.month)
    return on.day - (last - first + 2) in recur.by_month_day


def _year_day_fits(recur: Recur, day: int) -> bool:
    year = date.fromordinal(day).year
    at = day - date(year, 1, 1).toordinal() + 1
    return at in recur.by_year_day or at - (367 if isleap(year) else 366) in recur.by_year_day


def _next_candidate(recur: Recur, day: int) -> int:
    # The first day after one that does not fit that may fit: a month that does not is passed over.
    if recur.by_month:
        on = date.fromordinal(day)
        if on.month not in recur.by_month:
            later = [month for month in recur.by_month if month > on.month]
            if not later and on.year == MAXYEAR:
                return _MAX_DAY + 1
            year, month = (on.year, later[0]) if later else (on.year + 1, recur.by_month[0])
            return date(year, month, 1).toordinal()
    return day + 1
