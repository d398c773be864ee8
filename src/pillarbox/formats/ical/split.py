"""Calendars of many objects taken apart and put together, for import, export and feeds.

Works on lines, not on what they say: components stay byte for byte as they were written (but for
line ends), and the work grows with the size alone.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from pillarbox.base.errors import GrammarError
from pillarbox.formats.content_line import ContentLine, decode_text, parse_lines
from pillarbox.formats.ical.partial import with_zones

MAX_OBJECTS = 100_000
"""Of one file that is taken apart."""
MAX_ZONE_BYTES = 64 * 1024
"""Of a VTIMEZONE; every object that refers to it gets a copy."""
_MAX_SPLIT_BYTES = 64 << 20
"""Of all objects of a file, and so many times its own size beside that."""
_MAX_GROWTH = 8
_MAX_DEPTH = 8
_MAX_PROPERTIES = 200
_MAX_PROPERTY_BYTES = 1000
_PRODUCT = b"PRODID:-//pillarbox//calendar//EN"
_VALUE = re.compile(rb'[^:;"]*(?:;(?:[^:"]|"[^"]*")*)?:(.*)', re.DOTALL)
_ZONE_USED = re.compile(rb';TZID=(?:"([^"]*)"|([^;:",]*))', re.IGNORECASE)
_FOLD = re.compile(rb"\n[ \t]")
_KEPT = (b"VERSION", b"PRODID", b"CALSCALE")


@dataclass(slots=True)
class _Part:
    """One component of a calendar: its lines from BEGIN to END, joined by LF."""

    kind: bytes
    uid: str
    """Of a VTIMEZONE its TZID."""
    text: bytes

    def zones(self) -> set[str]:
        """Names of the time zones it refers to."""
        if b"TZID" not in self.text.upper():
            return set()
        found = _ZONE_USED.findall(_FOLD.sub(b"", self.text))
        return {(quoted or plain).decode("utf-8", "replace") for quoted, plain in found}


@dataclass(slots=True)
class _Calendar:
    """One VCALENDAR: its own property lines, folded as they are, and its components."""

    properties: list[bytes] = field(default_factory=list)
    parts: list[_Part] = field(default_factory=list)


def split_calendar(content: bytes) -> list[tuple[str, bytes]]:
    """One calendar object for each UID of a file, in the order in which they begin.

    Each has the VTIMEZONEs it refers to. A UID that comes in several VCALENDARs comes as often.
    What has no UID gets one that depends on its text alone. METHOD and what describes the whole
    calendar are left out. Raises `GrammarError` for what is no iCalendar stream.
    """
    found: list[tuple[str, bytes]] = []
    size, most = 0, _MAX_SPLIT_BYTES + _MAX_GROWTH * len(content)
    for uid, one in split_objects(content):
        size += len(one)
        if len(found) >= MAX_OBJECTS:
            raise GrammarError(f"more than {MAX_OBJECTS} objects in one file")
        if size > most:
            raise GrammarError("with the time zones each refers to, the objects are too large")
        found.append((uid, one))
    return found


def split_objects(content: bytes) -> Iterator[tuple[str, bytes]]:
    """The same one after the other, without a limit."""
    for calendar in _calendars(content):
        zones = {part.uid: part.text for part in calendar.parts if part.kind == b"VTIMEZONE"}
        groups: dict[tuple[bytes, str], list[_Part]] = {}
        for part in calendar.parts:
            if part.kind != b"VTIMEZONE":
                groups.setdefault((part.kind, part.uid), []).append(part)
        head = b"\n".join(_head(calendar.properties))
        for (_, uid), parts in groups.items():
            named = dict.fromkeys(name for part in parts for name in sorted(part.zones()))
            texts = [head, *(zones[name] for name in named if name in zones)]
            texts += [part.text for part in parts]
            yield uid, _written(texts)


def calendar_properties(content: bytes) -> list[ContentLine]:
    """What the first VCALENDAR of a file says of itself, such as X-WR-CALNAME."""
    for calendar in _calendars(content):
        text = b"\n".join(calendar.properties[:_MAX_PROPERTIES])
        return parse_lines(text.decode("utf-8", "replace"), _MAX_PROPERTIES)
    return []


def joined(objects: Iterable[bytes], properties: Sequence[ContentLine] = ()) -> bytes:
    """One VCALENDAR of the components of many objects; `properties` are its own, beside VERSION."""
    return b"".join(joined_parts(objects, properties))


def joined_parts(
    objects: Iterable[bytes], properties: Sequence[ContentLine] = ()
) -> Iterator[bytes]:
    """The same in parts, one for each object, for what is too large to be held at once."""
    joining = Joining()
    yield joining.begin(properties)
    for content in objects:
        yield joining.add(content)
    yield joining.end()


class Joining:
    """One VCALENDAR in the making; what its methods give is to be put one behind the other.

    A VTIMEZONE comes once, before its first use; where two objects define one TZID differently, and
    it is no name of the time zone database, the second gets another name. Objects that name a zone
    of the database without a VTIMEZONE get one (RFC 7809 §3.1.2).
    """

    def __init__(self) -> None:
        self._zones: dict[str, dict[bytes, str]] = {}

    def begin(self, properties: Sequence[ContentLine] = ()) -> bytes:
        """What comes first, with properties of the calendar."""
        own = "".join(line.written() for line in properties).encode("utf-8", "replace")
        return b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" + _PRODUCT + b"\r\n" + own

    def add(self, content: bytes) -> bytes:
        """The components of an object; nothing of one that can't be read."""
        try:
            calendars = list(_calendars(with_zones(content)))
        except GrammarError:
            return b""
        texts = [text for one in calendars for text in _with_zones(one.parts, self._zones)]
        return _written(texts, whole=False) if texts else b""

    def end(self) -> bytes:
        """What comes last."""
        return b"END:VCALENDAR\r\n"


