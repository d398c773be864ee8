"""Rules give the times RFC 5545 says, and those another implementation gives."""

import datetime as datetime_module
from calendar import isleap, monthrange
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice, takewhile
from types import SimpleNamespace
from typing import Any

import dateutil.rrule
import pytest
from dateutil.rrule import rrulestr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.steps import counted
from pillarbox.formats.ical.budget import Budget, TooMuchWork
from pillarbox.formats.ical.expansion import local_times
from pillarbox.formats.ical.rule import WEEKDAYS, Frequency, Recur, parse_recur

START = datetime(1997, 9, 2, 9, 0)
ORACLE = settings(
    max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None
)


def times(
    rule: str,
    start: datetime = START,
    begin: datetime = datetime.min,
    most: int = 400,
    steps: int = 1_000_000,
) -> list[datetime]:
    recur = parse_recur(rule)
    last = recur.until.local if recur.until else None
    return list(islice(local_times(recur, start, last, begin, Budget(steps)), most))


def on(*days: str, clock: str = "09:00") -> list[datetime]:
    """Days such as `1997-09: 2 3 4` as times."""
    found = []
    for group in days:
        month, _, numbers = group.partition(": ")
        found += [
            datetime.fromisoformat(f"{month}-{int(number):02}T{clock}")
            for number in numbers.split()
        ]
    return found


def every(first: str, count: int, days: int) -> list[datetime]:
    begin = datetime.fromisoformat(first)
    return [begin + timedelta(days=days * at) for at in range(count)]


