"""Telling the properties of resources: chosen by name once for each request, not for each resource.

What all items of a collection have in common is found once, in the transaction; the rest needs
nothing but the item, so that 10,000 of them are told without another look at the database.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pillarbox.domain.collections.model import Item
from pillarbox.protocols.dav.props import apple, caldav, calendarserver, carddav, dav, sharing
from pillarbox.protocols.dav.props.table import ItemProp, Prop
from pillarbox.protocols.dav.resources import ITEM_KINDS, Kind, Resource
from pillarbox.protocols.dav.view import View
from pillarbox.wire.dav.markup import WholeElement, text_value
from pillarbox.wire.dav.multistatus import MultiStatus
from pillarbox.wire.dav.names import A, C
from pillarbox.wire.dav.properties import Asked, Propfind

_ALL: Final[tuple[Prop, ...]] = (
    *dav.PROPS,
    *caldav.PROPS,
    *carddav.PROPS,
    *calendarserver.PROPS,
    *apple.PROPS,
    *sharing.PROPS,
)
PROPS: Final = MappingProxyType({one.name: one for one in _ALL})
"""Every property but those that differ from item to item."""
ITEM_PROPS: Final = MappingProxyType(
    {one.name: one for one in (*dav.ITEM_PROPS, *caldav.ITEM_PROPS, *sharing.ITEM_PROPS)}
)
DATA: Final = frozenset((C + "calendar-data", A + "address-data"))
"""Contents, which reports tell as if they were properties."""
PAGE: Final = 1000
"""Items of one piece of an answer."""

Found = list[tuple[str, str]]


def tell(view: View, resource: Resource, wanted: Propfind) -> tuple[Found, list[str]]:
    """The properties of a resource that are wanted, with values, and those it does not have."""
    if resource.item is not None:
        form = ItemForm.of(view, resource, resource.kind, wanted)
        return form.told(resource.item)
    if wanted.asked is Asked.PROP:
        return _by_name(view, resource, wanted.props)
    only_all = wanted.asked is Asked.ALLPROP
    names = [one.name for one in _ALL if resource.kind & one.on and (one.in_all or not only_all)]
    found, _ = _by_name(view, resource, dict.fromkeys((*names, *_dead(view, resource))))
    if wanted.asked is Asked.PROPNAME:
        return [(name, "") for name, _ in found], []
    more, missing = _by_name(view, resource, [one for one in wanted.include if one not in names])
    return found + more, missing


def _dead(view: View, resource: Resource) -> Iterable[str]:
    properties = caldav.properties_of(view, resource)
    return () if properties is None else properties.dead


def _by_name(view: View, resource: Resource, names: Iterable[str]) -> tuple[Found, list[str]]:
    found: Found = []
    missing: list[str] = []
    for name in names:
        value = value_of(view, resource, name)
        if value is None:
            missing.append(name)
        else:
            found.append((name, value))
    return found, missing


def value_of(view: View, resource: Resource, name: str) -> str | None:
    """The value of a property of anything but an item; `None` where it does not have it."""
    prop = PROPS.get(name)
    if prop is not None:
        return prop.get(view, resource) if prop.on & resource.kind else None
    if resource.item is not None:
        return None
    properties = caldav.properties_of(view, resource)
    dead = None if properties is None else properties.dead.get(name)
    return None if dead is None else WholeElement(dead)


@dataclass(frozen=True, slots=True)
class ItemForm:
    """How the items of one collection are told; `data` names their content where it is wanted."""

    fixed: Found
    each: list[tuple[str, Callable[[Item], str | None]]]
    missing: list[str]
    data: str | None = None
    names_only: bool = False

    @classmethod
    def of(cls, view: View, resource: Resource, kind: Kind, wanted: Propfind) -> "ItemForm":
        """The form for items of a kind; `resource` is their collection or one of them."""
        like = Resource(kind, resource.path, resource.rights, resource.owner, resource.access)
        names: Iterable[str] = wanted.props
        if wanted.asked is not Asked.PROP:
            only_all = wanted.asked is Asked.ALLPROP
            every: tuple[Prop | ItemProp, ...] = (*PROPS.values(), *ITEM_PROPS.values())
            known = (one for one in every if kind & one.on and (one.in_all or not only_all))
            names = dict.fromkeys((*(one.name for one in known), *wanted.include))
        fixed: Found = []
        each: list[tuple[str, Callable[[Item], str | None]]] = []
        missing: list[str] = []
        data = None
        for name in names:
            if name in DATA:
                data = name
                continue
            item_prop = ITEM_PROPS.get(name)
            if item_prop is not None and item_prop.on & kind:
                each.append((name, item_prop.get))
                continue
            value = value_of(view, like, name)
            if value is not None:
                fixed.append((name, value))
            elif wanted.asked is not Asked.PROPNAME:
                missing.append(name)
        return cls(fixed, each, missing, data, wanted.asked is Asked.PROPNAME)

    def told(self, item: Item, data: bytes | None = None) -> tuple[Found, list[str]]:
        """An item's properties with their values, and those it does not have."""
        found = self.fixed.copy()
        missing = self.missing
        for name, get in self.each:
            value = get(item)
            if value is not None:
                found.append((name, value))
            elif not self.names_only:
                missing = [*missing, name]
        if self.names_only:
            return [(name, "") for name, _ in found], []
        if self.data is not None:
            if data is None:
                missing = [*missing, self.data]
            else:
                found.append((self.data, text_value(data.decode("utf-8", "replace"))))
        return found, missing


def form_of(view: View, collection: Resource, wanted: Propfind) -> ItemForm:
    """How the items of a collection are told."""
    return ItemForm.of(view, collection, ITEM_KINDS[collection.kind], wanted)


@dataclass(slots=True)
class Answer:
    """A multistatus as it grows; `minimal` leaves out what resources do not have (RFC 8144)."""

    root: str
    minimal: bool
    body: MultiStatus
    pieces: list[bytes]
    _waiting: int = 0

    @classmethod
    def begun(cls, root: str, minimal: bool) -> "Answer":
        """An empty one; paths in it begin with `root`."""
        return cls(root, minimal, MultiStatus(), [])

    def resource(self, view: View, resource: Resource, wanted: Propfind) -> None:
        """Tell of one resource."""
        found, missing = tell(view, resource, wanted)
        self.told(resource.path.written(self.root), found, missing)

    def items(self, base: str, form: ItemForm, items: Iterable[Item]) -> None:
        """Tell of items without their content."""
        for item in items:
            self.told(base + item.href, *form.told(item))

    def told(self, href: str, found: Found, missing: list[str]) -> None:
        """Tell what was found out about a resource."""
        self.body.response(href, found, () if self.minimal else missing)
        self._waiting += 1
        if self._waiting >= PAGE:
            self.pieces.append(self.body.taken())
            self._waiting = 0

    def taken(self) -> bytes:
        """What was said since this was asked last."""
        self.pieces.append(self.body.taken())
        said = b"".join(self.pieces)
        self.pieces.clear()
        self._waiting = 0
        return said

    def end(self) -> list[bytes]:
        """The whole of it, in pieces."""
        self.pieces.append(self.body.build())
        return self.pieces
