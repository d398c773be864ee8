"""The trace fields a message gets here, and the count of those it has (RFC 5321 §4.4, §6.3)."""

import re
from datetime import datetime

from pillarbox.base.errors import Invalid
from pillarbox.formats.mime.date import format_date
from pillarbox.pipeline.inbound.message import Envelope, Origin

MAX_RECEIVED = 50
_HEADER_BYTES = 1 << 20

_RETURN_PATH = re.compile(
    rb"^return-path[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*", re.IGNORECASE | re.MULTILINE
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


def checked(content: bytes) -> bytes:
    """The content without Return-Path fields, which only final delivery may add (RFC 5321 §4.4).

    Raises `RoutingLoop` for a message with too many Received fields.
    """
    end = content.find(b"\r\n\r\n", 0, _HEADER_BYTES)
    end = _HEADER_BYTES if end < 0 else end + 2
    header = content[:end].lower()
    if header.count(b"\nreceived:") + header.startswith(b"received:") > MAX_RECEIVED:
        raise RoutingLoop("Too many hops; the message is going in circles")
    if b"return-path" in header:
        return _RETURN_PATH.sub(b"", content[:end]) + content[end:]
    return content


def _tcp_info(origin: Origin) -> str:
    literal = f"[IPv6:{origin.ip}]" if ":" in origin.ip else f"[{origin.ip}]"
    return literal if origin.verified_name is None else f"{origin.verified_name} {literal}"
