"""Whether a message may be answered by a program at all (RFC 3834 §2, RFC 5230 §4.5 and §4.6).

Called by `filtering` before a reply is made. Pure.
"""

from collections.abc import Collection

from pillarbox.formats.mime.header import Headers
from pillarbox.formats.sieve.actions import Vacation


def why_silent(
    headers: Headers,
    reverse_path: str,
    vacation: Vacation,
    own_addresses: Collection[str],
    *,
    delimiter: str = "+",
    junk: bool = False,
) -> str | None:
    """Why there is no vacation reply, in words for the trace; `None` where there may be one.

    `own_addresses` are the user's, besides those of `vacation.addresses`; with `junk` the message
    goes to \\Junk.
    """
    raise NotImplementedError


def why_unanswered(headers: Headers, reverse_path: str) -> str | None:
    """Why nobody reads a program's answer to a message, whatever it is; `None` where one may go."""
    raise NotImplementedError


def is_own(address: str, own_addresses: Collection[str], delimiter: str = "+") -> bool:
    """Whether an address is one of these, with or without a sub-address."""
    raise NotImplementedError
