"""Builds multistatus answers and error bodies (RFC 4918 §13, §14.16, §16)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from pillarbox.wire.dav.hrefs import quoted
from pillarbox.wire.dav.markup import (
    DECLARATION,
    NAMESPACES,
    WholeElement,
    document,
    element,
    empty_elements,
    href_value,
    tags,
    text_element,
)
from pillarbox.wire.dav.names import D

CONTENT_TYPE = 'application/xml; charset="utf-8"'

_BEGIN = f"{DECLARATION}<D:multistatus{NAMESPACES}>\n"
_OK = "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>"
_NOT_FOUND = "/></D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>"


@dataclass(frozen=True, slots=True)
class PropStatus:
    """Properties that have another status than 200 and 404, or are told without their values.

    `conditions` are preconditions that don't hold, by Clark name; `description` is for people.
    """

    status: int
    names: tuple[str, ...]
    conditions: tuple[str, ...] = ()
    description: str = ""


def status_line(status: int) -> str:
    """`HTTP/1.1 404 Not Found`, as DAV:status has it."""
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"


class MultiStatus:
    """An answer with a status per resource, built up piece by piece.

    Values of properties are XML text made by `markup`; hrefs are decoded paths of this server.
    Big answers can be sent in pieces: `taken()` now and then, `build()` for the rest.
    """

    __slots__ = ("_pieces", "_token")

    def __init__(self) -> None:
        self._pieces = [_BEGIN]
        self._token = ""

    def response(
        self,
        href: str,
        found: Iterable[tuple[str, str]] = (),
        missing: Sequence[str] = (),
        others: Iterable[PropStatus] = (),
    ) -> None:
        """A resource with its properties: those `found` with their values, those it lacks.

        With nothing else there is an empty propstat of 200 (RFC 8144 §2.1).
        """
        add = self._pieces.append
        add(f"<D:response><D:href>{quoted(href)}</D:href>")
        properties = ready_properties(found)
        others = tuple(others)
        if properties or not (missing or others):
            add(f"<D:propstat><D:prop>{properties}{_OK}")
        if missing:
            add(ready_missing(missing))
        for one in others:
            add(propstat(one))
        add("</D:response>\n")

    def row(self, href: str, properties: str, missing: str = "") -> None:
        """A resource of many alike: its href ready, and what `ready_*` made of its properties."""
        self._pieces.append(
            f"<D:response><D:href>{href}</D:href><D:propstat><D:prop>{properties}{_OK}{missing}"
            "</D:response>\n"
        )

    def status(
        self, href: str, status: int, conditions: Iterable[str] = (), description: str = ""
    ) -> None:
        """A resource with one status, such as 404 in a multiget or 507 at a limit."""
        self._pieces.append(
            f"<D:response>{href_value(href)}<D:status>{status_line(status)}</D:status>"
            f"{_why(conditions, description)}</D:response>\n"
        )

    def sync_token(self, token: str) -> None:
        """The token to go on from (RFC 6578 §6.2)."""
        self._token = text_element(D + "sync-token", token)

    def taken(self) -> bytes:
        """What there is so far; it is not said again."""
        said = "".join(self._pieces).encode()
        self._pieces.clear()
        return said

    def build(self) -> bytes:
        """The answer, or what is left of it; nothing can be added after that."""
        self._pieces.append(f"{self._token}</D:multistatus>\n")
        return self.taken()


def ready_properties(found: Iterable[tuple[str, str]]) -> str:
    """Properties with their values, for `MultiStatus.row`."""
    return "".join([_property(name, value) for name, value in found])


def ready_missing(missing: Sequence[str]) -> str:
    """The propstat of properties that are not there, for `MultiStatus.row`; empty for none."""
    if not missing:
        return ""
    names = "/>".join([tags(name)[0] for name in missing])
    return f"<D:propstat><D:prop>{names}{_NOT_FOUND}"


def _property(name: str, value: str) -> str:
    if isinstance(value, WholeElement):
        return value
    begin, end = tags(name)
    return f"{begin}>{value}</{end}>" if value else begin + "/>"


def _why(conditions: Iterable[str], description: str) -> str:
    names = empty_elements(conditions)
    error = f"<D:error>{names}</D:error>" if names else ""
    return error + (text_element(D + "responsedescription", description) if description else "")


def propstat(one: PropStatus) -> str:
    """A DAV:propstat whose properties are told by name only."""
    return (
        f"<D:propstat><D:prop>{empty_elements(one.names)}</D:prop>"
        f"<D:status>{status_line(one.status)}</D:status>"
        f"{_why(one.conditions, one.description)}</D:propstat>"
    )


def made_body(root: str, statuses: Iterable[PropStatus]) -> bytes:
    """A DAV:mkcol-response or CALDAV:mkcalendar-response (RFC 5689 §5.2, RFC 4791 §5.3.1)."""
    return document(root, "".join(map(propstat, statuses)))


def error_body(
    conditions: Iterable[str | tuple[str, Sequence[str]]], description: str = ""
) -> bytes:
    """A DAV:error body (RFC 4918 §16): preconditions by Clark name, some with paths.

    A tuple is a condition with the decoded paths that it tells as DAV:href.
    """
    value = ""
    for condition in conditions:
        if isinstance(condition, str):
            value += element(condition)
        else:
            value += element(condition[0], "".join(map(href_value, condition[1])))
    if description:
        value += text_element(D + "responsedescription", description)
    return document(D + "error", value)


def missing_privileges_body(resources: Iterable[tuple[str, str]]) -> bytes:
    """DAV:need-privileges: paths, each with the privilege that is missing (RFC 3744 §7.1.1)."""
    value = "".join(
        element(
            D + "resource",
            href_value(path) + element(D + "privilege", element(privilege)),
        )
        for path, privilege in resources
    )
    return document(D + "error", element(D + "need-privileges", value))
