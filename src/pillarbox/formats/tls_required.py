"""The TLS-Required field: it matters more to the sender that mail arrives than how (RFC 8689 §5).

Called by `pipeline/inbound/deliver`, which notes it in the queue.
"""

from pillarbox.formats.mime.header import Headers, header_of


def is_optional(content: bytes) -> bool:
    """Whether a message says that TLS with the hosts it goes to may fail: TLS-Required: No."""
    values = Headers(header_of(content)).all(b"tls-required")
    return len(values) == 1 and values[0].strip().lower() == b"no"