# The examples of RFC 5545 §3.8.5.3 in their order: rule, start, and what comes first.
EXAMPLES: list[tuple[str, str, list[datetime], bool]] = [
    ("FREQ=DAILY;COUNT=10", "19970902T090000", on("1997-09: 2 3 4 5 6 7 8 9 10 11"), True),
    (
        "FREQ=DAILY;UNTIL=19971224T000000Z",
        "19970902T090000",
        every("1997-09-02T09:00", 113, 1),
        True,
    ),
    ("FREQ=DAILY;INTERVAL=2", "19970902T090000", every("1997-09-02T09:00", 47, 2), False),
    ("FREQ=DAILY;INTERVAL=10;COUNT=5", "19970902T090000", every("1997-09-02T09:00", 5, 10), True),
    (
        "FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA",
        "19980101T090000",
        every("1998-01-01T09:00", 31, 1)
        + every("1999-01-01T09:00", 31, 1)
        + every("2000-01-01T09:00", 31, 1),
        True,
    ),
    (
        "FREQ=DAILY;UNTIL=20000131T140000Z;BYMONTH=1",
        "19980101T090000",
        every("1998-01-01T09:00", 31, 1)
        + every("1999-01-01T09:00", 31, 1)
        + every("2000-01-01T09:00", 31, 1),
        True,
    ),
    ("FREQ=WEEKLY;COUNT=10", "19970902T090000", every("1997-09-02T09:00", 10, 7), True),
    (
        "FREQ=WEEKLY;UNTIL=19971224T000000Z",
        "19970902T090000",
        every("1997-09-02T09:00", 17, 7),
        True,
    ),
    (
        "FREQ=WEEKLY;INTERVAL=2;WKST=SU",
        "19970902T090000",
        every("1997-09-02T09:00", 13, 14),
        False,
    ),
    (
        "FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH",
        "19970902T090000",
        on("1997-09: 2 4 9 11 16 18 23 25 30", "1997-10: 2"),
        True,
    ),
    (
        "FREQ=WEEKLY;COUNT=10;WKST=SU;BYDAY=TU,TH",
        "19970902T090000",
        on("1997-09: 2 4 9 11 16 18 23 25 30", "1997-10: 2"),
        True,
    ),
    (
        "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR",
        "19970901T090000",
        on(
            "1997-09: 1 3 5 15 17 19 29",
            "1997-10: 1 3 13 15 17 27 29 31",
            "1997-11: 10 12 14 24 26 28",
            "1997-12: 8 10 12 22",
        ),
        True,
    ),
    (
        "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH",
        "19970902T090000",
        on("1997-09: 2 4 16 18 30", "1997-10: 2 14 16"),
        True,
    ),
    (
        "FREQ=MONTHLY;COUNT=10;BYDAY=1FR",
        "19970905T090000",
        on("1997-09: 5", "1997-10: 3", "1997-11: 7", "1997-12: 5", "1998-01: 2")
        + on("1998-02: 6", "1998-03: 6", "1998-04: 3", "1998-05: 1", "1998-06: 5"),
        True,
    ),
    (
        "FREQ=MONTHLY;UNTIL=19971224T000000Z;BYDAY=1FR",
        "19970905T090000",
        on("1997-09: 5", "1997-10: 3", "1997-11: 7", "1997-12: 5"),
        True,
    ),
    (
        "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
        "19970907T090000",
        on("1997-09: 7 28", "1997-11: 2 30", "1998-01: 4 25", "1998-03: 1 29", "1998-05: 3 31"),
        True,
    ),
    (
        "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO",
        "19970922T090000",
        on("1997-09: 22", "1997-10: 20", "1997-11: 17", "1997-12: 22", "1998-01: 19")
        + on("1998-02: 16"),
        True,
    ),
    (
        "FREQ=MONTHLY;BYMONTHDAY=-3",
        "19970928T090000",
        on("1997-09: 28", "1997-10: 29", "1997-11: 28", "1997-12: 29", "1998-01: 29")
        + on("1998-02: 26"),
        False,
    ),
    (
        "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15",
        "19970902T090000",
        on("1997-09: 2 15", "1997-10: 2 15", "1997-11: 2 15", "1997-12: 2 15", "1998-01: 2 15"),
        True,
    ),
    (
        "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1",
        "19970930T090000",
        on("1997-09: 30", "1997-10: 1 31", "1997-11: 1 30", "1997-12: 1 31", "1998-01: 1 31")
        + on("1998-02: 1"),
        True,
    ),
    (
        "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15",
        "19970910T090000",
        on("1997-09: 10 11 12 13 14 15", "1999-03: 10 11 12 13"),
        True,
    ),
    (
        "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU",
        "19970902T090000",
        on("1997-09: 2 9 16 23 30", "1997-11: 4 11 18 25", "1998-01: 6 13 20 27")
        + on("1998-03: 3 10 17 24 31"),
        False,
    ),
    (
        "FREQ=YEARLY;COUNT=10;BYMONTH=6,7",
        "19970610T090000",
        on(*(f"{year}-{month}: 10" for year in range(1997, 2002) for month in ("06", "07"))),
        True,
    ),
    (
        "FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3",
        "19970310T090000",
        on("1997-03: 10")
        + on(
            *(f"{year}-{month}: 10" for year in (1999, 2001, 2003) for month in ("01", "02", "03"))
        ),
        True,
    ),
    (
        "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200",
        "19970101T090000",
        on("1997-01: 1", "1997-04: 10", "1997-07: 19", "2000-01: 1", "2000-04: 9", "2000-07: 18")
        + on("2003-01: 1", "2003-04: 10", "2003-07: 19", "2006-01: 1"),
        True,
    ),
    (
        "FREQ=YEARLY;BYDAY=20MO",
        "19970519T090000",
        on("1997-05: 19", "1998-05: 18", "1999-05: 17"),
        False,
    ),
    (
        "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
        "19970512T090000",
        on("1997-05: 12", "1998-05: 11", "1999-05: 17"),
        False,
    ),
    (
        "FREQ=YEARLY;BYMONTH=3;BYDAY=TH",
        "19970313T090000",
        on("1997-03: 13 20 27", "1998-03: 5 12 19 26", "1999-03: 4 11 18 25"),
        False,
    ),
    (
        "FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8",
        "19970605T090000",
        on("1997-06: 5 12 19 26", "1997-07: 3 10 17 24 31", "1997-08: 7 14 21 28", "1998-06: 4"),
        False,
    ),
    (
        "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
        "19980213T090000",
        on("1998-02: 13", "1998-03: 13", "1998-11: 13", "1999-08: 13", "2000-10: 13"),
        False,
    ),
    (
        "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13",
        "19970913T090000",
        on("1997-09: 13", "1997-10: 11", "1997-11: 8", "1997-12: 13", "1998-01: 10")
        + on("1998-02: 7", "1998-03: 7", "1998-04: 11", "1998-05: 9", "1998-06: 13"),
        False,
    ),
    (
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
        "19961105T090000",
        on("1996-11: 5", "2000-11: 7", "2004-11: 2"),
        False,
    ),
    (
        "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3",
        "19970904T090000",
        on("1997-09: 4", "1997-10: 7", "1997-11: 6"),
        True,
    ),
    (
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
        "19970929T090000",
        on("1997-09: 29", "1997-10: 30", "1997-11: 27", "1997-12: 30", "1998-01: 29")
        + on("1998-02: 26", "1998-03: 30"),
        False,
    ),
    (
        "FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T170000Z",
        "19970902T090000",
        [START, START + timedelta(hours=3), START + timedelta(hours=6)],
        True,
    ),
    (
        "FREQ=MINUTELY;INTERVAL=15;COUNT=6",
        "19970902T090000",
        [START + timedelta(minutes=15 * at) for at in range(6)],
        True,
    ),
    (
        "FREQ=MINUTELY;INTERVAL=90;COUNT=4",
        "19970902T090000",
        [START + timedelta(minutes=90 * at) for at in range(4)],
        True,
    ),
    (
        "FREQ=DAILY;BYHOUR=9,10,11,12,13,14,15,16;BYMINUTE=0,20,40",
        "19970902T090000",
        [START + timedelta(minutes=20 * at) for at in range(24)]
        + [START + timedelta(days=1, minutes=20 * at) for at in range(24)],
        False,
    ),
    (
        "FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10,11,12,13,14,15,16",
        "19970902T090000",
        [START + timedelta(minutes=20 * at) for at in range(24)]
        + [START + timedelta(days=1, minutes=20 * at) for at in range(24)],
        False,
    ),
    (
        "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
        "19970805T090000",
        on("1997-08: 5 10 19 24"),
        True,
    ),
    (
        "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
        "19970805T090000",
        on("1997-08: 5 17 19 31"),
        True,
    ),
    (
        "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5",
        "20070115T090000",
        on("2007-01: 15 30", "2007-02: 15", "2007-03: 15 30"),
        True,
    ),
]


