"""What the server announces: before TLS, before login, after it (RFC 9051 §6.1.1)."""

from collections.abc import Sequence
from types import MappingProxyType

_EVER = ("IMAP4rev1", "IMAP4rev2", "SASL-IR", "LITERAL+", "ID", "ENABLE")
_AFTER_LOGIN = (
    "IDLE",
    "NAMESPACE",
    "UIDPLUS",
    "UNSELECT",
    "CHILDREN",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "LIST-MYRIGHTS",
    "ACL",
    "RIGHTS=kxte",
    "SPECIAL-USE",
    "CREATE-SPECIAL-USE",
    "MOVE",
    "CONDSTORE",
    "QRESYNC",
    "UIDONLY",
    "NOTIFY",
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
    "SORT",
    "SORT=DISPLAY",
    "ESORT",
    "PARTIAL",
    "THREAD=ORDEREDSUBJECT",
    "THREAD=REFERENCES",
    "MULTISEARCH",
    "SEARCH=FUZZY",
    "INPROGRESS",
    "METADATA",
    "LIST-METADATA",
    "QUOTA",
    "QUOTA=RES-STORAGE",
    "UNAUTHENTICATE",
    "UTF8=ACCEPT",
)

ENABLED_BY_NAME = MappingProxyType(
    {name.upper(): name for name in ("CONDSTORE", "QRESYNC", "UTF8=ACCEPT", "IMAP4rev2", "UIDONLY")}
)
"""What ENABLE can switch on, by its name in upper case."""


def before_login(*, can_start_tls: bool, mechanisms: Sequence[str]) -> list[str]:
    """The capabilities of a client that is not logged in; without mechanisms it may not."""
    names = list(_EVER)
    if can_start_tls:
        names.append("STARTTLS")
    return names + ([f"AUTH={name}" for name in mechanisms] or ["LOGINDISABLED"])


def after_login(
    *, append_limit_bytes: int, message_limit: int = 0, save_limit: int = 0, sieve_url: str = ""
) -> list[str]:
    """The capabilities of a client that is logged in; limits of 0 are none.

    `sieve_url` is where the scripts for what happens in mailboxes are kept (RFC 6785 §2.1).
    """
    names = [*_EVER, *_AFTER_LOGIN, f"APPENDLIMIT={append_limit_bytes}"]
    if message_limit:
        names.append(f"MESSAGELIMIT={message_limit}")
    if save_limit:
        names.append(f"SAVELIMIT={save_limit}")
    if sieve_url:
        names.append(f"IMAPSIEVE={sieve_url}")
    return names
