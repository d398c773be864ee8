"""Block and allow lists in the domain name system: what is asked for, and what answers mean.

RFC 5782; how lists say that they refuse to answer is what their operators publish. No I/O. Called
by `pipeline/inbound/checks/dnsbl` and `uri_lists`; `app/config` reads settings with `parse_lists`.
"""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address

LISTS_MAX = 30
CODES_MAX = 100
POINTS_MAX = 100.0

_ENTRY = re.compile(r"([A-Za-z0-9_.-]+)(?::(-?[0-9]{1,3}(?:\.[0-9]{1,2})?))?(?:=(.+))?\Z")
_ZONE = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{2,63}\Z")
_CODE = re.compile(r"127(?:\.[0-9]{1,3}){3}\Z")
_MASK = re.compile(r"(?:&[0-9]{1,3}){1,8}\Z")
_LOOPBACK = 127
_REFUSALS = frozenset(["127.0.0.1", "127.0.0.255", "127.0.1.255"])
"""Of SURBL and URIBL, of DNSWL, and of Spamhaus' list of domains where asked about addresses."""


@dataclass(frozen=True, slots=True)
class DnsList:
    """One list; `points` are those of the setting, `None` where it names none.

    Only answers of these `codes`, or with a bit of `mask` in their last octet, count; without any
    of both all do.
    """

    zone: str
    points: float | None = None
    codes: frozenset[str] = frozenset()
    mask: int = 0

    def counts(self, code: str) -> bool:
        """Whether an answer is one that is meant."""
        if not self.codes and not self.mask:
            return True
        return code in self.codes or bool(last_octet(code) & self.mask)


@dataclass(frozen=True, slots=True)
class Listing:
    """What an answer means: the `codes` that count, and `fault` if the list can't be believed."""

    codes: tuple[str, ...] = ()
    fault: str = ""


def parse_lists(value: str) -> tuple[DnsList, ...]:
    """The lists of a setting; raises ValueError.

    Entries are divided by commas or blanks: `ZONE`, `ZONE:POINTS`, either of them followed by `=`
    and the codes that count, `ZONE=127.0.0.2,127.0.0.3`, or by bits of the last octet,
    `ZONE=&8&16`.
    """
    found: list[DnsList] = []
    for entry in re.split(r"[,\s]+", value):
        if not entry:
            continue
        if _CODE.match(entry) and found and (found[-1].codes or found[-1].mask):
            found[-1] = _with(found[-1], entry)
            continue
        hit = _ENTRY.match(entry)
        zone = hit[1].lower().rstrip(".") if hit else ""
        if hit is None or not _ZONE.match(zone) or any(one.zone == zone for one in found):
            raise ValueError(entry)
        points = None if hit[2] is None else float(hit[2])
        if points is not None and abs(points) > POINTS_MAX:
            raise ValueError(entry)
        one = DnsList(zone, points)
        found.append(_with(one, hit[3]) if hit[3] else one)
    if len(found) > LISTS_MAX:
        raise ValueError("too many lists")
    return tuple(found)


def _with(one: DnsList, code: str) -> DnsList:
    if _MASK.match(code):
        bits = [int(bit) for bit in code[1:].split("&")]
        if not all(0 < bit < 256 for bit in bits):
            raise ValueError(code)
        mask = one.mask
        for bit in bits:
            mask |= bit
        return DnsList(one.zone, one.points, one.codes, mask)
    if not _CODE.match(code) or _address(code) is None or len(one.codes) >= CODES_MAX:
        raise ValueError(code)
    return DnsList(one.zone, one.points, one.codes | {code}, one.mask)


def listed_name(ip: str) -> str:
    """What an address is called in lists: octets or nibbles backwards (RFC 5782 §2.1, §2.4)."""
    address = ip_address(ip)
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    return address.reverse_pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")


def read_answer(one: DnsList, answers: tuple[str, ...]) -> Listing:
    """What the addresses that were answered mean for one list."""
    for answer in answers:
        address = _address(answer)
        if address is None or address.packed[0] != _LOOPBACK:
            return Listing(fault=f"answers {answer[:60]}, which is no code")
        if answer in _REFUSALS or answer.startswith("127.255.255."):
            return Listing(fault=f"refuses to answer this server ({answer})")
    return Listing(tuple(sorted({answer for answer in answers if one.counts(answer)})))


def last_octet(code: str) -> int:
    """The last number of a code."""
    return int(code.rpartition(".")[2])


def _address(text: str) -> IPv4Address | None:
    try:
        return IPv4Address(text)
    except AddressValueError:
        return None
