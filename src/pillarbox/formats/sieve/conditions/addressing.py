"""The parts of an address that tests compare (RFC 5228 §2.7.4, RFC 5233)."""

from collections.abc import Callable

from pillarbox.formats.address import split_subaddress
from pillarbox.formats.sieve.grammar import Call, Tag
from pillarbox.formats.sieve.message_header import HeaderAddress

ADDRESS_PART_TAGS = (
    Tag("all", group="address-part"),
    Tag("localpart", group="address-part"),
    Tag("domain", group="address-part"),
    Tag("user", group="address-part", extension="subaddress"),
    Tag("detail", group="address-part", extension="subaddress"),
)

AddressPart = Callable[[HeaderAddress, str], str | None]
"""Takes an address and what stands before the detail; `None` if it has no such part."""


def _all(address: HeaderAddress, delimiter: str) -> str | None:
    return address.text


def _localpart(address: HeaderAddress, delimiter: str) -> str | None:
    return address.local


def _domain(address: HeaderAddress, delimiter: str) -> str | None:
    return address.domain


def _user(address: HeaderAddress, delimiter: str) -> str | None:
    local = address.local
    return local if not local or not delimiter else split_subaddress(local, delimiter)[0]


def _detail(address: HeaderAddress, delimiter: str) -> str | None:
    local = address.local
    return None if not local or not delimiter else split_subaddress(local, delimiter)[1]


_PARTS = (
    ("localpart", _localpart),
    ("domain", _domain),
    ("user", _user),
    ("detail", _detail),
)


def address_part(call: Call) -> tuple[str, AddressPart]:
    """The name of the part that a call compares, and what takes it from an address."""
    return next((found for found in _PARTS if call.has(found[0])), ("all", _all))
