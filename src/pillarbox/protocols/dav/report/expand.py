"""expand-property: properties of what properties point to, in one answer (RFC 3253 §3.8)."""

import re
from http import HTTPStatus
from xml.sax.saxutils import unescape

from starlette.responses import Response

from pillarbox.base.errors import Denied, Failure, GrammarError
from pillarbox.protocols.dav.call import Call, Pieces
from pillarbox.protocols.dav.errors import DavError
from pillarbox.protocols.dav.paths import Path, read_path
from pillarbox.protocols.dav.resources import Resource, find
from pillarbox.protocols.dav.telling import Found, tell
from pillarbox.protocols.dav.view import View
from pillarbox.wire.dav.hrefs import href_path
from pillarbox.wire.dav.markup import WholeElement, element, href_value, text_element
from pillarbox.wire.dav.multistatus import MultiStatus, PropStatus, propstat, status_line
from pillarbox.wire.dav.names import D
from pillarbox.wire.dav.properties import Asked, Propfind
from pillarbox.wire.dav.reports import ExpandedProp, ExpandProperty

MAX_RESOURCES = 2000
"""That one report may look at."""
MAX_VALUES = 50_000
"""Properties that it may look at, of all resources together."""
MAX_CHARACTERS = 16 << 20
"""Of the values that it tells."""
_HREF = re.compile(r"<D:href[^>]*>([^<]*)</D:href>")


async def expand_property(call: Call, query: ExpandProperty) -> Response:
    """Answer an expand-property."""
    return Pieces([await call.read(_expanded, call.path, query.props)])


def _expanded(view: View, path: Path, props: tuple[ExpandedProp, ...]) -> bytes:
    found, missing = _Expansion(view).of(find(view, path), props)
    body = MultiStatus()
    body.response(path.written(view.root), found, missing)
    return body.build()


class _Expansion:
    """One report; counts what it looks at."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._left = MAX_RESOURCES
        self._values = MAX_VALUES
        self._characters = MAX_CHARACTERS

    def of(self, resource: Resource, props: tuple[ExpandedProp, ...]) -> tuple[Found, list[str]]:
        """The properties of a resource, with what they point to inside."""
        names = tuple(dict.fromkeys(prop.name for prop in props))
        self._values -= len(names)
        if self._values < 0:
            raise _too_much()
        values, missing = tell(self._view, resource, Propfind(Asked.PROP, names))
        inner = {prop.name: prop.props for prop in props if prop.props}
        found: Found = []
        for name, value in values:
            self._characters -= len(value)
            if self._characters < 0:
                raise _too_much()
            if name in inner and not isinstance(value, WholeElement):
                value = self._responses(value, inner[name])
            found.append((name, value))
        return found, missing

    def _responses(self, value: str, props: tuple[ExpandedProp, ...]) -> str:
        responses = []
        for text in _HREF.findall(value):
            self._left -= 1
            if self._left < 0:
                raise _too_much()
            responses.append(self._response(unescape(text), props))
        return "".join(responses)

    def _response(self, href: str, props: tuple[ExpandedProp, ...]) -> str:
        """A DAV:response inside of a property."""
        try:
            resource = find(self._view, read_path(href_path(href)))
        except (Failure, GrammarError) as error:
            status = 403 if isinstance(error, Denied) else 404
            inside = text_element(D + "href", href) + text_element(
                D + "status", status_line(status)
            )
            return element(D + "response", inside)
        found, missing = self.of(resource, props)
        inside = href_value(resource.path.written())
        if found or not missing:
            told = "".join(
                value if isinstance(value, WholeElement) else element(name, value)
                for name, value in found
            )
            inside += element(
                D + "propstat",
                element(D + "prop", told) + text_element(D + "status", status_line(200)),
            )
        if missing:
            inside += propstat(PropStatus(404, tuple(missing)))
        return element(D + "response", inside)


def _too_much() -> DavError:
    return DavError(HTTPStatus.INSUFFICIENT_STORAGE, text="That is too much at once")
