"""Values in reports and in the records that ask for them, made harmless."""

import re
from urllib.parse import unquote

TEXT_MAX = 1000
COUNT_MAX = (1 << 63) - 1

_ADDRESS = re.compile(r"[!#-'*+./-9=?A-Z^-~-]{1,64}@[A-Za-z0-9.-]{1,253}")


def short(raw: str | None) -> str:
    """A text at most so long, without what would end a line or disturb a terminal."""
    return "".join(c if c.isprintable() else " " for c in (raw or "")[:TEXT_MAX])


def count(raw: int) -> int:
    """A number that fits a column."""
    return min(max(raw, 0), COUNT_MAX)


def mailto(uri: str) -> str | None:
    """The address of a `mailto:` URI (RFC 6068), `None` for any other."""
    scheme, _, rest = uri.partition(":")
    if scheme.lower() != "mailto":
        return None
    address = unquote(rest.partition("?")[0])
    return address if _ADDRESS.fullmatch(address) else None