@pytest.mark.parametrize(
    ("rule", "start", "expected", "ends"), EXAMPLES, ids=lambda each: str(each)[:60]
)
def test_examples_of_the_standard(
    rule: str, start: str, expected: list[datetime], ends: bool
) -> None:
    found = times(rule, datetime.strptime(start, "%Y%m%dT%H%M%S"))
    assert found[: len(expected)] == expected
    assert (len(found) == len(expected)) is ends


def numbers(least: int, most: int, negative: bool = False) -> st.SearchStrategy[list[int]]:
    each = st.integers(least, most)
    if negative:
        each = st.one_of(each, st.integers(-most, -least))
    return st.lists(each, min_size=1, max_size=4, unique=True)


def given_or_not(values: st.SearchStrategy[Any], odds: int) -> st.SearchStrategy[Any]:
    return st.integers(0, odds).flatmap(lambda at: values if at == 0 else st.none())


@st.composite
def rules(draw: Any) -> str:
    """Rules both implementations read alike: what RFC 5545 leaves open is not in them."""
    frequency = draw(
        st.sampled_from(("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"))
    )
    parts = [f"FREQ={frequency}", f"INTERVAL={draw(st.integers(1, 5))}"]
    lists: dict[str, Any] = {
        "BYMONTH": given_or_not(numbers(1, 12), 2),
        "BYMONTHDAY": given_or_not(numbers(1, 31, True), 2),
        "BYHOUR": given_or_not(numbers(0, 23), 3),
        "BYMINUTE": given_or_not(numbers(0, 59), 3),
        "BYSECOND": given_or_not(numbers(0, 59), 4),
    }
    if frequency == "WEEKLY":
        del lists["BYMONTHDAY"]
    if frequency in ("YEARLY", "HOURLY", "MINUTELY", "SECONDLY"):
        lists["BYYEARDAY"] = given_or_not(numbers(1, 366, True), 3)
    chosen = {name: draw(values) for name, values in lists.items()}
    weeks = None
    if frequency == "YEARLY" and not chosen["BYYEARDAY"] and not chosen["BYMONTHDAY"]:
        weeks = draw(given_or_not(numbers(1, 53, True), 2))
    days = draw(given_or_not(st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=4), 1))
    if weeks:
        parts.append(f"BYWEEKNO={','.join(map(str, weeks))}")
        days = days or ["MO"]
    if days:
        numbered = frequency in ("MONTHLY", "YEARLY") and not weeks and draw(st.booleans())
        highest = 5 if frequency == "MONTHLY" or chosen["BYMONTH"] else 53
        if numbered:
            days = [
                f"{draw(st.integers(1, highest)) * draw(st.sampled_from((1, -1)))}{day}"
                for day in days
            ]
        parts.append(f"BYDAY={','.join(days)}")
    parts += [f"{name}={','.join(map(str, found))}" for name, found in chosen.items() if found]
    # dateutil counts positions of the first week from DTSTART on, not from the week's begin.
    if len(parts) > 2 and frequency not in ("SECONDLY", "WEEKLY") and draw(st.integers(0, 3)) == 0:
        parts.append(f"BYSETPOS={','.join(map(str, draw(numbers(1, 10, True))))}")
    parts.append(f"WKST={draw(st.sampled_from(WEEKDAYS))}")
    return ";".join(parts)


