"""Filters of calendar queries, as values (RFC 4791 §9.7); `matching` evaluates them."""

from dataclasses import dataclass

from pillarbox.formats.text_match import ParamFilter, TextMatch


@dataclass(frozen=True, slots=True)
class TimeRange:
    """From `start_ms` on and before `end_ms`, instants in UTC; `None` has no bound."""

    start_ms: int | None = None
    end_ms: int | None = None

    def overlaps(self, start_ms: int, end_ms: int) -> bool:
        """Whether something overlaps; what has no length does where it begins (RFC 4791 §9.9)."""
        if self.end_ms is not None and start_ms >= self.end_ms:
            return False
        low = self.start_ms
        return low is None or low < end_ms or (start_ms == end_ms and low <= start_ms)


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
