"""Keys of signatures: private ones that sign, and the records that publish the others.

RSA with SHA-256 (RFC 6376, RFC 8301) and Ed25519 with SHA-256 (RFC 8463). Everything here signs and
checks a SHA-256 digest. Making an RSA key takes up to seconds: call that in a thread.
"""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
)

from pillarbox.base.errors import GrammarError, Invalid
from pillarbox.formats.mailauth.tags import base64_value, parse_tags, words

RECORD_BYTES = 4096
TEXT_BYTES = 255
PEM_BYTES = 64 * 1024
LEAST_BITS = 1024
"""Shorter keys sign nothing (RFC 8301 §3.2)."""
MOST_BITS = 8192
MOST_OWN_BITS = 4096
_EXPONENT_BITS = 64  # larger ones only make checking slow
_ED25519_BYTES = 32
_SHA256 = Prehashed(SHA256())


class KeyAlgorithm(StrEnum):
    """What a key is; named as in `k=` of key records."""

    RSA = "rsa"
    ED25519 = "ed25519"

    @property
    def signature_name(self) -> str:
        """How signatures made with it are named in `a=`."""
        return f"{self}-sha256"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key."""

    private: RSAPrivateKey | Ed25519PrivateKey

    @property
    def algorithm(self) -> KeyAlgorithm:
        return KeyAlgorithm.RSA if isinstance(self.private, RSAPrivateKey) else KeyAlgorithm.ED25519

    def sign(self, digest: bytes) -> bytes:
        """The signature of a SHA-256 digest."""
        if isinstance(self.private, RSAPrivateKey):
            return self.private.sign(digest, PKCS1v15(), _SHA256)
        return self.private.sign(digest)

    def public(self) -> bytes:
        """The public key as key records hold it: SubjectPublicKeyInfo, or 32 octets of Ed25519."""
        if isinstance(self.private, RSAPrivateKey):
            return self.private.public_key().public_bytes(
                Encoding.DER, PublicFormat.SubjectPublicKeyInfo
            )
        return self.private.public_key().public_bytes_raw()

    def der(self) -> bytes:
        """The private key, PKCS #8; for sealing."""
        return self.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    def pem(self) -> str:
        """The private key for other programs, PKCS #8 without a password."""
        return self.private.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ).decode()


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A published key (RFC 6376 §3.6.1); `strict` and `testing` are its flags `s` and `y`."""

    key: RSAPublicKey | Ed25519PublicKey
    testing: bool = False
    strict: bool = False

    @property
    def algorithm(self) -> KeyAlgorithm:
        return KeyAlgorithm.RSA if isinstance(self.key, RSAPublicKey) else KeyAlgorithm.ED25519

    @property
    def bits(self) -> int:
        return self.key.key_size if isinstance(self.key, RSAPublicKey) else _ED25519_BYTES * 8

    def encoded(self) -> bytes:
        """The octets of p=, as `SigningKey.public` has them."""
        if isinstance(self.key, RSAPublicKey):
            return self.key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return self.key.public_bytes_raw()

    def matches(self, digest: bytes, signature: bytes) -> bool:
        """Whether `signature` is that of a SHA-256 digest under this key."""
        try:
            if isinstance(self.key, RSAPublicKey):
                self.key.verify(signature, digest, PKCS1v15(), _SHA256)
            else:
                self.key.verify(signature, digest)
        except (InvalidSignature, ValueError):
            return False
        return True


def new_key(algorithm: KeyAlgorithm, bits: int = 2048) -> SigningKey:
    """A new key; `bits` are for RSA, which takes up to seconds."""
    if algorithm is KeyAlgorithm.ED25519:
        return SigningKey(Ed25519PrivateKey.generate())
    return SigningKey(generate_private_key(65537, bits))


def load_der(der: bytes) -> SigningKey:
    """The key that `SigningKey.der` gave; not checked again, which would take long."""
    private = load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(private, (RSAPrivateKey, Ed25519PrivateKey)):
        raise Invalid("That kind of key can't sign mail")
    return SigningKey(private)


def load_pem(pem: bytes, password: bytes | None = None) -> SigningKey:
    """A key of another program, PKCS #1 or PKCS #8.

    Raises `Invalid` if it is no key of RSA (1024 to 4096 bits) or Ed25519, or the password is not
    its own.
    """
    if len(pem) > PEM_BYTES:
        raise Invalid("That is no private key in PEM form")
    try:
        private = load_pem_private_key(pem, password)
    except TypeError as error:
        raise Invalid("The key is encrypted, or the password is not for it", str(error)) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        why = "or the password is wrong" if password else "or it can't be read"
        raise Invalid(f"That is no private key in PEM form, {why}") from error
    if isinstance(private, Ed25519PrivateKey):
        return SigningKey(private)
    if not isinstance(private, RSAPrivateKey):
        raise Invalid("Mail is signed with RSA or Ed25519; that is another kind of key")
    if not LEAST_BITS <= private.key_size <= MOST_OWN_BITS:
        raise Invalid(f"An RSA key has {LEAST_BITS} to {MOST_OWN_BITS} bits")
    return SigningKey(private)


def is_encrypted(pem: bytes) -> bool:
    """Whether a PEM key wants a password."""
    return b"ENCRYPTED" in pem[:PEM_BYTES]


def key_record(algorithm: KeyAlgorithm, public: bytes) -> str:
    """The text of the TXT record that publishes a key."""
    return f"v=DKIM1; k={algorithm}; p={b64encode(public).decode()}"


def zone_text(record: str) -> str:
    """A TXT record as zone files have it: strings of at most 255 octets (RFC 1035 §3.3.14)."""
    parts = [record[at : at + TEXT_BYTES] for at in range(0, len(record), TEXT_BYTES)]
    quoted = " ".join(f'"{part}"' for part in parts)  # base64 and tags need no escapes
    return f"( {quoted} )" if len(parts) > 1 else quoted


def key_bits(algorithm: KeyAlgorithm, public: bytes) -> int:
    """The length of a key of ours, given as `SigningKey.public` has it."""
    if algorithm is KeyAlgorithm.ED25519:
        return _ED25519_BYTES * 8
    key = load_der_public_key(public)
    return key.key_size if isinstance(key, RSAPublicKey) else 0


def is_published(records: Iterable[str], public: bytes) -> bool:
    """Whether TXT records publish a key, so that signatures under it can be checked."""
    for record in records:
        try:
            if parse_key_record(record).encoded() == public:
                return True
        except GrammarError:
            continue
    return False


def parse_key_record(text: str) -> PublicKey:
    """The key of a TXT record; GrammarError says why it can't be used for mail.

    `g=` of RFC 4871 means nothing any more (RFC 6376 §3.6.1 names all that does).
    """
    raw = text.encode("utf-8", "replace")
    if len(raw) > RECORD_BYTES:
        raise GrammarError("the key record is too long", RECORD_BYTES)
    tags = parse_tags(raw)
    if "v" in tags and (tags["v"] != "DKIM1" or next(iter(tags)) != "v"):
        raise GrammarError("the key record is of another version")
    if "p" not in tags:
        raise GrammarError("the key record has no key")
    if "sha256" not in words(tags.get("h", "sha256")):
        raise GrammarError("the key is not for SHA-256")
    if not {"*", "email"}.intersection(words(tags.get("s", "*"))):
        raise GrammarError("the key is not for mail")
    if not tags["p"]:
        raise GrammarError("the key is revoked")
    flags = words(tags.get("t", ""))
    return PublicKey(_public(tags.get("k", "rsa"), tags["p"]), "y" in flags, "s" in flags)


def _public(kind: str, text: str) -> RSAPublicKey | Ed25519PublicKey:
    octets = base64_value(text)
    if kind == KeyAlgorithm.ED25519:
        if len(octets) != _ED25519_BYTES:
            raise GrammarError("an Ed25519 key has 32 octets")
        return Ed25519PublicKey.from_public_bytes(octets)
    if kind != KeyAlgorithm.RSA:
        raise GrammarError("the key is of an unknown kind")
    try:
        key = load_der_public_key(octets)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise GrammarError("the key can't be read") from error
    if not isinstance(key, RSAPublicKey):
        raise GrammarError("the key is not of RSA")
    if key.key_size < LEAST_BITS:
        raise GrammarError(f"the key is too short ({key.key_size} bits)")
    if key.key_size > MOST_BITS or key.public_numbers().e.bit_length() > _EXPONENT_BITS:
        raise GrammarError("the key is too large")
    return key