STARTS = st.datetimes(datetime(1970, 1, 1), datetime(2037, 12, 31)).map(
    lambda at: at.replace(microsecond=0)
)


def oracle(rule: str, start: datetime, until: datetime, most: int) -> list[datetime]:
    """What another way gives: dateutil for days and more, else every period tried."""
    recur = parse_recur(rule)
    if recur.frequency > Frequency.DAILY:
        return list(islice(tried(recur, start, until), most))
    shim = SimpleNamespace(**{**vars(datetime_module), "MAXYEAR": until.year})
    with pytest.MonkeyPatch.context() as patch:
        # It would look for what is not there until the year 9999.
        patch.setattr(dateutil.rrule, "datetime", shim)
        found = rrulestr(f"{rule};UNTIL={until:%Y%m%dT%H%M%S}", dtstart=start)
        return list(islice(takewhile(lambda at: at <= until, found), most))


def tried(recur: Recur, start: datetime, until: datetime) -> Iterator[datetime]:
    """Rules of hours, minutes and seconds, by looking at each of them."""
    unit = {Frequency.HOURLY: 3600, Frequency.MINUTELY: 60, Frequency.SECONDLY: 1}[recur.frequency]
    at = start.replace(second=0 if unit > 1 else start.second)
    at = at.replace(minute=0 if unit > 60 else start.minute)
    while at <= until:
        length = monthrange(at.year, at.month)[1]
        year_day = at.timetuple().tm_yday
        year = 366 if isleap(at.year) else 365
        fits = [
            not recur.by_month or at.month in recur.by_month,
            not recur.by_month_day or {at.day, at.day - length - 1} & {*recur.by_month_day},
            not recur.by_year_day or {year_day, year_day - year - 1} & {*recur.by_year_day},
            not recur.by_day or at.weekday() in {day for _, day in recur.by_day},
            not recur.by_hour or at.hour in recur.by_hour,
            unit == 3600 or not recur.by_minute or at.minute in recur.by_minute,
            unit > 1 or not recur.by_second or at.second in recur.by_second,
        ]
        if all(fits):
            minutes = (recur.by_minute or (start.minute,)) if unit == 3600 else (at.minute,)
            seconds = (recur.by_second or (start.second,)) if unit > 1 else (at.second,)
            times = [
                at.replace(minute=minute, second=second) for minute in minutes for second in seconds
            ]
            size = len(times)
            places = {each - 1 if each > 0 else size + each for each in recur.by_set_position}
            for place, time in enumerate(times):
                if start <= time <= until and (not places or place in places):
                    yield time
        at += timedelta(seconds=unit * recur.interval)


