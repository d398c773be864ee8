"""The trace fields a message gets here, and the count of those it has (RFC 5321 §4.4, §6.3)."""

import re
from datetime import datetime

from pillarbox.base.errors import Invalid
from pillarbox.formats.mailauth.authentication_results import claims_name
from pillarbox.formats.mime.date import format_date
from pillarbox.pipeline.inbound.message import Envelope, Origin

MAX_RECEIVED = 50
_HEADER_BYTES = 1 << 20

_RETURN_PATH = re.compile(
    rb"^return-path[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*(?:\n|\Z)", re.IGNORECASE | re.MULTILINE
)
_RESULTS = re.compile(
    rb"^authentication-results[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)(?:\n|\Z)",
    re.IGNORECASE | re.MULTILINE,
)
_DELIVERED_TO = re.compile(rb"^delivered-to[ \t]*:([^\n]*)", re.IGNORECASE | re.MULTILINE)
_MESSAGE_ID = re.compile(
    rb"^message-id[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)", re.IGNORECASE | re.MULTILINE
)
_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:|\r\n|From ")


class RoutingLoop(Invalid):
    """A message that has passed through so many servers that it must be going in circles."""


def protocol_name(
    *, lmtp: bool, extended: bool, tls: bool, authenticated: bool, smtputf8: bool
) -> str:
    """The word after `with` (RFC 3848, RFC 6531 §4.3)."""
    if not (lmtp or extended or tls):
        return "SMTP"
    name = "LMTP" if lmtp else "UTF8SMTP" if smtputf8 else "ESMTP"
    if lmtp and smtputf8:
        name = "UTF8LMTP"
    return name + ("S" if tls else "") + ("A" if authenticated else "")


def received_field(
    envelope: Envelope, hostname: str, message_id: str, now: datetime, *, hide_client: bool = False
) -> bytes:
    """The Received field of this hop; the recipient is named only where there is just one.

    `hide_client` leaves out where a user's own message came from.
    """
    origin = envelope.origin
    lines = [] if hide_client else [f"from {origin.name} ({_tcp_info(origin)})"]
    cipher = f" ({origin.tls})" if origin.tls else ""
    lines.append(f"by {hostname} with {origin.protocol}{cipher} id {message_id}")
    date = format_date(now)
    if len(envelope.recipients) == 1:
        lines.append(f"for <{envelope.recipients[0].path}>; {date}")
    else:
        lines[-1] += ";"
        lines.append(date)
    return ("Received: " + "\r\n\t".join(lines) + "\r\n").encode()


def return_path_field(reverse_path: str) -> bytes:
    """The field that keeps the reverse-path, added at final delivery."""
    return f"Return-Path: <{reverse_path}>\r\n".encode()


def separator(content: bytes) -> bytes:
    """A blank line where the content begins with no header, else nothing.

    Trace fields put before such content would make its first lines part of the header.
    """
    return b"" if _FIELD.match(content) else b"\r\n"


def delivered_to_field(path: str) -> bytes:
    """The field by which a message is known that comes back to an address it was forwarded from."""
    return f"Delivered-To: {path.lower()}\r\n".encode()


def delivered_to(content: bytes) -> frozenset[bytes]:
    """The addresses it went to already, in lower case."""
    header = content[: _header_end(content)]
    if b"delivered-to" not in header.lower():
        return frozenset()
    return frozenset(value.strip().lower() for value in _DELIVERED_TO.findall(header))


def speaks_of_tls(content: bytes) -> bool:
    """Whether it may be a report on TLS: its header says so (RFC 8460 §5.3)."""
    header = content[: _header_end(content)].lower()
    return b"tls-report-" in header or b"tlsrpt" in header


def message_id_of(content: bytes) -> str | None:
    """The value of the first Message-ID field, if it can be one."""
    found = _MESSAGE_ID.search(content[: _header_end(content)])
    value = b"" if found is None else found[1].replace(b"\r\n", b"").strip()
    return value.decode("ascii") if value and value.isascii() and len(value) <= 998 else None


def checked(content: bytes, authserv_id: str = "") -> bytes:
    """The content without fields that only we may add, above it.

    Those are Return-Path (RFC 5321 §4.4) and, with an `authserv_id`, Authentication-Results of that
    name (RFC 8601 §5). Raises `RoutingLoop` for a message with too many Received fields, `Invalid`
    for a header that goes on after 1 MiB, where nobody knows what it says.
    """
    end = _header_end(content)
    if end < len(content) and content[end : end + 2] != b"\r\n" and _FIELD.match(content):
        raise Invalid("The header is longer than 1 MiB")
    header = content[:end].lower()
    if header.count(b"\nreceived:") + header.startswith(b"received:") > MAX_RECEIVED:
        raise RoutingLoop("Too many hops; the message is going in circles")
    has_path = b"return-path" in header
    has_results = authserv_id and b"authentication-results" in header
    if not (has_path or has_results):
        return content
    kept = content[:end]
    if has_path:
        kept = _RETURN_PATH.sub(b"", kept)
    if has_results:
        kept = _RESULTS.sub(
            lambda field: b"" if claims_name(field[1], authserv_id) else field[0], kept
        )
    return kept + content[end:]


def _header_end(content: bytes) -> int:
    """Where the header ends, the line end of its last field included."""
    end = content.find(b"\r\n\r\n", 0, _HEADER_BYTES)
    return _HEADER_BYTES if end < 0 else end + 2


def _tcp_info(origin: Origin) -> str:
    literal = f"[IPv6:{origin.ip}]" if ":" in origin.ip else f"[{origin.ip}]"
    return literal if origin.verified_name is None else f"{origin.verified_name} {literal}"
