"""A WebDAV client for tests: requests over an `HttpWire`, and multistatus answers as values."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType
from urllib.parse import unquote
from xml.etree import ElementTree

from kit.app import DOMAIN, AppUnderTest
from kit.http import Heard, HttpWire

D = "{DAV:}"
C = "{urn:ietf:params:xml:ns:caldav}"
A = "{urn:ietf:params:xml:ns:carddav}"
CS = "{http://calendarserver.org/ns/}"
ICAL = "{http://apple.com/ns/ical/}"
NAMESPACES = (
    'xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"'
    ' xmlns:A="urn:ietf:params:xml:ns:carddav" xmlns:CS="http://calendarserver.org/ns/"'
    ' xmlns:I="http://apple.com/ns/ical/"'
)


@dataclass
class Row:
    """A resource of a multistatus: properties by status and Clark name, or its own status."""

    status: int | None = None
    props: dict[int, dict[str, ElementTree.Element]] = field(default_factory=dict)
    conditions: set[str] = field(default_factory=set)

    def text(self, name: str) -> str:
        """The text of a property that was found."""
        return self.props[200][name].text or ""

    def inner(self, name: str) -> set[str]:
        """The names of the elements in a property that was found."""
        return {child.tag for child in self.props[200][name]}

    def hrefs(self, name: str) -> list[str]:
        """The hrefs in a property that was found."""
        return [unquote(one.text or "") for one in self.props[200][name].iter(D + "href")]

    def names(self, status: int = 200) -> set[str]:
        """The names of the properties that have a status."""
        return set(self.props.get(status, {}))


@dataclass
class Answer:
    """An answer; `rows` are those of a multistatus by decoded path."""

    heard: Heard
    rows: dict[str, Row] = field(default_factory=dict)
    token: str = ""

    @property
    def status(self) -> int:
        return self.heard.status

    @property
    def fields(self) -> dict[str, str]:
        return self.heard.fields

    @property
    def etag(self) -> str:
        return self.heard.fields["etag"]

    @property
    def conditions(self) -> set[str]:
        """The preconditions of an error body."""
        root = ElementTree.fromstring(self.heard.body)
        assert root.tag == D + "error", self.heard.text
        return {child.tag for child in root} - {D + "responsedescription"}

    @property
    def only(self) -> Row:
        """The one row there is."""
        (row,) = self.rows.values()
        return row


class Dav:
    """One client; paths are below the root of DAV, `~` is the home of the user who is logged in."""

    def __init__(self, wire: HttpWire, user: str) -> None:
        self.wire = wire
        self.address = f"{user}@{DOMAIN}" if user else "nobody"

    @classmethod
    async def open(cls, app: AppUnderTest, user: str = "alice") -> "Dav":
        """Log in as one of the app's users, with an empty name as nobody."""
        return cls(await app.http(user), user)

    def path(self, path: str) -> str:
        """The whole path: `~cal/x` and `~card/x` are in one's homes, `~` is one's principal."""
        path = path.replace("~cal", f"/dav/calendars/{self.address}")
        path = path.replace("~card", f"/dav/contacts/{self.address}")
        return path.replace("~", f"/dav/principals/{self.address}")

    async def ask(self, method: str, path: str, body: bytes | str = b"", **fields: str) -> Answer:
        """Send a request; fields are written with `_` for `-`."""
        content = body.encode() if isinstance(body, str) else body
        sent = {key.replace("_", "-"): self.path(value) for key, value in fields.items()}
        heard = await self.wire.ask(method, self.path(path), content, sent)
        answer = Answer(heard)
        if heard.status == 207:
            _read(answer)
        return answer

    async def propfind(self, path: str, *props: str, depth: str = "0", **fields: str) -> Answer:
        """PROPFIND some properties, written with a prefix of `NAMESPACES`."""
        wanted = "".join(f"<{one}/>" for one in props)
        body = f"<propfind {NAMESPACES}><prop>{wanted}</prop></propfind>"
        answer = await self.ask("PROPFIND", path, body, Depth=depth, **fields)
        assert answer.status == 207, answer.heard.text
        return answer

    async def proppatch(self, path: str, inside: str, **fields: str) -> Answer:
        """PROPPATCH with these set and remove elements."""
        body = f"<propertyupdate {NAMESPACES}>{inside}</propertyupdate>"
        return await self.ask("PROPPATCH", path, body, **fields)

    async def report(self, path: str, root: str, inside: str, **fields: str) -> Answer:
        """REPORT with a root such as `C:calendar-query`."""
        name, _, attributes = root.partition(" ")
        body = f"<{name} {NAMESPACES} {attributes}>{inside}</{name}>"
        return await self.ask("REPORT", path, body, **fields)

    async def put(self, path: str, content: bytes, **fields: str) -> Answer:
        """PUT an object."""
        return await self.ask("PUT", path, content, **fields)

    async def sync(self, path: str, token: str = "", limit: int = 0) -> Answer:
        """sync-collection for the entity tags."""
        bound = f"<limit><nresults>{limit}</nresults></limit>" if limit else ""
        inside = f"<sync-token>{token}</sync-token><sync-level>1</sync-level>{bound}"
        return await self.report(path, "sync-collection", f"{inside}<prop><getetag/></prop>")

    async def close(self) -> None:
        """Close the connection."""
        await self.wire.close()

    async def __aenter__(self) -> "Dav":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


