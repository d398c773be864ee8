"""Telling the properties of resources: chosen by name once for each request, not for each resource.

What all items of a collection have in common is found once, in the transaction; the rest needs
nothing but the item, so that 10,000 of them are told without another look at the database.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from pillarbox.domain.collections.model import Item
from pillarbox.protocols.dav.errors import DavError
from pillarbox.protocols.dav.props import (
    apple,
    attachments,
    caldav,
    calendarserver,
    carddav,
    dav,
    sharing,
)
from pillarbox.protocols.dav.props.table import ItemProp, Prop
from pillarbox.protocols.dav.resources import ITEM_KINDS, Kind, Resource
from pillarbox.protocols.dav.view import View
from pillarbox.wire.dav.hrefs import quoted
from pillarbox.wire.dav.markup import WholeElement, content_value, tags
from pillarbox.wire.dav.multistatus import MultiStatus, ready_missing, ready_properties
from pillarbox.wire.dav.names import A, C, D
from pillarbox.wire.dav.properties import Asked, Propfind

_ALL: Final[tuple[Prop, ...]] = (
    *dav.PROPS,
    *caldav.PROPS,
    *carddav.PROPS,
    *calendarserver.PROPS,
    *apple.PROPS,
    *sharing.PROPS,
    *attachments.PROPS,
)
PROPS: Final = MappingProxyType({one.name: one for one in _ALL})
"""Every property but those that differ from item to item."""
ITEM_PROPS: Final = MappingProxyType(
    {one.name: one for one in (*dav.ITEM_PROPS, *caldav.ITEM_PROPS, *sharing.ITEM_PROPS)}
)
DATA: Final = frozenset((C + "calendar-data", A + "address-data"))
"""Contents, which reports tell as if they were properties."""
_CARDS: Final = Kind.CARD | Kind.DIRECTORY_CARD
PAGE: Final = 1000
"""Items of one piece of an answer."""
PAGE_CHARACTERS: Final = 4 << 20
"""Of a piece: there are fewer items in it where many properties are asked for."""
HELD_BYTES: Final = 128 << 20
"""Of an answer that is not sent before it is whole."""

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
            if name in DATA and (name == A + "address-data") == bool(kind & _CARDS):
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

    @property
    def is_etag_only(self) -> bool:
        """Whether of an item nothing but its name and entity tag is needed."""
        names = [name for name, _ in self.each]
        return names == [D + "getetag"] and self.data is None and not self.names_only

    @property
    def at_once(self) -> int:
        """How many items may be told in one piece: who asks for much gets it in small ones."""
        each = 200 + sum(len(name) for name in self.missing) + 100 * len(self.each)
        each += sum(len(name) + len(value) for name, value in self.fixed)
        return max(1, min(PAGE, PAGE_CHARACTERS // each))

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
                found.append((self.data, content_value(data)))
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
    _at_once: int = PAGE
    _held_bytes: int = 0

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
        self.rows(base, form, ((item, None) for item in items))

    def rows(self, base: str, form: ItemForm, rows: Iterable[tuple[Item, bytes | None]]) -> None:
        """Tell of items with their contents where those are wanted: `told`, made for many."""
        self._at_once = form.at_once
        start, fixed = quoted(base), ready_properties(form.fixed)
        absent = "" if self.minimal else ready_missing(form.missing)
        each = [(*tags(name), get) for name, get in form.each]
        begins, ends = ("", "") if form.data is None else tags(form.data)
        for item, data in rows:
            text = fixed
            for begin, end, get in each:
                value = get(item)
                if value is None:
                    break
                text += f"{begin}>{value}</{end}>" if value else begin + "/>"
            else:
                if begins and data:
                    text += f"{begins}>{content_value(data)}</{ends}>"
                if text and not form.names_only and (data or not begins):
                    self.body.row(start + quoted(item.href), text, absent)
                    self._count()
                    continue
            self.told(base + item.href, *form.told(item, data))

    def marks(self, base: str, form: ItemForm, marks: Iterable[tuple[str, str]]) -> None:
        """Tell of items by names and entity tags, for a form that `is_etag_only`."""
        self._at_once = form.at_once
        start, fixed = quoted(base), ready_properties(form.fixed)
        absent = "" if self.minimal else ready_missing(form.missing)
        begin, end = tags(D + "getetag")
        for href, tag in marks:
            self.body.row(start + quoted(href), f'{fixed}{begin}>"{tag}"</{end}>', absent)
            self._count()

    def told(self, href: str, found: Found, missing: list[str]) -> None:
        """Tell what was found out about a resource."""
        self.body.response(href, found, () if self.minimal else missing)
        self._count()

    def _count(self) -> None:
        self._waiting += 1
        if self._waiting >= self._at_once:
            piece = self.body.taken()
            self.pieces.append(piece)
            self._waiting = 0
            self._held_bytes += len(piece)
            if self._held_bytes > HELD_BYTES:
                rule = D + "number-of-matches-within-limits"
                text = "The answer would be too large: ask for fewer properties"
                raise DavError(HTTPStatus.INSUFFICIENT_STORAGE, rule, text=text)

    def taken(self) -> bytes:
        """What was said since this was asked last."""
        self.pieces.append(self.body.taken())
        said = b"".join(self.pieces)
        self.pieces.clear()
        self._waiting = self._held_bytes = 0
        return said

    def end(self) -> list[bytes]:
        """The whole of it, in pieces."""
        self.pieces.append(self.body.build())
        return self.pieces
