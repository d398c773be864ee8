"""Comparators: when two texts are equal, and which comes first (RFC 4790, RFC 5051).

Texts are compared in a folded form, which is made once per value. Called by `conditions` and by
`message_header`, which keeps the folded values of a message.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

from pillarbox.formats.text.casemap import casemap

DEFAULT = "i;ascii-casemap"
_INFINITE = (1 << 62, "")


def octet(text: str) -> str:
    """Every character counts (`i;octet`)."""
    return text


def ascii_casemap(text: str) -> str:
    """Letters of ASCII in upper case, as `i;ascii-casemap` compares; as long as `text`."""
    if text.isascii():
        return text.upper()
    return text.encode("utf-8", "surrogatepass").upper().decode("utf-8", "surrogatepass")


def ascii_numeric(text: str) -> str:
    """The number a text begins with, empty for infinity, which a text without one is."""
    end = 0
    for end, character in enumerate(text):  # noqa: B007
        if character not in "0123456789":
            break
    else:
        end = len(text)
    return text[:end].lstrip("0") or "0" if end else ""


def _in_text_order(folded: str) -> tuple[int, str]:
    # Code points stand in the order of the octets of UTF-8.
    return (0, folded)


def _in_numeric_order(folded: str) -> tuple[int, str]:
    return (len(folded), folded) if folded else _INFINITE


@dataclass(frozen=True, slots=True, eq=False)
class Comparator:
    """A comparator: `fold` makes the form in which equal texts are the same string.

    `rank` gives what folded texts are ordered by. `substrings` says whether it can look for one
    text in another (`:contains`, `:matches`, `:regex`).
    """

    name: str
    fold: Callable[[str], str]
    rank: Callable[[str], tuple[int, str]] = _in_text_order
    substrings: bool = True
    ignores_case: bool = True


COMPARATORS = MappingProxyType(
    {
        found.name: found
        for found in (
            Comparator("i;octet", octet, ignores_case=False),
            Comparator("i;ascii-casemap", ascii_casemap),
            Comparator("i;ascii-numeric", ascii_numeric, _in_numeric_order, substrings=False),
            Comparator("i;unicode-casemap", casemap),
        )
    }
)
