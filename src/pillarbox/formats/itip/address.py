"""Calendar user addresses: who ORGANIZER and ATTENDEE name (RFC 5545 §3.3.3, RFC 6638 §2.4.1)."""

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from pillarbox.base.errors import GrammarError
from pillarbox.formats.address import Address, parse_path

ADDRESS_CHARS = 320
_PRINCIPALS = "/principals/"


def bare_address(value: str) -> str:
    """The mail address of a calendar user address in lower case; empty for any other URI.

    `mailto:` in any case and percent-encoded, a bare address as some programs write it, and the
    path of a principal here.
    """
    return _bare(value) if len(value) <= 4 * ADDRESS_CHARS else ""


# Every instance of a meeting names the same people.
@lru_cache(maxsize=2048)
def _bare(value: str) -> str:
    text = value.strip()
    head, colon, rest = text.partition(":")
    if colon and head.lower() == "mailto":
        text = unquote(rest.partition("?")[0]).strip()
    elif _PRINCIPALS in text:
        text = unquote(text.partition(_PRINCIPALS)[2].rstrip("/"))
    elif colon:
        return ""
    return _normal(text)


def _normal(text: str) -> str:
    try:
        return parse_path(text).key()
    except GrammarError:
        return ""


def mailto(address: str) -> str:
    """A calendar user address of a bare one."""
    return "mailto:" + str(Address(*address.rsplit("@", 1)))


@dataclass(frozen=True, slots=True)
class Identity:
    """A party of meetings: all addresses by which they are named, bare and in lower case.

    The first is the one they write with.
    """

    addresses: tuple[str, ...]

    def has(self, value: str) -> bool:
        """Whether a calendar user address is theirs."""
        found = bare_address(value)
        return bool(found) and found in self.addresses
