"""Filters of address-book queries, as values (RFC 6352 §10.5); `matching` evaluates them."""

from dataclasses import dataclass

from pillarbox.formats.text_match import ParamFilter, TextMatch


@dataclass(frozen=True, slots=True)
class PropFilter:
    """A test of a card's properties of one name; `name` may have a group (`X.EMAIL`).

    With `any_of` one of its parts is enough, else all have to hold.
    """

    name: str
    is_not_defined: bool = False
    any_of: bool = True
    text_matches: tuple[TextMatch, ...] = ()
    params: tuple[ParamFilter, ...] = ()


@dataclass(frozen=True, slots=True)
class CardFilter:
    """A test of cards; with `any_of` one of its parts is enough. Without parts all cards fit."""

    any_of: bool = True
    props: tuple[PropFilter, ...] = ()


@dataclass(frozen=True, slots=True)
class AddressData:
    """How cards are to be told (CARDDAV:address-data); `None`: as stored, all properties.

    Of names in `props` that are in `without_value` too only that they are there is told.
    """

    content_type: str = "text/vcard"
    version: str | None = None
    props: tuple[str, ...] | None = None
    without_value: frozenset[str] = frozenset()
