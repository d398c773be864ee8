"""The TLS-Required field: it matters more to the sender that mail arrives than how (RFC 8689 §5).

Called by `pipeline/inbound/deliver`, which notes it in the queue.
"""

from pillarbox.formats.mime.header import HEADER_BYTES, Headers


def is_optional(content: bytes) -> bool:
    """Whether a message says that TLS with the hosts it goes to may fail: TLS-Required: No."""
    if content.startswith(b"\r\n"):
        return False
    end = content.find(b"\r\n\r\n", 0, HEADER_BYTES)
    header = content[: HEADER_BYTES if end < 0 else end + 2]
    values = Headers(header).all(b"tls-required")
    return len(values) == 1 and values[0].strip().lower() == b"no"
