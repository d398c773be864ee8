"""Rights as privileges of WebDAV and CalDAV, and back (RFC 3744 §3, RFC 4791 §6.1, RFC 6638 §6)."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from pillarbox.domain.collections.model import ALL_RIGHTS, NO_RIGHTS, READ_RIGHTS, Right
from pillarbox.protocols.dav.errors import forbidden
from pillarbox.protocols.dav.resources import CALENDARS, Kind
from pillarbox.wire.dav.acl import SupportedPrivilege as Privilege
from pillarbox.wire.dav.acl import privileges_value as wire_value
from pillarbox.wire.dav.acl import supported_privileges_value
from pillarbox.wire.dav.names import C, D


def _privilege(
    name: str, text: str, parts: tuple[Privilege, ...] = (), abstract: bool = False
) -> Privilege:
    return Privilege(name, text, abstract, parts)


_FREE_BUSY = _privilege(C + "read-free-busy", "See when the owner is busy")
_READ_PARTS = (_privilege(D + "read-current-user-privilege-set", "See one's privileges", (), True),)
_WRITE = _privilege(
    D + "write",
    "Change",
    (
        _privilege(D + "write-properties", "Change properties"),
        _privilege(D + "write-content", "Change objects", (), True),
        _privilege(D + "bind", "Add objects", (), True),
        _privilege(D + "unbind", "Remove objects", (), True),
    ),
)
_ACL = (
    _privilege(D + "read-acl", "See who has rights", (), True),
    _privilege(D + "write-acl", "Give rights", (), True),
    _privilege(D + "share", "Share", (), True),
)
_DELIVER = _privilege(
    C + "schedule-deliver",
    "Send to this inbox",
    (
        _privilege(C + "schedule-deliver-invite", "Send invitations", (), True),
        _privilege(C + "schedule-deliver-reply", "Send answers", (), True),
        _privilege(C + "schedule-query-freebusy", "Ask when the owner is busy", (), True),
    ),
    True,
)
_SEND = _privilege(
    C + "schedule-send",
    "Send from this outbox",
    (
        _privilege(C + "schedule-send-invite", "Invite", (), True),
        _privilege(C + "schedule-send-reply", "Answer", (), True),
        _privilege(C + "schedule-send-freebusy", "Ask when others are busy", (), True),
    ),
    True,
)


def tree_of(kind: Kind) -> Privilege:
    """All privileges there are on a kind of resource."""
    read_parts = (*_READ_PARTS, _FREE_BUSY) if kind & (CALENDARS | Kind.EVENT) else _READ_PARTS
    parts: tuple[Privilege, ...] = (_privilege(D + "read", "Read", read_parts), _WRITE, *_ACL)
    if kind is Kind.INBOX:
        parts += (_DELIVER,)
    if kind is Kind.OUTBOX:
        parts += (_SEND,)
    return _privilege(D + "all", "Everything", parts, True)


@lru_cache(maxsize=64)
def supported(kind: Kind) -> str:
    """DAV:supported-privilege-set of a kind of resource."""
    return supported_privileges_value((tree_of(kind),))


def _names(one: Privilege) -> list[str]:
    return [one.name, *(name for part in one.contains for name in _names(part))]


@lru_cache(maxsize=256)
def names_of(kind: Kind, rights: Right, is_mount: bool = False) -> tuple[str, ...]:
    """The privileges that rights are, with all that they include.

    Whoever has a collection in their home may call and colour it as they like: a mount's properties
    can be set.
    """
    if kind is Kind.INBOX and rights == ALL_RIGHTS:
        return (*_all_but(kind, D + "bind", D + "write-content"),)
    if kind & (Kind.DIRECTORY | Kind.DIRECTORY_CARD | Kind.NOTIFICATIONS):
        rights &= READ_RIGHTS
    if rights == ALL_RIGHTS:
        return tuple(_names(tree_of(kind)))
    found: list[str] = []
    if Right.READ in rights:
        found += [D + "read", D + "read-current-user-privilege-set"]
    if Right.FREE_BUSY in rights and kind & (CALENDARS | Kind.EVENT):
        found.append(C + "read-free-busy")
    if Right.WRITE in rights:
        found += [D + "write-content", D + "bind", D + "unbind"]
    if Right.PROPERTIES in rights or is_mount:
        found.append(D + "write-properties")
        if Right.WRITE in rights:
            found.append(D + "write")
    if Right.ADMIN in rights:
        found += [D + "read-acl", D + "write-acl", D + "share"]
    return tuple(dict.fromkeys(found))


def _all_but(kind: Kind, *without: str) -> list[str]:
    return [one for one in _names(tree_of(kind)) if one not in (*without, D + "all", D + "write")]


@lru_cache(maxsize=256)
def privileges_value(kind: Kind, rights: Right, is_mount: bool = False) -> str:
    """A DAV:privilege for each privilege that rights are."""
    return wire_value(names_of(kind, rights, is_mount))


def told_of_share(rights: Right) -> tuple[str, ...]:
    """The privileges of an ACE: the few that say all of what was granted."""
    found: list[str] = []
    if Right.READ in rights:
        found.append(D + "read")
    elif Right.FREE_BUSY in rights:
        found.append(C + "read-free-busy")
    if Right.WRITE in rights:
        found.append(D + "write" if Right.PROPERTIES in rights else D + "write-content")
    elif Right.PROPERTIES in rights:
        found.append(D + "write-properties")
    return tuple(found)


_GRANTED: Final = {
    D + "all": ALL_RIGHTS,
    D + "read": READ_RIGHTS,
    D + "read-current-user-privilege-set": NO_RIGHTS,
    C + "read-free-busy": Right.FREE_BUSY,
    D + "write": Right.WRITE | Right.PROPERTIES,
    D + "write-content": Right.WRITE,
    D + "bind": Right.WRITE,
    D + "unbind": Right.WRITE,
    D + "write-properties": Right.PROPERTIES,
    D + "write-acl": Right.ADMIN,
    D + "read-acl": NO_RIGHTS,
    D + "share": Right.ADMIN,
}


def granted(names: Iterable[str]) -> Right:
    """The rights that privileges are; `DavError` for one that is not known."""
    rights = NO_RIGHTS
    for name in names:
        if name not in _GRANTED:
            raise forbidden(D + "not-supported-privilege", text="There is no such privilege")
        rights |= _GRANTED[name]
    return rights
