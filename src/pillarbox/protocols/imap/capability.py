"""What the server announces: before TLS, before login, after it (RFC 9051 §6.1.1)."""

from collections.abc import Sequence

_EVER = ("IMAP4rev1", "SASL-IR", "LITERAL+", "ID", "ENABLE")
_AFTER_LOGIN = (
    "IDLE",
    "NAMESPACE",
    "UIDPLUS",
    "UNSELECT",
    "CHILDREN",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "SPECIAL-USE",
    "CREATE-SPECIAL-USE",
    "MOVE",
    "CONDSTORE",
    "ESEARCH",
    "SEARCHRES",
    "STATUS=SIZE",
    "MULTIAPPEND",
    "BINARY",
    "CATENATE",
    "REPLACE",
    "COMPRESS=DEFLATE",
    "OBJECTID",
    "SAVEDATE",
    "PREVIEW",
    "WITHIN",
    "UNAUTHENTICATE",
    "UTF8=ACCEPT",
)

ENABLED_BY_NAME = frozenset({"CONDSTORE", "UTF8=ACCEPT"})
"""What ENABLE can switch on."""


def before_login(*, can_start_tls: bool, mechanisms: Sequence[str]) -> list[str]:
    """The capabilities of a client that is not logged in; without mechanisms it may not."""
    names = list(_EVER)
    if can_start_tls:
        names.append("STARTTLS")
    return names + ([f"AUTH={name}" for name in mechanisms] or ["LOGINDISABLED"])


def after_login(*, append_limit_bytes: int) -> list[str]:
    """The capabilities of a client that is logged in."""
    return [*_EVER, *_AFTER_LOGIN, f"APPENDLIMIT={append_limit_bytes}"]
