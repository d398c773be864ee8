"""Components: the tree of BEGIN and END that calendar objects are (RFC 5545 §3.4, §3.6)."""

from collections.abc import Iterator

from msgspec import Struct

from pillarbox.base.errors import GrammarError
from pillarbox.formats.content_line import ContentLine, parse_content

MAX_LINES = 100_000
"""Of one object, folds not counted."""
MAX_DEPTH = 8
"""Of components in each other; VCALENDAR is 1."""


class Component(Struct):
    """A component: its properties and the components in it, each in the order they came.

    `name` and the names asked for are in capitals.
    """

    name: str
    lines: list[ContentLine] = []
    parts: list["Component"] = []

    def first(self, name: str) -> ContentLine | None:
        """The first property of a name."""
        for line in self.lines:
            if line.name == name:
                return line
        return None

    def value(self, name: str) -> str | None:
        """The value of the first property of a name, as written (not unescaped)."""
        for line in self.lines:
            if line.name == name:
                return line.value
        return None

    def all(self, name: str) -> list[ContentLine]:
        """The properties of a name."""
        return [line for line in self.lines if line.name == name]

    def of(self, name: str) -> list["Component"]:
        """The components of a name right in this one."""
        return [part for part in self.parts if part.name == name]

    def put(self, line: ContentLine) -> None:
        """Put a property in the place of those of its name, or at the end."""
        for at, old in enumerate(self.lines):
            if old.name == line.name:
                self.remove(line.name)
                self.lines.insert(at, line)
                return
        self.lines.append(line)

    def remove(self, name: str) -> None:
        """Remove the properties of a name."""
        self.lines = [line for line in self.lines if line.name != name]

    def copy(self) -> "Component":
        """A component that can be changed without changing this one."""
        return Component(
            self.name, [line.copy() for line in self.lines], [part.copy() for part in self.parts]
        )

    def written(self) -> bytes:
        """The component as text in UTF-8, lines folded and ended by CRLF."""
        return "".join(self._pieces()).encode("utf-8", "replace")

    def _pieces(self) -> Iterator[str]:
        yield f"BEGIN:{self.name}\r\n"
        for line in self.lines:
            yield line.written()
        for part in self.parts:
            yield from part._pieces()
        yield f"END:{self.name}\r\n"


def parse_calendar(content: bytes) -> Component:
    """The one VCALENDAR of an object in UTF-8.

    Raises `GrammarError` for anything else, for more than `MAX_LINES` lines and for components
    more than `MAX_DEPTH` deep.
    """
    calendars = parse_calendars(content)
    if len(calendars) != 1:
        raise GrammarError(f"{len(calendars)} calendars where one is expected")
    return calendars[0]


def parse_calendars(content: bytes) -> list[Component]:
    """The VCALENDARs of a file, one or more in a row; limits and errors as of `parse_calendar`."""
    calendars = parse_components(content)
    for calendar in calendars:
        if calendar.name != "VCALENDAR":
            raise GrammarError(f"{calendar.name[:40]} where VCALENDAR is expected")
    if not calendars:
        raise GrammarError("no VCALENDAR")
    return calendars


def parse_components(content: bytes, most_lines: int = MAX_LINES) -> list[Component]:
    """Components of any name in a row: alarms, for one; errors as of `parse_calendar`."""
    top = Component("")
    add = top.lines.append
    open_ones = [top]
    for line in parse_content(content, most_lines):
        name = line.name
        if name == "BEGIN":
            component = Component(line.value.strip().upper())
            open_ones[-1].parts.append(component)
            open_ones.append(component)
            if len(open_ones) > MAX_DEPTH + 1:
                raise GrammarError(f"components are more than {MAX_DEPTH} deep")
            add = component.lines.append
        elif name == "END":
            ended = open_ones.pop()
            if not open_ones or ended.name != line.value.strip().upper():
                raise GrammarError(f"END:{line.value[:40]} ends nothing, or not what is open")
            add = open_ones[-1].lines.append
        else:
            add(line)
    if len(open_ones) > 1:
        raise GrammarError(f"{open_ones[-1].name[:40]} has no END")
    if top.lines:
        raise GrammarError(f"{top.lines[0].name[:40]} is outside of any component")
    return top.parts
