"""What the server announces: before TLS, before login, after it (RFC 9051 §6.1.1)."""

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
    "OBJECTID",
    "SAVEDATE",
    "PREVIEW",
    "WITHIN",
    "UTF8=ACCEPT",
)

ENABLED_BY_NAME = frozenset({"CONDSTORE", "UTF8=ACCEPT"})
"""What ENABLE can switch on."""


def before_login(*, can_start_tls: bool, may_login: bool) -> list[str]:
    """The capabilities of a client that is not logged in."""
    names = list(_EVER)
    if can_start_tls:
        names.append("STARTTLS")
    names.append("AUTH=PLAIN" if may_login else "LOGINDISABLED")
    return names


def after_login(*, append_limit_bytes: int) -> list[str]:
    """The capabilities of a client that is logged in."""
    return [*_EVER, *_AFTER_LOGIN, f"APPENDLIMIT={append_limit_bytes}"]
