"""Whether a certificate is for a name one looked for (RFC 6125 §6, RFC 9525 §6)."""

from collections.abc import Iterable
from ipaddress import ip_address

_WILDCARD_LABELS = 3
"""A wildcard for a top-level domain would be for the whole world."""


def any_matches(presented: Iterable[str], wanted: Iterable[str]) -> bool:
    """Whether one of the names of a certificate is one of those wanted.

    `presented` are dNSName entries, and addresses in text. A name wanted that begins with a dot
    stands for any single label before it. The common name never counts.
    """
    shown = [name.lower().rstrip(".") for name in presented]
    return any(_matches(one, name.lower().rstrip(".")) for name in wanted for one in shown)


def _matches(presented: str, wanted: str) -> bool:
    if not wanted or not presented:
        return False
    address = _address(wanted)
    if address is not None:
        return address == _address(presented)
    if presented == wanted:
        return not presented.startswith((".", "*"))
    head, dot, rest = presented.partition(".")
    if wanted.startswith("."):
        return bool(head) and bool(dot) and rest == wanted[1:]
    if head != "*" or presented.count(".") < _WILDCARD_LABELS - 1:
        return False
    first, _, others = wanted.partition(".")
    return bool(first) and others == rest


def _address(text: str) -> object:
    try:
        return ip_address(text)
    except ValueError:
        return None
