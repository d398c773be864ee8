"""What a property is: who has it, what it tells, and how it is set."""

from collections.abc import Callable
from dataclasses import dataclass

from pillarbox.domain.collections.model import Item, Properties
from pillarbox.protocols.dav.resources import Kind, Resource
from pillarbox.protocols.dav.view import View
from pillarbox.wire.dav.xml import Element

Getter = Callable[[View, Resource], str | None]
"""The property's value as ready XML; `None` where a resource does not have it."""
Setter = Callable[[Properties, Element | None], Properties]
"""The properties with a new value, or with `None` without one; raises `DavError`."""


NOTHING = Kind(0)


@dataclass(frozen=True, slots=True)
class Prop:
    """A property of the resources of some kinds; of items its value is that of their collection.

    `in_all` are those that DAV:allprop tells. Without `set` it is protected, as it is on resources
    that are not in `settable`.
    """

    name: str
    on: Kind
    get: Getter
    in_all: bool = False
    set: Setter | None = None
    settable: Kind = NOTHING


@dataclass(frozen=True, slots=True)
class ItemProp:
    """A property that differs from item to item; `get` sees nothing but the item."""

    name: str
    on: Kind
    get: Callable[[Item], str | None]
    in_all: bool = False