def _read(answer: Answer) -> None:
    root = ElementTree.fromstring(answer.heard.body)
    assert root.tag == D + "multistatus"
    answer.token = root.findtext(D + "sync-token") or ""
    for response in root.iter(D + "response"):
        if response not in list(root):
            continue  # inside of an expanded property
        row = Row()
        href = unquote(response.findtext(D + "href") or "")
        status = response.findtext(D + "status")
        if status is not None:
            row.status = int(status.split()[1])
        for error in response.iter(D + "error"):
            row.conditions |= {child.tag for child in error}
        for propstat in response.findall(D + "propstat"):
            code = int((propstat.findtext(D + "status") or "").split()[1])
            found = propstat.find(D + "prop")
            assert found is not None
            row.props.setdefault(code, {}).update({one.tag: one for one in found})
        assert href not in answer.rows, "told twice"
        answer.rows[href] = row


def names_of(rows: Iterable[str]) -> list[str]:
    """The last segments of paths, sorted."""
    return sorted(path.rstrip("/").rpartition("/")[2] for path in rows)


def event(uid: str, *lines: str, start: str = "20260105T100000Z") -> bytes:
    """A calendar object with one event."""
    return wrapped(
        "BEGIN:VEVENT",
        f"UID:{uid}",
        "DTSTAMP:20260101T000000Z",
        f"DTSTART:{start}",
        "DURATION:PT1H",
        *(lines or (f"SUMMARY:{uid}",)),
        "END:VEVENT",
    )


def task(uid: str, *lines: str) -> bytes:
    """A calendar object with one task."""
    return wrapped(
        "BEGIN:VTODO",
        f"UID:{uid}",
        "DTSTAMP:20260101T000000Z",
        f"SUMMARY:{uid}",
        *lines,
        "END:VTODO",
    )


def wrapped(*lines: str) -> bytes:
    """A VCALENDAR around lines."""
    whole = ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//t//t//EN", *lines, "END:VCALENDAR")
    return "".join(line + "\r\n" for line in whole).encode()


def card(uid: str, *lines: str, version: str = "3.0") -> bytes:
    """A vCard."""
    whole = ("BEGIN:VCARD", f"VERSION:{version}", f"UID:{uid}", f"FN:{uid}", f"N:{uid};;;;", *lines)
    return "".join(line + "\r\n" for line in (*whole, "END:VCARD")).encode()