def wanted(frequency: str) -> timedelta:
    return {
        "YEARLY": timedelta(days=5000),
        "MONTHLY": timedelta(days=1500),
        "WEEKLY": timedelta(days=500),
        "DAILY": timedelta(days=300),
        "HOURLY": timedelta(days=20),
        "MINUTELY": timedelta(hours=30),
        "SECONDLY": timedelta(minutes=40),
    }[frequency]


@ORACLE
@given(rules(), STARTS)
def test_rules_give_what_another_implementation_gives(rule: str, start: datetime) -> None:
    frequency = rule[5:].partition(";")[0]
    until = start + wanted(frequency)
    rule_until = f"{rule};UNTIL={until:%Y%m%dT%H%M%S}"
    expected = oracle(rule, start, until, 5000)
    if expected[:1] != [start]:
        # DTSTART is the first instance, whatever the rule says.
        expected.insert(0, start)
    assert times(rule_until, start, most=5000) == expected[:5000]


@ORACLE
@given(rules(), STARTS, st.integers(1, 40))
def test_counts_end_rules_alike(rule: str, start: datetime, count: int) -> None:
    frequency = rule[5:].partition(";")[0]
    until = start + wanted(frequency)
    expected = oracle(rule, start, until, count)
    if expected[:1] != [start]:
        expected = [start, *expected][:count]
    found = [at for at in _until(f"{rule};COUNT={count}", start, until) if at <= until]
    assert found == expected


def _until(rule: str, start: datetime, until: datetime) -> list[datetime]:
    found = []
    try:
        found.extend(local_times(parse_recur(rule), start, until, datetime.min, Budget(100_000)))
    except TooMuchWork:
        pass
    return found


@ORACLE
@given(rules(), STARTS, st.floats(0, 1))
def test_skipping_ahead_changes_nothing(rule: str, start: datetime, part: float) -> None:
    frequency = rule[5:].partition(";")[0]
    until = start + wanted(frequency)
    begin = start + (until - start) * part
    recur = parse_recur(rule)
    whole = [at for at in local_times(recur, start, until, start, Budget(500_000)) if at >= begin]
    assert list(local_times(recur, start, until, begin, Budget(500_000))) == whole


@ORACLE
@given(
    st.sampled_from(("DAILY", "WEEKLY", "MONTHLY", "YEARLY", "HOURLY", "MINUTELY", "SECONDLY")),
    st.integers(1, 9),
    st.integers(1, 60),
    st.lists(st.sampled_from(WEEKDAYS), max_size=4),
    st.sampled_from(WEEKDAYS),
    STARTS,
)
def test_counts_are_known_without_counting(
    frequency: str, interval: int, count: int, days: list[str], week_start: str, start: datetime
) -> None:
    rule = f"FREQ={frequency};INTERVAL={interval};WKST={week_start}"
    if frequency == "WEEKLY" and days:
        rule += f";BYDAY={','.join(days)}"
    expected = list(islice(rrulestr(rule, dtstart=start), count))
    if expected[0] != start:
        expected = [start, *expected][:count]
    found = times(f"{rule};COUNT={count}", start)
    assert found == expected
    late = times(f"{rule};COUNT={count}", start, begin=expected[-1])
    assert late == expected[-1:]


