"""As much of DER as it takes to find a field of a certificate (RFC 5280 §4.1).

What reads whole certificates (`cryptography.x509`) costs a process 4.6 MB.
"""

_SEQUENCE, _INTEGER, _VERSION = 0x30, 0x02, 0xA0
_LENGTH_BYTES_MAX = 4


class DerError(ValueError):
    """Bytes that are not what they should be."""


def value(data: bytes) -> tuple[int, bytes, bytes]:
    """Tag and content of the first value, and what follows it."""
    if len(data) < 2:
        raise DerError("cut short")
    size, start = data[1], 2
    if size >= 0x80:
        if size - 0x80 > _LENGTH_BYTES_MAX:
            raise DerError("too long")
        start += size - 0x80
        size = int.from_bytes(data[2:start], "big")
    if start + size > len(data):
        raise DerError("cut short")
    return data[0], data[start : start + size], data[start + size :]


def public_key(certificate: bytes) -> bytes:
    """The subjectPublicKeyInfo of a certificate, as it stands there."""
    _, body, _ = value(certificate)
    tag, rest, _ = value(body)
    if tag != _SEQUENCE:
        raise DerError("no certificate")
    tag, _, after = value(rest)
    if tag == _VERSION:
        rest = after
    # serialNumber, signature, issuer, validity, subject
    for expected in (_INTEGER, _SEQUENCE, _SEQUENCE, _SEQUENCE, _SEQUENCE):
        tag, _, rest = value(rest)
        if tag != expected:
            raise DerError("no certificate")
    tag, _, after = value(rest)
    if tag != _SEQUENCE:
        raise DerError("no key")
    return rest[: len(rest) - len(after)]
