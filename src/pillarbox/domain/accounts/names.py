"""How the directory spells names: domains in ASCII and lower case, local parts in NFC and lower
case, so that every spelling of an address meets the same row.

Not for what is sent to others: outside addresses keep the case of their local part.
"""

import unicodedata

from pillarbox.base.errors import GrammarError, Invalid
from pillarbox.formats.address import Address, ascii_domain, parse_path

_NEEDS_QUOTES = '"'


def domain_key(name: str) -> str:
    """A domain as the directory spells it; `Invalid` if it is no domain name."""
    try:
        key = ascii_domain(name.strip().rstrip("."))
    except GrammarError as error:
        raise Invalid(f"{name!r} is not a domain name", str(error)) from error
    if key.startswith("["):
        raise Invalid("An address literal can't be a mail domain")
    return key


def local_key(local: str) -> str:
    """A local part as the directory spells it."""
    return unicodedata.normalize("NFC", local).lower()


def parse(address: str) -> Address:
    """The parts of an address that an admin or user typed; `Invalid` if it is none."""
    try:
        parsed = parse_path(unicodedata.normalize("NFC", address.strip()))
        return parsed.normalized()
    except GrammarError as error:
        raise Invalid(f"{address!r} is not an address (user@domain)", str(error)) from error


def mailbox_key(address: str | Address) -> tuple[str, str, str]:
    """Key, local part and domain of an address that is to exist here.

    Local parts that would need quotes are refused: no client can be relied on to send them.
    """
    parsed = parse(str(address))
    if str(parsed).startswith(_NEEDS_QUOTES):
        raise Invalid(f"{address} has characters that can't be used in a mailbox's name")
    local = local_key(parsed.local)
    return f"{local}@{parsed.domain}", local, parsed.domain


def target_key(address: str, is_local: bool) -> str:
    """An alias's target as it is stored: folded if it lies here, else with its case kept."""
    parsed = parse(address)
    return str(Address(local_key(parsed.local), parsed.domain) if is_local else parsed)
