"""Setting properties: what PROPPATCH, MKCOL and MKCALENDAR have in common.

All of the changes are done or none; those that could have been are told as 424 (RFC 4918 §9.2.1).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

from msgspec.structs import replace

from pillarbox.domain.collections.model import Properties
from pillarbox.protocols.dav.errors import Condition, DavError, forbidden
from pillarbox.protocols.dav.resources import Kind
from pillarbox.protocols.dav.telling import ITEM_PROPS, PROPS
from pillarbox.wire.dav.markup import xml_text
from pillarbox.wire.dav.multistatus import PropStatus
from pillarbox.wire.dav.names import D
from pillarbox.wire.dav.properties import RemoveProp, SetProp
from pillarbox.wire.dav.xml import Element

KEEPERS = Kind.CALENDAR | Kind.ADDRESS_BOOK | Kind.INBOX | Kind.CALENDAR_HOME
"""What keeps properties that the server does not know."""
PROTECTED = D + "cannot-modify-protected-property"


@dataclass(frozen=True, slots=True)
class Changed:
    """What became of changes: the properties as they are to be, and a status for each name.

    `properties` is `None` where one could not be changed, so that none is.
    """

    properties: Properties | None
    statuses: tuple[PropStatus, ...]


def changed(
    properties: Properties,
    changes: Iterable[SetProp | RemoveProp],
    kind: Kind,
) -> Changed:
    """Apply changes in their order."""
    done: list[str] = []
    refused: dict[str, DavError] = {}
    for change in changes:
        element = change.element if isinstance(change, SetProp) else None
        try:
            properties = _with(properties, change.name, element, kind)
            done.append(change.name)
        except DavError as error:
            refused[change.name] = error
    if not refused:
        return Changed(properties, (PropStatus(HTTPStatus.OK, tuple(dict.fromkeys(done))),))
    left = tuple(name for name in dict.fromkeys(done) if name not in refused)
    statuses = [
        PropStatus(error.status, (name,), tuple(map(_name, error.conditions)), error.text)
        for name, error in refused.items()
    ]
    if left:
        statuses.append(PropStatus(HTTPStatus.FAILED_DEPENDENCY, left))
    return Changed(None, tuple(statuses))


def _with(properties: Properties, name: str, value: Element | None, kind: Kind) -> Properties:
    prop = PROPS.get(name)
    if prop is not None and prop.set is not None and prop.settable & kind:
        return prop.set(properties, value)
    if prop is not None or name in ITEM_PROPS:
        raise forbidden(PROTECTED, text="Only the server sets this property")
    if not kind & KEEPERS:
        raise forbidden(text="Nothing keeps properties here that the server does not know")
    dead = {key: text for key, text in properties.dead.items() if key != name}
    if value is not None:
        dead[name] = str(xml_text(value))
    return replace(properties, dead=dead)


def _name(condition: Condition) -> str:
    return condition if isinstance(condition, str) else condition[0]