def _with_zones(parts: list[_Part], zones: dict[str, dict[bytes, str]]) -> Iterator[bytes]:
    """The components of an object, with those of its zones that have not been told yet."""
    renamed: dict[str, str] = {}
    for part in parts:
        if part.kind != b"VTIMEZONE":
            continue
        told = zones.setdefault(part.uid, {})
        if not told or (part.text not in told and not _is_well_known(part.uid)):
            name = part.uid if not told else f"{part.uid} ({len(told) + 1})"
            told[part.text] = name
            yield part.text if name == part.uid else _renamed(part, {part.uid: name})
        name = told.get(part.text, part.uid)
        if name != part.uid:
            renamed[part.uid] = name
    for part in parts:
        if part.kind != b"VTIMEZONE":
            yield _renamed(part, renamed) if renamed else part.text


def _is_well_known(name: str) -> bool:
    """Whether a TZID looks like one of the time zone database, which all define alike."""
    return "/" in name or name == "UTC"


def _renamed(part: _Part, names: dict[str, str]) -> bytes:
    """A component with other names for its time zones."""
    text = _FOLD.sub(b"", part.text)

    def parameter(found: re.Match[bytes]) -> bytes:
        old = (found[1] or found[2] or b"").decode("utf-8", "replace")
        return found[0] if old not in names else f';TZID="{names[old]}"'.encode()

    lines = []
    for line in text.split(b"\n"):
        if part.kind == b"VTIMEZONE" and line[:5].upper() in (b"TZID:", b"TZID;"):
            line = b"TZID:" + names[part.uid].replace("\\", "\\\\").encode()
        else:
            line = _ZONE_USED.sub(parameter, line)
        lines.append(_folded(line))
    return b"\n".join(lines)


def _folded(line: bytes) -> bytes:
    """A line folded at 75 octets, not within a character (RFC 5545 §3.1)."""
    if len(line) <= 75:
        return line
    pieces, start, room = [], 0, 75
    while len(line) - start > room:
        end = start + room
        while end > start + 1 and line[end] & 0xC0 == 0x80:
            end -= 1
        pieces.append(line[start:end])
        start, room = end, 74
    return b"\n ".join([*pieces, line[start:]])


def _written(texts: list[bytes], whole: bool = True) -> bytes:
    lines = b"\n".join([*texts, b"END:VCALENDAR"] if whole else texts)
    return lines.replace(b"\n", b"\r\n") + b"\r\n"


def _head(properties: list[bytes]) -> list[bytes]:
    """How an object of this calendar begins: what says how it is to be read, and no METHOD."""
    kept = [line for line in properties if re.split(rb"[:;]", line, maxsplit=1)[0].upper() in _KEPT]
    names = {re.split(rb"[:;]", line, maxsplit=1)[0].upper() for line in kept}
    if b"PRODID" not in names:
        kept.insert(0, _PRODUCT)
    if b"VERSION" not in names:
        kept.insert(0, b"VERSION:2.0")
    return [b"BEGIN:VCALENDAR", *kept]