@pytest.mark.parametrize(
    ("rule", "start", "expected"),
    [
        ("FREQ=MONTHLY;SKIP=OMIT;COUNT=3", "20240131", ["20240131", "20240331", "20240531"]),
        ("FREQ=MONTHLY;SKIP=BACKWARD;COUNT=3", "20240131", ["20240131", "20240229", "20240331"]),
        ("FREQ=MONTHLY;SKIP=FORWARD;COUNT=3", "20240131", ["20240131", "20240301", "20240331"]),
        ("FREQ=YEARLY;SKIP=BACKWARD;COUNT=3", "20240229", ["20240229", "20250228", "20260228"]),
        ("FREQ=YEARLY;SKIP=FORWARD;COUNT=3", "20240229", ["20240229", "20250301", "20260301"]),
    ],
)
def test_days_a_month_does_not_have(rule: str, start: str, expected: list[str]) -> None:
    found = times(f"RSCALE=GREGORIAN;{rule}", datetime.strptime(start, "%Y%m%d"))
    assert [f"{at:%Y%m%d}" for at in found] == expected


def test_positions_are_counted_in_the_whole_week() -> None:
    found = times("FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=1;WKST=TU;COUNT=3", datetime(2000, 1, 1, 9))
    assert found == on("2000-01: 1 4 11")


def test_weeks_alone_have_the_weekday_of_the_start() -> None:
    found = times("FREQ=YEARLY;BYWEEKNO=20;COUNT=3", datetime(1997, 5, 12, 9))
    assert found == on("1997-05: 12", "1998-05: 11", "1999-05: 17")


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=SECONDLY;INTERVAL=2;BYSECOND=1",
        "FREQ=SECONDLY;COUNT=1000000000;BYMONTH=1",
        "FREQ=SECONDLY;INTERVAL=999999999;BYMONTH=2;BYMONTHDAY=29;BYHOUR=3;BYMINUTE=4;BYSECOND=5",
        "FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=HOURLY;BYYEARDAY=366;BYMONTH=1",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYDAY=MO;INTERVAL=7",
        "FREQ=WEEKLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30,31",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6;BYDAY=MO",
        "FREQ=YEARLY;BYSETPOS=366;BYMONTH=1",
        "FREQ=YEARLY;BYYEARDAY=" + ",".join(map(str, range(1, 367))) + ";BYMONTHDAY=-31;BYDAY=53MO",
        "FREQ=YEARLY;BYWEEKNO="
        + ",".join(map(str, range(-53, 0)))
        + ";BYDAY=MO;BYMONTH=2;BYSETPOS=99",
        "FREQ=MONTHLY;BYDAY=" + ",".join(f"{n}{d}" for n in range(6, 54) for d in WEEKDAYS),
        "FREQ=YEARLY;BYSECOND="
        + ",".join(map(str, range(60)))
        + ";BYMINUTE="
        + ",".join(map(str, range(60)))
        + ";BYHOUR="
        + ",".join(map(str, range(24))),
    ],
    ids=lambda rule: rule[:50],
)
def test_hostile_rules_end_within_their_steps(rule: str) -> None:
    """Neither a stall nor unbounded work: the engine's own loop iterations are counted."""
    budget = Budget()
    start = datetime(2024, 1, 3, 0, 0, 0)

    def run() -> None:
        try:
            for _ in local_times(parse_recur(rule), start, None, datetime(2025, 1, 1), budget):
                pass
        except TooMuchWork:
            assert budget.left < 0

    # Lines of Python run per step of the budget: what is counted is what is done.
    assert counted(run) < 40 * budget.steps


def test_a_far_window_is_reached_without_walking_there() -> None:
    for rule in (
        "FREQ=SECONDLY",
        "FREQ=MINUTELY;INTERVAL=7",
        "FREQ=HOURLY;BYHOUR=1,2",
        "FREQ=DAILY;INTERVAL=3",
        "FREQ=DAILY;COUNT=1000000000",
        "FREQ=WEEKLY;BYDAY=MO,FR",
        "FREQ=WEEKLY;BYDAY=MO,FR;COUNT=99999999",
        "FREQ=MONTHLY;BYDAY=-1FR",
        "FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU",
    ):
        budget = Budget(200)
        found = local_times(parse_recur(rule), START, None, datetime(8000, 1, 1), budget)
        assert next(found) >= datetime(8000, 1, 1)
        assert budget.used < 100, rule
