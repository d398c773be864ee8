"""The channel binding of certificates, compared with what a library says of their signatures."""

import hashlib
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import NameOID

from pillarbox.net import certs
from pillarbox.net.end_point import end_point

RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def pem(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey,
    algorithm: hashes.SHA224 | hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None,
    rsa_padding: padding.PSS | None = None,
) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mx.example.test")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    builder = builder.public_key(key.public_key()).not_valid_before(NOW)
    builder = builder.not_valid_after(NOW + timedelta(days=1))
    made = builder.sign(key, algorithm, rsa_padding=rsa_padding)
    return made.public_bytes(serialization.Encoding.PEM)


def pss(algorithm: hashes.HashAlgorithm) -> padding.PSS:
    return padding.PSS(padding.MGF1(algorithm), 20)


@pytest.mark.parametrize(
    "certificate",
    [
        *(pem(RSA, one()) for one in (hashes.SHA224, hashes.SHA256, hashes.SHA384, hashes.SHA512)),
        *(pem(EC, one()) for one in (hashes.SHA224, hashes.SHA256, hashes.SHA384, hashes.SHA512)),
        pem(RSA, hashes.SHA256(), pss(hashes.SHA256())),
        pem(RSA, hashes.SHA512(), pss(hashes.SHA512())),
    ],
)
def test_the_hash_of_the_signature(certificate: bytes) -> None:
    """RFC 5929 §4.1."""
    read = x509.load_pem_x509_certificate(certificate)
    assert read.signature_hash_algorithm is not None
    assert end_point(certificate) == read.fingerprint(read.signature_hash_algorithm)
    other = pem(EC, hashes.SHA256())
    assert end_point(b"a note\n" + certificate + other) == end_point(certificate)


def test_a_signature_without_a_hash() -> None:
    assert end_point(pem(ED, None)) is None


@pytest.mark.parametrize(
    "oid", ["2a864886f70d010104", "2a864886f70d010105", "2a8648ce3d0401"], ids=["md5", "sha1", "ec"]
)
def test_weak_hashes_become_sha_256(oid: str) -> None:
    """RFC 5929 §4.1: no MD5, no SHA-1."""
    algorithm = b"\x06" + bytes([len(oid) // 2]) + bytes.fromhex(oid)
    body = b"\x30\x00\x30" + bytes([len(algorithm)]) + algorithm
    certificate = b"\x30" + bytes([len(body)]) + body
    text = ssl.DER_cert_to_PEM_cert(certificate).encode()
    assert end_point(text) == hashlib.sha256(certificate).digest()


@pytest.mark.parametrize(
    "chain",
    [b"", b"-----BEGIN CERTIFICATE-----", b"MIIB", ssl.DER_cert_to_PEM_cert(b"0\x84").encode()],
)
def test_no_certificate(chain: bytes) -> None:
    assert end_point(chain) is None


def test_contexts_know_theirs() -> None:
    pair = certs.make(["mx.example.test"], datetime.now(UTC))
    binding = certs.server_context(pair).end_point
    assert binding == hashlib.sha256(ssl.PEM_cert_to_DER_cert(pair.chain.decode())).digest()
