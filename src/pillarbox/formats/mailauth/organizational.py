"""Under which name somebody registered a domain, by the public suffix list.

DMARC does not need it, since RFC 9989 walks the tree of names instead (`dmarc/discovery`); lists,
reputation and comparisons of names do. The list is that of the day on which the library was made.
It takes 4 MB, and 50 ms to be read, once a process: `load_suffixes` in a thread before the event
loop asks.
"""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

NAME_CHARS = 255


def registrable(domain: str) -> str:
    """The public suffix above a domain and one label more, in lower case and the same script.

    Empty for a public suffix, an address literal and what is no domain. Names below no listed
    suffix count as registered below their last label.
    """
    if len(domain) > NAME_CHARS or domain[:1] == "[":
        return ""
    return load_suffixes().privatesuffix(domain.rstrip(".").lower()) or ""


@cache
def load_suffixes() -> "PublicSuffixList":
    """The list, read at the first call."""
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()


def are_suffixes_loaded() -> bool:
    """Whether the list has been read, so that nobody has to wait for it."""
    return load_suffixes.cache_info().currsize > 0
