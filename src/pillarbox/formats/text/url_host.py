"""The host of a URL, as browsers read it: names in A-labels, and IPv4 addresses in any spelling."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import unquote

from pillarbox.base.errors import GrammarError
from pillarbox.formats.address import ascii_domain

HOST_MAX = 253
FOREIGN_MAX = 100
"""Names that are not ASCII and are converted, which takes a while."""

_NAME = re.compile(r"(?:[a-z0-9_-]{1,63}\.)++[a-z0-9_-]{1,63}\Z")
_NUMBER = re.compile(r"0x[0-9a-f]{0,16}\Z|[0-9]{1,16}\Z")


class HostReader:
    """Reads the hosts of one message."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._foreign = 0

    def read(self, place: str) -> str:
        """The host of a host and port, in A-labels or as an address; empty if it is none."""
        if len(place) > 4 * HOST_MAX:
            return ""
        found = self._known.get(place)
        if found is None:
            found = self._known[place] = self._read(place)
        return found

    def _read(self, place: str) -> str:
        if place[:1] == "[":
            return _ip6(place[1:].partition("]")[0])
        host = place.partition(":")[0]
        if "%" in host:
            host = unquote(host, errors="strict") if _is_utf8(host) else ""
        host = host.lower().removesuffix(".")
        if not host.isascii():
            self._foreign += 1
            host = _a_labels(host) if self._foreign <= FOREIGN_MAX else ""
        last = host.rpartition(".")[2]
        if _NUMBER.match(last):
            return _ip4(host)
        return host if len(host) <= HOST_MAX and _NAME.match(host) else ""


def _is_utf8(host: str) -> bool:
    try:
        unquote(host, errors="strict")
    except UnicodeError:
        return False
    return True


def _a_labels(host: str) -> str:
    try:
        return ascii_domain(host).removesuffix(".")
    except GrammarError:
        return ""


def _ip6(text: str) -> str:
    try:
        return str(IPv6Address(text.partition("%")[0]))
    except AddressValueError:
        return ""


def _ip4(host: str) -> str:
    """The address of up to four numbers, decimal, octal or hexadecimal; the last fills the rest."""
    parts = host.split(".")
    if len(parts) > 4 or not all(_NUMBER.match(one) for one in parts):
        return ""
    numbers = [_number(one) for one in parts]
    *first, last = numbers
    if any(not 0 <= one < 256 for one in first) or not 0 <= last < 256 ** (5 - len(parts)):
        return ""
    value = last
    for place, one in enumerate(first):
        value += one << (8 * (3 - place))
    return str(IPv4Address(value))


def _number(text: str) -> int:
    """A number as in C; -1 if it is none."""
    if text[:2] == "0x":
        return int(text[2:] or "0", 16)
    if text[0] != "0":
        return int(text)
    return -1 if set(text) & {"8", "9"} else int(text, 8)
