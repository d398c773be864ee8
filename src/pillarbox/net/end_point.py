"""The channel binding tls-server-end-point: a hash of the server's certificate (RFC 5929 §4).

Only the name of the signature's hash has to be found in the certificate. Python's `ssl` has no
tls-exporter (RFC 9266), and tls-unique does not exist in TLS 1.3, so this is the one binding.
"""

import hashlib
import ssl
from types import MappingProxyType

from pillarbox.net.der import value

_BEGIN, _END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
_OID, _PARAMETER_0 = 0x06, 0xA0
_RSA = bytes.fromhex("2a864886f70d0101")  # 1.2.840.113549.1.1
_ECDSA = bytes.fromhex("2a8648ce3d04")  # 1.2.840.10045.4
_DSA = bytes.fromhex("6086480165030403")  # 2.16.840.1.101.3.4.3
_NIST_HASH = bytes.fromhex("6086480165030402")  # 2.16.840.1.101.3.4.2
_RSA_PSS = _RSA + b"\x0a"
_HASHES = MappingProxyType(
    {
        _RSA + b"\x04": "sha256",  # MD5: RFC 5929 §4.1 takes SHA-256 in its place, as for SHA-1
        _RSA + b"\x05": "sha256",
        _RSA + b"\x0b": "sha256",
        _RSA + b"\x0c": "sha384",
        _RSA + b"\x0d": "sha512",
        _RSA + b"\x0e": "sha224",
        _ECDSA + b"\x01": "sha256",
        _ECDSA + b"\x03\x01": "sha224",
        _ECDSA + b"\x03\x02": "sha256",
        _ECDSA + b"\x03\x03": "sha384",
        _ECDSA + b"\x03\x04": "sha512",
        _DSA + b"\x01": "sha224",
        _DSA + b"\x02": "sha256",
        _DSA + b"\x03": "sha384",
        _DSA + b"\x04": "sha512",
        _NIST_HASH + b"\x01": "sha256",
        _NIST_HASH + b"\x02": "sha384",
        _NIST_HASH + b"\x03": "sha512",
        _NIST_HASH + b"\x04": "sha224",
    }
)


def end_point(chain: bytes) -> bytes | None:
    """The binding of the first certificate of a PEM chain, which is the one that is served.

    `None` for one whose signature has no single hash, such as Ed25519: RFC 5929 §4.1 defines none.
    """
    begin = chain.find(_BEGIN)
    end = chain.find(_END, begin)
    if begin < 0 or end < 0:
        return None
    try:
        certificate = ssl.PEM_cert_to_DER_cert(chain[begin : end + len(_END)].decode("ascii"))
        name = _signature_hash(certificate)
    except ValueError:
        return None
    return None if name is None else hashlib.new(name, certificate).digest()


def _signature_hash(certificate: bytes) -> str | None:
    """The hash in a certificate's signatureAlgorithm (RFC 5280 §4.1.1.2)."""
    _, body, _ = value(certificate)
    _, _, after_signed = value(body)
    _, algorithm, _ = value(after_signed)
    kind, oid, parameters = value(algorithm)
    if kind != _OID:
        raise ValueError("no algorithm")
    if oid == _RSA_PSS:
        return _pss_hash(parameters)
    return _HASHES.get(oid)


def _pss_hash(parameters: bytes) -> str | None:
    """The hash of RSASSA-PSS, SHA-1 if none is named (RFC 4055 §3.1)."""
    _, fields, _ = value(parameters)
    if not fields or fields[0] != _PARAMETER_0:
        return "sha256"
    _, hash_field, _ = value(fields)
    _, algorithm, _ = value(hash_field)
    _, oid, _ = value(algorithm)
    return _HASHES.get(oid)
