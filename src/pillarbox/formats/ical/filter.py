"""Filters of calendar queries, as values (RFC 4791 §9.7); `matching` evaluates them."""

from dataclasses import dataclass

from pillarbox.formats.text_match import ParamFilter, TextMatch


@dataclass(frozen=True, slots=True)
class TimeRange:
    """From `start_ms` on and before `end_ms`, instants in UTC; `None` has no bound."""

    start_ms: int | None = None
    end_ms: int | None = None


@dataclass(frozen=True, slots=True)
class PropFilter:
    """A test of a component's properties of one name; all parts have to hold (RFC 4791 §9.7.2)."""

    name: str
    is_not_defined: bool = False
    time_range: TimeRange | None = None
    text_match: TextMatch | None = None
    params: tuple[ParamFilter, ...] = ()


@dataclass(frozen=True, slots=True)
class CompFilter:
    """A test of components of one name; all parts have to hold for one of them (§9.7.1)."""

    name: str
    is_not_defined: bool = False
    time_range: TimeRange | None = None
    props: tuple[PropFilter, ...] = ()
    comps: tuple["CompFilter", ...] = ()
