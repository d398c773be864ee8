"""Names that networks give to the addresses of their customers, which are no mail servers'."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

_WORDS = re.compile(
    r"(?<![a-z])(?:adsl|broadband|cable|cust|customers?|dhcp|dial(?:in|up)?|dip|dsl|dyn|dynamic"
    r"|dynamicip|fibre|ftth|gprs|lte|mobile|pools?|ppp|pppoe|res|residential|umts|vdsl|wifi|wlan"
    r"|xdsl)(?![a-z])"
)
_NUMBERS = re.compile(r"[0-9]+")


def looks_generic(name: str, ip: str) -> bool:
    """Whether a name is made of the client's address, or says that it is one of many customers."""
    labels = name.lower().split(".")
    front = ".".join(labels[:-2])
    return bool(_WORDS.search(front)) or _holds_address(front, ip)


def _holds_address(front: str, ip: str) -> bool:
    address = ip_address(ip)
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        if mapped is None:
            digits = address.exploded.replace(":", "")
            plain = front.replace("-", "").replace(".", "")
            return digits[:16] in plain or digits[16:] in plain or digits[::-1][:16] in plain
        address = mapped
    return _holds_ipv4(front, address)


def _holds_ipv4(front: str, address: IPv4Address) -> bool:
    octets = [str(one) for one in address.packed]
    numbers = [one.lstrip("0") or "0" for one in _NUMBERS.findall(front)]
    for order in (octets, octets[::-1]):
        if any(numbers[at : at + 3] in (order[:3], order[1:]) for at in range(len(numbers) - 2)):
            return True
    return address.packed.hex() in front or "".join(f"{one:03}" for one in address.packed) in front