def _calendars(content: bytes) -> Iterator[_Calendar]:
    """The VCALENDARs of a stream, one after the other."""
    if content.startswith(b"\xef\xbb\xbf"):
        content = content[3:]
    # CR CR LF is what some gateways make of CRLF.
    content = content.replace(b"\r\n", b"\n").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    reading = _Reading(content.split(b"\n"))
    for number, line in enumerate(reading.lines):
        mark = line[:6].upper()
        if mark == b"BEGIN:":
            reading.begin(number, line)
        elif mark[:4] == b"END:":
            if reading.end(number, line):
                yield reading.calendar
        else:
            reading.add(number, line, mark)
    if reading.names:
        raise _fault("the end is missing", reading.lines, len(reading.lines) - 1)


class _Reading:
    """Where the reading of a stream is: what is open, and where the component began."""

    def __init__(self, lines: list[bytes]) -> None:
        self.lines = lines
        self.names: list[bytes] = []
        self.calendar = _Calendar()
        self._start = 0
        self._uid = ""

    def begin(self, number: int, line: bytes) -> None:
        name = line[6:].strip().upper()
        if not self.names and name != b"VCALENDAR":
            raise _fault("this does not begin with BEGIN:VCALENDAR", self.lines, number)
        if len(self.names) >= _MAX_DEPTH:
            raise _fault(f"components are more than {_MAX_DEPTH} deep", self.lines, number)
        self.names.append(name)
        if len(self.names) == 1:
            self.calendar = _Calendar()
        elif len(self.names) == 2:
            self._start, self._uid = number, ""

    def end(self, number: int, line: bytes) -> bool:
        """Close what is open; whether it was the calendar."""
        if not self.names or line[4:].strip().upper() != self.names[-1]:
            raise _fault("an END without its BEGIN", self.lines, number)
        kind = self.names.pop()
        if len(self.names) == 1:
            lines = self.lines[self._start : number + 1]
            if kind == b"VTIMEZONE" and sum(map(len, lines)) > MAX_ZONE_BYTES:
                raise _fault(f"a time zone over {MAX_ZONE_BYTES} bytes", self.lines, number)
            self.calendar.parts.append(_part(kind, self._uid, lines))
        return not self.names

    def add(self, number: int, line: bytes, mark: bytes) -> None:
        """Look at a line that neither begins nor ends something."""
        if len(self.names) == 1:
            _add_property(self.calendar, line)
        elif len(self.names) == 2:
            if mark[:3] in (b"UID", b"TZI") and not self._uid:
                self._uid = _identity(self.names[-1], self.lines, number)
        elif not self.names and line.strip():
            raise _fault("text outside of a VCALENDAR", self.lines, number)


def _add_property(calendar: _Calendar, line: bytes) -> None:
    if line[:1] in (b" ", b"\t") and calendar.properties:
        if len(calendar.properties[-1]) + len(line) < _MAX_PROPERTY_BYTES:
            calendar.properties[-1] += b"\n" + line
    elif line.strip() and len(calendar.properties) < _MAX_PROPERTIES:
        calendar.properties.append(line[:_MAX_PROPERTY_BYTES])


def _part(kind: bytes, uid: str, lines: list[bytes]) -> _Part:
    text = b"\n".join(line for line in lines if line)
    if not uid and kind != b"VTIMEZONE":
        uid = hashlib.sha256(text).hexdigest()[:40]
        begin, _, rest = text.partition(b"\n")
        text = b"\n".join((begin, b"UID:" + uid.encode(), rest))
    return _Part(kind, uid, text)


def _identity(kind: bytes, lines: list[bytes], number: int) -> str:
    """The value of the UID of a component, or the TZID of a VTIMEZONE; empty if it is neither."""
    end = number + 1
    while end < len(lines) and lines[end][:1] in (b" ", b"\t"):
        end += 1
    text = lines[number] + b"".join(line[1:] for line in lines[number + 1 : end])
    name = re.split(rb"[:;]", text, maxsplit=1)[0].upper()
    found = _VALUE.match(text)
    if name != (b"TZID" if kind == b"VTIMEZONE" else b"UID") or found is None:
        return ""
    return decode_text(found[1].decode("utf-8", "replace")).strip()


def _fault(text: str, lines: list[bytes], number: int) -> GrammarError:
    return GrammarError(f"line {number + 1}: {text}", sum(len(line) + 1 for line in lines[:number]))
