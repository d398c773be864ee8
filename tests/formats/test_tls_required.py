"""The TLS-Required field."""

import pytest

from pillarbox.formats.tls_required import is_optional


@pytest.mark.parametrize(
    ("header", "optional"),
    [
        (b"TLS-Required: No\r\n", True),
        (b"Subject: x\r\ntls-required:\r\n no \r\n", True),
        (b"TLS-Required: Yes\r\n", False),
        (b"TLS-Required: No\r\nTLS-Required: No\r\n", False),
        (b"Subject: x\r\n\r\nTLS-Required: No\r\n", False),
        (b"", False),
    ],
)
def test_the_field(header: bytes, optional: bool) -> None:
    assert is_optional(header + b"\r\nTLS-Required: No\r\n") is optional
