"""Kinds of values a setting can have: how they are read, and what people are told is allowed."""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pillarbox.formats.dns_lists import parse_lists
from pillarbox.formats.sieve.extensions import EXTENSIONS

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

KEY_BYTES = 32
EVERY_INTERFACE = ("0.0.0.0", "::")  # noqa: S104 - a mail server is there for everyone

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmgt])(?:i?b)?|b)?", re.IGNORECASE)
_SIZE_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|sec|m|min|h|d|w)?", re.IGNORECASE)
_DURATION_UNITS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_YES = frozenset(["true", "yes", "on", "1"])
_NO = frozenset(["false", "no", "off", "0"])
_HOST = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*\Z")


@dataclass(frozen=True, slots=True)
class Kind:
    """How a value is read: `parse` raises ValueError for what `allowed` does not describe."""

    allowed: str
    parse: Callable[[str], Any]


def whole(low: int, high: int) -> Kind:
    """A whole number within bounds."""

    def parse(value: str) -> int:
        return _within(int(value), low, high)

    return Kind(f"a whole number from {low} to {high}", parse)


PORT = whole(0, 65535)


def size(low: int, high: int) -> Kind:
    """A size in bytes, with or without a unit of 1024."""

    def parse(value: str) -> int:
        return _within(parse_size(value), low, high)

    bounds = f"from {show_size(low)} to {show_size(high)}"
    return Kind(f"a size such as 512K, 50M or 1G, {bounds}", parse)


def parse_size(value: str) -> int:
    """Bytes of `50M`, `1.5 GiB` or a plain number; units are powers of 1024."""
    match = _SIZE.fullmatch(value.strip())
    if match is None:
        raise ValueError(value)
    return int(float(match[1]) * _SIZE_UNITS[(match[2] or "").lower()])


def show_size(size_bytes: int) -> str:
    """A size in the largest unit that leaves it whole."""
    for unit in ("t", "g", "m", "k"):
        if size_bytes and size_bytes % _SIZE_UNITS[unit] == 0:
            return f"{size_bytes // _SIZE_UNITS[unit]}{unit.upper()}"
    return str(size_bytes)


def duration(unit: str, low: int, high: int) -> Kind:
    """A time, kept as a whole number of `unit` (which a plain number has, too)."""
    names = {"s": "seconds", "m": "minutes", "h": "hours"}

    def parse(value: str) -> int:
        match = _DURATION.fullmatch(value.strip())
        if match is None:
            raise ValueError(value)
        seconds = float(match[1]) * _DURATION_UNITS[(match[2] or unit).lower()]
        return _within(round(seconds / _DURATION_UNITS[unit]), low, high)

    return Kind(
        f"a time from {low} to {high} {names[unit]}, or with a unit such as 90s, 30m, 12h, 7d",
        parse,
    )


def _pauses(value: str) -> tuple[int, ...]:
    """Several times in seconds; a plain number is one of minutes."""
    found = []
    for entry in _entries(value):
        match = _DURATION.fullmatch(entry)
        if match is None:
            raise ValueError(entry)
        seconds = float(match[1]) * _DURATION_UNITS[(match[2] or "m").lower()]
        found.append(_within(round(seconds), 1, 30 * 86_400))
    if not 1 <= len(found) <= 100:
        raise ValueError(value)
    return tuple(found)


PAUSES = Kind("times of up to 30 days divided by commas, such as 5,15,30,2h,1d", _pauses)


def choice(*names: str, **same: str) -> Kind:
    """One of a few words; `same` maps further spellings to them."""

    def parse(value: str) -> str:
        word = value.lower()
        word = same.get(word, word)
        if word not in names:
            raise ValueError(value)
        return word

    return Kind(f"one of {', '.join(names)}", parse)


def _boolean(value: str) -> bool:
    word = value.lower()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise ValueError(value)


BOOLEAN = Kind("true or false", _boolean)
TEXT = Kind("text", str)


def _character(value: str) -> str:
    if len(value) > 1 or value in ("@", '"', "."):
        raise ValueError(value)
    return value


