"""What a line's conversion has to know of the rest of its card."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count

from pillarbox.formats.content_line import ContentLine


@dataclass(slots=True)
class About:
    """`labels` are those of groups (in small letters); `group` is free for a line made now.

    `has_kind` and `has_shows`: the card says its kind, or in the way of Apple's programs
    (X-ABShowAs) whether it is a company's.
    """

    labels: Mapping[str, str]
    group: str = ""
    has_kind: bool = False
    has_shows: bool = False


def free_groups(lines: Iterable[ContentLine]) -> Iterator[str]:
    """Names of groups, in the way of Apple's programs, that the lines do not use."""
    used = {line.group.lower() for line in lines if line.group}
    return (name for name in (f"item{number}" for number in count(1)) if name not in used)
