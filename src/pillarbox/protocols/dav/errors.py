"""From failures to answers: one table from kind to status and precondition (RFC 4918 §16)."""

from collections.abc import Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from pillarbox.base.errors import (
    Busy,
    Conflict,
    Denied,
    Exists,
    Expired,
    Failure,
    Invalid,
    NotFound,
    OverQuota,
    TooLarge,
    Unavailable,
)
from pillarbox.domain.collections.model import (
    ComponentNotTaken,
    ItemInvalid,
    PreconditionFailed,
    TokenForgotten,
    UidTaken,
)
from pillarbox.domain.scheduling.model import SchedulingDenied
from pillarbox.wire.dav.names import A, C, D

CALENDAR_RULES: Final = frozenset(
    (
        "valid-calendar-data",
        "valid-calendar-object-resource",
        "supported-calendar-data",
        "supported-calendar-component",
        "calendar-collection-location-ok",
        "allowed-organizer-scheduling-object-change",
        "allowed-attendee-scheduling-object-change",
        "unique-scheduling-object-resource",
        "same-organizer-in-all-components",
        "min-date-time",
        "max-date-time",
        "max-instances",
        "max-attendees-per-instance",
        "valid-scheduling-message",
        "organizer-allowed",
        "recipient-permissions",
        "valid-organizer",
        "default-calendar-needed",
        "valid-schedule-default-calendar-URL",
        "max-attachment-size",
        "max-attachments-per-resource",
        "valid-action-parameter",
        "valid-rid-parameter",
        "valid-managed-id-parameter",
    )
)
CARD_RULES: Final = frozenset(("valid-address-data", "supported-address-data"))

_STATUS: Final[MappingProxyType[type[Failure], HTTPStatus]] = MappingProxyType(
    {
        NotFound: HTTPStatus.NOT_FOUND,
        PreconditionFailed: HTTPStatus.PRECONDITION_FAILED,
        Exists: HTTPStatus.CONFLICT,
        Conflict: HTTPStatus.CONFLICT,
        Denied: HTTPStatus.FORBIDDEN,
        Invalid: HTTPStatus.FORBIDDEN,
        TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        OverQuota: HTTPStatus.INSUFFICIENT_STORAGE,
        Busy: HTTPStatus.SERVICE_UNAVAILABLE,
        Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
        Expired: HTTPStatus.GONE,
    }
)


Condition = str | tuple[str, Sequence[str]]
"""A precondition that does not hold, in Clark notation, some with decoded paths."""


class DavError(Exception):
    """A request is refused with a status, and those preconditions it breaks that have names."""

    def __init__(self, status: HTTPStatus, *conditions: Condition, text: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.conditions = conditions
        self.text = text


def forbidden(*conditions: Condition, text: str = "") -> DavError:
    """A refusal that won't change when the request is repeated."""
    return DavError(HTTPStatus.FORBIDDEN, *conditions, text=text)


def conflict(*conditions: Condition, text: str = "") -> DavError:
    """A refusal that other requests could do away with."""
    return DavError(HTTPStatus.CONFLICT, *conditions, text=text)


def method_not_allowed(text: str = "") -> DavError:
    """The method means nothing for this kind of resource."""
    return DavError(HTTPStatus.METHOD_NOT_ALLOWED, text=text or "That can't be done with this")


def of_failure(failure: Failure, is_card: bool = False, home: str = "") -> DavError:
    """What a failure is told as; `home` is the path of the collection that it is about."""
    status = _status(failure)
    conditions: Sequence[Condition] = ()
    if isinstance(failure, UidTaken):
        conditions = (((A if is_card else C) + "no-uid-conflict", [home + failure.href]),)
    elif isinstance(failure, ComponentNotTaken):
        conditions = (C + "supported-calendar-component",)
    elif isinstance(failure, ItemInvalid):
        conditions = (rule_name(failure.rule),)
    elif isinstance(failure, OverQuota):
        conditions = (D + "quota-not-exceeded",)
    elif isinstance(failure, TokenForgotten):
        conditions = (D + "valid-sync-token",)
    elif isinstance(failure, TooLarge):
        conditions = ((A if is_card else C) + "max-resource-size",)
    elif isinstance(failure, SchedulingDenied):
        conditions = (rule_name(failure.rule),)
    elif type(failure) is Denied:
        conditions = (D + "need-privileges",)
    return DavError(status, *conditions, text=failure.public)


def rule_name(rule: str) -> str:
    """A precondition in Clark notation, from its local name."""
    if rule in CARD_RULES:
        return A + rule
    return (C if rule in CALENDAR_RULES else D) + rule


def _status(failure: Failure) -> HTTPStatus:
    if isinstance(failure, UidTaken):
        return HTTPStatus.CONFLICT
    for kind in type(failure).__mro__:
        if kind in _STATUS:
            return _STATUS[kind]
    return HTTPStatus.SERVICE_UNAVAILABLE if failure.temporary else HTTPStatus.FORBIDDEN