DELIMITER = Kind("one character such as + or -, or nothing to turn it off", _character)


def _host(value: str) -> str:
    if value and (len(value) > 253 or not _HOST.match(value)):
        raise ValueError(value)
    return value.lower()


HOST = Kind("a host name such as mail.example.org", _host)


def _domain(value: str) -> str:
    if value and not value.isascii():
        import idna

        value = idna.encode(value, uts46=True).decode("ascii")
    return _host(value)


DOMAIN = Kind("a domain such as example.org, or nothing", _domain)


def _domains(value: str) -> frozenset[str]:
    return frozenset(_domain(entry).lower() for entry in _entries(value))


DOMAINS = Kind("domains divided by commas, or nothing", _domains)


_SELECTOR = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?\Z")


def _selector(value: str) -> str:
    if not _SELECTOR.match(value.lower()):
        raise ValueError(value)
    return value.lower()


SELECTOR = Kind("letters, digits and hyphens, 40 at most", _selector)


def _ip(value: str) -> str:
    return str(ipaddress.ip_address(value)) if value else ""


IP = Kind("an IP address, or nothing", _ip)


def _ips(value: str) -> tuple[str, ...]:
    return tuple(str(ipaddress.ip_address(entry)) for entry in _entries(value))


IPS = Kind("IP addresses divided by commas, or nothing", _ips)


def _interfaces(value: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for entry in _entries(value):
        if entry == "*":
            found |= dict.fromkeys(EVERY_INTERFACE)
        elif entry == "localhost":
            found |= dict.fromkeys(("127.0.0.1", "::1"))
        else:
            found[str(ipaddress.ip_address(entry.strip("[]")))] = None
    if not found:
        raise ValueError(value)
    return tuple(found)


INTERFACES = Kind("IP addresses divided by commas, localhost, or * for every one", _interfaces)


def _networks(value: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(entry, strict=False) for entry in _entries(value))


NETWORKS = Kind(
    "networks or addresses divided by commas, such as 127.0.0.0/8, ::1, 192.0.2.7", _networks
)


def _countries(value: str) -> frozenset[str]:
    found = frozenset(entry.upper() for entry in _entries(value))
    if not all(len(code) == 2 and code.isascii() and code.isalpha() for code in found):
        raise ValueError(value)
    return found


COUNTRIES = Kind("codes of countries (ISO 3166) divided by commas, such as DE,AT,CH", _countries)


LISTS = Kind(
    "zones divided by commas, such as zen.spamhaus.org:5 or zen.spamhaus.org=127.0.0.2,127.0.0.3",
    parse_lists,
)


def _sieve_extensions(value: str) -> frozenset[str]:
    names = frozenset(entry.lower() for entry in _entries(value))
    if not names <= EXTENSIONS:
        raise ValueError(value)
    return names


SIEVE_EXTENSIONS = Kind(
    "names of Sieve extensions divided by commas, such as enotify,editheader, or nothing",
    _sieve_extensions,
)


def _path(value: str) -> Path | None:
    return Path(value) if value else None


PATH = Kind("a path (a relative one is taken from the data folder)", _path)


def _key_ring(value: str) -> tuple[tuple[int, bytes], ...]:
    ring: dict[int, bytes] = {}
    for entry in _entries(value):
        version, sign, key_hex = entry.rpartition(":")
        key = bytes.fromhex(key_hex)
        number = _within(int(version), 1, 255) if sign else 1
        if len(key) != KEY_BYTES or number in ring:
            raise ValueError("bad key")
        ring[number] = key
    return tuple(ring.items())


KEY_RING = Kind("64 hexadecimal digits (32 bytes), or several as 1:<digits>,2:<digits>", _key_ring)


def _entries(value: str) -> list[str]:
    return [entry for entry in re.split(r"[,\s]+", value) if entry]


def _within(number: int, low: int, high: int) -> int:
    if not low <= number <= high:
        raise ValueError(number)
    return number
